"""The node's log: it follows what is committed, in lines that a program can read."""

from __future__ import annotations

import io
import json

import pytest

from antiphon.backends.journal import Journal
from antiphon.backends.memory import MemoryStore
from antiphon.ledger.entry import DeliveriesCommitted, print_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.ports import CABINETS, Transaction
from antiphon.terms import Digest, LedgerDay


def entry(index: int) -> StoredEntry:
    """Some entry at this place."""
    body = print_entry(DeliveriesCommitted(day=LedgerDay(20_000), hour=480_000 + index, root=Digest(bytes(32))))
    return StoredEntry(index, body)


async def test_each_entry_is_one_line_and_old_ones_are_not_told_again() -> None:
    """A node that starts on an old ledger logs what is new, once."""
    store, stream = MemoryStore(CABINETS), io.StringIO()
    journal = Journal(stream, as_json=True)
    await store.write(lambda tx: tx.add(entry(0)))
    await journal.follow(store)
    assert not stream.getvalue()

    def two(tx: Transaction) -> None:
        tx.add(entry(1))
        tx.add(entry(2))

    await store.write(two)
    await journal.follow(store)
    await journal.follow(store)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["kind"], line["index"]) for line in lines] == [
        ("entry", "DeliveriesCommitted", 1),
        ("entry", "DeliveriesCommitted", 2),
    ]
    await store.close()


def test_text_for_people_has_no_escape_bytes_where_no_terminal_is() -> None:
    """A log file holds plain text."""
    stream = io.StringIO()
    Journal(stream, as_json=False).say("running", version="1")
    assert "running" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_no_colour_is_obeyed_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR wins over the terminal."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for value, escapes in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", value)
        stream = Terminal()
        Journal(stream, as_json=False).warn("anchor")
        assert ("\x1b" in stream.getvalue()) is escapes
