"""A disk that fails at one call, and forgets at power-off what was never synced.

SQLite sees it as a VFS. All it writes goes to real files at once, as into a page cache; beside them the disk keeps
what a machine would find after the power went: the bytes as last synced, and of every later write all, a part or
nothing.
"""

from __future__ import annotations

import random  # noqa: TID251 - a seeded source: a drill can be had again
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    from typing_extensions import Buffer

SECTOR = 512


class Fault(StrEnum):
    """What happens at the chosen call. `LIES` is the control: a disk that never syncs, though it says so."""

    ERROR = "error"
    FULL = "full"
    TORN = "torn"
    POWER = "power"
    LIES = "lies"


@dataclass(slots=True)
class Platter:
    """One file as the disk holds it: `synced`, and what was asked since. A write is (offset, data), a cut is
    (size, None)."""

    synced: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    durable_name: bool = True
    deleted: bool = False

    def sync(self) -> None:
        """All that was asked is on the platter."""
        self.synced, self.pending, self.durable_name = self.image(len), [], True

    def image(self, kept: Callable[[bytes], int]) -> bytes:
        """The bytes when of each write only the first `kept` of its data arrived; -1 drops a cut."""
        held = bytearray(self.synced)
        for at, data in self.pending:
            if data is None:
                if kept(b"") >= 0:
                    del held[at:]
            elif (part := data[: max(0, kept(data))]) != b"":
                held.extend(bytes(max(0, at - len(held))))
                held[at : at + len(part)] = part
        return bytes(held)


class Disk(apsw.VFS):
    """The VFS `name`. Counts writes, syncs, cuts and deletions in `calls`; the `fail_at`-th meets the fault."""

    def __init__(self, name: str, fault: Fault, *, fail_at: int, seed: int) -> None:
        super().__init__(name, "")
        self.name = name
        self.calls = 0
        self.off = False
        self.hit = False
        self._fault, self._fail_at = fault, fail_at
        self._full = False
        self._chance = random.Random(seed)
        self._platters: dict[str, Platter] = {}

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        """A file of SQLite; one without a name lives in memory and is no part of the drill."""
        self._stop_if_off()
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:
            return apsw.VFSFile("", None, flags)
        before = Path(path).read_bytes() if Path(path).exists() else None
        file = _File(self, path, flags)
        if path not in self._platters or self._platters[path].deleted:
            self._platters[path] = Platter(before or b"", durable_name=before is not None)
        return file

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """A deletion that is not synced may come back with the power."""
        self._count()
        super().xDelete(filename, syncdir)
        if filename in self._platters:
            self._platters[filename].deleted = True
            if syncdir:
                del self._platters[filename]

    def write(self, path: str, data: bytes, offset: int) -> int:
        """Notes a write; returns how many bytes of it go into the file. Raises the fault."""
        fault = self._count(growing=True)
        if fault is Fault.TORN:
            data = data[: self._chance.randrange(len(data))]
        self._platters[path].pending.append((offset, data))
        return len(data)

    def cut(self, path: str, size: int) -> None:
        """Notes a truncation. Raises the fault."""
        self._count()
        self._platters[path].pending.append((size, None))

    def sync(self, path: str) -> None:
        """After a failed sync what was written is lost to the platter for good, as on Linux: a second sync would say
        that all is well. SQLite syncs the folder with a file that is new in it, so deletions are durable then too."""
        platter = self._platters[path]
        try:
            self._count()
        except apsw.IOError:
            if not self.off:
                platter.pending.clear()
            raise
        if self._fault is not Fault.LIES:
            if not platter.durable_name:
                self._platters = {at: each for at, each in self._platters.items() if not each.deleted}
            platter.sync()

    def power_off(self) -> None:
        """Leaves the files as the machine finds them when the power is back. All connections must be closed."""
        for path, platter in self._platters.items():
            Path(path + "-shm").unlink(missing_ok=True)
            if (platter.deleted or not platter.durable_name) and self._chance.random() < 0.5:
                Path(path).unlink(missing_ok=True)
            else:
                Path(path).write_bytes(platter.image(self._survives))

    def _survives(self, data: bytes) -> int:
        """How much of an unsynced write arrived: all, nothing, or some sectors."""
        kind = self._chance.random()
        if kind < 0.4:
            return len(data)
        return -1 if kind < 0.7 else self._chance.randrange(len(data) + 1) // SECTOR * SECTOR

    def _count(self, *, growing: bool = False) -> Fault | None:
        self._stop_if_off()
        if self._full and growing:
            raise apsw.FullError("no space left on the drill's disk")
        self.calls += 1
        if self.calls != self._fail_at:
            return None
        self.hit = True
        if self._fault in (Fault.POWER, Fault.LIES):
            self.off = True
            self._stop_if_off()
        if self._fault is Fault.FULL and growing:
            self._full = True
            raise apsw.FullError("no space left on the drill's disk")
        if self._fault is Fault.TORN and growing:
            return Fault.TORN
        raise apsw.IOError("the drill's disk failed")

    def _stop_if_off(self) -> None:
        if self.off:
            raise apsw.IOError("the drill's machine has no power")


class _File(apsw.VFSFile):
    """One open file; several may share a path."""

    def __init__(self, disk: Disk, path: str, flags: list[int]) -> None:
        super().__init__("", path, flags)
        self._disk, self._path = disk, path

    def xWrite(self, data: Buffer, offset: int) -> None:
        """All of the data, or the torn part and then the error."""
        whole = bytes(data)
        size = self._disk.write(self._path, whole, offset)
        super().xWrite(whole[:size], offset)
        if size < len(whole):
            raise apsw.IOError("the drill's disk tore a write")

    def xTruncate(self, newsize: int) -> None:
        """The file cut to a size."""
        self._disk.cut(self._path, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        """What was written is on the platter when this returns."""
        self._disk.sync(self._path)
