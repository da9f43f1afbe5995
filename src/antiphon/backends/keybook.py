"""Where members' wrapped data keys lie: apart from the database, so that no backup holds one (LAW §7).

A book is a file of slots of 80 bytes, written in place: one byte that says whether the key is there or destroyed, the
key's random name, the wrapped key. A database names a key by that name and its slot, and nothing else. Destroying
writes zeros over the key, here and in the one copy that the program knows of; what is destroyed in either is destroyed
in both. A torn slot opens nothing: what wraps the key authenticates it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from antiphon.errors import StorageFailed
from antiphon.ports import KeyState

SLOT = struct.Struct(">B16s61s2x")
NAME = struct.Struct(">16sQ")
LIVE, DESTROYED = 1, 2
NOTHING = bytes(61)
STATES = {LIVE: KeyState.THERE, DESTROYED: KeyState.DESTROYED}

Draw = Callable[[int], bytes]


class FileBook:
    """The book of one home, which only this process writes, and its copy outside the home, if there is one.

    A new key is durable here before its name is given out. A copy that is away is made good by `tend`; it is never
    begun anew by itself, since it may lie on a disk that is not mounted: an empty file in its place begins one.
    """

    def __init__(self, path: Path, copy: Path | None = None, draw: Draw = os.urandom) -> None:
        self._path, self._copy, self._draw = path, copy, draw
        self._lock = Lock()
        self.away = ""

    def __repr__(self) -> str:
        return f"<FileBook {self._path}{f', copy away: {self.away}' if self.away else ''}>"

    def add(self, wrapped: bytes) -> bytes:
        """Keeps a wrapped key; returns its name. Raises StorageFailed."""
        name = self._draw(16)
        with self._lock, _failing(self._path):
            slot = _size(self._path) // SLOT.size
            record = SLOT.pack(LIVE, name, wrapped)
            _write(self._path, slot, record, flags=os.O_CREAT)
            self._repeat(slot, record)
        return NAME.pack(name, slot)

    def look(self, named: bytes) -> tuple[KeyState, bytes]:
        """What became of a key, and the wrapped key where it is there. Raises StorageFailed."""
        with _failing(self._path):
            name, slot = _parts(named)
            state, found, wrapped = _slot(_read(self._path, slot))
        known = STATES.get(state, KeyState.MISSING) if found == name else KeyState.MISSING
        return known, wrapped if known is KeyState.THERE else b""

    def wipe(self, named: bytes) -> bool:
        """Destroys a key. Returns whether it is gone wherever it was kept; if not, ask again later. Raises
        StorageFailed where it stays here."""
        name, slot = _parts(named)
        record = SLOT.pack(DESTROYED, name, NOTHING)
        with self._lock, _failing(self._path):
            if _slot(_read(self._path, slot))[:2] == (LIVE, name):
                _write(self._path, slot, record)
        self.tend()
        return not self.away

    def tend(self) -> None:
        """Brings book and copy together: what one lacks comes from the other, what is destroyed in one is destroyed in
        both. Where the copy can not be reached, or is another home's, `away` says so. Raises StorageFailed."""
        if self._copy is None:
            return
        with self._lock, _failing(self._path):
            try:
                theirs = self._copy.read_bytes()
            except OSError as error:
                self.away = f"{self._copy}: {error.strerror or error}"
                return
            self._path.touch(mode=0o600)
            mine = self._path.read_bytes()
            try:
                for slot in range(max(len(mine), len(theirs)) // SLOT.size):
                    old = [_nth(each, slot) for each in (mine, theirs)]
                    new = _joined(*old)
                    for place, record in zip((self._path, self._copy), old, strict=True):
                        if record != new:
                            _write(place, slot, new)
                self.away = ""
            except OSError as error:
                self.away = f"{self._copy}: {error.strerror or error}"

    def _repeat(self, slot: int, record: bytes) -> None:
        if self._copy is None or self.away:
            return
        try:
            if _slot(_read(self._copy, slot))[0] in STATES:
                raise OSError(f"slot {slot} of it is another key's")
            _write(self._copy, slot, record)
        except OSError as error:
            self.away = f"{self._copy}: {error.strerror or error}"


class MemoryBook:
    """A book that is gone with the process. `reaches` says whether its copy can be reached for a key."""

    def __init__(self, draw: Draw = os.urandom) -> None:
        self._draw = draw
        self._keys: dict[bytes, bytes] = {}
        self.reaches: Callable[[bytes], bool] = lambda named: True
        self.away = ""

    def add(self, wrapped: bytes) -> bytes:
        """As FileBook."""
        name = NAME.pack(self._draw(16), len(self._keys))
        self._keys[name] = wrapped
        return name

    def look(self, named: bytes) -> tuple[KeyState, bytes]:
        """As FileBook."""
        wrapped = self._keys.get(named)
        if not wrapped:
            return (KeyState.MISSING if wrapped is None else KeyState.DESTROYED), b""
        return KeyState.THERE, wrapped

    def wipe(self, named: bytes) -> bool:
        """As FileBook."""
        reached = self.reaches(named)
        if named in self._keys and reached:
            self._keys[named] = b""
        return reached

    def tend(self) -> None:
        """There is no copy."""


def begin_book(path: Path) -> None:
    """An empty book or copy, for its owner only. Raises StorageFailed, also for one that is there and not empty."""
    with _failing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if _size(path):
            raise StorageFailed(f"{path} holds keys already.", advice="Move it away, or name another place.")
        _sync(path.parent)


def copy_book(source: Path, target: Path) -> None:
    """A book as it is, in a new file. Raises StorageFailed."""
    with _failing(target):
        data = source.read_bytes()
        with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        _sync(target.parent)


def _parts(named: bytes) -> tuple[bytes, int]:
    # Of no book: what is no name is in no slot.
    return NAME.unpack(named) if len(named) == NAME.size else (b"", 0)


def _slot(record: bytes) -> tuple[int, bytes, bytes]:
    return SLOT.unpack(record) if len(record) == SLOT.size else (0, b"", b"")


def _nth(book: bytes, slot: int) -> bytes:
    return book[slot * SLOT.size : (slot + 1) * SLOT.size]


def _joined(mine: bytes, theirs: bytes) -> bytes:
    """What a slot holds when two books are one again. Raises OSError where they are of two homes."""
    a, b = _slot(mine), _slot(theirs)
    if a[0] not in STATES or b[0] not in STATES:
        return mine if a[0] in STATES else theirs if b[0] in STATES else bytes(SLOT.size)
    if a[1] != b[1]:
        raise OSError("it holds the keys of another home")
    return mine if a[0] == DESTROYED else theirs


def _read(path: Path, slot: int) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(handle, SLOT.size, slot * SLOT.size)
    finally:
        os.close(handle)


def _write(path: Path, slot: int, record: bytes, flags: int = 0) -> None:
    handle = os.open(path, os.O_WRONLY | flags, 0o600)
    try:
        os.pwrite(handle, record, slot * SLOT.size)
        os.fsync(handle)
    finally:
        os.close(handle)
    if flags:
        _sync(path.parent)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"The members' keys in {path} can not be reached: {error.strerror or error}.", advice="Look at the disk."
        ) from error
