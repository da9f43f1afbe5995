"""D5, D7: `kill -9` at random instants of a running world. Whenever the node is dead, what the world has counted at its
own sockets is held against what the dead node left on its disk; at the end the auditor is asked, too."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - a seeded source: a drill can be had again
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from antiphon.desk.fade import EVIDENCE_FOR
from antiphon.drill.remains import Remains, known_by
from antiphon.terms import DAY, Instant
from antiphon.world.demo import NODE_NAME, START, Demo, audit_of
from antiphon.world.originator import Mail, Originator
from antiphon.world.party import TEMPERS

CAST = ("deaf", "prompt", "compliant", "small-mail", "joe-jobber")
MOST_WORLDS = 20


@dataclass(frozen=True, slots=True)
class CrashFigures:
    """What the drill ends with; all but `lawful` and `sightings_spent` is counted or known by the world.

    `lost`: mails and reports that the node acknowledged and does not have. `twice`: opt-out links that were asked more
    than once, and packets at innocents. `checks`: (instant, destination) pairs that were looked at; `broken` those
    where more attempts were counted than intents were written down, or more intents than sightings were spent.
    """

    kills: int = 0
    worlds: int = 0
    acknowledged: int = 0
    lost: int = 0
    attempts: int = 0
    sightings_spent: int = 0
    twice: int = 0
    checks: int = 0
    broken: int = 0
    lawful: bool = True

    @property
    def holds(self) -> bool:
        """Nothing lost, nothing twice, the inequality at every check, a lawful ledger; and something to show it by."""
        sound = not self.lost and not self.twice and not self.broken and self.lawful
        return sound and min(self.kills, self.acknowledged, self.attempts, self.checks) > 0


async def kill_drill(
    *,
    kills: int,
    days: int,
    seed: int,
    node_command: Sequence[str],
    progress: Callable[[str], None],
    cast: Sequence[str] = CAST,
) -> CrashFigures:
    """Runs worlds of so many days, one after the other, until the node was killed so often. Raises RuntimeError if it
    can not come up again, or its worlds are over too soon."""
    figures, chance = CrashFigures(), random.Random(seed)
    while figures.kills < kills:
        if figures.worlds == MOST_WORLDS:
            raise RuntimeError(f"{MOST_WORLDS} worlds were over after {figures.kills} kills: let more days pass")
        folder = Path(tempfile.mkdtemp(prefix="antiphon-"))
        tempers = [temper for temper in TEMPERS if temper.name in cast]
        demo = Demo(folder, seed=seed + figures.worlds, days=days, node_command=node_command, tempers=tempers)
        try:
            figures = await _World(demo, kills, chance, progress).pass_through(figures, node_command)
        finally:
            await demo.close()
            shutil.rmtree(folder, ignore_errors=True)
    return figures


class _World:
    """One world in which the node is killed again and again."""

    def __init__(self, demo: Demo, kills: int, chance: random.Random, progress: Callable[[str], None]) -> None:
        self._demo, self._kills, self._chance, self._progress = demo, kills, chance, progress
        self._before = self.checks = self.broken = 0
        self._known: dict[int, tuple[str, tuple[bytes, ...]]] = {}
        self.lost: set[int] = set()

    async def pass_through(self, so_far: CrashFigures, command: Sequence[str]) -> CrashFigures:
        """Lets its days pass; returns the figures so far with those of this world added."""
        demo, self._before = self._demo, so_far.kills
        demo.stage.keeps_mail = True
        await demo.prepare()
        demo.schedule()
        killer = asyncio.ensure_future(self._kill())
        passing = asyncio.ensure_future(self._days())
        await asyncio.wait({passing, killer}, return_when=asyncio.FIRST_COMPLETED)
        if killer.done():
            killer.result()
        await passing
        killer.cancel()
        await asyncio.wait({killer})
        found = await demo.finish()
        verdict = await audit_of(command, demo.folder)
        demo.clock.release(NODE_NAME)
        await demo.child.stop()
        with Remains(demo.child.home) as remains:
            self._check(remains, settled_for=0)
            lost = sum(not remains.has_report(*self._names(m)) for party in demo.parties for m in party.reported)
            spent = sum(remains.spent(party.case) for party in demo.parties)
        innocent = sum(row["packets"] for row in found["innocents"])
        return replace(
            so_far,
            kills=so_far.kills + demo.kills,
            worlds=so_far.worlds + 1,
            acknowledged=so_far.acknowledged + demo.post.acknowledged,
            lost=so_far.lost + lost + len(self.lost),
            attempts=so_far.attempts + sum(party.tally.connections for party in demo.parties),
            sightings_spent=so_far.sightings_spent + spent,
            twice=so_far.twice + innocent + sum(repeated(party) for party in demo.parties),
            checks=so_far.checks + self.checks,
            broken=so_far.broken + self.broken,
            lawful=so_far.lawful and bool(verdict["lawful"]),
        )

    async def _days(self) -> None:
        for day in range(self._demo.days):
            await self._demo.clock.run(Instant(START + (day + 1) * DAY))

    async def _kill(self) -> None:
        """Kills until it is enough; then only watches that the node does not end by itself."""
        demo = self._demo
        while (done := self._before + demo.kills) < self._kills:
            await asyncio.sleep(0.02 + self._chance.random() * 0.5)
            await demo.child.kill()
            with Remains(demo.child.home) as remains:
                self._check(remains)
            await demo.child.start()
            self._progress(f"killed {done + 1} of {self._kills}; broken at {self.broken} of {self.checks} checks")
        await demo.child.fails()

    def _check(self, remains: Remains, *, settled_for: int = DAY) -> None:
        """The inequality for every destination, while the node is dead and nothing moves; and every delivery, from a
        day after it was acknowledged, when it can no longer lie in the spool, until it may fade."""
        for party in self._demo.parties:
            counted, intents, spent = party.tally.connections, remains.intents(party.case), remains.spent(party.case)
            self.checks += 1
            self.broken += not counted <= intents <= spent
        now = self._demo.clock.now()
        for mail in taken(self._demo.parties):
            age = now - (mail.received_at or now)
            if settled_for <= age < EVIDENCE_FOR and not remains.has_delivery(*self._names(mail)):
                self.lost.add(id(mail))

    def _names(self, mail: Mail) -> tuple[str, tuple[bytes, ...]]:
        """To whom a mail went, and by which identities it is known."""
        if id(mail) not in self._known:
            self._known[id(mail)] = mail.member, known_by(mail.raw)
        return self._known[id(mail)]


def repeated(party: Originator) -> int:
    """How often an opt-out link was asked again: each belongs to one mail, and a mail pays once."""
    return sum(times - 1 for times in party.asked.values())


def taken(parties: Sequence[Originator]) -> list[Mail]:
    """All mails whose delivery the node has acknowledged."""
    return [mail for party in parties for mail in party.mails if mail.received_at is not None]
