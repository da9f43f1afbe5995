"""Where a node may die: every durable step ticks, and after a drawn number of ticks something happens there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from antiphon.errors import AnchorLost
from antiphon.ports import CABINETS, Exchange, Store, Transaction

T = TypeVar("T")


class Crash(BaseException):
    """The process is gone; what was durable stays. Not an Exception: nothing may swallow it."""


STEPS = ("commit", "committed", "anchor", "anchored", "socket", "sent", "shelf")
"""Before and after each thing that lasts, in the order of an attempt; then the public folder."""


class Fuse:
    """Counts ticks; at the last one it crashes, or does what it was given."""

    def __init__(self) -> None:
        self._left = 0
        self._step = ""
        self._deed: Callable[[], None] | None = None

    def set(self, ticks: int, step: str = "", deed: Callable[[], None] | None = None) -> None:
        """Burns down in so many ticks of this step, or of any; without a deed it is a crash. 0 puts it out."""
        self._left, self._step, self._deed = ticks, step, deed

    def tick(self, step: str) -> None:
        """One step that matters to a crash."""
        if self._left and self._step in ("", step):
            self._left -= 1
            if not self._left:
                if self._deed is None:
                    raise Crash
                self._deed()


class BrittleStore:
    """A store whose process may die before a commit, and after one."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store, self._fuse = store, fuse

    async def write(self, work: Callable[[Transaction], T]) -> T:
        def brittle(tx: Transaction) -> T:
            done = work(tx)
            self._fuse.tick("commit")
            return done

        done = await self._store.write(brittle)
        self._fuse.tick("committed")
        return done

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._store.read(work)

    async def backup(self, path: str) -> None:
        await self._store.backup(path)

    async def close(self) -> None:
        await self._store.close()


class Disk:
    """Anchor, spool and shelf that outlive the process; each step of them ticks. `sizes` are those that the anchor
    held, one after the other."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.held: bytes | None = None
        self.sizes: list[int] = []
        self.records: dict[int, bytes] = {}
        self.files: dict[str, bytes] = {}

    def read(self) -> bytes | None:
        return self.held

    def write(self, checkpoint: bytes, *, instead_of: bytes | None) -> None:
        self.fuse.tick("anchor")
        if self.held != instead_of:
            raise AnchorLost("Somebody else wrote to the anchor.")
        self.held = checkpoint
        self.sizes.append(int(checkpoint.split(b"\n")[1]))
        self.fuse.tick("anchored")

    async def append(self, record: bytes) -> int:
        number = max(self.records, default=-1) + 1
        self.records[number] = record
        return number

    def waiting(self) -> list[tuple[int, bytes]]:
        return list(self.records.items())

    def done(self, number: int) -> None:
        self.fuse.tick("spool")
        del self.records[number]

    async def turn(self) -> None:
        self.fuse.tick("spool")

    def put(self, path: str, data: bytes) -> None:
        self.fuse.tick("shelf")
        self.files[path] = data

    def drop(self, path: str) -> None:
        self.fuse.tick("shelf")
        self.files.pop(path, None)


def answered(outcome: str, retry: int | None, took: float) -> Exchange:
    """What a socket saw."""
    status = {"accepted": "200", "refused": "403", "too-many": "429", "redirected": "302"}.get(outcome, "")
    return Exchange(outcome, status, retry, 2_000, 3_500, "", True, took)


async def copy_records(source: Store, target: Store) -> None:
    """All records of one store in another, whatever keeps them."""
    for cabinet in CABINETS:
        records = await source.read(lambda tx, kind=cabinet.kind: tx.find(kind))  # type: ignore[misc]  # bound now
        await target.write(lambda tx, found=records: [tx.put(record) for record in found])  # type: ignore[misc]  # as above
