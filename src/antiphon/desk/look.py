"""Looking at one case: what its table says now, what would be lawful, and when to look again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from antiphon.campaign.report import Report
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.coin import asked_of
from antiphon.desk.desk import Desk
from antiphon.desk.history import move
from antiphon.desk.notify import DRAFT_LASTS, make_draft
from antiphon.desk.question import named_stand
from antiphon.desk.quorum import Quorum, faults, quorum_of, unspent
from antiphon.ledger.allowance import Act
from antiphon.optout.approval import Approval, Draft, Scope, draft_reports
from antiphon.optout.asking import TRY_SPACING, Asked, Phase
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import (
    CLICKED_REQUEST_STATES,
    DISPUTE_LASTS,
    NOTICE_TRIES,
    QUIET_AFTER,
    QUORUM,
    Case,
    Event,
    Facts,
    State,
)
from antiphon.optout.click import Click, ClickState
from antiphon.ports import Transaction
from antiphon.registry.mandate import Consent, Mandate
from antiphon.terms import MINUTE, Identifier, Instant, day_end, full_hour, ledger_day


@dataclass(frozen=True, slots=True)
class Idea:
    """Something that might be lawful now: an act, and the sightings that could pay for it, newest first."""

    act: Act
    case: Case
    sightings: tuple[Sighting, ...]
    approval: Approval | None = None
    draft: Draft | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """One case at one instant: its unspent sightings by member, newest first, each member's clock, and who approved."""

    case: Case
    now: Instant
    by_member: dict[Identifier, list[Sighting]]
    clocks: dict[Identifier, Asked]
    approval: Approval | None

    def after_window(self) -> list[Sighting]:
        """What came after its own member's window."""
        found = ((member, sighting) for member, own in self.by_member.items() for sighting in own)
        return [s for member, s in found if self.clocks[member].phase(s.received_at) is Phase.AFTER]


def scene_of(tx: Transaction, case: Case, now: Instant) -> Scene:
    """What a look at this case finds."""
    by_member = unspent(tx, case, now)
    clocks = {member: asked_of(tx, member, case.originator) for member in by_member}
    return Scene(case, now, by_member, clocks, live_approval(tx, case, now))


def advance(tx: Transaction, desk: Desk, name: Identifier) -> list[Idea]:
    """Takes every step of the ladder that is due, and says what might be lawful now."""
    case, now = tx.get(Case, name), desk.clock.now()
    if case is None:
        return []
    desk.log.close_hours(tx, now)
    scene = scene_of(tx, case, now)
    sighted = max((s.received_at for s in scene.after_window()), default=None)
    facts = Facts(now, approval_live=scene.approval is not None, sighted_at=sighted)
    for event in (Event.LOOKED_AT, Event.SIGHTED, Event.APPROVED):
        case = move(tx, case, event, facts)
    scene = replace(scene, case=case)
    ideas = [*_notice(tx, desk, scene), *_own(tx, scene)]
    return [*ideas, *_requests(tx, replace(scene, case=tx.get(Case, name) or case))]


def live_approval(tx: Transaction, case: Case, now: Instant) -> Approval | None:
    """The one standing approval of a case that is neither expired nor exhausted."""
    standing = tx.find(Approval, case=case.case, scope=Scope.STANDING, order="-entry")
    return next((approval for approval in standing if approval.live(ledger_day(now))), None)


def _notice(tx: Transaction, desk: Desk, scene: Scene) -> list[Idea]:
    case, now = scene.case, scene.now
    if case.state not in (State.WATCHING, State.PROPOSED, State.NOTICED):
        return []
    behind = quorum_of(tx, case, scene.by_member, now, briefly=case.state is State.WATCHING)
    facts = Facts(now, independent=behind.voices)
    draft = tx.get(Draft, case.case)
    if case.state is State.WATCHING:
        _propose(tx, desk, case, behind=behind, facts=facts)
        return []
    if case.state is State.PROPOSED and (draft is None or _outlived(draft, behind, now)):
        tx.drop(Draft, case.case)
        move(tx, case, Event.QUORUM_LOST, facts, why="the draft no longer fits the members it names")
        return []
    if _under_way(tx, case) or (draft is not None and draft.approval is None):
        return []
    if draft is None or not named_stand(tx, draft, case.originator, now):
        # The same bytes may not leave again, and an epoch has one notice: what is left of its tries is forfeit.
        spent = replace(case, notice_tries=NOTICE_TRIES)
        move(tx, spent, Event.NOTICE_FAILED, facts, why="somebody whom the notice names may no longer be named")
        return []
    members = {report.member for r in draft_reports(draft) if (report := tx.get(Report, r)) is not None}
    payers = tuple(s for s in behind.able if s.member in members)
    return [Idea(Act.NOTICE, case, payers, tx.get(Approval, draft.approval), draft)] if payers else []


def _propose(tx: Transaction, desk: Desk, case: Case, *, behind: Quorum, facts: Facts) -> None:
    """Writes the draft that waits for a person, once enough members stand behind it and one of them can be named."""
    firsts = list({s.member: s for s in reversed(behind.able)}.values())
    if behind.voices < QUORUM or not firsts:
        return
    fresh = make_draft(tx, desk, case, firsts, now=facts.now)
    if fresh is not None:
        tx.put(fresh)
        move(tx, case, Event.QUORUM, facts, why=f"{behind.voices} independent members")


def _under_way(tx: Transaction, case: Case) -> bool:
    """Whether a notice try is not settled yet."""
    attempt = tx.get(Attempt, case.notice_intent) if case.notice_intent is not None else None
    return attempt is not None and attempt.outcome is Outcome.OPEN


def _outlived(draft: Draft, behind: Quorum, now: Instant) -> bool:
    """A draft names people as they were when it was written; it dies with the first of them who no longer fits."""
    willing = {s.report for s in behind.able}
    return behind.voices < QUORUM or now - draft.made_at > DRAFT_LASTS or not set(draft_reports(draft)) <= willing


def _own(tx: Transaction, scene: Scene) -> list[Idea]:
    ideas = []
    for member, own in scene.by_member.items():
        if scene.clocks[member].asked_at is not None or scene.clocks[member].unsettled is not None:
            continue
        mandate = tx.get(Mandate, member)
        standing = mandate is not None and mandate.allows(Consent.OPTOUT, scene.case.originator)
        for act in (Act.CLICKED_OPT_OUT, Act.OWN_OPT_OUT):
            able = tuple(s for s in own if (s.clicked or standing) and not faults(tx, act, s, scene.now))
            if able:
                ideas.append(Idea(act, scene.case, able))
                break
    return ideas


def _requests(tx: Transaction, scene: Scene) -> list[Idea]:
    case, after = scene.case, scene.after_window()
    if case.state is State.REQUESTING and scene.approval is not None:
        able = tuple(s for s in after if not faults(tx, Act.REQUEST, s, scene.now))
        return [Idea(Act.REQUEST, case, able, scene.approval)] if able else []
    if case.state in CLICKED_REQUEST_STATES:
        clicked = (s for s in after if s.clicked and not faults(tx, Act.CLICKED_REQUEST, s, scene.now))
        return [Idea(Act.CLICKED_REQUEST, case, (s,)) for s in clicked]
    return []


def next_look(tx: Transaction, case: Case, now: Instant, paced: Instant | None) -> Instant | None:
    """When something about this case may change by itself; None when only an event can change it."""
    held = tx.least(Sighting, "hold_until", case=case.case, paid=None, hold_until__gt=now)
    # Holds end at instants of their own; the case is looked at on the hour after, once for all that ended in it.
    times: list[int | None] = [paced, full_hour(Instant(held)) if held is not None else None]
    if tx.count(Sighting, case=case.case, paid=None, state=SightingState.WAITING, hold_until__le=now):
        times.append(day_end(ledger_day(now)))
    if case.state in (State.WAITING, State.IGNORED, State.REQUESTING) and case.notice_window_end is not None:
        end = case.notice_window_end
        times += [end if end > now else None, max(end, case.last_sighting_at or end) + QUIET_AFTER]
    if case.state is State.DISPUTED and case.disputed_at is not None:
        times.append(case.disputed_at + DISPUTE_LASTS)
    tries = tx.find(Asked, originator=case.originator, asked_at=None, tries__gt=0)
    times += [a.last_try_at + TRY_SPACING for a in tries if a.last_try_at is not None]
    for made in tx.find(Click, case=case.case, state=ClickState.TAKEN, slow_until__gt=now):
        times += [made.leaves_at, made.slow_until]
    later = [t for t in times if t is not None and t > now]
    return Instant(min(later)) if later else None


def rest(tx: Transaction, desk: Desk, name: Identifier, paced: Instant | None) -> None:
    """Notes when this case is looked at next."""
    case, now = tx.get(Case, name), desk.clock.now()
    if case is not None:
        tx.put(replace(case, look_at=next_look(tx, case, now, paced)))


WAIT_AGAIN = 10 * MINUTE
"""How long we wait after DNS gave no answer."""
