"""A member says of one originator that its mail answers no act of theirs (LAW §3): then the rules count it again."""

from __future__ import annotations

from dataclasses import replace

from antiphon.campaign.report import Original, Report, ReportState
from antiphon.campaign.sighting import Sighting
from antiphon.desk.admit import admit
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, tell
from antiphon.desk.withdraw import retract
from antiphon.errors import RefusedByLaw
from antiphon.ledger.allowance import FRESH
from antiphon.optout.case import Case
from antiphon.optout.evidence import parse_evidence
from antiphon.optout.holding import hold_until
from antiphon.optout.known import Confirmation
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Instant

RULE = "not-transactional"


async def confirm(desk: Desk, address: str, originator: str, why: str) -> int:
    """For this member and this originator only, from now on; recorded with the member's reason. Mail of theirs that
    nothing else stands against becomes spendable, after a hold of its own. Returns how much. Raises RefusedByLaw."""

    def work(tx: Transaction) -> int:
        now, mandate = desk.clock.now(), _member(tx, address)
        if not mandate.live_at(now) or not why.strip():
            raise RefusedByLaw("This needs a live mandate and a reason.", ("mandate-live",), advice="Give --why TEXT.")
        desk.log.close_hours(tx, now)
        tx.put(Confirmation(mandate.member, originator, now, why.strip()))
        for case in tx.find(Case, originator=originator):
            look_by(tx, case.case, now)
        return sum(_counts(tx, desk, mandate, report) for report in _of(tx, mandate, originator, now))

    return await desk.store.write(work)


def _counts(tx: Transaction, desk: Desk, mandate: Mandate, report: Report) -> bool:
    now = desk.clock.now()
    if RULE not in report.sighting_reasons.split(",") or tx.get(Sighting, report.report) is not None:
        return False
    # The word of a member is an act as well: when it was given must not show either.
    held = Instant(max(report.hold_until, hold_until(desk.house.derived("confirm"), report.report, now)))
    report = admit(tx, desk, mandate, replace(report, hold_until=held), evidence=parse_evidence(report.evidence))
    if report.case is not None:
        tell(tx, report.case, now, who="a member", what="confirmed", why="this is not transactional")
    if report.sighting_reasons:
        return False
    tx.drop(Original, report.report)
    return True


async def take_back(desk: Desk, address: str, originator: str) -> int:
    """As if it had not been said: what counted only because of it, and has not paid, is taken back. Returns how much.
    Raises RefusedByLaw."""

    def work(tx: Transaction) -> int:
        now, mandate = desk.clock.now(), _member(tx, address)
        if tx.get(Confirmation, mandate.member, originator) is None:
            raise RefusedByLaw(f"Nothing was confirmed of {originator} for this member.", ("known",))
        tx.drop(Confirmation, mandate.member, originator)
        count = 0
        for report in _of(tx, mandate, originator, now):
            sighting = tx.get(Sighting, report.report)
            if sighting is None or sighting.paid is not None or not parse_evidence(report.evidence).transactional:
                continue
            retract(tx, report)
            count += 1
            if report.case is not None:
                look_by(tx, report.case, now)
        return count

    return await desk.store.write(work)


def _member(tx: Transaction, address: str) -> Mandate:
    found = tx.find(Mandate, address=address.strip().lower())
    if not found:
        raise RefusedByLaw(f"{address} is not a member.", ("known",), advice="`antiphon member add` first.")
    return found[0]


def _of(tx: Transaction, mandate: Mandate, originator: str, now: Instant) -> list[Report]:
    return tx.find(
        Report, member=mandate.member, originator=originator, state=ReportState.ACCEPTED, received_at__ge=now - FRESH
    )
