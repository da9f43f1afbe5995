"""Progress: a bar on a terminal, plain lines elsewhere, nothing at all on standard output."""

from __future__ import annotations

import contextlib
import io
import os
import pty
from typing import TextIO

import pytest

from antiphon.cli.progress import EVERY, Reading, may_draw


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def told(stream: TextIO, batches: int) -> None:
    """Some batches of a quarter of the step."""
    with Reading(lambda: 100, stream=stream) as reading:
        for _ in range(batches):
            reading.read(EVERY // 4)
            reading.read_bytes(10)


def test_a_pipe_gets_a_plain_line_for_each_thousand() -> None:
    """With the rate, and no escape byte."""
    stream = io.StringIO()
    told(stream, 9)
    lines = stream.getvalue().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["1", "2"]
    assert all(line.endswith("a second") for line in lines)
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """With count and rate."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    told(stream, 9)
    assert "\x1b" in stream.getvalue()
    assert "2,250 messages" in stream.getvalue()


def test_who_wants_no_colour_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR, and terminals that can not move their cursor."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert may_draw(Terminal())
    assert not may_draw(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not may_draw(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not may_draw(Terminal())


def test_a_line_said_beside_the_bar_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real terminal, with brackets that are no markup."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream, Reading(lambda: 10, stream=stream) as reading:
        reading.say("in/[b]a[/b].eml: It is damaged.")
    assert b"in/[b]a[/b].eml: It is damaged." in _all_of(ours)


def _all_of(terminal: int) -> bytes:
    """Everything that was written to a terminal whose other end is closed, which Linux tells as an error."""
    said = b""
    with os.fdopen(terminal, "rb", buffering=0) as reader, contextlib.suppress(OSError):
        while more := reader.read(65_536):
            said += more
    return said


def test_the_rate_is_never_a_division_by_nothing() -> None:
    """Also at once."""
    with Reading(lambda: 0, stream=io.StringIO()) as reading:
        reading.read(1)
        assert reading.rate > 0
