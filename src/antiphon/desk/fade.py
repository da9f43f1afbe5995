"""Evidence fades: 30 days after a mail came what is known of it goes; what a sum or a proof needs stays (LAW §7).

Of a report stay who answered for it, when it came, what became of it, and the digest by which it is known again; its
purses stay spent, its leaf stays in the ledger, and its campaign keeps sketches that hold no text. Of a sighting that
paid the opening stays, without address and body, sealed under its member's key for as long as somebody may go to law.
"""

from __future__ import annotations

from dataclasses import replace

from antiphon.campaign.report import Delivery, EvidenceClass, Original, Report
from antiphon.campaign.sighting import Sighting
from antiphon.desk.desk import Desk
from antiphon.desk.disclose import opening_of
from antiphon.desk.log import keep_number, number
from antiphon.ledger.allowance import FRESH
from antiphon.ledger.kept import KeptOpening
from antiphon.ledger.opening import SpendOpening, print_openings
from antiphon.optout.attempt import Attempt
from antiphon.optout.click import Click
from antiphon.optout.evidence import forgotten, parse_evidence, print_evidence
from antiphon.optout.known import TAKEN_OUT_FOR, TakenOut
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import DAY, HOUR, Instant, ledger_day

EVIDENCE_FOR = FRESH
"""No mail pays after this, so nothing needs to know more of it."""
DELIVERY_FOR = EVIDENCE_FOR + 2 * DAY
"""The proofs of an hour are made from all deliveries of that hour, and those of its last mail are made last."""
YEAR = 365 * DAY
AT_A_TIME = 200
TURNED = "spool.turned"
"""The last day on which the spool let go what was worked off."""


def fades_at(evidence_class: EvidenceClass, received_at: Instant, reported_at: Instant) -> Instant:
    """When the evidence of a report goes: 30 days after the mail came to us; what a member hands in later, from an
    archive, is looked at first."""
    late = evidence_class is EvidenceClass.UPLOADED
    return Instant((max(received_at, reported_at) if late else received_at) + EVIDENCE_FOR)


def is_due(tx: Transaction, now: Instant) -> bool:
    """Whether anything has to go."""
    return any(
        (
            tx.count(Report, fades_at__lt=now),
            tx.count(Delivery, received_at__lt=now - DELIVERY_FOR),
            tx.count(KeptOpening, until__lt=now),
            tx.count(TakenOut, at__lt=now - TAKEN_OUT_FOR),
        )
    )


async def fade(desk: Desk) -> None:
    """Lets go all whose time was over when this hour began, a few in each transaction; when this returns none of it is
    left. Once a day the spool lets go the mail that was worked off."""
    day, now = ledger_day(desk.clock.now()), Instant(desk.clock.now() // HOUR * HOUR)
    if await desk.store.read(lambda tx: is_due(tx, now)):
        while await desk.store.write(lambda tx: _some(tx, desk, now)):
            continue
        parse_evidence.cache_clear()
    if await desk.store.read(lambda tx: number(tx, TURNED)) < day:
        await desk.spool.turn()
        await desk.store.write(lambda tx: keep_number(tx, TURNED, day))


def _some(tx: Transaction, desk: Desk, now: Instant) -> int:
    """The next of each kind; returns how many. Reports first: their proofs need the deliveries."""
    reports = tx.find(Report, fades_at__lt=now, order="fades_at", limit=AT_A_TIME)
    for report in reports:
        _fade_report(tx, desk, report)
    if reports:
        return len(reports)
    deliveries = tx.find(Delivery, received_at__lt=now - DELIVERY_FOR, order="received_at", limit=AT_A_TIME)
    for row in deliveries:
        tx.drop(Delivery, row.member, row.identity)
    over = tx.find(KeptOpening, until__lt=now, order="until", limit=AT_A_TIME)
    for kept in over:
        tx.drop(KeptOpening, kept.report)
    past = tx.find(TakenOut, at__lt=now - TAKEN_OUT_FOR, order="at", limit=AT_A_TIME)
    for taken in past:
        tx.drop(TakenOut, taken.member, taken.originator)
    return len(deliveries) + len(over) + len(past)


def _fade_report(tx: Transaction, desk: Desk, report: Report) -> None:
    sighting, clicked = tx.get(Sighting, report.report), tx.get(Click, report.report)
    if sighting is not None:
        _keep_opening(tx, desk, sighting)
        tx.put(replace(sighting, salts=b"", hosts=""))
    if clicked is not None:
        tx.put(replace(clicked, target=""))
    tx.drop(Original, report.report)
    evidence = print_evidence(forgotten(parse_evidence(report.evidence), report.identity))
    tx.put(replace(report, evidence=evidence, why="", fades_at=None))


def _keep_opening(tx: Transaction, desk: Desk, sighting: Sighting) -> None:
    mandate, intents = tx.get(Mandate, sighting.member), {sighting.paid, sighting.complained} - {None}
    if mandate is None or mandate.data_key is None:
        return
    attempts = sorted((a for n in intents if (a := tx.get(Attempt, n)) is not None), key=lambda a: a.intent)
    found = [o for a in attempts if isinstance(o := opening_of(tx, desk, a, sighting), SpendOpening)]
    if found:
        sealed = desk.vault.seal(mandate.data_key, print_openings(found), b"opening" + sighting.report)
        until = Instant(sighting.received_at + desk.house.openings_years * YEAR)
        tx.put(KeptOpening(sighting.report, sighting.member, sealed, until))
