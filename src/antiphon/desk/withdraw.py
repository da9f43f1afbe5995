"""Taking back: a report, a mandate, a case; and what an originator may say: dispute, done, stop (LAW §3, §5)."""

from __future__ import annotations

from dataclasses import replace

from antiphon.campaign.report import Original, Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.click import undo_click
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, move, tell
from antiphon.desk.watch import drop_watch
from antiphon.errors import IllegalTransition, RefusedByLaw
from antiphon.ledger.commitment import hide
from antiphon.ledger.entry import Disputed, Phase, Stopped, Withdrawn
from antiphon.optout.approval import Draft
from antiphon.optout.case import Case, Event, Facts, State
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate, MandateState
from antiphon.terms import Identifier, ledger_day


def retract(tx: Transaction, report: Report) -> None:
    """One report is taken back: its leaf, if there is one, stays unspent for ever, like a dummy."""
    tx.put(replace(report, state=ReportState.RETRACTED))
    tx.drop(Original, report.report)
    sighting = tx.get(Sighting, report.report)
    # A leaf that waits for its batch goes in all the same: leaving it out would tell that somebody took it back.
    if sighting is not None and sighting.state is not SightingState.WAITING:
        tx.put(replace(sighting, state=SightingState.RETRACTED))


async def undo(desk: Desk, report: Identifier, *, who: str) -> None:
    """A member takes a report back, and its click with it; mail that only a click could make pay stays as evidence.
    Raises RefusedByLaw when there is none, or what it paid for has left already; then no complaint tells of it."""

    def work(tx: Transaction) -> bool:
        kept, now = tx.get(Report, report), desk.clock.now()
        sighting = tx.get(Sighting, report)
        if kept is None or kept.state not in (ReportState.ACCEPTED, ReportState.EVIDENCE_ONLY):
            raise RefusedByLaw("There is no such report, or it was taken back already.", ("known",))
        left = sighting is not None and sighting.paid is not None
        if sighting is not None and left:
            tx.put(replace(sighting, state=SightingState.RETRACTED))
        elif not undo_click(tx, kept):
            retract(tx, kept)
        if kept.case is not None:
            tell(tx, kept.case, now, who=who, what="report taken back", why="after it paid" if left else "")
            look_by(tx, kept.case, now)
        return left

    if await desk.store.write(work):
        raise RefusedByLaw("What this report paid for has left already; nothing else will.", ("unspent",))


async def revoke(desk: Desk, address: str) -> None:
    """A member leaves, at once. What it reported is taken back for good: its leaves stay unspent, like dummies, also
    where the same person comes again."""

    def work(tx: Transaction) -> None:
        now, mandate = desk.clock.now(), _mandate(tx, address)
        tx.put(replace(mandate, state=MandateState.REVOKED, revoked_at=now))
        drop_watch(tx, mandate.member)
        for report in tx.find(Report, member=mandate.member, state=ReportState.ACCEPTED):
            sighting = tx.get(Sighting, report.report)
            if sighting is None or sighting.paid is None:
                undo_click(tx, report)
                retract(tx, report)
            if report.case is not None:
                look_by(tx, report.case, now)

    await desk.store.write(work)


def _mandate(tx: Transaction, address: str) -> Mandate:
    found = tx.find(Mandate, address=address.strip().lower())
    if not found:
        raise RefusedByLaw(f"{address} is not a member.", ("known",))
    return found[0]


def _case(tx: Transaction, case: Identifier) -> Case:
    kept = tx.get(Case, case)
    if kept is None:
        raise RefusedByLaw("There is no such case.", ("known",))
    return kept


async def withdraw_case(desk: Desk, name: Identifier, *, who: str, why: str) -> None:
    """A person gives a case up for good."""

    def work(tx: Transaction) -> None:
        now, case = desk.clock.now(), _case(tx, name)
        move(tx, case, Event.WITHDRAWN, Facts(now), who=who, why=why)
        desk.log.append(tx, Withdrawn(day=ledger_day(now), case=case.tag), now)
        tx.drop(Draft, name)

    await desk.store.write(work)


async def stop_case(desk: Desk, name: Identifier, host: str, *, who: str) -> None:
    """The originator wants no more mail from us: final, and it ends own opt-outs too."""

    def work(tx: Transaction) -> None:
        now, case = desk.clock.now(), _case(tx, name)
        if case.state is State.STOPPED:
            return
        move(tx, case, Event.STOPPED, Facts(now), who=who, why="asked us to stop")
        desk.log.append(tx, Stopped(day=ledger_day(now), case=case.tag, host=hide(case.salt, host)), now)
        tx.drop(Draft, name)

    await desk.store.write(work)


async def dispute_case(desk: Desk, name: Identifier, *, who: str, why: str) -> bool:
    """Everything about this originator pauses at once; once a case, for ten business days at most."""

    def work(tx: Transaction) -> bool:
        now, case = desk.clock.now(), _case(tx, name)
        try:
            move(tx, case, Event.DISPUTED, Facts(now), who=who, why=why)
        except IllegalTransition:
            return False
        desk.log.append(tx, Disputed(day=ledger_day(now), case=case.tag, phase=Phase.OPENED), now)
        tx.drop(Draft, name)
        look_by(tx, name, now)
        return True

    return await desk.store.write(work)


async def decide_dispute(desk: Desk, name: Identifier, *, resume: bool, who: str, why: str) -> None:
    """A person decides a dispute: back to where the case stood, or closed."""

    def work(tx: Transaction) -> None:
        now, case = desk.clock.now(), _case(tx, name)
        move(tx, case, Event.RESUMED if resume else Event.CLOSED, Facts(now), who=who, why=why)
        phase = Phase.RESUMED if resume else Phase.CLOSED
        desk.log.append(tx, Disputed(day=ledger_day(now), case=case.tag, phase=phase), now)
        look_by(tx, name, now)

    await desk.store.write(work)


async def say_done(desk: Desk, name: Identifier, *, who: str) -> None:
    """The originator says that the rows are removed: noted; whether it is so, later mail shows."""
    await desk.store.write(lambda tx: tell(tx, name, desk.clock.now(), who=who, what="done", why="says the originator"))
