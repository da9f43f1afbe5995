"""One round of the desk: everything that is due at this instant, in the one order, and when the next is due."""

from __future__ import annotations

from antiphon.campaign.report import Original
from antiphon.desk.click import take_clicks
from antiphon.desk.desk import Desk
from antiphon.desk.erase import destroy_keys
from antiphon.desk.fade import fade
from antiphon.desk.history import look_by
from antiphon.desk.log import PUBLISHED, SIZE, hours_behind, keep_number, number
from antiphon.desk.publish import publish
from antiphon.desk.request import look
from antiphon.desk.settle import settle_waiting
from antiphon.desk.welcome import send_welcomes
from antiphon.desk.work_off import work_off
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case
from antiphon.optout.click import Click, ClickState
from antiphon.ports import Shelf, Transaction
from antiphon.terms import HOUR, MINUTE, Instant

STOPPED = "stop.seen"
"""Whether the file STOP lay in the home at the last round."""
TOGETHER = 32
"""Cases that are looked at in one transaction."""


async def take_round(desk: Desk, shelf: Shelf) -> Instant:
    """Closes hours and days, works off the spool, settles, looks at every case that is due, then publishes. Returns
    the next instant at which something may be due. Where nothing is due, nothing is written.

    While the ledger and its anchor do not agree it only takes in what waits in the spool: nothing is appended.
    Erasing and fading wait for neither.
    """
    await destroy_keys(desk)
    if desk.vault.away:
        desk.vault.tend()
    await fade(desk)
    await wake_after_stop(desk)
    if not desk.log.agrees:
        await work_off(desk)
        return Instant((desk.clock.now() // HOUR + 1) * HOUR)
    if await desk.store.read(lambda tx: hours_behind(tx, desk.clock.now())):
        await desk.store.write(lambda tx: desk.log.close_hours(tx, desk.clock.now()))
    await _out(desk, shelf)
    await work_off(desk)
    await send_welcomes(desk)
    if await desk.store.read(lambda tx: _is_due(tx, desk.clock.now())):
        await take_clicks(desk)
        await settle_waiting(desk)
        now = desk.clock.now()
        cases = await desk.store.read(lambda tx: in_turn(tx, now))
        for at in range(0, len(cases), TOGETHER):
            await look(desk, cases[at : at + TOGETHER])
    await _out(desk, shelf)
    return await desk.store.read(lambda tx: next_due(tx, desk.clock.now()))


async def wake_after_stop(desk: Desk) -> None:
    """Once the file STOP is gone, every case is looked at: no event told what waited for that."""

    def work(tx: Transaction) -> None:
        keep_number(tx, STOPPED, desk.stopped())
        for case in tx.find(Case) if not desk.stopped() else ():
            look_by(tx, case.case, desk.clock.now())

    if await desk.store.read(lambda tx: bool(number(tx, STOPPED))) is not desk.stopped():
        await desk.store.write(work)


def _is_due(tx: Transaction, now: Instant) -> bool:
    """Whether something waits for this instant, beside hours and mail."""
    return any(
        (
            tx.count(Case, look_at__le=now),
            tx.count(Attempt, outcome=Outcome.OPEN, settles_at__le=now),
            tx.count(Click, state=ClickState.HELD, hold_until__le=now),
            tx.count(Original, until__le=now),
        )
    )


def in_turn(tx: Transaction, now: Instant) -> list[Case]:
    """The cases that are due, in the order in which they may try: whoever had no attempt for the longest time first, so
    that cases which share a budget share it fairly (LAW §5)."""

    def last(case: Case) -> int:
        made = tx.find(Attempt, case=case.case, order="-intent", limit=1)
        return made[0].intent if made else -1

    return sorted(tx.find(Case, look_at__le=now, order="look_at"), key=last)


async def _out(desk: Desk, shelf: Shelf) -> None:
    size, public = await desk.store.read(lambda tx: (number(tx, SIZE), number(tx, PUBLISHED)))
    if size > public:
        await desk.log.anchor()
        await publish(desk, shelf)


def next_due(tx: Transaction, now: Instant) -> Instant:
    """The next full hour, or earlier where a case, a settlement or a click is due."""
    times = [
        (now // HOUR + 1) * HOUR,
        tx.least(Case, "look_at"),
        tx.least(Attempt, "settles_at", outcome=Outcome.OPEN),
        tx.least(Click, "hold_until", state=ClickState.HELD),
    ]
    return Instant(max(min(t for t in times if t is not None), now + MINUTE // 60))
