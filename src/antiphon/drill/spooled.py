"""D5, D6: a fault at every k-th call of the spool's files; then it is opened again, and what it gives out is held
against what it had acknowledged."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - a seeded source: a drill can be had again
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from antiphon.backends.spool import Files, FileSpool
from antiphon.drill.disk import Fault, Machine
from antiphon.drill.faults import added, calls
from antiphon.drill.files import FailingFiles
from antiphon.errors import StorageFailed

SEGMENT_BYTES = 2_000
"""Small, so that segments roll and are swept away among the faults."""
ALONE, TOGETHER = 4, 5
RECEIVED = (6, 6, 100)
"""How many records are worked off in each of three lives: some, some, all; then the segment is turned."""


@dataclass(frozen=True, slots=True)
class SpoolFigures:
    """What the drill ends with. `lost`: acknowledged, not received, and neither given out again nor found damaged.
    `wrong`: given out and never written like that. `reused`: numbers that were given twice. `flipped` bits in stored
    records, `unfound` those that nobody noticed. `control`: what a disk that lies about syncing lost."""

    runs: int = 0
    acknowledged: int = 0
    lost: int = 0
    wrong: int = 0
    reused: int = 0
    flipped: int = 0
    unfound: int = 0
    control: int = 0

    @property
    def holds(self) -> bool:
        """Nothing lost, wrong or reused, every flipped bit found, and the lying disk found out."""
        sound = not (self.lost or self.wrong or self.reused or self.unfound)
        return sound and min(self.runs, self.acknowledged, self.flipped, self.control) > 0


async def spool_faults(progress: Callable[[str], None], *, every: int = 1, seed: int = 0) -> SpoolFigures:
    """Fails every `every`-th call in every way, in a temporary folder; the same seed gives the same figures."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-"))
    figures = SpoolFigures()
    try:
        for fault in Fault:
            for fail_at in calls(seed, every):
                machine = Machine(fault, fail_at=fail_at, seed=seed + fail_at)
                found = await _Run(folder / f"{fault}-{fail_at}", machine).figures()
                if not machine.hit:
                    break
                if fault is Fault.LIES:
                    found = SpoolFigures(control=found.lost)
                figures = added(figures, found)
            progress(f"{fault}: {figures.runs} runs, {figures.acknowledged} records acknowledged, {figures.lost} lost")
        return figures
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def payload(number: int) -> bytes:
    """What is written, the n-th time: of every size about a sector's."""
    return b"record %d " % number + bytes([number % 251]) * (173 * number % 1_400)


class _Run:
    """A day of a spool on a failing disk, and what its successor gives out."""

    def __init__(self, home: Path, machine: Machine) -> None:
        home.mkdir()
        self._folder, self._machine = home / "spool", machine
        self._chance = random.Random(machine.fail_at)
        self._written: list[bytes] = []
        self._acknowledged: dict[int, bytes] = {}
        self._received: set[int] = set()
        self._reused = 0

    async def figures(self) -> SpoolFigures:
        """Lives, dies, is looked at; then goes on, dies again, and is looked at once more."""
        files = FailingFiles(self._machine)
        await self._live(files)
        files.hang_up()
        flipped = 0
        if self._machine.fault is Fault.FLIP:
            flipped = self._flip()
        elif self._machine.off or self._machine.calls % 2:
            self._machine.power_off()
        found = self._judge(flipped)
        if not found.lost:
            await self._go_on()
            found = replace(added(found, self._judge(0)), runs=1, flipped=flipped, unfound=found.unfound)
        shutil.rmtree(self._folder, ignore_errors=True)
        return replace(found, acknowledged=len(self._acknowledged), reused=self._reused)

    async def _live(self, files: Files) -> None:
        for received in RECEIVED:
            with suppress(StorageFailed):
                spool = FileSpool(self._folder, files, segment_bytes=SEGMENT_BYTES)
                for _ in range(ALONE):
                    await self._append(spool)
                await asyncio.gather(*(self._append(spool) for _ in range(TOGETHER)))
                for number, _ in list(spool.waiting())[:received]:
                    self._received.add(number)
                    spool.done(number)
                await spool.turn()
                await self._append(spool)

    async def _append(self, spool: FileSpool) -> None:
        data = payload(len(self._written))
        self._written.append(data)
        with suppress(StorageFailed):
            number = await spool.append(data)
            self._reused += number in self._acknowledged
            self._acknowledged[number] = data

    async def _go_on(self) -> None:
        """A sound disk now: opening, appending, and opening again loses nothing either."""
        spool = FileSpool(self._folder, segment_bytes=SEGMENT_BYTES)
        for _ in range(ALONE):
            await self._append(spool)
        spool.close()

    def _flip(self) -> int:
        """Another bit in a place of the stored records; 0 where nothing is stored."""
        stored = [path for path in sorted(self._folder.glob("*.seg")) if path.stat().st_size]
        if not stored:
            return 0
        path = self._chance.choice(stored)
        data = bytearray(path.read_bytes())
        data[self._chance.randrange(len(data))] ^= 1 << self._chance.randrange(8)
        path.write_bytes(data)
        return 1

    def _judge(self, flipped: int) -> SpoolFigures:
        spool = FileSpool(self._folder, segment_bytes=SEGMENT_BYTES)
        found = dict(spool.waiting())
        gone = {n for n, data in self._acknowledged.items() if n not in self._received and found.get(n) != data}
        spool.close()
        lost = len(gone)
        if flipped and spool.damaged:  # found: kept apart for a person, and never given out
            lost, self._received = max(0, lost - spool.damaged), self._received | gone
        return SpoolFigures(
            runs=1,
            lost=lost,
            wrong=sum(data not in self._written for data in found.values()),
            flipped=flipped,
            unfound=flipped if not spool.damaged else 0,
        )
