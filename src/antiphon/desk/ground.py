"""What a complaint about one case rests on now: which row of the routing table, which mails, since when (LAW §6)."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.campaign.report import Delivery, Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.complaint.known import Matter
from antiphon.complaint.routing import Route, Situation, Tier, route
from antiphon.desk.coin import asked_of
from antiphon.desk.quorum import faults
from antiphon.desk.standing import standing_of
from antiphon.formats.publicness import is_public
from antiphon.ledger.allowance import FRESH, Act
from antiphon.ledger.entry import Handed, NoticeSettled, RequestSettled, parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.optout.asking import Asked, Phase
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case, State
from antiphon.optout.destination import prefix_of
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.optout.known import Happening
from antiphon.optout.originator import unaccountable
from antiphon.optout.wording import FEWEST_SHOWN
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import DAY, HOUR, Identifier, Instant

OVER = frozenset({State.QUIET, State.DISPUTED, State.WITHDRAWN, State.STOPPED, State.CLOSED})
IGNORED = frozenset({State.IGNORED, State.REQUESTING})
REQUEST_WORKS_WITHIN = 72 * HOUR
"""What its member gets later than this after a request shows that the request did not help."""
NO_REQUEST_FOR = 30 * DAY
MOST_TOLD = 200
"""Incidents that one complaint may spend: an entry has 65,535 bytes. What is left over waits for the next."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One mail that may be told about: its member agreed, its hold is over, nobody was told of it before."""

    sighting: Sighting
    evidence: Evidence
    delivery: Delivery
    tenant: str
    member_address: str

    @property
    def address(self) -> str:
        """Who handed it over."""
        return self.delivery.peer_address


@dataclass(frozen=True, slots=True)
class Ground:
    """What a complaint about one case rests on. `incidents` were handed over from one network, newest first; `shared`:
    at least five mailboxes got mail with the newest one's subject; `asked_at`, `entry`, `asked_by` and
    `window_days` say since when the originator knows, how, and how long it had; `done_at`, when it last said that it is
    done; `matter` is what was told before."""

    case: Case
    route: Route
    incidents: tuple[Incident, ...]
    shared: bool
    asked_at: Instant | None
    entry: int | None
    matter: Matter | None
    asked_by: str = "channel"
    window_days: int = 0
    done_at: Instant | None = None

    @property
    def address(self) -> str:
        """The address that handed over the newest of them; empty without any."""
        return self.incidents[0].address if self.incidents else ""

    @property
    def about(self) -> frozenset[str]:
        """The domains of whom this is about. A provider that mails for many is its host, whatever it signs."""
        found = {i.evidence.from_organisation for i in self.incidents if i.evidence.from_aligned}
        return frozenset(found | ({self.case.domain} if "/" not in self.case.originator else set()))


def routed(tx: Transaction, case: Case, now: Instant) -> Route:
    """Who is told about this case now."""
    if case.state in OVER:
        return route(Situation(True, False, False, False))
    accountable = not unaccountable(standing_of(tx, case.originator, now), now)
    unreachable = case.state is State.UNDELIVERABLE
    return route(Situation(False, accountable, unreachable, accountable and _went_on(tx, case, now)))


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


def ground_of(tx: Transaction, case: Case, now: Instant) -> Ground:
    """All that a complaint about this case would hold now."""
    kept, told = routed(tx, case, now), _candidates(tx, case, now)
    found = [incident for sighting in told if (incident := _incident(tx, case, sighting, now)) is not None]
    network = prefix_of(found[0].address) if found else ""
    incidents = tuple(incident for incident in found if prefix_of(incident.address) == network)[:MOST_TOLD]
    first = first_asked(tx, case.originator)
    return Ground(
        case,
        kept,
        incidents,
        bool(incidents) and _is_shared(tx, case, incidents[0].evidence.subject),
        first.asked_at if first is not None else None,
        first.started if first is not None else None,
        tx.get(Matter, case.case, network) if network else None,
        _way(tx, first),
        first.window_hours // 24 if first is not None else 0,
        max((told.at for told in tx.find(Happening, case=case.case, what="done")), default=None),
    )


_WAYS = {NoticeSettled: "notice", RequestSettled: "opt-out", Handed: "rows"}


def _way(tx: Transaction, first: Asked | None) -> str:
    """How the originator was asked, as the entry that started the clock shows."""
    stored = tx.get(StoredEntry, first.started) if first is not None and first.started is not None else None
    return _WAYS.get(type(parse_entry(stored.body)), "channel") if stored is not None else "channel"


def first_asked(tx: Transaction, originator: str) -> Asked | None:
    """The clock that was started first, which says since when the originator knows."""
    return min(
        (asked for asked in tx.find(Asked, originator=originator) if asked.asked_at is not None),
        key=lambda asked: asked.asked_at or 0,
        default=None,
    )


def may_be_due(tx: Transaction, name: Identifier, now: Instant) -> tuple[bool, Instant | None]:
    """Whether a complaint about this case is worth working out, by what costs nothing to know; else when it may be."""
    case = tx.get(Case, name)
    if case is None or routed(tx, case, now).tier is not Tier.NETWORK:
        return False, None
    for sighting in _candidates(tx, case, now):
        delivery = _handed_over(tx, sighting)
        if delivery is not None:
            matter = tx.get(Matter, case.case, prefix_of(delivery.peer_address))
            return (False, matter.next_at) if matter is not None and matter.next_at > now else (True, None)
    return False, None


def _candidates(tx: Transaction, case: Case, now: Instant) -> list[Sighting]:
    """What nobody was told of yet: of an originator that was asked, only what came after the window of its notice."""
    since = now - FRESH
    if case.state in IGNORED and case.notice_window_end is not None:
        since = max(since, case.notice_window_end)
    return tx.find(
        Sighting,
        case=case.case,
        complained=None,
        state=SightingState.COMMITTED,
        received_at__ge=since,
        hold_until__le=now,
        order="-received_at",
    )


def _incident(tx: Transaction, case: Case, sighting: Sighting, now: Instant) -> Incident | None:
    mandate, report = tx.get(Mandate, sighting.member), tx.get(Report, sighting.report)
    delivery = _handed_over(tx, sighting)
    if mandate is None or report is None or delivery is None or faults(tx, Act.COMPLAINT, sighting, now):
        return None
    # A member whose own wish is under way: the originator has its time for that one.
    if asked_of(tx, sighting.member, case.originator).phase(sighting.received_at) is Phase.INSIDE:
        return None
    return Incident(sighting, parse_evidence(report.evidence), delivery, mandate.tenant, mandate.address)


def _handed_over(tx: Transaction, sighting: Sighting) -> Delivery | None:
    """The delivery of this mail, where a public address handed it to our border."""
    delivery = tx.get(Delivery, sighting.member, sighting.identity)
    return delivery if delivery is not None and is_public(delivery.peer_address) else None


def _is_shared(tx: Transaction, case: Case, subject: str) -> bool:
    """Whether enough mailboxes got this subject, so that it may be told (LAW §7)."""
    accepted = tx.find(Report, case=case.case, state=ReportState.ACCEPTED)
    return len({r.member for r in accepted if parse_evidence(r.evidence).subject == subject}) >= FEWEST_SHOWN
