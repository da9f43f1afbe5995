"""From the spool into the store: deliveries that our own MTA saw, and reports of members (LAW §3)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from antiphon.campaign.acceptance import ACCEPTED, EVIDENCE, SPENDABLE, refusals
from antiphon.campaign.fingerprint import Fingerprint
from antiphon.campaign.report import NO_HOUR, Delivery, EvidenceClass, Report, ReportState, Witness
from antiphon.campaign.stream import arrived_at, stamped_at
from antiphon.desk.admit import Claim, add_sighting, by_filter, case_of, earlier_of, statement_of
from antiphon.desk.arrival import Arrival, Fetched, fetch
from antiphon.desk.click import keep_original
from antiphon.desk.desk import Desk
from antiphon.desk.fade import fades_at
from antiphon.desk.history import look_by
from antiphon.desk.notify import LOOP_FIELD, is_ours
from antiphon.desk.standing import infrastructure_among, note_signers
from antiphon.desk.told import wrote_to
from antiphon.desk.withdraw import retract, undo
from antiphon.errors import RefusedByLaw
from antiphon.formats.dkim import assume_valid, identities, keys_needed, verify
from antiphon.formats.message import Message, parse_message
from antiphon.formats.publicness import is_public
from antiphon.formats.received import border_address
from antiphon.ledger.commitment import delivery_leaf
from antiphon.ledger.tree import leaf_hash
from antiphon.optout.case import Case
from antiphon.optout.evidence import Evidence, examine, print_evidence
from antiphon.optout.holding import hold_until
from antiphon.optout.known import TakenOut
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate, MandateState
from antiphon.terms import HOUR, Digest, Domain, Identifier, Instant

Work = Callable[[Transaction], "Report | None"]
"""What is left of one record to do in a transaction; the report, if it is one."""


async def commit_delivery(
    desk: Desk, mandate: Mandate, raw: bytes, arrival: Arrival, *, witness: Witness = Witness.MTA
) -> None:
    """This house saw this mail arrive: keys as fetched now, and, where an MTA saw it, its place in this hour's tree.
    The mail is not kept. What an MTA saw is no less so when the store tells it too."""
    await desk.store.write(await delivery_work(desk, mandate, raw, arrival, witness=witness))


async def delivery_work(
    desk: Desk, mandate: Mandate, raw: bytes, arrival: Arrival, *, witness: Witness = Witness.MTA
) -> Callable[[Transaction], None]:
    """As `commit_delivery`, up to its transaction. Raises MalformedInput on a limit."""
    message = parse_message(raw)
    at = Instant(arrival.at)
    fetched = await fetch(desk, message, at)
    signatures = verify(message, fetched.keys)
    names = identities(message, signatures)
    salt = desk.chance.draw(32)
    leaf = leaf_hash(delivery_leaf(salt, [s.value for s in signatures if s.passes], names[0]))
    kept = msgspec.structs.replace(fetched, mail_from=arrival.mail_from)
    evidence, client = msgspec.json.encode(kept), _client(message, arrival)

    def work(tx: Transaction) -> None:
        now = desk.clock.now()
        desk.log.close_hours(tx, now)
        known = tx.get(Delivery, mandate.member, names[0])
        if known is not None and _SAYS.index(witness) >= _SAYS.index(known.witness):
            return
        hour = now // HOUR if witness is Witness.MTA else NO_HOUR
        taken = tx.find(Delivery, hour=hour, order="-position", limit=1) if witness is Witness.MTA else []
        position, delivery = (taken[0].position + 1 if taken else 0), desk.identifier()
        sealed = desk.vault.seal(mandate.data_key, salt, delivery) if mandate.data_key is not None else b""
        for name in names:
            row = Delivery(mandate.member, name, delivery, witness, at, hour, position, sealed, leaf, evidence,
                           client[0], client[1], None)  # fmt: skip
            tx.put(row)

    return work


_SAYS = tuple(Witness)


def _client(message: Message, arrival: Arrival) -> tuple[str, int]:
    """Who handed the mail to us: whoever connected, or, where that was a host of our own, whom its line names."""
    if is_public(arrival.peer_address):
        return arrival.peer_address, arrival.peer_port
    return border_address(message, is_public), 0


@dataclass(frozen=True, slots=True)
class Judged:
    """One reported message with all that was worked out before the transaction. `seen_at`: when a host that its author
    does not run saw it, at the latest."""

    message: Message
    evidence: Evidence
    names: tuple[Digest, ...]
    evidence_class: EvidenceClass
    received_at: Instant
    ours: bool
    seen_at: Instant


async def judge(
    desk: Desk,
    mandate: Mandate,
    raw: bytes,
    *,
    at: Instant,
    clicked: bool,
    imported: bool = False,
    moved: bool = False,
    fetched: Fetched | None = None,
) -> Judged:
    """Matches a reported mail with what was committed at delivery, and judges it with the keys of that moment. A
    mail that nobody saw arrive is judged without any: no key is asked for because somebody reported.

    `imported`: read from the member's own archive, which nobody reported: it is of class C even where we delivered
    it, and came when the last host that took it said. `moved`: the house's own mail store says that its member moved
    it; only then does the store's own log make it more than an upload. `fetched` is what DNS says now, where the member
    wants that.
    """
    message = parse_message(raw)
    unproved = verify(message, {})
    names = identities(message, unproved)
    delivery = await desk.store.read(lambda tx: _delivery(tx, mandate.member, names))
    known = msgspec.json.decode(delivery.evidence, type=Fetched) if delivery is not None else fetched
    came_at = delivery.received_at if delivery is not None else arrived_at(message) if imported else message.date_at()
    received_at = min(came_at or at, at) if imported else came_at or at
    # Mail under a pending mandate is shown as if its signature still verified; it becomes no sighting (LAW §3).
    assumed = known is None and mandate.state is MandateState.PENDING
    signing = [key.partition("._domainkey.")[2] for key in keys_needed(message)]
    shared = await desk.store.read(lambda tx: infrastructure_among(tx, signing, Instant(received_at)))
    evidence = examine(
        message,
        assume_valid(message) if assumed else verify(message, known.keys) if known and known.keys else unproved,
        desk.rules,
        received_at=Instant(received_at),
        records=None if assumed else {Domain(name): text for name, text in (known.records if known else {}).items()},
        by_person=clicked,
        witnessed=delivery is not None and not imported,
        infrastructure=shared,
    )
    loop = message.one(LOOP_FIELD.lower())
    references = " ".join(field.value for name in ("in-reply-to", "references") for field in message.all(name))
    ours = is_ours(desk, evidence.message_id, references, loop.value.strip() if loop else "")
    found = EvidenceClass.UPLOADED if imported else _class_of(delivery, moved=moved)
    stamped = delivery.received_at if delivery is not None else stamped_at(message) if imported else None
    return Judged(message, evidence, names, found, Instant(received_at), ours, min(stamped or at, at))


def _class_of(delivery: Delivery | None, *, moved: bool) -> EvidenceClass:
    if delivery is not None and delivery.witness is Witness.MTA:
        return EvidenceClass.COMMITTED
    stored = delivery is not None and delivery.witness is Witness.STORE and moved
    return EvidenceClass.STORED if stored else EvidenceClass.UPLOADED


def _delivery(tx: Transaction, member: Identifier, names: tuple[Digest, ...]) -> Delivery | None:
    return next((row for name in names if (row := tx.get(Delivery, member, name)) is not None), None)


@dataclass(frozen=True, slots=True)
class Statable:
    """One member's statement about one message, all worked out that needs no transaction. `filed`: its filter's."""

    judged: Judged
    print_: Fingerprint
    at: Instant
    source: str
    clicked: bool
    filed: bool = False


async def take_report(
    desk: Desk,
    mandate: Mandate,
    raw: bytes,
    *,
    at: Instant,
    source: str,
    clicked: bool = False,
    moved: bool = False,
) -> Report:
    """One statement of one member about one message: judged, grouped, kept. Raises MalformedInput on a limit."""
    said = await statable(desk, mandate, raw, at=at, source=source, clicked=clicked, moved=moved)
    return await desk.store.write(lambda tx: keep_report(tx, desk, mandate, said))


async def statable(
    desk: Desk, mandate: Mandate, raw: bytes, *, at: Instant, source: str, clicked: bool = False, moved: bool = False
) -> Statable:
    """A statement with all worked out that needs no transaction. Raises MalformedInput on a limit."""
    judged = await judge(desk, mandate, raw, at=at, clicked=clicked, moved=moved)
    return Statable(judged, await desk.sketch(raw, signers(judged)), at, source, clicked)


async def take_back(desk: Desk, mandate: Mandate, raw: bytes, *, at: Instant) -> bool:
    """The member took this mail out of Junk: what it reported of it is taken back, and with it what has not left; and
    whoever answers for the mail is spared in this mailbox for a year. Returns whether there was a report that `at`
    stands after. Raises MalformedInput on a limit."""
    judged = await judge(desk, mandate, raw, at=at, clicked=False)
    live = (ReportState.ACCEPTED, ReportState.EVIDENCE_ONLY)

    def work(tx: Transaction) -> list[Report]:
        mine = [r for name in judged.names for r in tx.find(Report, member=mandate.member, identity=name)]
        for originator in {judged.evidence.originator, *(report.originator for report in mine)} - {""}:
            known = tx.get(TakenOut, mandate.member, originator)
            if known is None or known.at < at:
                tx.put(TakenOut(mandate.member, originator, at))
            for case in tx.find(Case, originator=originator):
                look_by(tx, case.case, desk.clock.now())
        return [report for report in mine if report.state in live and report.reported_at <= at]

    found = await desk.store.write(work)
    for report in found:
        # What has left can not be taken back; the mail is in the inbox all the same.
        with suppress(RefusedByLaw):
            await undo(desk, report.report, who="the member, out of Junk")
    return bool(found)


def signers(judged: Judged) -> list[str]:
    """Who signed a mail, as its fingerprint has it."""
    return [f"{proof.domain}/{proof.selector}" for proof in judged.evidence.proofs]


def keep_report(tx: Transaction, desk: Desk, mandate: Mandate, said: Statable) -> Report:
    """Keeps what a member said: the report, its campaign, its case and, if it is spendable, the sighting. A duplicate
    leaves nothing behind."""
    now, judged, evidence = desk.clock.now(), said.judged, said.judged.evidence
    desk.log.close_hours(tx, now)
    live = tx.get(Mandate, mandate.member) or mandate
    ours = judged.ours or wrote_to(tx, judged.message, now)
    claim = Claim(
        evidence, judged.evidence_class, judged.received_at, said.clicked,
        names=judged.names, ours=ours, filed=said.filed, at=said.at,
    )  # fmt: skip
    statement = statement_of(tx, live, claim, now)
    refused, unfit = refusals(ACCEPTED, statement), refusals(SPENDABLE, statement)
    case = case_of(tx, desk, evidence, seen_at=judged.seen_at) if not refused and evidence.originator else None
    waits = live.state is MandateState.PENDING
    evidence_only = bool(refused) and set(refused) <= EVIDENCE and (waits or refused == ("by-a-person",))
    campaign, why, text = None, "", None
    if evidence_only or not refused:
        campaign, why, text = desk.place(tx, said.print_, judged.received_at, live.member)
    report = _report(desk, live, said)
    held = hold_until(desk.house.derived("hold"), evidence.identity + live.address.encode(), said.at)
    report = replace(
        report,
        state=_state(refused, evidence_only),
        reasons=",".join(refused),
        sighting_reasons=",".join(unfit),
        case=case.case if case is not None else None,
        hold_until=held,
    )
    report = replace(report, campaign=campaign, why=why, text=text)
    # Whoever was erased while its mail was being read leaves nothing behind.
    if "not-duplicate" not in refused and live.data_key is not None:
        _forget_filter(tx, live, judged)
        tx.add(report)
    if case is not None and not unfit and not refused:
        add_sighting(tx, desk, live, report, evidence=evidence)
    if not refused:
        keep_original(tx, desk, live, report, raw=judged.message.raw)
        if judged.evidence_class is not EvidenceClass.UPLOADED:
            note_signers(tx, live, evidence)
    return report


def _forget_filter(tx: Transaction, mandate: Mandate, judged: Judged) -> None:
    """What a filter said of a message ends where its member says it."""
    for earlier in earlier_of(tx, mandate, judged.names):
        if earlier.state is ReportState.EVIDENCE_ONLY and by_filter(earlier):
            retract(tx, earlier)


def _report(desk: Desk, mandate: Mandate, said: Statable) -> Report:
    """A report that nobody has judged yet."""
    judged, evidence = said.judged, said.judged.evidence
    return Report(
        report=desk.identifier(),
        community=desk.house.community,
        operator=desk.house.operator,
        tenant=mandate.tenant,
        member=mandate.member,
        identity=evidence.identity,
        evidence_class=judged.evidence_class,
        state=ReportState.REFUSED,
        reasons="",
        sighting_reasons="",
        originator=evidence.originator,
        case=None,
        campaign=None,
        why="",
        received_at=judged.received_at,
        reported_at=said.at,
        hold_until=said.at,
        size=evidence.size,
        clicked=said.clicked,
        source=said.source,
        evidence=print_evidence(evidence),
        fades_at=fades_at(judged.evidence_class, judged.received_at, said.at),
    )


def _state(refused: tuple[str, ...], evidence_only: bool) -> ReportState:
    if evidence_only:
        return ReportState.EVIDENCE_ONLY
    return ReportState.REFUSED if refused else ReportState.ACCEPTED
