"""The web's door: looks at the first bytes of each connection, and hands on whoever gets through.

Whoever does not costs a few system calls: no transport, no parser, no task.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from functools import partial

from antiphon.lobby import NOW, NOW_AND_THE_END, Guest, Lobby
from antiphon.web.admission import LOOK_BYTES, Admission, Verdict

WAITING = 512
HEAD_SECONDS = 5.0
INSIDE = {True: 8, False: 64}
"""Connections at a time: of one ticket; of all strangers together."""
MEMBERS_INSIDE = 320
STRANGER_SECONDS = 15.0
"""From a stranger's first bytes to the end of its connection."""

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


class Entrance:
    """One listening socket. Open it inside a running loop."""

    def __init__(self, admission: Admission, begin: Begin) -> None:
        self._admission, self._begin = admission, begin
        self._loop = asyncio.get_running_loop()
        self._inside: Counter[bytes] = Counter()
        self._lobby = Lobby(self._look, self._look, places=WAITING, seconds=HEAD_SECONDS)

    def __repr__(self) -> str:
        return f"<Entrance waiting={len(self._lobby)} inside={self._inside.total()}>"

    def open(self, place: tuple[str, int]) -> int:
        """Listens, and returns the port. Raises OSError when it can not be had."""
        return self._lobby.open(place, words_first=True)

    def close(self) -> None:
        """Accepts no more, and hangs up on whoever has not got through. Closing again changes nothing."""
        self._lobby.close()

    def _look(self, guest: Guest) -> None:
        """Reads what is there. Said once for each time that something came."""
        try:
            piece = guest.link.recv(LOOK_BYTES, NOW)
        except BlockingIOError:
            self._lobby.wait(guest)
            return
        except OSError:
            piece = b""
        if not piece:
            self._lobby.drop(guest)
        elif guest.leaving:
            self._lobby.wait(guest)
        else:
            guest.begun += piece
            self._decide(guest)

    def _decide(self, guest: Guest) -> None:
        verdict, party = self._admission.judge(guest.begun, guest.address, self._loop.time())
        if verdict is Verdict.MEMBER or verdict is Verdict.STRANGER:
            verdict = self._room(verdict, party)
        if verdict is Verdict.MORE:
            self._lobby.wait(guest)
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
                self._lobby.wait(guest)
                return
        except OSError:
            pass
        self._lobby.drop(guest)

    def _hand_on(self, guest: Guest, party: bytes) -> None:
        self._inside[party] += 1

        def gone() -> None:
            self._inside[party] -= 1
            if not self._inside[party]:
                del self._inside[party]

        begin = partial(self._begin, guest.begun, gone)
        self._lobby.hand_on(guest, begin, gone, most_seconds=0.0 if party else STRANGER_SECONDS)
