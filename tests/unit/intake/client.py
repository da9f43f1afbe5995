"""A desk behind a mail door, and a client in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from antiphon.errors import StorageFailed
from antiphon.intake.mailport import Envelope, MailPort

A, B = "a@hosted.example", "b@hosted.example"
CONTENT = b"Subject: x\r\n\r\nbody\r\n"


class Desk:
    """What stands behind a door: keeps envelopes, answers as told."""

    def __init__(self) -> None:
        self.kept: list[Envelope] = []
        self.begun = 0
        self.replies: Callable[[Envelope], Sequence[str]] = lambda envelope: ["250 2.0.0 kept"] * len(envelope.rcpt_tos)
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None

    async def accept(self, envelope: Envelope) -> Sequence[str]:
        self.begun += 1
        await self.gate.wait()
        if self.fault:
            raise self.fault
        self.kept.append(envelope)
        return self.replies(envelope)

    async def knows(self, address: str) -> bool:
        if address.startswith("broken"):
            raise StorageFailed("The disk is gone.")
        return address.endswith("@hosted.example")


class Client:
    """A mail client that says lines and reads replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def line(self) -> str:
        return (await self._reader.readline()).decode().rstrip("\r\n")

    async def reply(self) -> str:
        while (line := await self.line())[3:4] == "-":
            pass
        return line

    async def say(self, line: str) -> str:
        self.writer.write(line.encode() + b"\r\n")
        return await self.reply()

    async def hello(self, verb: str, *recipients: str) -> list[str]:
        await self.reply()
        await self.say(f"{verb} client.example")
        await self.say("MAIL FROM:<c@other.example>")
        return [await self.say(f"RCPT TO:<{recipient}>") for recipient in recipients]

    async def content(self, content: bytes = CONTENT) -> None:
        assert (await self.say("DATA")).startswith("354")
        self.writer.write(content + b".\r\n")

    async def rest(self) -> bytes:
        return await self._reader.read()


@asynccontextmanager
async def door(desk: Desk, protocol="smtp", **options) -> AsyncIterator[Callable[[], object]]:
    port_ = MailPort(desk.accept, desk.knows, protocol=protocol, hostname="mx.hosted.example", **options)
    port = await port_.open()
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
        return clients[-1]

    try:
        yield connect
    finally:
        await port_.close()
        for client in clients:
            client.writer.transport.abort()
        for _ in range(8):
            await asyncio.sleep(0)
