"""The operator's bell: what is counted, when it rings, the week's digest by mail, and a way to try it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from antiphon.desk.desk import Desk
from antiphon.desk.log import keep_number, number
from antiphon.desk.ring import Said, body_of, is_own, ring, ring_once, said_of, ways_of
from antiphon.errors import Unreachable
from antiphon.optout.destination import Halt
from antiphon.ports import Transaction
from antiphon.terms import ledger_day
from antiphon.web.digest import digest, told
from antiphon.web.views import needs

WEEK = "ring.week"
MONDAY = 3
"""Ledger days begin on a Thursday: days from the Monday before."""
COLUMNS = 76
View = dict[str, object]


def occasions(tx: Transaction, desk: Desk) -> dict[str, int]:
    """What needs a person, counted by the words of `SENTENCES`."""
    found = Counter(str(need["kind"]) for need in needs(tx, desk.clock.now()))
    found["halt"] = tx.count(Halt, by="node")
    found["anchor"] = int(not desk.log.agrees)
    found["keys"] = int(bool(desk.vault.away))
    return {word: count for word, count in found.items() if count}


class Bell:
    """For one node."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def keep_up(self) -> None:
        """Rings where there is more than was told, and sends the digest of a week that is over."""
        desk = self._desk
        if desk.house.on_call.url or desk.house.on_call.mail:
            await ring(desk, await desk.store.read(lambda tx: occasions(tx, desk)))
            await self._weekly()

    async def _weekly(self) -> None:
        desk, week = self._desk, (ledger_day(self._desk.clock.now()) + MONDAY) // 7
        on_call = desk.house.on_call
        if not on_call.weekly or desk.stopped() or not is_own(desk, on_call.mail.rpartition("@")[2]):
            return
        last = await desk.store.read(lambda tx: number(tx, WEEK))
        if last == week:
            return
        # Written down first: a digest that is lost on the way is not sent twice. The first week is not a whole one.
        await desk.store.write(lambda tx: keep_number(tx, WEEK, week))
        if not last:
            return
        text = told(await desk.store.read(lambda tx: digest(tx, desk, 7)), COLUMNS)
        try:
            await ring_once(desk, Said("digest", f"{desk.house.name}: the week", text, {}), ("mail",))
        except Unreachable:
            await desk.store.write(lambda tx: keep_number(tx, WEEK, last))


def verbs(desk: Desk) -> dict[str, Callable[[View], Awaitable[object]]]:
    """By name."""

    async def show(_: Mapping[str, Any]) -> object:
        counts, ways = await desk.store.read(lambda tx: (occasions(tx, desk), ways_of(tx, desk)))
        said = said_of(desk, counts)
        return {
            "ways": [{"kind": way.kind, "where": way.where, "against": way.against} for way in ways],
            "counts": said.counts,
            "title": said.title,
            "body": body_of(desk, said)[0].decode(),
        }

    async def test(_: Mapping[str, Any]) -> object:
        said = said_of(desk, await desk.store.read(lambda tx: occasions(tx, desk)), "test")
        found = await ring_once(desk, said)
        told_to = [{"kind": way.kind, "where": way.where, "taken": not why, "why_not": why} for way, why in found]
        return {"ways": told_to, "title": said.title, "body": body_of(desk, said)[0].decode()}

    return {"notify-show": show, "notify-test": test}
