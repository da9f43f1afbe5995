"""Verbs for what must not be lost: a copy of the database, the anchor, and the ways back when it is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from antiphon.desk import reconcile
from antiphon.desk.desk import Desk
from antiphon.errors import MalformedInput, UnreadableFile
from antiphon.terms import show_instant

Asked = Mapping[str, object]
MOST_FILE_BYTES = 32 * 1024 * 1024
"""More than any file of a published ledger has: 256 entries of 65,535 bytes."""


class Keeping:
    """The verbs `backup`, `anchor`, `anchor-retire` and `anchor-catch-up`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def verbs(self) -> dict[str, Callable[[dict[str, object]], Awaitable[object]]]:
        """Each verb by its name."""
        return {
            "backup": self._backup,
            "anchor": self._anchor,
            "anchor-retire": self._retire,
            "anchor-catch-up": self._catch_up,
        }

    async def _backup(self, asked: Asked) -> object:
        now = self._desk.clock.now()
        await self._desk.store.backup(_text(asked, "path"))
        return {"now": show_instant(now)}

    async def _anchor(self, _: Asked) -> object:
        return await self._desk.store.read(lambda tx: reconcile.state(tx, self._desk))

    async def _retire(self, asked: Asked) -> object:
        return await reconcile.retire(self._desk, why=_text(asked, "why"))

    async def _catch_up(self, asked: Asked) -> object:
        folder = Path(_text(asked, "path"))

        def read(path: str) -> bytes:
            try:
                with open(folder / path, "rb") as file:
                    return file.read(MOST_FILE_BYTES)
            except OSError as error:
                raise UnreadableFile(
                    f"{folder / path} can not be read: {error.strerror}.",
                    advice="Name the folder that holds `checkpoint`, whole and as new as the anchor.",
                ) from error

        return await reconcile.catch_up(self._desk, read, why=_text(asked, "why"))


def _text(asked: Asked, name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedInput(f"This verb needs {name!r} as a text.")
    return value
