"""The spool: what was acknowledged and is not yet received. Append-only, on disk before the acknowledgement.

Records lie in segment files named by the number of their first record. A record is a head of 40 bytes (mark 4, number
8, length 4, SHA-256 of the payload cut to 16, SHA-256 of the 32 bytes before cut to 8), the payload, and END.

What is written and not whole at the end of a file was never acknowledged: a torn tail, cut when the spool is opened.
Anything else that does not fit is damage: counted, kept apart, never given out, and what follows it still is. Payloads
are sealed by the caller (LAW §7), so nobody outside can write one that looks like a record.

A failed write or sync is never tried again: what a disk says after it is worth nothing. The spool stops, nothing more
is acknowledged, and opening it anew finds out what is true.
"""

from __future__ import annotations

import asyncio
import os
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from antiphon.errors import MalformedInput, StorageFailed

MARK = b"\xa5REC"
END = b"END\xa5"
MOST_RECORD = 16 * 1024 * 1024
SEGMENT_BYTES = 16 * 1024 * 1024
_HEAD = struct.Struct(">4sQI16s")
HEAD = _HEAD.size + 8
_DONE = struct.Struct(">Q4s")
_NAME = re.compile(r"[0-9]{20}\.seg")


class Files:
    """The few calls of the operating system that the spool makes; a test lets each of them fail in turn."""

    def make_folder(self, folder: Path) -> None:
        """The folder, for its owner only."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self, folder: Path) -> list[str]:
        """What lies in it."""
        return os.listdir(folder)

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        """The bytes from `offset` on, all or at most `size`."""
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)

    def open(self, path: Path) -> int:
        """A handle that writes at the end; the file is made for its owner only."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, handle: int, data: bytes) -> None:
        """All of `data`."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]

    def truncate(self, handle: int, size: int) -> None:
        """Cuts the file."""
        os.ftruncate(handle, size)

    def sync(self, handle: int) -> None:
        """What was written survives a loss of power when this returns."""
        os.fsync(handle)

    def close(self, handle: int) -> None:
        """Gives the handle back."""
        os.close(handle)

    def sync_folder(self, folder: Path) -> None:
        """The names in it survive a loss of power when this returns."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, path: Path, to: Path) -> None:
        """Another name in the same folder."""
        path.rename(to)

    def remove(self, path: Path) -> None:
        """No more name, if there was one."""
        path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a segment's bytes hold: (number, offset, end) of whole records, the count of damaged places, and where a
    torn tail begins, which is the end if there is none."""

    records: tuple[tuple[int, int, int], ...]
    damaged: int
    whole: int


def print_record(number: int, payload: bytes) -> bytes:
    """One record as it lies in a segment."""
    head = _HEAD.pack(MARK, number, len(payload), sha256(payload).digest()[:16])
    return head + sha256(head).digest()[:8] + payload + END


def parse_segment(data: bytes) -> Scan:
    """Tells whole records, damage and a torn tail apart. Never raises."""
    records: list[tuple[int, int, int]] = []
    damaged = at = 0
    while at < len(data):
        head = _head(data, at)
        if head is None:
            following = _next_head(data, at + 1)
            if following == len(data) and (len(data) - at < HEAD or not any(data[at:])):
                return Scan(tuple(records), damaged, at)
            damaged, at = damaged + 1, following
            continue
        number, end = head
        if end > len(data):
            return Scan(tuple(records), damaged, at)
        if _payload(data[at:end]) is None:
            damaged += 1
        else:
            records.append((number, at, end))
        at = end
    return Scan(tuple(records), damaged, len(data))


def _head(data: bytes, at: int) -> tuple[int, int] | None:
    """Number and end of the record whose sound head stands at `at`."""
    head, check = data[at : at + _HEAD.size], data[at + _HEAD.size : at + HEAD]
    if not head.startswith(MARK) or sha256(head).digest()[:8] != check:
        return None
    _, number, size, _ = _HEAD.unpack(head)
    return (number, at + HEAD + size + len(END)) if size <= MOST_RECORD else None


def _next_head(data: bytes, at: int) -> int:
    while (at := data.find(MARK, at)) >= 0 and _head(data, at) is None:
        at += 1
    return at if at >= 0 else len(data)


def _payload(record: bytes) -> bytes | None:
    payload = record[HEAD : -len(END)]
    digest = record[_HEAD.size - 16 : _HEAD.size]
    return payload if record.endswith(END) and sha256(payload).digest()[:16] == digest else None


def _finished(marks: bytes) -> set[int]:
    """The numbers whose mark is whole."""
    pairs = _DONE.iter_unpack(marks[: len(marks) // _DONE.size * _DONE.size])
    return {number for number, check in pairs if _check(number) == check}


def _check(number: int) -> bytes:
    return sha256(number.to_bytes(8, "big")).digest()[:4]


@dataclass(slots=True)
class _Segment:
    path: Path
    waiting: set[int] = field(default_factory=set)
    damaged: int = 0

    @property
    def done_path(self) -> Path:
        return self.path.with_suffix(".done")


class FileSpool:
    """Segments in a folder of their own. Opening raises StorageFailed; `damaged` counts the places that did not fit.

    Record numbers rise by one and are never used again. `done` marks are not synced: what a crash takes of them is
    given out once more, which the receiver folds.
    """

    def __init__(self, folder: Path, files: Files | None = None, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder, self._files, self._segment_bytes = folder, files or Files(), segment_bytes
        self._places: dict[int, tuple[_Segment, int, int]] = {}
        self._queue: list[tuple[bytes, asyncio.Future[int]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._failed = False
        self._next = 0
        self.damaged = 0
        try:
            self._files.make_folder(folder)
            self._files.sync_folder(folder.parent)  # else the power may take the spool with all that is in it
            names = sorted(self._files.names(folder))
            self._old = [self._load(name, names) for name in names if _NAME.fullmatch(name)]
            self._active, self._handle, self._size = self._begin()
            # The newest segment may be empty: then it is the one that was begun.
            self._old = [segment for segment in self._old if segment.path != self._active.path]
            # Only now: the newest segment's name is what keeps numbers from being used again.
            self._sweep()
        except OSError as error:
            raise StorageFailed(f"The spool {folder} can not be opened: {error.strerror}.") from error

    @property
    def empty(self) -> bool:
        """Whether everything that was acknowledged has been received."""
        return not self._places and not self._queue and (self._writer is None or self._writer.done())

    async def append(self, record: bytes) -> int:
        """Durable when this returns the record's number. Appends that come together share one sync.

        Raises StorageFailed, then nothing may be acknowledged; MalformedInput for more than MOST_RECORD bytes.
        """
        if len(record) > MOST_RECORD:
            raise MalformedInput(f"A spool record has at most {MOST_RECORD} bytes.")
        if self._failed:
            raise _stopped()
        kept: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.append((record, kept))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.ensure_future(self._write_queue())
        return await kept

    def waiting(self) -> Iterator[tuple[int, bytes]]:
        """Every record that is not done, in order of number. Raises StorageFailed when the disk can not be read."""
        for number in sorted(self._places):
            if number not in self._places:
                continue
            segment, offset, size = self._places[number]
            try:
                payload = _payload(self._files.read(segment.path, offset, size))
            except OSError as error:
                raise StorageFailed(f"The spool can not be read: {error.strerror}.") from error
            if payload is None:  # it was whole when it was written: the disk has changed it since
                self._damage(segment, 1)
                self._forget(number)
            else:
                yield number, payload

    def done(self, number: int) -> None:
        """This record has been received: it is not given out again. A number that is not waiting changes nothing."""
        if number not in self._places:
            return
        # A mark that can not be written is as good as one that a crash took.
        with suppress(OSError):
            handle = self._files.open(self._places[number][0].done_path)
            try:
                self._files.write(handle, _DONE.pack(number, _check(number)))
            finally:
                self._files.close(handle)
        self._forget(number)

    async def turn(self) -> None:
        """As the port says: a segment from which all was received goes at once, and need not be full. Raises
        StorageFailed where the next one can not be begun; then the spool has stopped."""
        if self._failed or self._queue or (self._writer is not None and not self._writer.done()):
            return
        if self._size and not self._active.waiting:
            full, handle = self._active, self._handle
            try:
                self._active, self._handle, self._size = self._begin()
                self._old.append(full)
                self._files.close(handle)
                self._sweep()
            except OSError as error:
                self._failed = True
                raise StorageFailed(f"The spool can not go on: {error.strerror}.") from error

    def close(self) -> None:
        """Gives the open file back; nothing can be appended any more."""
        self._failed = True
        self._files.close(self._handle)

    def _forget(self, number: int) -> None:
        segment = self._places.pop(number)[0]
        segment.waiting.discard(number)
        with suppress(OSError):
            self._sweep()

    def _damage(self, segment: _Segment, count: int) -> None:
        segment.damaged += count
        self.damaged += count

    def _sweep(self) -> None:
        """Oldest first, so that a gap in the numbers is always damage: a segment from which everything was received is
        removed; one with damage in it is kept apart for a person."""
        while self._old and not self._old[0].waiting:
            segment = self._old[0]
            if segment.damaged:
                self._files.rename(segment.path, segment.path.with_suffix(".damaged"))
            else:
                self._files.remove(segment.path)
            self._files.remove(segment.done_path)
            self._files.sync_folder(self._folder)
            del self._old[0]

    def _load(self, name: str, names: list[str]) -> _Segment:
        """Reads one segment, cuts its torn tail, and learns what in it is waiting."""
        segment = _Segment(self._folder / name)
        first = int(segment.path.stem)
        data = self._files.read(segment.path)
        scan = parse_segment(data)
        if scan.whole < len(data):
            self._cut(segment.path, scan.whole)
        marks = self._files.read(segment.done_path) if segment.done_path.name in names else b""
        finished = _finished(marks)
        for number, offset, end in scan.records:
            if number not in finished:
                self._places[number] = (segment, offset, end - offset)
                segment.waiting.add(number)
        # Numbers that no segment has: a file has lost its end since it was written.
        missing = first - self._next if self._next else 0
        self._damage(segment, scan.damaged + max(0, missing))
        last = max((number for number, _, _ in scan.records), default=first - 1)
        self._next = max(self._next, last + 1, first + len(scan.records) + scan.damaged)
        return segment

    def _cut(self, path: Path, size: int) -> None:
        handle = self._files.open(path)
        try:
            self._files.truncate(handle, size)
            self._files.sync(handle)
        finally:
            self._files.close(handle)

    def _begin(self) -> tuple[_Segment, int, int]:
        """A new segment, or the newest one if nothing was ever written to it. Its name is durable before its use."""
        path = self._folder / f"{self._next:020d}.seg"
        handle = self._files.open(path)
        self._files.sync_folder(self._folder)
        return _Segment(path), handle, 0

    async def _write_queue(self) -> None:
        while self._queue and not self._failed:
            batch, self._queue = self._queue, []
            data = [print_record(self._next + place, record) for place, (record, _) in enumerate(batch)]
            try:
                offset = await asyncio.to_thread(self._keep, b"".join(data))
            except OSError as error:
                self._failed = True
                self._refuse([*batch, *self._queue], error)
                self._queue = []
                return
            for (_, kept), record in zip(batch, data, strict=True):
                self._places[self._next] = (self._active, offset, len(record))
                self._active.waiting.add(self._next)
                if not kept.done():  # whoever waited may have gone; the record stays
                    kept.set_result(self._next)
                self._next, offset = self._next + 1, offset + len(record)

    def _keep(self, data: bytes) -> int:
        """Writes and syncs, in a thread; returns where the data begins."""
        if self._size >= self._segment_bytes:
            full, handle = self._active, self._handle
            self._active, self._handle, self._size = self._begin()
            self._old.append(full)
            self._files.close(handle)
        self._files.write(self._handle, data)
        self._files.sync(self._handle)
        self._size += len(data)
        return self._size - len(data)

    def _refuse(self, batch: list[tuple[bytes, asyncio.Future[int]]], error: OSError) -> None:
        for _, kept in batch:
            if not kept.done():
                kept.set_exception(_stopped(error.strerror or ""))


def _stopped(why: str = "an earlier write failed") -> StorageFailed:
    return StorageFailed(f"The spool takes no more records: {why}.", advice="Look at the disk, then start again.")
