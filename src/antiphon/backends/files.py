"""The few things that the spool asks of a disk, so that a test can let each of them fail."""

from __future__ import annotations

import os
from pathlib import Path


class Files:
    """Plain calls of the operating system. Each may raise OSError; nothing is durable before `sync`."""

    def make_folder(self, folder: Path) -> None:
        """The folder, for its owner only, if it is not there."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self, folder: Path) -> list[str]:
        """The files in it, sorted."""
        return sorted(os.listdir(folder))

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        """The bytes from `offset` on, all or at most `size`."""
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)

    def append(self, path: Path, data: bytes) -> None:
        """Puts all of `data` at the end of a file, which it makes if need be, for its owner only."""
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
        finally:
            os.close(handle)

    def sync(self, path: Path) -> None:
        """When this returns, the file, or the names in a folder, survive a loss of power."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def truncate(self, path: Path, size: int) -> None:
        """Cuts a file."""
        os.truncate(path, size)

    def rename(self, path: Path, to: Path) -> None:
        """Gives a file another name in the same folder."""
        path.rename(to)

    def remove(self, path: Path) -> None:
        """Removes a file if it is there."""
        path.unlink(missing_ok=True)
