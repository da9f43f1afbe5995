"""The files of the spool on the drill's machine: every call of theirs is one that may fail."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from antiphon.backends.spool import Files
from antiphon.drill.disk import Machine


class FailingFiles(Files):
    """Real files in a real folder, whose calls the machine counts. Nothing is really synced: the machine keeps what
    would be."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._open: dict[int, Path] = {}

    def make_folder(self, folder: Path) -> None:
        """As Files has it."""
        self.machine.look()
        if not folder.exists():
            self.machine.made(folder)
        super().make_folder(folder)

    def names(self, folder: Path) -> list[str]:
        """As Files has it."""
        self.machine.look()
        return super().names(folder)

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        """As Files has it."""
        self.machine.look()
        return super().read(path, offset, size)

    def open(self, path: Path) -> int:
        """As Files has it."""
        self.machine.look()
        before = path.read_bytes() if path.exists() else None
        handle = super().open(path)
        self.machine.opened(path, before)
        self._open[handle] = path
        return handle

    def write(self, handle: int, data: bytes) -> None:
        """As Files has it; a torn write leaves its first part."""
        size = self.machine.write(self._open[handle], data, os.fstat(handle).st_size)
        super().write(handle, data[:size])
        if size < len(data):
            raise OSError(errno.EIO, "the drill's disk tore a write")

    def truncate(self, handle: int, size: int) -> None:
        """As Files has it."""
        self.machine.cut(self._open[handle], size)
        super().truncate(handle, size)

    def sync(self, handle: int) -> None:
        """As Files has it, on the machine alone."""
        self.machine.sync(self._open[handle])

    def close(self, handle: int) -> None:
        """As Files has it; a handle is gone even where closing it failed."""
        super().close(handle)
        del self._open[handle]
        self.machine.look()

    def sync_folder(self, folder: Path) -> None:
        """As Files has it, on the machine alone."""
        self.machine.sync_names(folder)

    def rename(self, path: Path, to: Path) -> None:
        """As Files has it."""
        self.machine.rename(path, to)
        super().rename(path, to)

    def remove(self, path: Path) -> None:
        """As Files has it."""
        self.machine.remove(path)
        super().remove(path)

    def hang_up(self) -> None:
        """The process is gone: whatever it had open is closed."""
        for handle in self._open:
            os.close(handle)
        self._open.clear()
