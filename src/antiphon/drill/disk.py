"""A machine whose disk fails at one call, and forgets at power-off what was never synced.

SQLite sees it as a VFS, the spool as its files. All that they write goes to real files at once, as into a page cache;
beside them the machine keeps what it would find after the power went: names and bytes as last synced; of the changes of
names since then the first few, and of every later write all, a part or nothing.
"""

from __future__ import annotations

import errno
import random  # noqa: TID251 - a seeded source: a drill can be had again
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    from typing_extensions import Buffer

SECTOR = 512


class Fault(StrEnum):
    """What happens at the chosen call. `FLIP`: the process ends there, and a bit of what it stored is another one.
    `LIES` is the control: a disk that never syncs, though it says so."""

    ERROR = "error"
    FULL = "full"
    TORN = "torn"
    POWER = "power"
    FLIP = "flip"
    LIES = "lies"


HONEST = (Fault.ERROR, Fault.FULL, Fault.TORN, Fault.POWER)
"""What a disk does that tells the truth: whatever was acknowledged has to survive it."""


@dataclass(eq=False, slots=True)
class Platter:
    """One file as the disk holds it: `synced`, and what was asked since. A write is (offset, data), a cut is
    (size, None)."""

    synced: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        """All that was asked is on the platter."""
        self.synced, self.pending = self.image(len), []

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


Names = dict[Path, Platter]


class Machine:
    """Counts `calls`; the `fail_at`-th meets the fault. Every method raises OSError where the disk does."""

    def __init__(self, fault: Fault, *, fail_at: int, seed: int) -> None:
        self.fault, self.fail_at = fault, fail_at
        self.calls = 0
        self.off = False
        self.hit = False
        self._full = False
        self._chance = random.Random(seed)
        self._names: dict[Path, list[Names]] = {}
        self._fresh: set[Path] = set()

    def look(self) -> None:
        """A call that changes nothing."""
        self._count()

    def made(self, folder: Path) -> None:
        """Notes a new folder: until the one around it is synced the power may take it with all that it holds."""
        self._fresh.add(folder)

    def opened(self, path: Path, held: bytes | None) -> None:
        """Notes a file that was there with these bytes, or that was made by opening it."""
        history = self._names.setdefault(path.parent, [{}])
        if path in history[-1]:
            return
        if held is None:
            history.append({**history[-1], path: Platter()})
            return
        platter = Platter(held)
        for names in history:
            names[path] = platter

    def write(self, path: Path, data: bytes, offset: int) -> int:
        """Notes a write; returns how many bytes of it go into the file."""
        if self._count(growing=True) is Fault.TORN:
            data = data[: self._chance.randrange(len(data))]
        self._platter(path).pending.append((offset, data))
        return len(data)

    def cut(self, path: Path, size: int) -> None:
        """Notes a truncation."""
        self._count()
        self._platter(path).pending.append((size, None))

    def sync(self, path: Path) -> None:
        """After a failed sync what was written is lost to the platter for good, as on Linux: a second sync would say
        that all is well."""
        try:
            self._count()
        except OSError:
            if not self.off:
                self._platter(path).pending.clear()
            raise
        if self.fault is not Fault.LIES:
            self._platter(path).sync()

    def sync_names(self, folder: Path, *, counted: bool = True) -> None:
        """The names in a folder are as they are."""
        if counted:
            self._count()
        if self.fault is not Fault.LIES:
            del self._names.setdefault(folder, [{}])[:-1]
            self._fresh = {each for each in self._fresh if each.parent != folder}

    def is_new(self, path: Path) -> bool:
        """Whether the power could still take this file's name."""
        return any(path not in names for names in self._names[path.parent])

    def rename(self, path: Path, to: Path) -> None:
        """Notes a new name in the same folder."""
        self._count()
        names = self._names.get(path.parent, [{}])[-1]
        if path in names:
            self._names[path.parent].append({**{p: q for p, q in names.items() if p != path}, to: names[path]})

    def remove(self, path: Path) -> None:
        """Notes that a name is gone; without a sync it may come back with the power."""
        self._count()
        names = self._names.get(path.parent, [{}])[-1]
        if path in names:
            self._names[path.parent].append({p: q for p, q in names.items() if p != path})

    def power_off(self) -> None:
        """Leaves the files as the machine finds them when the power is back. Nothing may be open any more."""
        for history in self._names.values():
            there = self._chance.choice(history)
            for path in {path for names in history for path in names}:
                Path(f"{path}-shm").unlink(missing_ok=True)
                if path in there:
                    path.write_bytes(there[path].image(self._survives))
                else:
                    path.unlink(missing_ok=True)
        for folder in self._fresh:
            if self._chance.random() < 0.5:
                shutil.rmtree(folder)

    def _platter(self, path: Path) -> Platter:
        return self._names[path.parent][-1][path]

    def _survives(self, data: bytes) -> int:
        """How much of an unsynced write arrived: all, nothing, or some sectors."""
        kind = self._chance.random()
        if kind < 0.4:
            return len(data)
        return -1 if kind < 0.7 else self._chance.randrange(len(data) + 1) // SECTOR * SECTOR

    def _count(self, *, growing: bool = False) -> Fault | None:
        if self.off:
            raise OSError(errno.EIO, "the drill's machine has no power")
        if self._full and growing:
            raise OSError(errno.ENOSPC, "no space left on the drill's disk")
        self.calls += 1
        if self.calls != self.fail_at:
            return None
        self.hit = True
        if self.fault in (Fault.POWER, Fault.FLIP, Fault.LIES):
            self.off = True
            raise OSError(errno.EIO, "the drill's machine has no power")
        if self.fault is Fault.FULL and growing:
            self._full = True
            raise OSError(errno.ENOSPC, "no space left on the drill's disk")
        if self.fault is Fault.TORN and growing:
            return Fault.TORN
        raise OSError(errno.EIO, "the drill's disk failed")


@contextmanager
def _as_sqlite_has_it() -> Iterator[None]:
    """The disk's errors in SQLite's own words."""
    try:
        yield
    except OSError as error:
        kind = apsw.FullError if error.errno == errno.ENOSPC else apsw.IOError
        raise kind(error.strerror) from error


class Disk(apsw.VFS):
    """The machine's disk as SQLite sees it, under `name`: writes, syncs, cuts and deletions are its calls."""

    def __init__(self, name: str, machine: Machine) -> None:
        super().__init__(name, "")
        self.name, self.machine = name, machine

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        """A file of SQLite; one without a name lives in memory and is no part of the drill."""
        if self.machine.off:
            raise apsw.IOError("the drill's machine has no power")
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:
            return apsw.VFSFile("", None, flags)
        before = Path(path).read_bytes() if Path(path).exists() else None
        file = _File(self.machine, path, flags)
        self.machine.opened(Path(path), before)
        return file

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """A deletion that is not synced may come back with the power."""
        path = Path(filename)
        with _as_sqlite_has_it():
            self.machine.remove(path)
        super().xDelete(filename, syncdir)
        if syncdir:
            self.machine.sync_names(path.parent, counted=False)


class _File(apsw.VFSFile):
    """One open file; several may share a path."""

    def __init__(self, machine: Machine, path: str, flags: list[int]) -> None:
        super().__init__("", path, flags)
        self._machine, self._path = machine, Path(path)

    def xWrite(self, data: Buffer, offset: int) -> None:
        """All of the data, or the torn part and then the error."""
        whole = bytes(data)
        with _as_sqlite_has_it():
            size = self._machine.write(self._path, whole, offset)
        super().xWrite(whole[:size], offset)
        if size < len(whole):
            raise apsw.IOError("the drill's disk tore a write")

    def xTruncate(self, newsize: int) -> None:
        """The file cut to a size."""
        with _as_sqlite_has_it():
            self._machine.cut(self._path, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        """What was written is on the platter when this returns. SQLite syncs the folder with a file that is new in
        it, so what else changed there is durable then too."""
        with _as_sqlite_has_it():
            self._machine.sync(self._path)
        if self._machine.is_new(self._path):
            self._machine.sync_names(self._path.parent, counted=False)
