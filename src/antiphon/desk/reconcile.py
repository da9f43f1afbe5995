"""When the anchor is gone, or knows more than this home: giving up what is unspent, and catching up (LAW §9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.desk import ARMED, Desk
from antiphon.desk.history import move, tell
from antiphon.desk.log import HOUR_CLOSED, RETIRED, SIZE, keep_number, number, tree_root
from antiphon.desk.settle import keep_outcome, settle_interrupted
from antiphon.errors import AnchorLost, MalformedInput
from antiphon.ledger import entry as ledger
from antiphon.ledger.allowance import Armed, Side
from antiphon.ledger.entry import Entry, parse_entry
from antiphon.ledger.folder import read_entries
from antiphon.ledger.kept import Spent
from antiphon.optout.approval import Approval, OperatorKey
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case, Event, Facts, State
from antiphon.ports import Setting, Transaction
from antiphon.terms import Digest, Instant, show_instant

RETIRED_WHY = "retired.why"
View = dict[str, object]


def state(tx: Transaction, desk: Desk) -> View:
    """What the anchor knows and what this home has; and, where they do not agree, why and what to do."""
    log = desk.log
    try:
        known = log.held()
        holds = known.size if known else None
    except AnchorLost:
        holds = None
    why, at = tx.get(Setting, RETIRED_WHY), number(tx, RETIRED)
    return {
        "agrees": log.agrees,
        "why_not": "" if log.agrees else log.lost.what,
        "advice": "" if log.agrees else log.lost.advice,
        "anchor_size": holds,
        "ledger_size": number(tx, SIZE),
        "retired_until": show_instant(Instant(at)) if at else None,
        "retired_why": why.value.decode() if why else "",
    }


async def retire(desk: Desk, *, why: str) -> View:
    """The anchor is gone for good: every sighting of mail that came, or was reported, until now can never pay any
    more, the node observes again, and a new anchor begins with the ledger as it is.

    Raises AnchorLost where the anchor is not missing; MalformedInput without a reason. What was spent stays spent.
    """
    if not why.strip():
        raise MalformedInput("Retiring needs a reason, for whoever comes later.", advice="Give --why TEXT.")
    if desk.log.held() is not None:
        raise AnchorLost(
            "The anchor is there, so nothing has to be retired." if desk.log.agrees else desk.log.lost.what,
            advice="" if desk.log.agrees else desk.log.lost.advice,
        )
    # First what can be given up without an anchor, then the anchor: a crash between the two leaves it missing.
    unspent = await desk.store.write(lambda tx: _retire(tx, desk, why))
    size = await desk.log.begin()
    await settle_interrupted(desk)
    return {"retired": unspent, "anchor_size": size}


def _retire(tx: Transaction, desk: Desk, why: str) -> int:
    keep_number(tx, RETIRED, max(desk.clock.now(), number(tx, RETIRED)))
    tx.put(Setting(RETIRED_WHY, why.encode()))
    tx.put(Setting(ARMED, bytes([Armed.OBSERVING])))
    return tx.count(Sighting, paid=None, state__ne=SightingState.RETRACTED)


async def catch_up(desk: Desk, read: Callable[[str], bytes], *, why: str) -> View:
    """This home is an older copy: takes the entries that it lacks from a published ledger, all that the anchor knows
    of, then retires what is unspent. `read` gives a file of the published folder.

    The entries are taken only if with them this tree has exactly the root that the anchor holds. What they say is
    heeded as far as they can be understood: purses that they spent are spent; outcomes are kept; keys are added and
    revoked; approvals are used up; a case to which they say more than requests is stopped for good, since they do not
    say to whom. Raises AnchorLost where there is nothing to catch up with, or a case in them is unknown here;
    MalformedInput where the folder does not hold them.
    """
    known, log = desk.log.held(), desk.log
    size = await desk.store.read(lambda tx: number(tx, SIZE))
    if log.agrees or known is None or known.size <= size:
        raise AnchorLost(
            "There is nothing to catch up with." if log.agrees else log.lost.what,
            advice="" if log.agrees else log.lost.advice,
        )
    bodies = read_entries(size, known.size, read)
    entries = [parse_entry(body) for body in bodies]

    def work(tx: Transaction) -> View:
        if number(tx, SIZE) != size:
            raise AnchorLost("The ledger changed meanwhile.", advice="Try again.")
        log.extend(tx, bodies)
        if tree_root(tx, known.size) != known.root:
            raise AnchorLost(
                "The published entries do not lead to what the anchor knows.",
                advice="Take the folder that this home published, whole and as new as the anchor.",
            )
        stopped = _heed(tx, desk, entries, size)
        return {"entries": len(bodies), "retired": _retire(tx, desk, why), "cases_stopped": stopped}

    found = await desk.store.write(work)
    await log.check_anchor()
    await settle_interrupted(desk)
    return found


def _heed(tx: Transaction, desk: Desk, entries: Iterable[Entry], first: int) -> int:
    """Everything that follows from entries which this home did not write itself; returns how many cases it ended."""
    now, cases = desk.clock.now(), {case.tag: case for case in tx.find(Case)}
    waiting = {s.leaf: s for s in tx.find(Sighting, state=SightingState.WAITING)}
    ended: dict[Digest, str] = {}
    for index, entry in enumerate(entries, first):
        if isinstance(entry, ledger.SightingCommitted):
            if mine := waiting.get(entry.leaf):
                tx.put(replace(mine, state=SightingState.COMMITTED, index=index))
        elif isinstance(entry, SETTLED):
            _keep_settled(tx, entry, index, now)
        elif isinstance(entry, ledger.KeyRotated | ledger.OperatorKey | ledger.DeliveriesCommitted):
            _keep_of_node(tx, entry, index)
        elif not isinstance(entry, ledger.Vouched):
            if entry.case not in cases:
                raise AnchorLost(
                    f"Entry {index} is about a case that was opened after this copy was made: whom it asked can not "
                    "be known any more.",
                    advice="Use a newer backup, or begin a new home with `antiphon init`.",
                )
            _keep_act(tx, entry, index, cases[entry.case])
            if not isinstance(entry, ledger.RequestIntended) or entry.purpose is not ledger.Purpose.REQUEST:
                ended.setdefault(entry.case, f"entry {index}, which this copy did not write, is about this case")
    return sum(_end(tx, cases[tag], why, now) for tag, why in ended.items())


SETTLED = (ledger.NoticeSettled, ledger.RequestSettled, ledger.ComplaintSettled)


def _keep_of_node(
    tx: Transaction, entry: ledger.KeyRotated | ledger.OperatorKey | ledger.DeliveriesCommitted, index: int
) -> None:
    if isinstance(entry, ledger.KeyRotated):
        raise AnchorLost("The log's key was changed since this copy.", advice="Use a newer backup.")
    if isinstance(entry, ledger.DeliveriesCommitted):
        keep_number(tx, HOUR_CLOSED, entry.hour)
    else:
        _keep_key(tx, entry, index)


def _keep_key(tx: Transaction, entry: ledger.OperatorKey, index: int) -> None:
    mine = tx.find(OperatorKey, key=entry.key)
    if entry.status is ledger.KeyStatus.REVOKED:
        for key in mine:
            tx.put(replace(key, revoked=True))
    elif not mine:
        tx.add(OperatorKey(index, f"entry {index}", entry.key, entry.day, False))


def _keep_settled(tx: Transaction, entry: ledger.Settled, index: int, now: Instant) -> None:
    attempt = tx.get(Attempt, entry.intent)
    if attempt is not None and attempt.settled is None:
        # The present is later than the true T: every window that starts here ends later, never sooner.
        keep_outcome(tx, attempt, Outcome[entry.outcome.name], index, now=now)


def _keep_act(tx: Transaction, entry: Entry, index: int, case: Case) -> None:
    if isinstance(entry, ledger.ComplaintIntended):
        for key in entry.nullifiers:
            tx.put(Spent(Side.NETWORK, key, index))
        for leaf in entry.leaves:
            for sighting in tx.find(Sighting, case=case.case, index=leaf.index):
                tx.put(replace(sighting, complained=index))
    if isinstance(entry, ledger.NoticeIntended | ledger.RequestIntended):
        for key in entry.nullifiers:
            tx.put(Spent(Side.ORIGINATOR, key, index))
        for leaf in entry.leaves:
            for sighting in tx.find(Sighting, case=case.case, index=leaf.index):
                tx.put(replace(sighting, paid=index))
        approval = tx.get(Approval, entry.approval) if entry.approval is not None else None
        if approval is not None:
            tx.put(replace(approval, used=approval.limit))


def _end(tx: Transaction, case: Case, why: str, now: Instant) -> bool:
    kept = tx.get(Case, case.case)
    if kept is None or kept.state is State.STOPPED:
        return False
    move(tx, kept, Event.STOPPED, Facts(now), why=why)
    tell(tx, case.case, now, who="node", what="stopped for good", why="this home is a restored copy")
    return True
