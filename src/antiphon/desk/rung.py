"""How far up the tiers a case has come: who was told, had its time, and let it go on (LAW §6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.complaint.authority import Authority
from antiphon.complaint.known import Complaint, Finding, Matter
from antiphon.complaint.pacing import REACTS_WITHIN
from antiphon.complaint.routing import HOST_ROWS, REGISTRAR_ROWS, Route, Situation, Tier, route
from antiphon.desk.desk import Desk
from antiphon.desk.standing import standing_of
from antiphon.ledger.allowance import Act
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case, State
from antiphon.optout.originator import unaccountable
from antiphon.ports import Transaction
from antiphon.terms import DAY, HOUR, Identifier, Instant

OVER = frozenset({State.QUIET, State.DISPUTED, State.WITHDRAWN, State.STOPPED, State.CLOSED})
IGNORED = frozenset({State.IGNORED, State.REQUESTING})
REQUEST_WORKS_WITHIN = 72 * HOUR
"""What its member gets later than this after a request shows that the request did not help."""
NO_REQUEST_FOR = 30 * DAY


@dataclass(frozen=True, slots=True)
class Rung:
    """How far up the tiers a case has come. `object` is what its contact answers for; mails that came before `since`
    are not told: they do not show that whoever was told before had its time. `was_asked`: the originator itself was,
    and had its own. `told` is the complaint to the tier before; `finding` and `authority` stand where the row rests on
    them."""

    route: Route
    object: str
    since: Instant
    was_asked: bool = False
    told: Complaint | None = None
    finding: Finding | None = None
    authority: Authority | None = None


def situation_of(tx: Transaction, desk: Desk, case: Case) -> Situation:
    """The case by itself: what does not hang on who handed its mail over."""
    if case.state in OVER:
        return Situation(over=True, accountable=False, unreachable=False, went_on=False)
    now = desk.clock.now()
    accountable = not unaccountable(standing_of(tx, case.originator, now), now)
    went_on = accountable and _went_on(tx, case, now)
    return Situation(False, accountable, unreachable=case.state is State.UNDELIVERABLE, went_on=went_on)


def rung_of(tx: Transaction, desk: Desk, case: Case, network: str, *, situation: Situation | None = None) -> Rung:
    """Who is told now about this case's mail out of one network."""
    now, asked = desk.clock.now(), Instant((case.notice_window_end or 0) if case.state in IGNORED else 0)
    situation = situation or situation_of(tx, desk, case)
    finding, rests = tx.get(Finding, case.originator), partial(_rests, tx, case, now)
    if finding is None or rests(case.domain):
        return Rung(route(situation), network, asked, situation.went_on)
    host = _had_time(tx, case, network, HOST_ROWS, now=now)
    registrar = _had_time(tx, case, case.domain, REGISTRAR_ROWS, now=now)
    authority = next((a for a in desk.house.authorities if finding.harm in a.takes and not rests(a.name)), None)
    times = {"host_had_time": host is not None, "registrar_had_time": registrar is not None}
    row = route(replace(situation, **times, chosen=authority is not None))
    if row.tier is Tier.AUTHORITY and authority is not None and registrar is not None:
        since = Instant(registrar.at + REACTS_WITHIN)
        return Rung(row, authority.name, since, situation.went_on, registrar, finding, authority)
    if row.tier is Tier.REGISTRAR and host is not None:
        return Rung(row, case.domain, Instant(host.at + REACTS_WITHIN), situation.went_on, host, finding)
    return Rung(row, network, asked, situation.went_on)


def _had_time(tx: Transaction, case: Case, object_: str, rows: tuple[int, ...], *, now: Instant) -> Complaint | None:
    """The first complaint about this object that was taken, once the time to act on it is over."""
    told = (c for c in tx.find(Complaint, case=case.case, order="intent") if c.object == object_ and c.rule in rows)
    taken = (c for c in told if (a := tx.get(Attempt, c.intent)) is not None and a.outcome is Outcome.ACCEPTED)
    first = next(taken, None)
    return first if first is not None and first.at + REACTS_WITHIN <= now else None


def _rests(tx: Transaction, case: Case, now: Instant, object_: str) -> bool:
    """Whether this contact is not to be found, or said that it is done or not its own: the tier before it goes on."""
    matter = tx.get(Matter, case.case, object_)
    return matter is not None and bool(matter.why) and matter.next_at > now


def _went_on(tx: Transaction, case: Case, now: Instant) -> bool:
    """Whether a member of this case was written to again well after a request was made for it, or a month passed in
    which none could be made."""
    if case.state not in IGNORED or case.notice_window_end is None:
        return False
    if now - case.notice_window_end >= NO_REQUEST_FOR:
        return True
    made = tx.find(Attempt, case=case.case, act__in=(Act.REQUEST, Act.CLICKED_REQUEST), outcome__ne=Outcome.OPEN)
    since: dict[str, Instant] = {}
    for attempt in made:
        for member in attempt.members.split(","):
            since[member] = min(attempt.at, since.get(member, attempt.at))
    return any(
        tx.count(
            Sighting,
            member=Identifier(bytes.fromhex(member)),
            case=case.case,
            received_at__ge=at + REQUEST_WORKS_WITHIN,
            state__ne=SightingState.RETRACTED,
        )
        for member, at in since.items()
    )
