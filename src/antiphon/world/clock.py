"""The world's time: it stands still while anybody works, then jumps to the next thing that happens.

The agenda holds what the world itself will do; every process of a run that has something to do joins over a unix
socket (`backends/worldclock`) and says when it is wanted next. Real time never comes in.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

from antiphon.errors import MalformedInput
from antiphon.terms import HOUR, SECOND, Instant, show_instant

LINE_BYTES = 64
GRAIN = HOUR
"""The world's own acts happen on this grid, so that what belongs together can be done together."""

MOST_CREEPS = 1_000
"""Steps of a second or less that may follow each other: who then wants one more looks at one thing for ever."""

Act = Callable[[], Awaitable[None]]


class TimeCreeps(RuntimeError):
    """Somebody who joined asks for one second more again and again, so the world does not come to its next hour."""


class Client:
    """One process that has joined: how often it was asked and has answered, and when it is wanted next."""

    def __init__(self, name: str, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self.asked = 0
        self.answered = 0
        self.due: Instant | None = None
        self._writer = writer

    @property
    def idle(self) -> bool:
        """Whether it has answered everything it was asked."""
        return self.asked == self.answered

    def ask(self, now: Instant) -> None:
        """Tells it the present, which it has to answer."""
        self.asked += 1
        self._writer.write(b"at %d\n" % now)

    def answer(self, line: bytes) -> None:
        """Takes one `idle` line. Raises MalformedInput."""
        word, _, value = line.decode("ascii", "replace").strip().partition(" ")
        if word != "idle" or self.idle or not (value == "-" or value.isdigit()):
            raise MalformedInput(f"{self.name} answered the clock with something else.")
        self.due = None if value == "-" else Instant(int(value))
        self.answered += 1

    def leave(self) -> None:
        """Hangs up."""
        self._writer.close()


class WorldTime:
    """Clock server and agenda in one: who asks `now` gets the same instant everywhere.

    While a name that was `expected` is not connected, time stands still: a process that is being started again misses
    nothing.
    """

    def __init__(self, path: Path, start: Instant) -> None:
        self._path = path
        self._now = start
        self._agenda: list[tuple[Instant, int, Act]] = []
        self._number = count()
        self._clients: set[Client] = set()
        self._expected: set[str] = set()
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._creeps = 0

    def now(self) -> Instant:
        """The present."""
        return self._now

    def expect(self, *names: str) -> None:
        """From now on time moves only while a client of each name is connected."""
        self._expected |= set(names)

    def release(self, *names: str) -> None:
        """Time no longer waits for these."""
        self._expected -= set(names)
        self._changed.set()

    def at(self, when: Instant, act: Act) -> None:
        """Has `act` done at `when`, moved up to the grid; what is in the past happens at once."""
        on_grid = Instant(-(-when // GRAIN) * GRAIN)
        heapq.heappush(self._agenda, (on_grid, next(self._number), act))

    def soon(self, act: Act) -> None:
        """Has `act` done at the present instant, after what is being done."""
        heapq.heappush(self._agenda, (self._now, next(self._number), act))

    def shortly(self, span: int, act: Act) -> None:
        """Has `act` done exactly `span` from now, off the grid."""
        heapq.heappush(self._agenda, (Instant(self._now + span), next(self._number), act))

    async def open(self) -> None:
        """Begins to serve the clock."""
        self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LINE_BYTES)

    async def close(self) -> None:
        """Ends the world for all who joined."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._connections):
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        self._path.unlink(missing_ok=True)

    async def run(self, until: Instant) -> None:
        """Lets the world go on up to and including `until`. An act that raises ends the run with its error.

        Raises TimeCreeps where a process keeps the world from going on."""
        while True:
            await self.settle()
            if acts := self._take_due():
                async with asyncio.TaskGroup() as together:
                    for act in acts:
                        together.create_task(_do(act))
                continue
            following = self._following()
            if following is None or following > until:
                self._now = max(self._now, until)
                await self.settle()
                return
            self._step(following)

    def _step(self, following: Instant) -> None:
        self._creeps = self._creeps + 1 if following <= self._now + SECOND else 0
        if self._creeps > MOST_CREEPS:
            names = ", ".join(sorted(c.name for c in self._clients if c.due is not None and c.due <= following))
            raise TimeCreeps(
                f"{names or 'The world itself'} wanted to be asked again a second later {MOST_CREEPS:,} times in a "
                f"row, until {show_instant(self._now)}: it looks at one thing for ever."
            )
        self._now = following

    async def settle(self) -> None:
        """Tells everybody the present and returns when all who are expected are here and all are idle."""
        for client in self._clients:
            client.ask(self._now)
        while not self._quiet():
            self._changed.clear()
            await self._changed.wait()

    def _quiet(self) -> bool:
        here = {client.name for client in self._clients}
        return self._expected <= here and all(client.idle for client in self._clients)

    def _take_due(self) -> list[Act]:
        due: list[Act] = []
        while self._agenda and self._agenda[0][0] <= self._now:
            due.append(heapq.heappop(self._agenda)[2])
        return due

    def _following(self) -> Instant | None:
        # A client that is idle and names the present or the past can not mean it: it is asked again a second later.
        again = Instant(self._now + SECOND)
        dues = [c.due if c.due > self._now else again for c in self._clients if c.due is not None]
        dues += [entry[0] for entry in self._agenda[:1]]
        return min(dues, default=None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        client: Client | None = None
        try:
            word, _, name = (await reader.readline()).decode("ascii", "replace").strip().partition(" ")
            if word != "hello" or not name:
                return
            client = Client(name, writer)
            self._clients.add(client)
            client.ask(self._now)
            while line := await reader.readline():
                client.answer(line)
                self._changed.set()
        except (ConnectionError, ValueError, MalformedInput):
            pass  # whoever breaks the protocol is treated like one that was killed
        finally:
            if client is not None:
                self._clients.discard(client)
            self._connections.discard(writer)
            self._changed.set()
            with contextlib.suppress(ConnectionError):
                writer.close()


async def _do(act: Act) -> None:
    await act()
