"""Forgetting a member: its data key is destroyed, and whatever named it here is blanked (LAW §7).

What stays is what a sum needs: leaves and spends in the ledger, purses that may never be used twice, counts. Nothing of
it leads back to an address, and the audit says "erased: n".
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from antiphon.campaign.report import Delivery, Original, Report, Submission, Taken
from antiphon.campaign.sighting import Sighting
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by
from antiphon.desk.withdraw import retract
from antiphon.errors import RefusedByLaw
from antiphon.optout.approval import Draft, draft_reports
from antiphon.optout.asking import Asked
from antiphon.optout.click import Click
from antiphon.optout.evidence import forgotten, parse_evidence, print_evidence
from antiphon.optout.known import Confirmation
from antiphon.optout.originator import Signing
from antiphon.ports import Transaction
from antiphon.registry.mandate import Agreement, Mandate, MandateState
from antiphon.registry.ticket import Ticket
from antiphon.terms import Digest


def erase(tx: Transaction, desk: Desk, mandate: Mandate) -> None:
    """Ends a mandate for good and forgets its member. The address may be enrolled again, as somebody new."""
    now, member = desk.clock.now(), mandate.member
    blank = f"erased-{member.hex()}"
    tx.put(
        replace(
            mandate, state=MandateState.REVOKED, revoked_at=now, data_key=None, address=blank,
            report_token=blank, only="", rests_why="",
        )
    )  # fmt: skip
    tx.drop(Agreement, member)
    for report in tx.find(Report, member=member):
        _forget_report(tx, report)
        if report.case is not None:
            _forget_draft(tx, report)
            look_by(tx, report.case, now)
    for delivery in tx.find(Delivery, member=member):
        _forget_delivery(tx, delivery)
    for asked in tx.find(Asked, member=member, unsettled=None):
        tx.drop(Asked, member, asked.originator)
    for confirmation in tx.find(Confirmation, member=member):
        tx.drop(Confirmation, member, confirmation.originator)
    for taken in tx.find(Taken, member=member):
        tx.drop(Taken, member, taken.key)
    for submission in tx.find(Submission, member=member):
        tx.drop(Submission, submission.submission)
    for ticket in tx.find(Ticket, member=member):
        tx.drop(Ticket, ticket.secret)
    for signing in tx.find(Signing, member=bytes(member)):
        tx.drop(Signing, signing.domain, signing.from_organisation, signing.member)


async def leave(desk: Desk, address: str) -> None:
    """`member revoke --erase`. Raises RefusedByLaw."""

    def work(tx: Transaction) -> None:
        found = tx.find(Mandate, address=address.strip().lower())
        if not found:
            raise RefusedByLaw(f"{address} is not a member.", ("known",))
        erase(tx, desk, found[0])

    await desk.store.write(work)
    parse_evidence.cache_clear()


def _forget_report(tx: Transaction, report: Report) -> None:
    opaque = Digest(sha256(b"erased" + report.report).digest())
    evidence = print_evidence(forgotten(parse_evidence(report.evidence), opaque))
    report = replace(report, evidence=evidence, identity=opaque, source="", why="")
    tx.drop(Click, report.report)
    tx.drop(Original, report.report)
    sighting = tx.get(Sighting, report.report)
    retract(tx, report)
    if sighting is not None:
        kept = tx.get(Sighting, report.report) or sighting
        tx.put(replace(kept, salts=b"", hosts="", identity=opaque))


def _forget_draft(tx: Transaction, report: Report) -> None:
    draft = tx.get(Draft, report.case)
    if draft is not None and report.report in draft_reports(draft):
        tx.drop(Draft, draft.case)


def _forget_delivery(tx: Transaction, delivery: Delivery) -> None:
    """Its leaf stays, for the proofs of others who got mail in the same hour; what it commits to does not."""
    opaque = Digest(sha256(b"erased" + delivery.delivery + delivery.identity).digest())
    tx.drop(Delivery, delivery.member, delivery.identity)
    tx.put(replace(delivery, identity=opaque, salt=b"", evidence=b"", peer_address="", peer_port=0))
