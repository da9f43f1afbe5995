"""The spool: what was acknowledged and is not yet received. Append-only, on disk before the acknowledgement.

A record is `length 4 | SHA-256 of payload, first 8 | payload | END`. A torn tail is cut when the file is opened; a
record whose sum does not fit is never given out. A failed sync is never tried again: what a disk says after it is
worth nothing, so the spool stops and nothing more is acknowledged.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from antiphon.errors import StorageFailed

END = b"\xa5END"
HEAD = 4 + 8
MOST_RECORD = 16 * 1024 * 1024
TRUNCATE_AT = 64 * 1024 * 1024


class FileSpool:
    """One file of records and one of what is done; both survive a crash at any point."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "arrivals"
        self._failed = False
        self.damaged = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._done_path = folder / "done"
        self._done = int(self._done_path.read_text() or "0") if self._done_path.exists() else 0
        self._base, self._out = self._open()
        self._syncing: asyncio.Task[None] | None = None

    def _open(self) -> tuple[int, BinaryIO]:
        whole = 0
        if self._path.exists():
            for _, end, _ in self._scan(0):
                whole = end
            with open(self._path, "r+b") as file:
                file.truncate(whole)
        out = open(self._path, "ab", buffering=0)  # noqa: SIM115 - open as long as the spool is
        os.chmod(self._path, 0o600)
        if self._done > whole:
            self._done = 0
        return whole, out

    def _scan(self, start: int) -> Iterator[tuple[int, int, bytes]]:
        """Every whole record from an offset on: where it ends, and its payload; a damaged one is stepped over."""
        with open(self._path, "rb") as file:
            file.seek(start)
            at = start
            while True:
                head = file.read(HEAD)
                size = int.from_bytes(head[:4], "big")
                if len(head) < HEAD or size > MOST_RECORD:
                    return
                payload, mark = file.read(size), file.read(len(END))
                if mark != END:
                    return
                end = at + HEAD + size + len(END)
                if sha256(payload).digest()[:8] == head[4:]:
                    yield at, end, payload
                else:
                    self.damaged += 1
                at = end

    async def append(self, record: bytes) -> int:
        """Durable when this returns the record's place. Appends that come together share one sync. Raises
        StorageFailed; then nothing may be acknowledged."""
        if self._failed or len(record) > MOST_RECORD:
            raise StorageFailed("The spool takes no more records.", advice="Look at the disk, then start again.")
        try:
            at = self._base
            data = len(record).to_bytes(4, "big") + sha256(record).digest()[:8] + record + END
            if self._out.write(data) != len(data):
                raise OSError(28, "no space left")
            self._base += len(data)
        except OSError as error:
            self._failed = True
            raise StorageFailed(f"The spool could not be written: {error.strerror}.") from error
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.ensure_future(self._sync())
        await self._syncing
        return at

    async def _sync(self) -> None:
        await asyncio.sleep(0)
        try:
            os.fsync(self._out.fileno())
        except OSError as error:
            self._failed = True
            raise StorageFailed(f"The spool could not be synced: {error.strerror}.") from error

    def waiting(self) -> Iterator[tuple[int, bytes]]:
        """Every record that is not done, in order; its number is where it ends."""
        for _, end, payload in self._scan(self._done):
            yield end, payload

    def done(self, number: int) -> None:
        """This record, and all before it, are not given out again. Lost by a crash, they come once more, which the
        receiver folds."""
        self._done = number
        fresh = self._done_path.with_suffix(".new")
        fresh.write_text(str(number))
        fresh.replace(self._done_path)
        if number == self._base and number > TRUNCATE_AT:
            self._out.truncate(0)
            self._done_path.unlink()
            self._base = self._done = 0

    @property
    def empty(self) -> bool:
        """Whether everything that was acknowledged has been received."""
        return self._done >= self._base
