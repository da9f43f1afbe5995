"""Forgetting a member: its data key is destroyed, and whatever named it here is blanked (LAW §7).

What stays is what a sum needs: leaves and spends in the ledger, purses that may never be used twice, counts. Nothing of
it leads back to an address, and the audit says "erased: n".

The store says first that a key is doomed, in the transaction that blanks the rest; then it is destroyed wherever it is
kept, and the round goes on with that until it is. A crash in between destroys it at the next start.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from antiphon.campaign.report import Delivery, Original, Report, Submission, Taken
from antiphon.campaign.sighting import Sighting
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by
from antiphon.desk.withdraw import retract
from antiphon.errors import HomeUnusable, RefusedByLaw
from antiphon.ledger.kept import KeptOpening
from antiphon.optout.approval import Draft, draft_reports
from antiphon.optout.asking import Asked
from antiphon.optout.click import Click
from antiphon.optout.evidence import forgotten, parse_evidence, print_evidence
from antiphon.optout.known import Confirmation, TakenOut
from antiphon.optout.originator import Signing
from antiphon.optout.rows import HandedRow
from antiphon.ports import CABINETS, KeyState, Transaction
from antiphon.registry.mandate import Agreement, DoomedKey, Mandate, MandateState
from antiphon.registry.ticket import Ticket
from antiphon.registry.watch import Sight, Watch, WatchedFolder
from antiphon.registry.welcome import Welcome
from antiphon.terms import Digest

DROPPED: tuple[type, ...] = (
    Agreement, Asked, Confirmation, TakenOut, Taken, Submission, Ticket, Signing, KeptOpening, Watch, WatchedFolder,
    Sight, HandedRow, Welcome,
)  # fmt: skip
"""Records that go with their member."""
KEYS = {cabinet.kind: cabinet.key for cabinet in CABINETS}


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
    if mandate.data_key is not None:
        tx.put(DoomedKey(mandate.data_key, now))
    for report in tx.find(Report, member=member):
        _forget_report(tx, report)
        if report.case is not None:
            _forget_draft(tx, report)
            look_by(tx, report.case, now)
    for delivery in tx.find(Delivery, member=member):
        _forget_delivery(tx, delivery)
    for kind in DROPPED:
        found: list[object] = tx.find(kind, member=member)
        for record in found:
            # What is not settled yet settles as nobody's.
            if not isinstance(record, Asked) or record.unsettled is None:
                tx.drop(kind, *(getattr(record, name) for name in KEYS[kind]))


async def leave(desk: Desk, address: str) -> bool:
    """`member revoke --erase`. Returns whether its key is gone wherever it was kept; if not, the round goes on with
    that. Raises RefusedByLaw."""

    def work(tx: Transaction) -> None:
        found = tx.find(Mandate, address=address.strip().lower())
        if not found:
            raise RefusedByLaw(f"{address} is not a member.", ("known",))
        erase(tx, desk, found[0])

    await desk.store.write(work)
    parse_evidence.cache_clear()
    return await destroy_keys(desk)


async def destroy_keys(desk: Desk) -> bool:
    """Destroys every key that is doomed. Returns whether all are gone wherever they were kept."""
    doomed = await desk.store.read(lambda tx: tx.find(DoomedKey))
    gone = [each for each in doomed if desk.vault.destroy(each.key)]

    def work(tx: Transaction) -> None:
        for each in gone:
            tx.drop(DoomedKey, each.key)

    if gone:
        await desk.store.write(work)
    return len(gone) == len(doomed)


async def heed_keys(desk: Desk, *, without_missing: bool = False) -> tuple[int, int]:
    """What the key book says, at every start: whose key is destroyed is erased here too, since this home is older than
    that erasure. Returns how many that were, and how many keys the book never held: raises HomeUnusable for those,
    unless this is to go on without them."""
    desk.vault.tend()

    def look(tx: Transaction) -> dict[KeyState, list[Mandate]]:
        found: dict[KeyState, list[Mandate]] = {state: [] for state in KeyState}
        for mandate in tx.find(Mandate):
            if mandate.data_key is not None:
                found[desk.vault.state(mandate.data_key)].append(mandate)
        return found

    found = await desk.store.read(look)
    gone, missing = found[KeyState.DESTROYED], found[KeyState.MISSING]
    if missing and not without_missing:
        raise HomeUnusable(
            f"The keys of {len(missing)} members are missing.",
            advice="Put the key book back, or its copy; docs/how-to/back-up-and-restore.md says how, and the way "
            "without them.",
        )

    def work(tx: Transaction) -> None:
        for mandate in gone:
            erase(tx, desk, mandate)
        for mandate in missing:
            _begin_anew(tx, desk, mandate)

    if gone or missing:
        await desk.store.write(work)
    await destroy_keys(desk)
    return len(gone), len(missing)


def _begin_anew(tx: Transaction, desk: Desk, mandate: Mandate) -> None:
    """A member whose key is lost, not destroyed: nothing that was sealed opens any more. What was unspent stays so for
    good, and who is not hosted has to agree anew, since its signed text is gone."""
    for report in tx.find(Report, member=mandate.member):
        sighting = tx.get(Sighting, report.report)
        tx.drop(Original, report.report)
        if sighting is not None and sighting.paid is None:
            retract(tx, report)
        if sighting is not None:
            tx.put(replace(tx.get(Sighting, report.report) or sighting, salts=b""))
            tx.drop(KeptOpening, report.report)
    for delivery in tx.find(Delivery, member=mandate.member):
        tx.put(replace(delivery, salt=b""))
    tx.drop(Agreement, mandate.member)
    fresh = replace(mandate, data_key=desk.vault.new_key())
    if not mandate.hosted and mandate.state is MandateState.LIVE:
        fresh = replace(fresh, state=MandateState.SUSPENDED, rests_why="its key was lost, and its signed text with it")
    tx.put(fresh)


def _forget_report(tx: Transaction, report: Report) -> None:
    opaque = Digest(sha256(b"erased" + report.report).digest())
    evidence = print_evidence(forgotten(parse_evidence(report.evidence), opaque))
    report = replace(report, evidence=evidence, identity=opaque, source="", why="", text=None)
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
