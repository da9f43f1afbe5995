"""The home of a node: one folder, one lock, and where everything lies in it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from antiphon.errors import HomeUnusable


class Home:
    """A folder that only its owner may enter. Files are written below it and nowhere else, but for the anchor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "antiphon.db"
        self.settings = path / "settings.toml"
        self.keys = path / "keys"
        self.spool = path / "spool"
        self.public = path / "public"
        self.ledger = path / "public" / "ledger"
        self.snapshots = path / "snapshots"
        self.control = path / "control.sock"
        self.stop = path / "STOP"
        self._lock: BinaryIO | None = None

    def is_home(self) -> bool:
        """Whether `init` has been here."""
        return self.database.exists() and (self.keys / "log").exists()

    def create(self) -> None:
        """Makes the folder, mode 700. Raises HomeUnusable."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.ledger.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeUnusable(
                f"{self.path} can not be made: {error.strerror}.", advice="Choose another with --home."
            ) from error

    def check(self) -> None:
        """Raises HomeUnusable with advice unless this is a home that its owner alone can enter."""
        if not self.is_home():
            raise HomeUnusable(f"{self.path} is no Antiphon home.", advice="Run `antiphon init` first, or give --home.")
        if self.path.stat().st_mode & 0o077:
            raise HomeUnusable(f"{self.path} can be entered by others.", advice=f"chmod 700 {self.path}")

    def lock(self) -> None:
        """Takes the home for this process until it ends. Raises HomeUnusable naming who has it."""
        handle = open(self.path / "lock", "a+b")  # noqa: SIM115 - held until the process ends
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            holder = handle.read(20).decode("ascii", "replace").strip() or "another process"
            handle.close()
            raise HomeUnusable(
                f"{self.path} is in use by process {holder}.", advice="Talk to it through its commands, or stop it."
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()).encode())
        handle.flush()
        self._lock = handle

    def unlock(self) -> None:
        """Gives the home back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
