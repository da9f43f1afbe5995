"""How far long work is: a bar on a terminal, a plain line now and then elsewhere; always on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

EVERY = 1_000
"""Messages between two plain lines."""


def may_draw(stream: TextIO) -> bool:
    """Whether a bar may be drawn: on a terminal that can move its cursor, for somebody who wants no plain text."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in ("", "dumb")


class Reading:
    """Tells how many messages were read, how fast, and how much of the files is left. Used as a context."""

    def __init__(self, weigh: Callable[[], int], *, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._weigh, self._bar = weigh, self._drawn() if may_draw(self._stream) else None
        self._began, self.messages = perf_counter(), 0

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.add_task("", total=self._weigh(), messages=0, rate=0)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Since it began; never nothing."""
        return max(perf_counter() - self._began, 1e-6)

    @property
    def rate(self) -> int:
        """Messages a second."""
        return round(self.messages / self.seconds)

    def read_bytes(self, count: int) -> None:
        """So much more of the files was passed."""
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0], count)

    def read(self, messages: int) -> None:
        """So many more messages are done with."""
        before, self.messages = self.messages, self.messages + messages
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], messages=self.messages, rate=self.rate)
        elif before // EVERY < self.messages // EVERY:
            self.say(f"{self.messages // EVERY * EVERY:,} messages read, {self.rate:,} a second")

    def say(self, text: str) -> None:
        """A line, above the bar where there is one."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream)

    def _drawn(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        return Progress(
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[messages]:,} messages, {task.fields[rate]:,} a second"),
            TimeRemainingColumn(),
            console=Console(file=self._stream),
        )
