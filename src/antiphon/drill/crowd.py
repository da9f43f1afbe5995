"""A crowd at the web's door, as a program of its own, so that its processor time is not the node's.

`python -m antiphon.drill.crowd PORT KIND RATE SECONDS [TICKET]` prints what it saw; of `endless`, a mailbox is TICKET.
It can reach this machine alone, by construction: a port is all that can be named, and every connection comes from one
of ten thousand sources in 127/8.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import select
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

DESTINATION = "127.0.0.1"
SOURCES = 10_000
OPEN_AT_ONCE = 10_000
PATIENCE_SECONDS = 5.0
KINDS = ("strangers", "forged", "silent", "dripping", "idle", "chatting", "endless", "ticket")
MAIL = b"From: x@stranger.example\r\nSubject: again\r\n\r\nagain\r\n"
WAITING = {errno.EINPROGRESS, errno.EAGAIN}


@dataclass
class Seen:
    """`opened` connections, `most` at once; `answers` by status, `closed` for those that were hung up on without
    one, `open` for those that were still there at the end; `late` were never opened in time, since this process was
    behind."""

    opened: int = 0
    most: int = 0
    late: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0


def words_of(kind: str, ticket: str) -> bytes:
    """What a connection of this kind says as soon as it is there."""
    if kind in {"silent", "idle"}:
        return b""
    if kind == "chatting":
        return b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@nowhere.example>\r\n"
    if kind == "endless":
        return f"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{ticket}>\r\nDATA\r\nSubject: ".encode()
    if kind == "dripping":
        return b"POST /api/v1/reports HTTP/1.1\r\nHost: x\r\nX-"
    if kind == "strangers":
        return b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: nobody\r\n\r\n"
    held = ticket or "antiphon_" + "A" * 40
    head = (
        f"POST /api/v1/reports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {held}\r\nContent-Type: message/rfc822\r\n"
    )
    return f"{head}Connection: close\r\nContent-Length: {len(MAIL)}\r\n\r\n".encode() + MAIL


def source(number: int) -> str:
    """One of the sources, each in a /24 of its own as far as they go."""
    number %= SOURCES
    return f"127.{1 + number // 250}.{number % 250}.2"


class Crowd:
    """Opens connections at a rate, and looks what becomes of each."""

    def __init__(self, port: int, kind: str, ticket: str) -> None:
        self._port, self._words, self._drips = port, words_of(kind, ticket), kind in {"dripping", "endless"}
        self._stays, self._deaf = kind in {"silent", "dripping", "idle", "chatting", "endless"}, kind == "idle"
        self._poll = select.epoll()
        self._open: dict[int, tuple[socket.socket, float]] = {}
        self.seen = Seen()

    def run(self, rate: float, seconds: float) -> Seen:
        """So many a second, for so long."""
        begun = time.monotonic()
        dripped = begun
        while (now := time.monotonic()) < begun + seconds:
            due = int((now - begun) * rate) - self.seen.opened - self.seen.late
            for _ in range(min(due, 256)):
                self._come(now)
            self._look(0.001)
            if self._drips and now - dripped > 1:
                dripped = now
                self._drip()
            self._give_up(now)
        self.seen.answers["open"] = len(self._open)
        for link, _ in self._open.values():
            link.close()
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.seen.cpu_seconds = round(used.ru_utime + used.ru_stime, 2)
        return self.seen

    def _come(self, now: float) -> None:
        if len(self._open) >= OPEN_AT_ONCE:
            self.seen.late += 1
            return
        link = socket.socket()
        link.setblocking(False)
        try:
            link.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
            link.bind((source(self.seen.opened), 0))
            if link.connect_ex((DESTINATION, self._port)) not in {0, *WAITING}:
                raise OSError(errno.ECONNREFUSED, "refused")
        except OSError as error:
            self.seen.late += 1
            self.seen.answers[errno.errorcode.get(error.errno or 0, "error")] += 1
            link.close()
            return
        self.seen.opened += 1
        self._open[link.fileno()] = (link, now)
        self.seen.most = max(self.seen.most, len(self._open))
        if self._deaf:
            return  # it keeps its socket, also when it is hung up on
        # On one machine the handshake is over already, unless the door's queue is full.
        self._poll.register(link, select.EPOLLIN if self._say(link) else select.EPOLLOUT | select.EPOLLIN)

    def _say(self, link: socket.socket) -> bool:
        """Whether its words went out."""
        try:
            link.send(self._words)
        except OSError:
            return False
        return True

    def _look(self, timeout: float) -> None:
        for number, event in self._poll.poll(timeout, 1024):
            link, _ = self._open[number]
            if event & (select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP):
                self._end(link)
                continue
            self._poll.modify(number, select.EPOLLIN)
            self._say(link)

    def _end(self, link: socket.socket) -> None:
        said = b""
        with suppress(OSError):
            said = link.recv(4096)
        if self._stays and said[:1] in {b"2", b"3"}:
            return  # a greeting of SMTP, or what is asked for next
        code = said[:3] if said[:3].isdigit() else said[9:12]  # of SMTP, or of HTTP
        self._leave(link, code.decode("ascii", "replace") or "closed")

    def _drip(self) -> None:
        for link, _ in self._open.values():
            with suppress(OSError):
                link.send(b"a")

    def _give_up(self, now: float) -> None:
        """On those that waited too long for an answer; who came to stay waits for ever."""
        if self._stays:
            return
        while self._open:
            link, at = next(iter(self._open.values()))
            if now - at < PATIENCE_SECONDS:
                return
            self._leave(link, "no answer")

    def _leave(self, link: socket.socket, answer: str) -> None:
        self.seen.answers[answer] += 1
        del self._open[link.fileno()]
        link.close()  # which takes it out of the poll, too


def start() -> None:
    """The program."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(5)
    port, kind, rate, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
    ticket = sys.argv[5] if len(sys.argv) > 5 else ""
    print(json.dumps(vars(Crowd(port, kind, ticket).run(rate, seconds))))


if __name__ == "__main__":
    start()
