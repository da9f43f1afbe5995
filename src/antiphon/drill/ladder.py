"""The ladder, climbed once on a sound disk: every life of the desk drill begins where a notice was left unheeded, one
member's own opt-out was accepted, and a person has approved requests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from antiphon.backends.sqlite import migrate, shipped
from antiphon.desk import approve, arm
from antiphon.desk.desk import Desk
from antiphon.desk.enrol import add_member
from antiphon.desk.log import HOUR_CLOSED, keep_number
from antiphon.desk.pair import decide
from antiphon.drill.disk import Fault, Machine
from antiphon.drill.life import Piece, desk_on, hand_in, pass_time
from antiphon.drill.street import DEAF, LOG, MEMBERS, OPERATOR, OPERATOR_KEY, PROMPT, SHOPS, Folder, Street
from antiphon.formats.note import sign
from antiphon.ledger.allowance import Armed
from antiphon.ledger.entry import KeyRotated
from antiphon.optout.approval import Scope
from antiphon.optout.case import Case, State
from antiphon.optout.destination import Pair, PairState
from antiphon.optout.known import KnownOriginator
from antiphon.ports import Transaction
from antiphon.terms import DAY, HOUR, MINUTE, Instant, ledger_day, to_instant

START = to_instant(datetime(2027, 1, 4, 6, tzinfo=UTC))


async def climbed(home: Path) -> Street:
    """Makes a home in this empty folder and lets it climb. Raises RuntimeError where it does not get there."""
    migrate(str(home / "antiphon.db"), shipped(), home / "snapshots")
    street, sound = Street(START, START), Machine(Fault.ERROR, fail_at=0, seed=0)
    async with desk_on(street, home, sound, seed="ladder", new=True) as desk:
        shelf = Folder()
        operator = await _begin(desk, street)
        await pass_time(desk, street, shelf, 8 * DAY)
        await _week(desk, street, DEAF, MEMBERS)
        await _week(desk, street, PROMPT, MEMBERS[:3])
        await pass_time(desk, street, shelf, 4 * DAY)
        await _allow_pairs(desk)
        await _approve(desk, operator, Scope.NOTICE)
        for span in (HOUR, HOUR, 4 * DAY, 17 * DAY):
            await pass_time(desk, street, shelf, span)
            await _allow_pairs(desk)
        await _week(desk, street, DEAF, MEMBERS)
        await _approve(desk, operator, Scope.STANDING, limit=100, days=30)
        await pass_time(desk, street, shelf, 4 * DAY)
        state = (await _case(desk)).state
        if state is not State.REQUESTING or not all(street.attempts(shop) > 1 for shop in SHOPS):
            raise RuntimeError(f"the ladder ends at {state}, with {street.posts} and {street.mails}")
    return street


async def _begin(desk: Desk, street: Street) -> int:
    """The first two entries, members, what is known of the originators, armed; returns the operator's key entry."""

    def first(tx: Transaction) -> None:
        keep_number(tx, HOUR_CLOSED, START // HOUR - 1)
        key = KeyRotated(day=ledger_day(START), key=LOG.verifier.public, community=desk.house.community)
        desk.log.append(tx, key, START)
        for shop in SHOPS:
            seen, age = Instant(START - 400 * DAY), Instant(START - 3000 * DAY)
            tx.put(KnownOriginator(shop, shop, "", seen, age, None, None, ""))

    desk.log.found()
    await desk.store.write(first)
    prepared = await approve.prepare_operator(desk, "ada", OPERATOR_KEY, by=None)
    operator = await approve.submit_operator(desk, prepared, {}, own=sign(OPERATOR, prepared.sign))
    await desk.log.anchor()
    for member in MEMBERS:
        await add_member(desk, member, consents="count,token,optout", only=PROMPT)
    await arm.arm(desk, Armed.COMMUNITY)
    return operator


async def _week(desk: Desk, street: Street, shop: str, members: tuple[str, ...]) -> None:
    await hand_in(desk, street, [Piece(shop, member, street.newsletter(shop, member)) for member in members])
    await pass_time(desk, street, Folder(), MINUTE)


async def _allow_pairs(desk: Desk) -> None:
    for pair in await desk.store.read(lambda tx: tx.find(Pair, state=PairState.HELD)):
        await decide(desk, pair.pair, allow=True, who="ada", why="its holder is who it says")


async def _case(desk: Desk) -> Case:
    (case,) = await desk.store.read(lambda tx: tx.find(Case, originator=DEAF))
    return case


async def _approve(desk: Desk, operator: int, scope: Scope, *, limit: int = 0, days: int = 0) -> None:
    case = await _case(desk)
    prepared = await approve.prepare_approval(desk, case.case, scope, by=(operator,), limit=limit, days=days)
    await approve.submit_approval(desk, prepared, {operator: sign(OPERATOR, prepared.sign)})
