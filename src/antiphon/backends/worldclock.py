"""Policy time of a world: the process that plays the world says what time it is, and waits until we are done.

Lines over a unix socket. We say `hello <name>` once; each `at <µs>` is answered by exactly one `idle <µs>` (what is due
next) or `idle -`. Between the two we do all that is due by then, so the world never jumps over work in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from antiphon.errors import MalformedInput, Unreachable
from antiphon.terms import Instant

LINE_BYTES = 64
"""Longer than any line of the protocol."""

Step = Callable[[Instant], Awaitable[Instant | None]]


class WorldClock:
    """A Clock (see `ports`) that only moves when the world says so; one for each process of a run."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._now: Instant | None = None
        self._unanswered = False
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def now(self) -> Instant:
        """The world's present. Raises Unreachable before `connect`, since then nobody knows."""
        if self._now is None:
            raise Unreachable("The world was not asked yet what time it is.")
        return self._now

    async def connect(self, name: str) -> None:
        """Joins under `name` and learns the present. The world stands still until `run` has answered.

        Raises Unreachable when nobody serves the clock.
        """
        try:
            self._reader, self._writer = await asyncio.open_unix_connection(self._path, limit=LINE_BYTES)
            self._writer.write(f"hello {name}\n".encode("ascii"))
            present = await self._next()
        except OSError as error:
            raise Unreachable(f"The world's clock can not be reached: {type(error).__name__}.") from error
        if present is None:
            raise Unreachable("The world ended before it said what time it is.")
        self._take(present)

    async def run(self, step: Step) -> None:
        """Answers the world until it ends, then returns. `step` does ALL that is due at its instant, waits until
        nothing is in flight, and returns when it is wanted next, None for never."""
        if self._writer is None:
            raise Unreachable("`run` comes after `connect`.")
        while self._unanswered or await self._present():
            due = await step(self.now())
            self._unanswered = False
            self._writer.write(f"idle {'-' if due is None else due}\n".encode("ascii"))
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()
        self.close()

    def close(self) -> None:
        """Leaves; the world goes on without us."""
        if self._writer is not None:
            self._writer.close()

    async def _present(self) -> bool:
        present = await self._next()
        if present is not None:
            self._take(present)
        return present is not None

    def _take(self, present: Instant) -> None:
        if self._now is not None and present < self._now:
            raise MalformedInput("The world's clock went back.")
        self._now = present
        self._unanswered = True

    async def _next(self) -> Instant | None:
        """The instant of the next line, None at the end."""
        assert self._reader is not None
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return None
        except ValueError as error:
            raise MalformedInput("The world's clock sent a line that is too long.") from error
        word, _, value = line.decode("ascii", "replace").partition(" ")
        if not line:
            return None
        if word != "at" or not line.endswith(b"\n") or not value.strip().isdigit():
            raise MalformedInput("The world's clock speaks another language.")
        return Instant(int(value))
