"""The places at a mail door: who may stay when many come, and whose message when there is no room for all."""

from __future__ import annotations

import asyncio
from typing import Protocol

STRANGERS = 128
"""Connections that have said something, and named no mailbox of ours yet. The newest push out the oldest. What one has
said and nobody has read is a line at most, so that all of them together fit."""
NAMED = 64
"""Connections that have: each may hand a message in."""
HELD_BYTES = 32 * 1024 * 1024
"""Of all messages together that are not kept yet; beyond that the biggest unfinished one gives way."""
BUSY = "421 4.3.2 Too many connections, please try again later"


class Session(Protocol):
    """One connection. `owed`: its message is whole, and the reply is not out."""

    owed: bool

    def give_way(self) -> None:
        """What is here of its message goes."""


class Places:
    """Who is connected, in the order in which they came: those that have named a mailbox of ours apart from all others,
    so that neither kind keeps the other out. A mailbox is easily named and a DATA need not end, so both give way; who
    is hung up on before the reply keeps its copy."""

    def __init__(self) -> None:
        self._strangers: dict[Session, asyncio.WriteTransport] = {}
        self._named: dict[Session, asyncio.WriteTransport] = {}
        self._held: dict[Session, int] = {}

    def come(self, session: Session, transport: asyncio.WriteTransport) -> None:
        """A stranger; where there is no place for it the oldest one goes."""
        if len(self._strangers) >= STRANGERS:
            hang_up(self._strangers.pop(next(iter(self._strangers))))
        self._strangers[session] = transport

    def name(self, session: Session) -> bool:
        """Whether there is a place for one that has named a mailbox: the oldest that is owed no reply gives way."""
        if session in self._named:
            return True
        if len(self._named) >= NAMED:
            oldest = next((each for each in self._named if not each.owed), None)
            if oldest is None:
                return False
            hang_up(self._named.pop(oldest))
        transport = self._strangers.pop(session, None)
        if transport is not None:
            self._named[session] = transport
        return transport is not None

    def weigh(self, session: Session, size: int) -> None:
        """So much of its message is here. Where there is no room for it the biggest unfinished one gives way."""
        self._held[session] = size
        unfinished = [each for each in self._held if not each.owed]
        if unfinished and sum(self._held.values()) > HELD_BYTES:
            biggest = max(unfinished, key=self._held.__getitem__)
            biggest.give_way()
            self._held[biggest] = 0

    def relieve(self, session: Session) -> None:
        """Its message is kept, or refused."""
        self._held.pop(session, None)

    def leave(self, session: Session) -> None:
        """It is gone, by itself or not."""
        for places in (self._strangers, self._named, self._held):
            places.pop(session, None)

    def clear(self) -> None:
        """Hangs up on everybody."""
        for transport in [*self._strangers.values(), *self._named.values()]:
            transport.close()


def hang_up(transport: asyncio.WriteTransport) -> None:
    """Says that there is no room, and ends the connection."""
    transport.write(BUSY.encode("ascii") + b"\r\n")
    transport.close()
