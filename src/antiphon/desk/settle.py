"""What became of an attempt. Nothing here gives a purse back: whatever the outcome, it is spent (LAW §2, §5)."""

from __future__ import annotations

from dataclasses import replace

from antiphon.desk.coin import asked_of
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, move, tell
from antiphon.desk.told import note_outcome
from antiphon.ledger import entry as ledger
from antiphon.ledger.allowance import Act
from antiphon.optout.asking import SETTLES_AFTER, Asked
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case, Event, Facts
from antiphon.optout.destination import Halt, Pair, PairState
from antiphon.optout.pacing import Budget, answered, keys
from antiphon.ports import Exchange, Transaction
from antiphon.terms import Identifier, Instant, ledger_day

BY_EXCHANGE = {
    "accepted": Outcome.ACCEPTED,
    "refused": Outcome.REFUSED,
    "redirected": Outcome.FAILED,
    "too-many": Outcome.FAILED,
    "temporary": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "certificate": Outcome.FAILED,
    "unknown": Outcome.UNKNOWN,
}
IN_LEDGER = {
    Outcome.ACCEPTED: ledger.Outcome.ACCEPTED,
    Outcome.REFUSED: ledger.Outcome.REFUSED,
    Outcome.FAILED: ledger.Outcome.FAILED,
    Outcome.UNKNOWN: ledger.Outcome.UNKNOWN,
    Outcome.BOUNCED: ledger.Outcome.BOUNCED,
}

SETTLED: dict[Act, type[ledger.Settled]] = {
    Act.NOTICE: ledger.NoticeSettled,
    Act.COMPLAINT: ledger.ComplaintSettled,
}


async def settle(desk: Desk, intent: int, exchange: Exchange) -> None:
    """Keeps what the socket saw, and what follows for pace, pair and case. A mail that was taken waits 72 hours for
    a bounce before it counts as accepted."""

    def work(tx: Transaction) -> None:
        now = desk.clock.now()
        attempt = tx.get(Attempt, intent)
        if attempt is None or attempt.outcome is not Outcome.OPEN or attempt.settles_at is not None:
            return
        attempt = replace(attempt, status=exchange.status, bytes_out=exchange.bytes_out, bytes_in=exchange.bytes_in)
        _heed(tx, attempt, exchange, now)
        outcome = BY_EXCHANGE[exchange.outcome]
        if attempt.channel != "one-click" and outcome is Outcome.ACCEPTED:
            tx.put(replace(attempt, settles_at=Instant(now + SETTLES_AFTER)))
        else:
            close(tx, desk, attempt, outcome=outcome, now=now)

    await desk.store.write(work)


def close(tx: Transaction, desk: Desk, attempt: Attempt, *, outcome: Outcome, now: Instant) -> None:
    """Writes the Settled entry; its append is T, the start of the window of everybody who was asked for."""
    kind: type[ledger.Settled] = SETTLED.get(Act(attempt.act), ledger.RequestSettled)
    index = desk.log.append(tx, kind(day=ledger_day(now), intent=attempt.intent, outcome=IN_LEDGER[outcome]), now)
    keep_outcome(tx, attempt, outcome, index, now=now)


def keep_outcome(tx: Transaction, attempt: Attempt, outcome: Outcome, index: int, *, now: Instant) -> None:
    """What follows from a Settled entry at this index, for the attempt, the members it asked for, and the case."""
    tx.put(replace(attempt, outcome=outcome, settled=index, settles_at=None))
    case = tx.get(Case, attempt.case)
    if case is None:
        return
    asks = attempt.act in (Act.NOTICE, Act.OWN_OPT_OUT, Act.CLICKED_OPT_OUT)
    for member in (bytes.fromhex(word) for word in attempt.members.split(",") if word and asks):
        asked = replace(asked_of(tx, Identifier(member), attempt.originator), unsettled=None)
        if outcome is Outcome.ACCEPTED and asked.asked_at is None:
            asked = replace(asked, asked_at=now, started=index, window_hours=attempt.window_hours)
        tx.put(asked)
    if attempt.act == Act.COMPLAINT:
        note_outcome(tx, attempt, outcome, now)
    if attempt.act == Act.NOTICE:
        _notice_settled(tx, case, attempt, outcome=outcome, now=now)
    tell(tx, case.case, now, who="node", what=f"{attempt.act} {outcome}", why=f"entry {index}: {attempt.status}")
    look_by(tx, case.case, now)


def _notice_settled(tx: Transaction, case: Case, attempt: Attempt, *, outcome: Outcome, now: Instant) -> None:
    if case.state.value != "noticed":
        return
    if outcome is Outcome.ACCEPTED:
        clock = Asked(Identifier(b""), "", 0, None, None, now, None, attempt.window_hours)
        move(tx, replace(case, notice_window_end=clock.window_end()), Event.NOTICE_ACCEPTED, Facts(now))
    else:
        move(tx, case, Event.NOTICE_FAILED, Facts(now), why=f"the notice came to: {outcome}")


def _heed(tx: Transaction, attempt: Attempt, exchange: Exchange, now: Instant) -> None:
    """The other side's pace is law; a 403 halts host and case until a person has read it; one certificate failure
    bars the pair."""
    for key in keys(attempt.host, attempt.organisation, attempt.prefix):
        budget = tx.get(Budget, key)
        if budget is not None:
            after = exchange.retry_after_seconds
            tx.put(answered(budget, now, retry_after_seconds=after, took_seconds=exchange.took_seconds))
    if exchange.outcome == "refused" and attempt.channel == "one-click":
        for scope, value in (("host", attempt.host), ("case", attempt.case.hex())):
            tx.put(Halt(scope, value, now, None, "node", f"answered 403 to entry {attempt.intent}"))
    if exchange.outcome == "certificate":
        pair = tx.get(Pair, attempt.organisation, attempt.prefix)
        if pair is not None:
            tx.put(replace(pair, state=PairState.BARRED, why="its certificate did not verify", changed_at=now))


async def settle_waiting(desk: Desk) -> None:
    """Mails whose 72 hours are over without a bounce count as accepted."""

    def work(tx: Transaction) -> None:
        now = desk.clock.now()
        for attempt in tx.find(Attempt, outcome=Outcome.OPEN, settles_at__le=now):
            close(tx, desk, attempt, outcome=Outcome.ACCEPTED, now=now)

    if await desk.store.read(lambda tx: tx.count(Attempt, outcome=Outcome.OPEN, settles_at__le=desk.clock.now())):
        await desk.store.write(work)


async def bounced(desk: Desk, token: str, status: str) -> bool:
    """A bounce came back to the envelope of one attempt. False when it names none that waits."""

    def work(tx: Transaction) -> bool:
        now = desk.clock.now()
        for attempt in tx.find(Attempt, token=token, outcome=Outcome.OPEN):
            close(tx, desk, replace(attempt, status=status), outcome=Outcome.BOUNCED, now=now)
            return True
        return False

    return await desk.store.write(work)


async def settle_interrupted(desk: Desk) -> int:
    """At start: an intent without an outcome was under way when the node stopped. It may have arrived, so it is
    unknown, spent, and never sent again. Returns how many there were."""

    def work(tx: Transaction) -> int:
        now = desk.clock.now()
        lost = tx.find(Attempt, outcome=Outcome.OPEN, settles_at=None)
        for attempt in lost:
            close(tx, desk, attempt, outcome=Outcome.UNKNOWN, now=now)
        return len(lost)

    return await desk.store.write(work)
