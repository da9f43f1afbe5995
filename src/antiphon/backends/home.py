"""The home of a node: one folder, one lock, and where everything lies in it."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import ClassVar

from antiphon.errors import HomeUnusable, StorageFailed

LEAST_FREE_BYTES = 64 * 1024 * 1024
"""With less the node does not start: it could keep no report, and no snapshot before a migration."""


class Home:
    """A folder that only its owner may enter. Files are written below it and nowhere else, but for the anchor."""

    _held: ClassVar[set[Path]] = set()

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "antiphon.db"
        self.settings = path / "settings.toml"
        self.keys = path / "keys"
        self.log_key = self.keys / "log"
        self.begun = self.keys / "log.begun"
        self.members = self.keys / "members"
        self.spool = path / "spool"
        self.public = path / "public"
        self.ledger = path / "public" / "ledger"
        self.snapshots = path / "snapshots"
        self.control = path / "control.sock"
        self.reports = path / "reports"
        self.stop = path / "STOP"
        self._lock: int | None = None

    def __repr__(self) -> str:
        return f"<Home {self.path}{' locked' if self._lock is not None else ''}>"

    def is_home(self) -> bool:
        """Whether `init` has been here, to its end: the log key is the last thing that it writes."""
        return self.database.exists() and self.log_key.exists()

    def create(self) -> None:
        """Makes the folder for its owner only; closes one that is there and empty. Raises HomeUnusable."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not any(self.path.iterdir()):
                self.path.chmod(0o700)
            self.ledger.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeUnusable(
                f"{self.path} can not be made: {error.strerror}.", advice="Choose another with --home."
            ) from error
        self._check_owner()

    def clear(self) -> None:
        """Removes the database of an `init` that was broken off; a home keeps it."""
        if not self.is_home():
            for ending in ("", "-wal", "-shm", "-journal"):
                self.database.with_name(self.database.name + ending).unlink(missing_ok=True)

    def check(self) -> None:
        """Raises HomeUnusable with advice unless this is a home that its owner alone, who we are, can enter, and
        StorageFailed where the disk is all but full."""
        if not self.is_home():
            raise HomeUnusable(f"{self.path} is no Antiphon home.", advice="Run `antiphon init` first, or give --home.")
        self._check_owner()
        self.check_space()

    def check_space(self, least_bytes: int = LEAST_FREE_BYTES) -> None:
        """Raises StorageFailed where less than this is free."""
        free = shutil.disk_usage(self.path).free
        if free < least_bytes:
            raise StorageFailed(
                f"Only {free // 2**20} MiB are free below {self.path}; {least_bytes // 2**20} are needed.",
                advice="Free some space.",
            )

    def lock(self) -> None:
        """Takes the home for this process until it ends, however it ends. Raises HomeUnusable naming who has it."""
        place = self.path.resolve()
        if place in self._held:
            raise self._in_use(str(os.getpid()))
        try:
            handle = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise HomeUnusable(f"{self.path} can not be locked: {error.strerror}.") from error
        try:
            # This lock does not pass to children: a worker that outlives us must not keep the home.
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 20).decode("ascii", "replace")
            os.close(handle)
            raise self._in_use(holder) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._held.add(place)
        self._lock = handle

    def unlock(self) -> None:
        """Gives the home back."""
        if self._lock is not None:
            self._held.discard(self.path.resolve())
            os.close(self._lock)
            self._lock = None

    def _in_use(self, holder: str) -> HomeUnusable:
        return HomeUnusable(
            f"{self.path} is in use by process {holder or 'unknown'}.",
            advice="Talk to it through its commands, or stop it.",
        )

    def _check_owner(self) -> None:
        found = self.path.stat()
        if found.st_uid != os.geteuid():
            raise HomeUnusable(
                f"{self.path} belongs to user {found.st_uid}, and this is user {os.geteuid()}.",
                advice="Run as its owner.",
            )
        if found.st_mode & 0o077:
            raise HomeUnusable(f"{self.path} can be entered by others.", advice=f"chmod 700 {self.path}")
