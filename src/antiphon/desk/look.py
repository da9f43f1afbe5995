"""Looking at one case: what its table says now, what would be lawful, and when to look again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from antiphon.campaign.report import Report
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.desk import Desk
from antiphon.desk.history import move
from antiphon.desk.log import PUBLISHED, number
from antiphon.desk.mint import asked_of, coin, named_stand
from antiphon.desk.notify import DRAFT_LASTS, make_draft
from antiphon.desk.standing import voice_of
from antiphon.ledger.allowance import FRESH, Act, Armed, Coin, Question, unfit
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


def bare_question(act: Act, now: Instant, published: int, coins: tuple[Coin, ...]) -> Question:
    """A question about sightings alone; everything else is given as fulfilled."""
    return Question(act, now, Armed.COMMUNITY, True, published, True, False, *(True,) * 10, 0, coins)


def fits(tx: Transaction, act: Act, sighting: Sighting, now: Instant) -> bool:
    """Whether this sighting could pay for this act, wherever it goes."""
    return not unfit(bare_question(act, now, number(tx, PUBLISHED), (coin(tx, sighting, now, act),)))


def unspent(tx: Transaction, case: Case, now: Instant) -> dict[Identifier, list[Sighting]]:
    """The sightings of a case that nobody spent yet and that are fresh, newest first, by member."""
    found = tx.find(
        Sighting,
        case=case.case,
        paid=None,
        state__ne=SightingState.RETRACTED,
        received_at__ge=now - FRESH,
        order="-received_at",
    )
    by_member: dict[Identifier, list[Sighting]] = {}
    for sighting in found:
        by_member.setdefault(sighting.member, []).append(sighting)
    return by_member


def advance(tx: Transaction, desk: Desk, name: Identifier) -> list[Idea]:
    """Takes every step of the ladder that is due, and says what might be lawful now."""
    case, now = tx.get(Case, name), desk.clock.now()
    if case is None:
        return []
    desk.log.close_hours(tx, now)
    by_member = unspent(tx, case, now)
    clocks = {member: asked_of(tx, member, case.originator) for member in by_member}
    approval = live_approval(tx, case, now)
    after = [
        s.received_at for m, own in by_member.items() for s in own if clocks[m].phase(s.received_at) is Phase.AFTER
    ]
    facts = Facts(now, approval_live=approval is not None, sighted_at=max(after, default=None))
    for event in (Event.LOOKED_AT, Event.SIGHTED, Event.APPROVED):
        case = move(tx, case, event, facts)
    ideas = [*_notice(tx, desk, case, by_member, now), *_own(tx, case, by_member, clocks, now)]
    case = tx.get(Case, name) or case
    ideas += _requests(tx, case, by_member, clocks, approval, now)
    return ideas


def live_approval(tx: Transaction, case: Case, now: Instant) -> Approval | None:
    """The one standing approval of a case that is neither expired nor exhausted."""
    standing = tx.find(Approval, case=case.case, scope=Scope.STANDING, order="-entry")
    return next((approval for approval in standing if approval.live(ledger_day(now))), None)


def independent(tx: Transaction, sightings: Iterable[Sighting]) -> int:
    """How many members count for a quorum: hosted mailboxes, and strangers' registrable domains proved in time."""
    voices: set[bytes] = set()
    for sighting in sightings:
        mandate = tx.get(Mandate, sighting.member)
        voices |= {voice_of(mandate, sighting.received_at)} if mandate is not None else set()
    return len(voices - {b""})


def _notice(
    tx: Transaction, desk: Desk, case: Case, by_member: dict[Identifier, list[Sighting]], now: Instant
) -> list[Idea]:
    if case.state not in (State.WATCHING, State.PROPOSED, State.NOTICED):
        return []
    if case.state is State.WATCHING:
        _propose(tx, desk, case, by_member, now=now)
        return []
    able = [s for own in by_member.values() for s in own if fits(tx, Act.NOTICE, s, now)]
    facts = Facts(now, independent=independent(tx, {s.member: s for s in reversed(able)}.values()))
    draft = tx.get(Draft, case.case)
    if case.state is State.PROPOSED and (draft is None or _outlived(tx, draft, able, facts, now)):
        tx.drop(Draft, case.case)
        move(tx, case, Event.QUORUM_LOST, facts, why="the draft no longer fits the members it names")
        return []
    if draft is None or draft.approval is None or _under_way(tx, case):
        return []
    if not named_stand(tx, draft, case.originator, now):
        # The same bytes may not leave again, and an epoch has one notice: what is left of its tries is forfeit.
        spent = replace(case, notice_tries=NOTICE_TRIES)
        move(tx, spent, Event.NOTICE_FAILED, facts, why="somebody whom the notice names may no longer be named")
        return []
    members = {report.member for r in draft_reports(draft) if (report := tx.get(Report, r)) is not None}
    payers = tuple(s for s in able if s.member in members)
    return [Idea(Act.NOTICE, case, payers, tx.get(Approval, draft.approval), draft)] if payers else []


def _propose(
    tx: Transaction, desk: Desk, case: Case, by_member: dict[Identifier, list[Sighting]], *, now: Instant
) -> None:
    """Drafts the notice once enough members have a sighting that could pay for it; each one's newest is named."""
    newest = (next((s for s in own if fits(tx, Act.NOTICE, s, now)), None) for own in reversed(by_member.values()))
    firsts = [sighting for sighting in newest if sighting is not None]
    facts = Facts(now, independent=independent(tx, firsts))
    draft = make_draft(tx, desk, case, firsts, now=now) if facts.independent >= QUORUM else None
    if draft is not None:
        tx.put(draft)
        move(tx, case, Event.QUORUM, facts, why=f"{facts.independent} independent members")


def _under_way(tx: Transaction, case: Case) -> bool:
    """Whether a notice try is not settled yet."""
    attempt = tx.get(Attempt, case.notice_intent) if case.notice_intent is not None else None
    return attempt is not None and attempt.outcome is Outcome.OPEN


def _outlived(tx: Transaction, draft: Draft, able: list[Sighting], facts: Facts, now: Instant) -> bool:
    """A draft names people as they were when it was written; it dies with the first of them who no longer fits."""
    willing = {s.report for s in able}
    return facts.independent < QUORUM or now - draft.made_at > DRAFT_LASTS or not set(draft_reports(draft)) <= willing


def _own(
    tx: Transaction,
    case: Case,
    by_member: dict[Identifier, list[Sighting]],
    clocks: dict[Identifier, Asked],
    now: Instant,
) -> list[Idea]:
    ideas = []
    for member, own in by_member.items():
        if clocks[member].asked_at is not None or clocks[member].unsettled is not None:
            continue
        mandate = tx.get(Mandate, member)
        standing = mandate is not None and mandate.allows(Consent.OPTOUT, case.originator)
        for act in (Act.CLICKED_OPT_OUT, Act.OWN_OPT_OUT):
            able = tuple(s for s in own if (s.clicked or standing) and fits(tx, act, s, now))
            if able:
                ideas.append(Idea(act, case, able))
                break
    return ideas


def _requests(
    tx: Transaction,
    case: Case,
    by_member: dict[Identifier, list[Sighting]],
    clocks: dict[Identifier, Asked],
    approval: Approval | None,
    now: Instant,
) -> list[Idea]:
    after = [s for m, own in by_member.items() for s in own if clocks[m].phase(s.received_at) is Phase.AFTER]
    if case.state is State.REQUESTING and approval is not None:
        able = tuple(s for s in after if fits(tx, Act.REQUEST, s, now))
        return [Idea(Act.REQUEST, case, able, approval)] if able else []
    if case.state in CLICKED_REQUEST_STATES:
        clicked = tuple(s for s in after if s.clicked and fits(tx, Act.CLICKED_REQUEST, s, now))
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
