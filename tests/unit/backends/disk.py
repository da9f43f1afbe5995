"""A pretended disk for the spool: it can fail or die at any call, and forgets what was not synced."""

from __future__ import annotations

import errno
from pathlib import Path

from antiphon.backends.spool import Files

FOLDER = Path("/spool")


class Inode:
    """A file of a pretended disk: what was written, and what of it is synced."""

    def __init__(self) -> None:
        self.data = b""
        self.synced = b""


class Disk(Files):
    """A disk in memory that dies, or fails once, at its k-th call, and that forgets what was not synced."""

    def __init__(self) -> None:
        self.names_now: dict[str, Inode] = {}
        self.names_synced: dict[str, Inode] = {}
        self.handles: dict[int, Inode] = {}
        self.calls: list[str] = []
        self.fails_at = self.dies_at = -1

    def _call(self, what: str) -> None:
        self.calls.append(what)
        if len(self.calls) == self.fails_at or 0 < self.dies_at <= len(self.calls):
            raise OSError(errno.EIO, f"Input/output error in {what}")

    def make_folder(self, folder: Path) -> None:
        self._call("make_folder")

    def names(self, folder: Path) -> list[str]:
        self._call("names")
        return list(self.names_now)

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        self._call("read")
        data = self.names_now[path.name].data[offset:]
        return data if size < 0 else data[:size]

    def open(self, path: Path) -> int:
        self._call("open")
        handle = len(self.handles) + 1
        self.handles[handle] = self.names_now.setdefault(path.name, Inode())
        return handle

    def write(self, handle: int, data: bytes) -> None:
        # A write that fails has written a part.
        inode = self.handles[handle]
        before = inode.data
        inode.data += data[: len(data) * 2 // 3]
        self._call("write")
        inode.data = before + data

    def truncate(self, handle: int, size: int) -> None:
        self._call("truncate")
        self.handles[handle].data = self.handles[handle].data[:size]

    def sync(self, handle: int) -> None:
        self._call("sync")
        self.handles[handle].synced = self.handles[handle].data

    def close(self, handle: int) -> None:
        self._call("close")

    def sync_folder(self, folder: Path) -> None:
        self._call("sync_folder")
        if folder == FOLDER:
            self.names_synced = dict(self.names_now)

    def rename(self, path: Path, to: Path) -> None:
        self._call("rename")
        self.names_now[to.name] = self.names_now.pop(path.name)

    def remove(self, path: Path) -> None:
        self._call("remove")
        self.names_now.pop(path.name, None)

    def after_power_loss(self, mode: str) -> Disk:
        """What a new start finds: synced bytes for certain, of the others nothing, a part, zeros, or all."""
        survivor = Disk()
        names = self.names_now if mode == "all" else self.names_synced
        for name, inode in names.items():
            late = inode.data[len(inode.synced) :] if inode.data.startswith(inode.synced) else b""
            kept = {"none": b"", "part": late[: len(late) // 2], "zeros": bytes(len(late)), "all": late}[mode]
            copy = Inode()
            copy.data = copy.synced = inode.synced + kept
            survivor.names_now[name] = survivor.names_synced[name] = copy
        return survivor
