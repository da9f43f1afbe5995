"""D8: copies of one home before one anchor, real processes, which all want to make the same attempts. One of them may;
whoever comes from a backup, or lost the race, refuses, because the anchor is ahead of it or knows another ledger."""

from __future__ import annotations

import random  # noqa: TID251 - a seeded source: a drill can be had again
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from antiphon.drill.crash import repeated
from antiphon.drill.remains import Remains
from antiphon.settings import print_settings
from antiphon.terms import DAY, HOUR, MINUTE, Instant
from antiphon.world.child import Child
from antiphon.world.demo import START, Demo, audit_of
from antiphon.world.originator import Originator
from antiphon.world.party import TEMPERS, Temper


class Eager(Originator):
    """Deaf, and writes every day: so much that requests follow each other."""

    every = DAY


EAGER = "eager-shop.example"
CAST = (
    Temper("eager", Eager),
    *(temper for temper in TEMPERS if temper.name in ("small-mail", "prompt", "joe-jobber")),
)
FIRST_RACE = 28
"""By this day requests are made, after the notice and its window."""
DAYS_A_RACE = 3
NOT_COPIED = ("control.sock", "socket", "lock")


@dataclass(frozen=True, slots=True)
class CopiesFigures:
    """What the drill ends with. In each of the `races` two copies of one home start at the same instant. `refused`:
    copies that stood still at its end, and, started again beside the other, from the start: the loser, and a backup
    from before. `agreed` beyond the one: copies that went on beside it. `attempts`: made in the races; `held_back`:
    intents that the losers had written down, and whose sockets stayed shut. `twice`: links that were asked again, and
    packets at innocents. `control`: links asked again by copies that do not share their anchor."""

    races: int = 0
    refused: int = 0
    agreed: int = 0
    attempts: int = 0
    held_back: int = 0
    twice: int = 0
    checks: int = 0
    broken: int = 0
    lawful: bool = True
    control: int = 0

    @property
    def holds(self) -> bool:
        """One went on each time, all others refused, nothing twice, the inequality at each check, a lawful ledger; and
        two anchors would have been found out."""
        sound = not self.agreed and not self.twice and not self.broken and self.lawful
        return sound and self.refused == 3 * self.races and min(self.races, self.attempts, self.control) > 0


async def race_copies(
    *,
    races: int,
    seed: int,
    node_command: Sequence[str],
    progress: Callable[[str], None],
    cast: Sequence[Temper] = CAST,
) -> CopiesFigures:
    """One world in which copies of the node race so many times. Raises RuntimeError if a node does not come up."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-"))
    days = FIRST_RACE + DAYS_A_RACE * (races + 1) + 5
    demo = Demo(folder, seed=seed, days=days, node_command=node_command, tempers=cast)
    try:
        await demo.prepare()
        demo.schedule()
        return await _Races(demo, node_command, seed).run(races, progress)
    finally:
        await demo.close()
        shutil.rmtree(folder, ignore_errors=True)


class _Races:
    """One world, its one node, and the copies beside it."""

    def __init__(self, demo: Demo, command: Sequence[str], seed: int) -> None:
        self._demo, self._command, self._chance = demo, command, random.Random(seed)
        self._figures = CopiesFigures()

    async def run(self, races: int, progress: Callable[[str], None]) -> CopiesFigures:
        """Races, then the auditor, then the control."""
        demo = self._demo
        for number in range(races):
            await self._race(FIRST_RACE + number * DAYS_A_RACE)
            told = self._figures
            progress(f"race {told.races} of {races}: {told.refused} refused, {told.attempts} attempts, "
                     f"{told.held_back} held back, "
                     f"broken at {told.broken} of {told.checks} checks")  # fmt: skip
        found = await demo.finish()
        verdict = await audit_of(self._command, demo.folder)
        twice = self._twice() + sum(row["packets"] for row in found["innocents"])
        control = await self._control(FIRST_RACE + races * DAYS_A_RACE)
        return replace(self._figures, lawful=bool(verdict["lawful"]), twice=twice, control=control)

    async def _race(self, day: int) -> None:
        """Two copies from the same instant on; then both again, and a backup from before the race beside them."""
        await self._until_busy(day)
        other, before = self._copied("other"), self._copied("before")
        counted, intents = self._counted(), self._intents(before)
        await self._live([self._demo.child, other], Instant(self._demo.clock.now() + DAY))
        counted = self._counted() - counted
        won = [await agrees(child) for child in (self._demo.child, other)]
        await self._kill([self._demo.child, other])
        if won == [False, True]:
            self._swap(other)
        held_back = self._intents(other) - intents
        self._check()
        await self._live([self._demo.child, other, before], Instant(self._demo.clock.now() + DAY))
        again = [await agrees(child) for child in (self._demo.child, other, before)]
        await self._kill([other, before])
        self._check()
        self._figures = replace(
            self._figures,
            races=self._figures.races + 1,
            attempts=self._figures.attempts + counted,
            held_back=self._figures.held_back + held_back,
            refused=self._figures.refused + won.count(False) + again[1:].count(False),
            agreed=self._figures.agreed + max(0, sum(won) - 1) + sum(again[1:]) + (not again[0]),
        )

    async def _until_busy(self, day: int) -> None:
        """To this day, and on into the hour in which most may be asked; between two attempts the node is killed. On
        the hour itself the copies would part at its entry, before any of them had an intent."""
        clock = self._demo.clock
        await clock.run(Instant(START + day * DAY))
        with Remains(self._demo.child.home) as remains:
            hours = Counter(end // HOUR + 1 for end in remains.holds(EAGER, clock.now()) if end < clock.now() + DAY)
        busy = max(hours, key=lambda hour: (hours[hour], -hour), default=clock.now() // HOUR + 1)
        await clock.run(Instant(busy * HOUR + MINUTE // 2))
        await self._demo.child.kill()

    async def _control(self, day: int) -> int:
        """The same race, each copy with an anchor of its own: what the anchor is for."""
        await self._until_busy(day)
        twice, other = self._twice(), self._copied("apart")
        other.anchor = Path(shutil.copyfile(self._demo.child.anchor, other.folder / "anchor"))
        self._write_settings(other)
        await self._live([self._demo.child, other], Instant(self._demo.clock.now() + DAY))
        await self._kill([other])
        return self._twice() - twice

    async def _live(self, children: Sequence[Child], until: Instant) -> None:
        """Starts those that do not run, while time stands still, and lets it go on."""
        for child in children:
            await child.start()
        await self._demo.clock.run(until)

    async def _kill(self, children: Sequence[Child]) -> None:
        for child in children:
            await child.kill()

    def _copied(self, name: str) -> Child:
        """Another home with what the dead node has left, before the same anchor, behind doors of its own."""
        mine, folder = self._demo.child, self._demo.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        other = Child(folder, self._command)
        other.anchor = mine.anchor
        shutil.copyfile(mine.folder / "providers.toml", folder / "providers.toml")
        shutil.copytree(mine.home, other.home, ignore=shutil.ignore_patterns(*NOT_COPIED))
        self._write_settings(other)
        return other

    def _write_settings(self, child: Child) -> None:
        world = str(self._demo.network.write())
        (child.home / "settings.toml").write_text(print_settings(child.settings(world)))

    def _swap(self, other: Child) -> None:
        """The copy that went on becomes the node, behind the doors that the world knows."""
        mine = self._demo.child
        for source, target in ((mine.home, "lost"), (other.home, mine.home.name), ("lost", other.home)):
            (mine.folder / source).rename(mine.folder / target)
        for child in (mine, other):
            self._write_settings(child)

    def _counted(self) -> int:
        return sum(party.tally.connections for party in self._demo.parties)

    def _intents(self, child: Child) -> int:
        with Remains(child.home) as remains:
            return sum(remains.intents(party.case) for party in self._demo.parties)

    def _twice(self) -> int:
        return sum(repeated(party) for party in self._demo.parties)

    def _check(self) -> None:
        """The inequality for every destination, by the ledger of the copy that goes on."""
        broken = 0
        with Remains(self._demo.child.home) as remains:
            for party in self._demo.parties:
                counted, intents, spent = (
                    party.tally.connections, remains.intents(party.case), remains.spent(party.case)
                )  # fmt: skip
                broken += not counted <= intents <= spent
        checks = self._figures.checks + len(self._demo.parties)
        self._figures = replace(self._figures, checks=checks, broken=self._figures.broken + broken)


async def agrees(child: Child) -> bool:
    """Whether this node says that its ledger and the anchor agree."""
    return bool((await child.remote.call("status"))["anchor_agrees"])
