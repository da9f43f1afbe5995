"""What a complaint about one case rests on now: which mails, out of which network, since when (LAW §6)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from antiphon.campaign.report import Delivery, Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.complaint.known import Matter
from antiphon.complaint.routing import TOLD_BY_MAIL, Route
from antiphon.desk.coin import asked_of
from antiphon.desk.desk import Desk
from antiphon.desk.quorum import faults
from antiphon.desk.rung import OVER, Rung, rung_of, situation_of
from antiphon.formats.publicness import is_public
from antiphon.ledger.allowance import FRESH, Act
from antiphon.ledger.entry import Handed, NoticeSettled, RequestSettled, parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.optout.asking import Asked, Phase
from antiphon.optout.case import Case
from antiphon.optout.destination import prefix_of
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.optout.known import Happening
from antiphon.optout.wording import FEWEST_SHOWN
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Identifier, Instant

MOST_NETWORKS = 50
"""Networks of one case that are looked at in one go."""
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
    rung: Rung
    incidents: tuple[Incident, ...]
    shared: bool
    asked_at: Instant | None
    entry: int | None
    matter: Matter | None
    asked_by: str = "channel"
    window_days: int = 0
    done_at: Instant | None = None

    @property
    def route(self) -> Route:
        """The row of the routing table."""
        return self.rung.route

    @property
    def address(self) -> str:
        """The address that handed over the newest of them; empty without any."""
        return self.incidents[0].address if self.incidents else ""

    @property
    def about(self) -> frozenset[str]:
        """The domains of whom this is about. A provider that mails for many is its host, whatever it signs."""
        found = {i.evidence.from_organisation for i in self.incidents if i.evidence.from_aligned}
        return frozenset(found | ({self.case.domain} if "/" not in self.case.originator else set()))


@dataclass(frozen=True, slots=True)
class Heap:
    """What nobody was told of yet and came out of one network, the newest first; and what its contact was told."""

    rung: Rung
    matter: Matter | None
    sightings: list[Sighting]

    def rests(self, now: Instant) -> bool:
        """Whether nothing of it may be told yet."""
        return self.matter is not None and self.matter.next_at > now


def _heaps(tx: Transaction, desk: Desk, case: Case) -> list[Heap]:
    """The networks of the newest mails first, those that rest behind the others."""
    now, situation = desk.clock.now(), situation_of(tx, desk, case)
    came: dict[str, list[Sighting]] = {}
    for sighting in _candidates(tx, case, now):
        delivery = _handed_over(tx, sighting)
        if delivery is not None:
            came.setdefault(prefix_of(delivery.peer_address), []).append(sighting)
    heaps: list[Heap] = []
    for network, sightings in islice(came.items(), MOST_NETWORKS):
        rung = rung_of(tx, desk, case, network, situation=situation)
        later = [sighting for sighting in sightings if sighting.received_at >= rung.since]
        heaps.append(Heap(rung, tx.get(Matter, case.case, rung.object), later))
    return sorted(heaps, key=lambda heap: heap.rests(now))


def ground_of(tx: Transaction, desk: Desk, case: Case) -> Ground:
    """All that a complaint about this case would hold now."""
    now, heaps = desk.clock.now(), _heaps(tx, desk, case)
    rung, matter, incidents = rung_of(tx, desk, case, ""), None, tuple[Incident, ...]()
    for heap in heaps:
        told = (incident for sighting in heap.sightings if (incident := _incident(tx, case, sighting, now)) is not None)
        if incidents := tuple(islice(told, MOST_TOLD)):
            rung, matter = heap.rung, heap.matter
            break
    first = first_asked(tx, case.originator)
    return Ground(
        case,
        rung,
        incidents,
        bool(incidents) and _is_shared(tx, case, incidents[0].evidence.subject),
        first.asked_at if first is not None else None,
        first.started if first is not None else None,
        matter,
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


def may_be_due(tx: Transaction, desk: Desk, name: Identifier) -> tuple[bool, Instant | None]:
    """Whether a complaint about this case is worth working out, by what costs nothing to know; else when it may be."""
    case, now = tx.get(Case, name), desk.clock.now()
    heaps = _heaps(tx, desk, case) if case is not None and case.state not in OVER else []
    told = [heap for heap in heaps if heap.sightings and heap.rung.route.tier in TOLD_BY_MAIL]
    if any(not heap.rests(now) for heap in told):
        return True, None
    return False, min((heap.matter.next_at for heap in told if heap.matter is not None), default=None)


def _candidates(tx: Transaction, case: Case, now: Instant) -> list[Sighting]:
    """What nobody was told of yet, the newest first."""
    return tx.find(
        Sighting,
        case=case.case,
        complained=None,
        state=SightingState.COMMITTED,
        received_at__ge=now - FRESH,
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
