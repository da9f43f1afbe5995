"""What a running node says of itself: one structured line an event, without personal data.

It follows the ledger, which names nobody, so that what left is logged when it is committed and never otherwise. Facts
are numbers and words of our own; nothing that came in a mail, and no address but those of our own doors, goes in.
"""

from __future__ import annotations

import os
from typing import TextIO

import structlog

from antiphon.ledger.entry import parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.ports import Store, Transaction

BATCH = 1_000


class Journal:
    """Lines on one stream: JSON for programs, aligned text for people."""

    def __init__(self, stream: TextIO, *, as_json: bool) -> None:
        colours = stream.isatty() and not os.environ.get("NO_COLOR")
        printer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=colours)
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(stream),
            processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper("iso", utc=True), printer],
        )
        self._next: int | None = None

    def say(self, event: str, **facts: int | str) -> None:
        """One event and its facts."""
        self._log.info(event, **facts)

    def warn(self, event: str, **facts: int | str) -> None:
        """One event that a person should look at."""
        self._log.warning(event, **facts)

    async def follow(self, store: Store) -> None:
        """A line for each ledger entry since the last call; the first call only learns where the ledger ends."""
        if self._next is None:
            self._next = await store.read(lambda tx: tx.count(StoredEntry))
            return
        full = True
        while full and (found := await store.read(self._since)):
            for entry in found:
                self.say("entry", kind=type(parse_entry(entry.body)).__name__, index=entry.index)
            self._next, full = found[-1].index + 1, len(found) == BATCH

    def _since(self, tx: Transaction) -> list[StoredEntry]:
        return tx.find(StoredEntry, index__ge=self._next, order="index", limit=BATCH)
