"""D6: a fault at every k-th write, sync, cut and deletion of the store; then the database is opened again and asked.

What `write` acknowledged is there; what it did not is wholly there or wholly absent, in the order of the writes.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from antiphon.backends.sqlite import SqliteStore, migrate, restore_check, schema_sql
from antiphon.drill.disk import HONEST, Disk, Fault, Machine
from antiphon.errors import AntiphonError, HomeUnusable, StorageFailed
from antiphon.ports import Cabinet, Transaction

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

F = TypeVar("F", bound="DataclassInstance")
PARTS = 3
WRITES = 24
TOGETHER = 3
CHECKPOINT_PAGES = 12
"""Small, so that checkpoints are among what the faults meet."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the rows that a write changes together."""

    number: int
    part: int
    mark: str
    body: bytes


CABINETS = (Cabinet(Part, "part", ("number", "part"), (("mark",),), (("part",),)),)


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """What the drill ends with. `lost`: acknowledged and gone. `torn`: writes that are there in part, though undone,
    or without those before them. `damaged`: files that do not open or do not hold together. `control`: what a disk
    that lies about syncing lost."""

    runs: int = 0
    acknowledged: int = 0
    lost: int = 0
    torn: int = 0
    damaged: int = 0
    control: int = 0

    @property
    def holds(self) -> bool:
        """Nothing lost or torn on an honest disk, and the lying one was found out."""
        return self.runs > 0 and not self.lost and not self.torn and not self.damaged and self.control > 0


async def store_faults(progress: Callable[[str], None], *, every: int = 1, seed: int = 0) -> StoreFigures:
    """Fails every `every`-th call in every way, in a temporary folder; the same seed gives the same figures."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-"))
    figures = StoreFigures()
    try:
        fresh = folder / "fresh.db"
        migrate(str(fresh), [schema_sql(CABINETS)], folder)
        for fault in (*HONEST, Fault.LIES):
            for fail_at in calls(seed, every):
                machine = Machine(fault, fail_at=fail_at, seed=seed + fail_at)
                found = await _Run(folder, fresh, Disk(f"drill-{fault}-{fail_at}", machine)).figures()
                if not machine.hit:
                    break
                if fault is Fault.LIES:
                    found = StoreFigures(control=found.lost + found.torn + found.damaged)
                figures = added(figures, found)
            progress(f"{fault}: {figures.runs} runs, {figures.acknowledged} writes acknowledged, {figures.lost} lost")
        return figures
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def calls(seed: int, every: int) -> Iterator[int]:
    """Every so manieth call, beginning where the seed says."""
    return count(seed % every + 1, every)


def added(one: F, other: F) -> F:
    """Figures of one kind, each the sum of both."""
    names = [field.name for field in fields(one)]
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in names})


class _Run:
    """One life of a store on a failing disk, and what its successor finds."""

    def __init__(self, folder: Path, fresh: Path, disk: Disk) -> None:
        self.disk, self._machine = disk, disk.machine
        self._path = str(folder / f"{disk.name}.db")
        self._acknowledged: set[int] = set()
        shutil.copyfile(fresh, self._path)

    async def figures(self) -> StoreFigures:
        """Lives, dies, and is looked at."""
        try:
            await self._live()
        except (HomeUnusable, StorageFailed):
            pass
        finally:
            self.disk.unregister()
        # A process that failed is started again on a machine that stayed on, or did not.
        if self._machine.off or self._machine.calls % 2:
            self._machine.power_off()
        try:
            found = await self._find()
        except AntiphonError:
            return StoreFigures(runs=1, acknowledged=len(self._acknowledged), damaged=1)
        finally:
            self._clear()
        return self._judge(found)

    async def _live(self) -> None:
        store = SqliteStore(self._path, CABINETS, vfs=self.disk.name)
        store.checkpoint_pages = CHECKPOINT_PAGES
        try:
            for first in range(0, WRITES, TOGETHER):
                await asyncio.gather(*(self._write(store, number) for number in range(first, first + TOGETHER)))
        finally:
            await store.close()

    async def _write(self, store: SqliteStore, number: int) -> None:
        def work(transaction: Transaction) -> None:
            for part in range(PARTS):
                transaction.add(Part(number, part, f"{number}/{part}", bytes([number]) * (700 * (number % 7) + 50)))
            if _undone(number):
                raise LookupError(number)

        try:
            await store.write(work)
            self._acknowledged.add(number)
        except LookupError:
            pass

    async def _find(self) -> list[int]:
        """How many parts there are of each write; the store works again, and the file holds together."""
        async with SqliteStore(self._path, CABINETS) as store:
            found = await store.read(lambda t: [t.count(Part, number=number) for number in range(WRITES)])
            await store.write(lambda t: t.put(Part(WRITES, 0, "after", b"")))
        restore_check(self._path, CABINETS)
        return found

    def _clear(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(self._path + suffix).unlink(missing_ok=True)

    def _judge(self, found: list[int]) -> StoreFigures:
        whole = [number for number in range(WRITES) if found[number] == PARTS]
        partly = [number for number in range(WRITES) if found[number] not in (0, PARTS)]
        expected = [number for number in range(WRITES) if not _undone(number)]
        torn = len(partly) + (whole != expected[: len(whole)])
        lost = len(self._acknowledged - set(whole))
        return StoreFigures(runs=1, acknowledged=len(self._acknowledged), lost=lost, torn=torn)


def _undone(number: int) -> bool:
    """Every fifth write raises after its changes, so that it must never be there."""
    return number % 5 == 4
