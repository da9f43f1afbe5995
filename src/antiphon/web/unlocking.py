"""Openings over the control socket: prepared, signed elsewhere by two people, written to a file (LAW §7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from antiphon.desk.desk import Desk
from antiphon.desk.disclose import Unlocking, prepare_openings, unlock
from antiphon.errors import MalformedInput
from antiphon.ports import Shelf

Request = dict[str, object]


class Openings:
    """The verbs `openings-prepare` and `openings`."""

    def __init__(self, desk: Desk, shelf: Callable[[Path], Shelf]) -> None:
        self._desk, self._shelf = desk, shelf
        self._prepared: dict[str, tuple[Unlocking, Path]] = {}

    def verbs(self) -> dict[str, Callable[[Request], Awaitable[object]]]:
        """Each verb by its name."""
        return {"openings-prepare": self.prepare, "openings": self.submit}

    async def prepare(self, q: Request) -> object:
        """The exact bytes to sign, for a file that is to be written."""
        by, path = q.get("by"), q.get("path")
        if not isinstance(by, list) or not isinstance(path, str) or not path:
            raise MalformedInput("This verb needs 'by' as a list of numbers, and 'path' as a text.")
        asked = prepare_openings(self._desk, tuple(int(index) for index in by))
        token = asked.nonce.hex()
        self._prepared[token] = (asked, Path(path))
        return {"id": token, "sign": asked.sign.hex(), "day": asked.day}

    async def submit(self, q: Request) -> object:
        """The file, once the signatures verify."""
        asked, path = self._prepared.pop(str(q.get("id")), (None, Path()))
        rows = q.get("signatures")
        if asked is None or not isinstance(rows, list):
            raise MalformedInput("Nothing was prepared under this id.", advice="Prepare it again.")
        data = await unlock(self._desk, asked, {int(row["by"]): bytes.fromhex(str(row["signature"])) for row in rows})
        self._shelf(path.parent).put(path.name, data)
        return {"bytes": len(data)}
