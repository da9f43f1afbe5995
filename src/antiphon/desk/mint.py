"""From a wish to a permit: judgement, spend and intent in one transaction, then the anchor."""

from __future__ import annotations

from dataclasses import replace

from antiphon.campaign.sighting import Sighting
from antiphon.desk.coin import asked_of, existing
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, move, tell
from antiphon.desk.intent import intent_of
from antiphon.desk.question import Wish, ask, budgets
from antiphon.desk.told import note_told
from antiphon.ledger.allowance import OWN, Act, Permit, Side, spend
from antiphon.ledger.kept import Spent
from antiphon.optout.approval import Approval
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import QUORUM, Case, Event, Facts
from antiphon.ports import Transaction
from antiphon.terms import Digest, Identifier, Instant


class _Till:
    """The purses and the ledger of one transaction, as `spend` needs them. The intent is made when the law has nothing
    against it: what is too old to pay may not even open any more."""

    def __init__(self, tx: Transaction, desk: Desk, wish: Wish, now: Instant) -> None:
        self._tx, self._desk, self._wish, self._now = tx, desk, wish, now
        self.nullifiers: tuple[Digest, ...] = ()

    def take(self, side: Side, key: Digest, intent: int) -> None:
        self._tx.add(Spent(side.value, key, intent))

    def append(self) -> int:
        intent = intent_of(self._tx, self._desk, self._wish, self._now)
        self.nullifiers = intent.nullifiers
        return self._desk.log.append(self._tx, intent, self._now)


async def mint(desk: Desk, wish: Wish) -> Permit:
    """Judges and spends in one transaction, then waits until the anchor holds the intent.

    Raises RefusedByLaw with every rule that failed, or AlreadyTaken when somebody else spent first; then nothing has
    changed. When this returns, the attempt is spent whatever happens next: a crash here loses it, which is lawful; a
    crash after the socket opened without this order would not be.
    """

    def work(tx: Transaction) -> Permit:
        now = desk.clock.now()
        desk.log.close_hours(tx, now)
        till = _Till(tx, desk, wish, now)
        permit = spend(ask(tx, desk, wish, now), till)
        _use_up(tx, wish, permit, now)
        case = existing(tx.get(Case, wish.case))
        tx.add(_attempt(desk, case, wish, permit, now=now))
        _note_who_waits(tx, case, wish, permit, now=now)
        if wish.telling is not None:
            note_told(tx, wish, wish.telling, permit.intent, nullifiers=till.nullifiers, now=now)
        tell(tx, case.case, now, who="node", what=wish.act.value, why=f"entry {permit.intent} to {wish.to.host}")
        look_by(tx, case.case, now)
        return permit

    permit = await desk.store.write(work)
    await desk.log.anchor()
    return permit


def _use_up(tx: Transaction, wish: Wish, permit: Permit, now: Instant) -> None:
    """Sightings, pace and approval, in the transaction of the intent."""
    for report in wish.reports:
        sighting = existing(tx.get(Sighting, report))
        network = wish.act is Act.COMPLAINT
        tx.put(replace(sighting, complained=permit.intent) if network else replace(sighting, paid=permit.intent))
    for budget in budgets(tx, wish.to):
        tx.put(budget.spent(now))
    if wish.approval is not None:
        approval = existing(tx.get(Approval, wish.approval))
        tx.put(replace(approval, used=approval.used + 1))


def _note_who_waits(tx: Transaction, case: Case, wish: Wish, permit: Permit, *, now: Instant) -> None:
    """Nothing else is asked for these members until this is settled; and how far the case went."""
    if wish.act in OWN:
        asked = asked_of(tx, wish.members[0], case.originator)
        tx.put(replace(asked, tries=asked.tries + 1, last_try_at=now, unsettled=permit.intent))
    if wish.act is Act.NOTICE:
        for member in wish.members:
            tx.put(replace(asked_of(tx, member, case.originator), unsettled=permit.intent))
        # The quorum was judged with this very permit; by now its own payers are spent.
        case = move(tx, case, Event.NOTICE_LEFT, Facts(now, independent=QUORUM), why="the notice leaves")
        tx.put(replace(case, notice_tries=case.notice_tries + 1, notice_intent=permit.intent))


def _attempt(desk: Desk, case: Case, wish: Wish, permit: Permit, *, now: Instant) -> Attempt:
    to = wish.to
    return Attempt(
        intent=permit.intent,
        act=wish.act.value,
        case=case.case,
        originator=case.originator,
        members=",".join(Identifier(member).hex() for member in wish.members),
        channel=wish.channel,
        host=to.host,
        organisation=to.organisation,
        prefix=to.prefix,
        reserve=to.reserve,
        at=now,
        window_hours=desk.house.window_for(case.originator),
        outcome=Outcome.OPEN,
        status="",
        bytes_out=0,
        bytes_in=0,
        settles_at=None,
        settled=None,
        token=to.token,
        message=to.message,
    )
