"""The web's door: accepts, looks at the first bytes of each connection, and hands on whoever gets through.

Whoever does not costs a few system calls: no transport, no parser, no task. Connections that say nothing wait in one
bounded table, where the newest push out the oldest, so that slow ones never keep a member out (LAW §1: every node
stays up by itself).
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from antiphon.web.admission import LOOK_BYTES, Admission, Verdict

BACKLOG = 4096
DEFER_SECONDS = 1
AT_ONCE = 32
"""Connections that are accepted before others have their turn."""
WAITING = 512
HEAD_SECONDS = 5.0
INSIDE = {True: 8, False: 64}
"""Connections at a time: of one ticket; of all strangers together."""
MEMBERS_INSIDE = 320
STRANGER_SECONDS = 15.0
"""From a stranger's first bytes to the end of its connection."""
NOW = int(socket.MSG_DONTWAIT)
NOW_AND_THE_END = NOW | int(socket.MSG_MORE)
"""Without waiting; and in one packet with the hanging up that comes next."""
NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

Begin = Callable[[bytes, Callable[[], None]], asyncio.Protocol]
"""The protocol for a connection: what it has said so far, and whom to tell when it is over."""


def _canned(status: str, seconds: int) -> bytes:
    """A problem document (RFC 9457 §3), as behind this door, made once."""
    code, _, title = status.partition(" ")
    body = f'{{"type":"about:blank","title":"{title}","status":{code}}}'
    head = f"HTTP/1.1 {status}\r\nRetry-After: {seconds}\r\nConnection: close\r\n"
    kind = f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + kind + body).encode()


ANSWERS = {
    Verdict.TOO_OFTEN: _canned("429 Too Many Requests", 1),
    Verdict.FULL: _canned("503 Service Unavailable", 30),
    Verdict.TOO_LONG: _canned("431 Request Header Fields Too Large", 86_400),
}


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
    def at(cls, place: tuple[str, int]) -> Listener:
        """Raises OSError when the place can not be had."""
        family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        found = cls(fileno=socket.create_server(place, family=family, backlog=BACKLOG).detach())
        found.family = family
        found.setblocking(False)
        # Whoever says something is here with its words; whoever says nothing comes a second later.
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_SECONDS)
        return found


class Entrance:
    """One listening socket. Open it inside a running loop."""

    def __init__(self, admission: Admission, begin: Begin) -> None:
        self._admission, self._begin = admission, begin
        self._loop = asyncio.get_running_loop()
        self._waiting: OrderedDict[int, Guest] = OrderedDict()
        self._inside: Counter[bytes] = Counter()
        self._handing: set[asyncio.Task[None]] = set()
        self._door: socket.socket | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Entrance waiting={len(self._waiting)} inside={self._inside.total()}>"

    def open(self, place: tuple[str, int]) -> int:
        """Listens, and returns the port. Raises OSError when it can not be had."""
        self._door = Listener.at(place)
        self._loop.add_reader(self._door, self._accept)
        self._sweep()
        return int(self._door.getsockname()[1])

    def close(self) -> None:
        """Accepts no more, and hangs up on whoever has not got through. Closing again changes nothing."""
        door, self._door = self._door, None
        if door is not None:
            self._loop.remove_reader(door)
            door.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        for guest in list(self._waiting.values()):
            self._drop(guest)

    def _accept(self) -> None:
        assert self._door is not None
        for _ in range(AT_ONCE):
            try:
                link, address = self._door.accept()
            except OSError as error:
                if error.errno in NO_ROOM and self._waiting:
                    self._drop(next(iter(self._waiting.values())))
                    continue
                return
            self._look(Guest(link, str(address[0]), self._loop.time() + HEAD_SECONDS))

    def _look(self, guest: Guest) -> None:
        """Reads what is there. Said once for each time that something came."""
        try:
            piece = guest.link.recv(LOOK_BYTES, NOW)
        except BlockingIOError:
            self._wait(guest)
            return
        except OSError:
            piece = b""
        if not piece:
            self._drop(guest)
        elif guest.leaving:
            self._wait(guest)
        else:
            guest.begun += piece
            self._decide(guest)

    def _decide(self, guest: Guest) -> None:
        verdict, party = self._admission.judge(guest.begun, guest.address, self._loop.time())
        if verdict is Verdict.MEMBER or verdict is Verdict.STRANGER:
            verdict = self._room(verdict, party)
        if verdict is Verdict.MORE:
            self._wait(guest)
        elif verdict is Verdict.MEMBER or verdict is Verdict.STRANGER:
            self._hand_on(guest, party)
        else:
            self._refuse(guest, verdict)

    def _room(self, verdict: Verdict, party: bytes) -> Verdict:
        """The verdict again, or that there is no room inside for this one."""
        members = self._inside.total() - self._inside[b""]
        if self._inside[party] >= INSIDE[bool(party)]:
            return Verdict.TOO_OFTEN if party else Verdict.FULL
        return Verdict.FULL if party and members >= MEMBERS_INSIDE else verdict

    def _refuse(self, guest: Guest, verdict: Verdict) -> None:
        stays = verdict is Verdict.TOO_OFTEN
        try:
            guest.link.send(ANSWERS[verdict], NOW if stays else NOW_AND_THE_END)
            if stays:
                guest.link.shutdown(socket.SHUT_WR)
                guest.leaving, guest.begun = True, b""
                self._wait(guest)
                return
        except OSError:
            pass
        self._drop(guest)

    def _hand_on(self, guest: Guest, party: bytes) -> None:
        self._leave_table(guest)
        guest.link.setblocking(False)
        # asyncio does this for sockets that it accepts itself: else an answer's body waits for the ACK of its head.
        guest.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._inside[party] += 1

        def gone() -> None:
            self._inside[party] -= 1
            if not self._inside[party]:
                del self._inside[party]

        task = self._loop.create_task(self._connect(guest, gone, stranger=not party))
        self._handing.add(task)
        task.add_done_callback(self._handing.discard)

    async def _connect(self, guest: Guest, gone: Callable[[], None], *, stranger: bool) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(lambda: self._begin(guest.begun, gone), guest.link)
        except OSError:
            guest.link.close()
            gone()
            return
        if stranger:
            self._loop.call_later(STRANGER_SECONDS, transport.abort)

    def _wait(self, guest: Guest) -> None:
        number = guest.link.fileno()
        if number not in self._waiting:
            if len(self._waiting) >= WAITING:
                self._drop(next(iter(self._waiting.values())))
            self._waiting[number] = guest
            self._loop.add_reader(number, self._look, guest)

    def _leave_table(self, guest: Guest) -> None:
        if self._waiting.pop(guest.link.fileno(), None) is not None:
            self._loop.remove_reader(guest.link.fileno())

    def _drop(self, guest: Guest) -> None:
        self._leave_table(guest)
        guest.link.close()

    def _sweep(self) -> None:
        """Whoever has waited too long, the oldest first."""
        now = self._loop.time()
        while self._waiting and (oldest := next(iter(self._waiting.values()))).over_at <= now:
            self._drop(oldest)
        self._sweeping = self._loop.call_later(1.0, self._sweep)
