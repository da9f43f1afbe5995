"""Where connections wait before a door has decided about them: no transport, no parser, no task for any of them.

One that waits costs a socket and a row of a bounded table, in which the newest push out the oldest: however many say
nothing, whoever speaks as soon as it is here gets through (LAW §1: every node stays up by itself).
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

BACKLOG = 4096
DEFER_SECONDS = 1
AT_ONCE = 32
"""Connections that are accepted before others have their turn."""
NOW = int(socket.MSG_DONTWAIT)
PEEK = NOW | int(socket.MSG_PEEK)
NOW_AND_THE_END = NOW | int(socket.MSG_MORE)
"""Without waiting; without taking it away; and in one packet with the hanging up that comes next."""
NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


@dataclass(slots=True)
class Guest:
    """One connection that has not got through. `over_at` is when it is closed, on the loop's clock; `leaving`, it has
    its answer, and what it still sends is thrown away so that the answer arrives."""

    link: socket.socket
    address: str
    over_at: float
    begun: bytes = b""
    leaving: bool = False


class Listener(socket.socket):
    """A listening socket that does not work out its own kind anew for each that it accepts."""

    family, type = socket.AF_INET, socket.SOCK_STREAM

    @classmethod
    def at(cls, place: tuple[str, int], *, words_first: bool) -> Listener:
        """`words_first`: those who connect speak first, so whoever says something is here with its words, and whoever
        says nothing comes a second later. Raises OSError when the place can not be had."""
        family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        found = cls(fileno=socket.create_server(place, family=family, backlog=BACKLOG).detach())
        found.family = family
        found.setblocking(False)
        if words_first:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_SECONDS)
        return found


class Lobby:
    """One listening socket and those who wait behind it.

    `come` is told of each connection as it arrives, `look` each time that one which waits has said something or has
    gone; they answer with `wait`, `hand_on` or `drop`. `farewell` goes to whoever is pushed out or has waited too long.
    Open it inside a running loop.
    """

    def __init__(
        self,
        come: Callable[[Guest], None],
        look: Callable[[Guest], None],
        *,
        places: int,
        seconds: float,
        farewell: bytes = b"",
    ) -> None:
        self._come, self._look, self._farewell = come, look, farewell
        self._places, self._seconds = places, seconds
        self._loop = asyncio.get_running_loop()
        self._waiting: OrderedDict[int, Guest] = OrderedDict()
        self._handing: set[asyncio.Task[None]] = set()
        self._door: Listener | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self, place: tuple[str, int], *, words_first: bool) -> int:
        """Listens, and returns the port. Raises OSError when it can not be had."""
        self._door = Listener.at(place, words_first=words_first)
        self._loop.add_reader(self._door, self._accept)
        self._sweep()
        return int(self._door.getsockname()[1])

    def listens(self) -> bool:
        """Whether it takes connections."""
        return self._door is not None

    def close(self) -> None:
        """Accepts no more, and hangs up on whoever waits. Closing again changes nothing."""
        door, self._door = self._door, None
        if door is not None:
            self._loop.remove_reader(door)
            door.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        for guest in list(self._waiting.values()):
            self.drop(guest)

    def wait(self, guest: Guest) -> None:
        """Until it says something, or another needs its place."""
        number = guest.link.fileno()
        if number not in self._waiting:
            if len(self._waiting) >= self._places:
                self._push_out()
            self._waiting[number] = guest
            self._loop.add_reader(number, self._look, guest)

    def drop(self, guest: Guest) -> None:
        """Hangs up on it."""
        self._leave(guest)
        guest.link.close()

    def hand_on(
        self,
        guest: Guest,
        begin: Callable[[], asyncio.Protocol],
        gone: Callable[[], None] = lambda: None,
        *,
        most_seconds: float = 0.0,
    ) -> None:
        """It got through: the protocol of `begin` has it now, for `most_seconds` if any are said. `gone` is called
        where it has left before that."""
        self._leave(guest)
        guest.link.setblocking(False)
        # asyncio does this for sockets that it accepts itself: else an answer's body waits for the ACK of its head.
        guest.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._connect(guest, begin, gone, most_seconds))
        self._handing.add(task)
        task.add_done_callback(self._handing.discard)

    async def _connect(
        self, guest: Guest, begin: Callable[[], asyncio.Protocol], gone: Callable[[], None], most_seconds: float
    ) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(begin, guest.link)
        except OSError:
            guest.link.close()
            gone()
            return
        if most_seconds:
            self._loop.call_later(most_seconds, transport.abort)

    def _accept(self) -> None:
        assert self._door is not None
        for _ in range(AT_ONCE):
            try:
                link, address = self._door.accept()
            except OSError as error:
                if error.errno in NO_ROOM and self._waiting:
                    self._push_out()
                    continue
                return
            self._come(Guest(link, str(address[0]), self._loop.time() + self._seconds))

    def _leave(self, guest: Guest) -> None:
        if self._waiting.pop(guest.link.fileno(), None) is not None:
            self._loop.remove_reader(guest.link.fileno())

    def _push_out(self) -> None:
        """The oldest."""
        guest = next(iter(self._waiting.values()))
        if self._farewell:
            with suppress(OSError):
                guest.link.send(self._farewell, NOW_AND_THE_END)
        self.drop(guest)

    def _sweep(self) -> None:
        """Whoever has waited too long, the oldest first."""
        now = self._loop.time()
        while self._waiting and next(iter(self._waiting.values())).over_at <= now:
            self._push_out()
        self._sweeping = self._loop.call_later(1.0, self._sweep)
