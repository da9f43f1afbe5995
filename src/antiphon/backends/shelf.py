"""Small files written whole: the published folder, and the anchor outside the home."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from antiphon.errors import AnchorLost, StorageFailed


class FolderShelf:
    """A folder of static files; a crash leaves old or new, and what is lost can be published again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, path: str, data: bytes) -> None:
        """Writes a file whole by renaming. Raises StorageFailed."""
        place = os.path.join(self._folder, path)
        folder, name = os.path.split(place)
        fresh = os.path.join(folder, f".{name}.new")
        try:
            if not os.path.isdir(folder):
                os.makedirs(folder, exist_ok=True)
            with open(fresh, "wb") as out:
                out.write(data)
            os.replace(fresh, place)
        except OSError as error:
            raise StorageFailed(f"{place} could not be written: {error.strerror}.") from error

    def drop(self, path: str) -> None:
        """Removes a file, and the folder of partial tiles that it leaves empty; what is gone already stays gone."""
        place = os.path.join(self._folder, path)
        with suppress(FileNotFoundError):
            os.unlink(place)
        if (folder := os.path.dirname(place)).endswith(".p"):
            with suppress(OSError):  # it is not there, or holds something still
                os.rmdir(folder)


class FileAnchor:
    """The newest checkpoint in one file outside the home, synced before any socket opens."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes | None:
        """The checkpoint as last written, None where there is none. Raises StorageFailed when it can not be read."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageFailed(f"The anchor {self._path} can not be read: {error.strerror}.") from error

    def write(self, checkpoint: bytes, *, instead_of: bytes | None) -> None:
        """Replaces what is there durably: file, rename, folder, each synced in this order. The folder is locked from
        the look to the rename, so that of two writers one fails. Raises AnchorLost, StorageFailed."""
        fresh = self._path.with_name(f".{self._path.name}.new")
        try:
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                if self.read() != instead_of:
                    raise AnchorLost(
                        f"Somebody else wrote to the anchor {self._path}: another copy of this home is at work.",
                        advice="Stop one of the two, then start this one again.",
                    )
                with open(fresh, "wb") as out:
                    out.write(checkpoint)
                    out.flush()
                    os.fsync(out.fileno())
                fresh.replace(self._path)
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StorageFailed(
                f"The anchor {self._path} can not be written: {error.strerror}.",
                advice="Nothing leaves until it can.",
            ) from error
