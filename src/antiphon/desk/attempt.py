"""One attempt: whether it is lawful now or later, and then permit, socket, outcome, in that order."""

from __future__ import annotations

from antiphon.desk.desk import Desk, armed
from antiphon.desk.mint import mint
from antiphon.desk.question import Wish, ask, ask_with, budgets, mail_opens_at, tells_from
from antiphon.desk.settle import settle
from antiphon.desk.standing import is_barred
from antiphon.errors import RefusedByLaw
from antiphon.ledger.allowance import ASKING, Armed, Permit, judge
from antiphon.ledger.entry import ChannelKind
from antiphon.optout.case import Case
from antiphon.ports import Exchange, Letter, Transaction
from antiphon.terms import Instant

PASSING = frozenset({"pace", "mail-spaced"})
"""Rules that nothing but time has to satisfy."""
STOPPED = Exchange("failed", "stopped by a person", None, 0, 0, "STOP", False)


async def opens_at(desk: Desk, wish: Wish) -> Instant | None:
    """When this becomes lawful by itself, None where it is lawful now. Raises RefusedByLaw where more than time stands
    against it."""

    def work_out(tx: Transaction) -> Instant | None:
        now = desk.clock.now()
        # A quorum is what costs most to count: it is counted where nothing else stands against the wish.
        failed = judge(ask_with(tx, desk, wish, now, quorum=True)) or judge(ask(tx, desk, wish, now))
        names = tuple(rule.name for rule in failed)
        if not names:
            return None
        if not PASSING.issuperset(names):
            raise RefusedByLaw(failed[0].sentence, names)
        spaced = max(mail_opens_at(tx, wish, now), tells_from(tx, wish))
        return max(spaced, *(budget.opens_at(now) for budget in budgets(tx, wish.to)))

    return await desk.store.read(work_out)


async def attempt(desk: Desk, wish: Wish, letter: bytes) -> int:
    """Spends, then opens the one socket and keeps what it saw; returns the intent. Raises RefusedByLaw or AlreadyTaken,
    and then nothing was spent and nothing left."""
    permit = await mint(desk, wish)
    # From here on everything is spent. STOP and the blocklist are looked at once more: a person may have come between.
    barred = await desk.store.read(lambda tx: _is_barred(tx, wish, desk.clock.now()))
    exchange = STOPPED if desk.stopped() or barred else await _send(desk, wish, permit, letter)
    await settle(desk, permit.intent, exchange)
    return permit.intent


def _is_barred(tx: Transaction, wish: Wish, now: Instant) -> bool:
    """Whether a person has put the originator that would be asked on the blocklist."""
    case = tx.get(Case, wish.case)
    return wish.act in ASKING and (case is None or is_barred(tx, case.originator, now))


async def _send(desk: Desk, wish: Wish, permit: Permit, message: bytes) -> Exchange:
    permit.open_once(desk.log.anchored)
    to = wish.to
    if to.kind is ChannelKind.ONE_CLICK:
        position = f"{permit.intent}{await _rules(desk)}"
        return await desk.one_click.post(permit, to.target, to.address, position=position)
    letter = Letter(f"bounce+{to.token}@{desk.house.domain}", to.target, to.exchanger, to.address, message)
    return await desk.postman.send(permit, letter)


async def _rules(desk: Desk) -> str:
    """Where our rules are read, as a comment for the User-Agent (RFC 9110 §10.1.5); from the community level on."""
    url = desk.house.public_url
    said = url.isascii() and url.isprintable() and not {*url} & {*" ()"}
    return f" (+{url})" if url and said and await desk.store.read(armed) is Armed.COMMUNITY else ""
