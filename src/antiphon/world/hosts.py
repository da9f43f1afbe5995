"""Hosts of the world, HTTPS and SMTP: they count every byte at the socket, whatever the node says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

HEAD_BYTES = 16 * 1024
BODY_BYTES = 64 * 1024
LINE_BYTES = 4096
MAIL_BYTES = 4 * 1024 * 1024
READ_BYTES = 65_536


@dataclass(slots=True)
class Tally:
    """What came to one host: TCP payload both ways, TLS included. `packets` counts connections and every piece that
    was read; `done` complete requests and mails."""

    connections: int = 0
    packets: int = 0
    done: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    def add(self, other: Tally) -> None:
        """Both together."""
        self.connections += other.connections
        self.packets += other.packets
        self.done += other.done
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out

    def take_away(self, other: Tally) -> None:
        """What is left of this without the other."""
        self.connections -= other.connections
        self.packets -= other.packets
        self.done -= other.done
        self.bytes_in -= other.bytes_in
        self.bytes_out -= other.bytes_out


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read whole."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to it. `credit` also gets what this connection cost: a provider's host works for many customers."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    credit: Tally | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One mail as a mail exchanger took it."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes


WebHandler = Callable[[Request], Awaitable[Response]]
MailHandler = Callable[[Delivery], Awaitable[str]]
"""Gives the reply line to the final dot."""


class Counted:
    """One accepted connection; bytes are in the tally before anybody can act on them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tally: Tally) -> None:
        self._reader, self._writer, self._tally = reader, writer, tally
        self.own = Tally(connections=1, packets=1)
        tally.add(self.own)

    async def read(self) -> bytes:
        """Some bytes; none at the end."""
        data = await self._reader.read(READ_BYTES)
        if data:
            self._count(Tally(packets=1, bytes_in=len(data)))
        return data

    async def write(self, data: bytes) -> None:
        """Hands all of it to the kernel."""
        if data:
            self._count(Tally(bytes_out=len(data)))
            self._writer.write(data)
            await self._writer.drain()

    def finished(self) -> None:
        """One whole request or mail has come."""
        self._count(Tally(done=1))

    def _count(self, more: Tally) -> None:
        self.own.add(more)
        self._tally.add(more)


class Secured:
    """TLS over a counted connection, in memory, so that handshake and records are counted too."""

    def __init__(self, line: Counted, context: ssl.SSLContext) -> None:
        self._line = line
        self._inbox, self._outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._inbox, self._outbox, server_side=True)

    async def greet(self) -> bool:
        """The handshake; False when the other side hangs up."""
        while True:
            try:
                self._tls.do_handshake()
                return True
            except ssl.SSLWantReadError:
                if not await self._more():
                    return False

    async def read(self) -> bytes:
        """Some bytes; none at the end."""
        while True:
            try:
                return self._tls.read(READ_BYTES)
            except ssl.SSLWantReadError:
                if not await self._more():
                    return b""
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    async def write(self, data: bytes) -> None:
        """Encrypts and sends."""
        self._tls.write(data)
        await self._line.write(self._outbox.read())

    async def _more(self) -> bool:
        await self._line.write(self._outbox.read())
        data = await self._line.read()
        self._inbox.write(data)
        return bool(data)


class Host:
    """What listens at one public address: call `web` or `mail` for the callback of an asyncio server."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tally = Tally()

    def web(self, context: ssl.SSLContext, handler: WebHandler) -> Callable[..., Awaitable[None]]:
        """One HTTPS request a connection, then the line is closed."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = Counted(reader, writer, self.tally)
            credit: Tally | None = None
            with contextlib.suppress(OSError, ValueError):
                secured = Secured(line, context)
                if await secured.greet() and (request := await _read_request(secured)):
                    line.finished()
                    response = await handler(request)
                    credit = response.credit
                    await secured.write(_print_response(response))
            if credit is not None:
                credit.add(line.own)
            writer.close()

        return serve

    def mail(self, handler: MailHandler) -> Callable[..., Awaitable[None]]:
        """A mail exchanger (RFC 5321, RFC 2033), as much of it as one delivery to one recipient needs."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = Counted(reader, writer, self.tally)
            with contextlib.suppress(OSError, ValueError):
                await _Conversation(self.name, line, handler).hold()
            writer.close()

        return serve


async def _read_request(secured: Secured) -> Request | None:
    """One request. Raises ValueError for what is no HTTP, or too long; None when the other side hangs up."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = await secured.read()
        data += piece
        if not piece:
            return None
        if len(data) > HEAD_BYTES:
            raise ValueError("head too long")
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= BODY_BYTES:
        raise ValueError("body too long")
    while len(body) < length:
        piece = await secured.read()
        body += piece
        if not piece:
            return None
    return Request(method, target, headers, body[:length])


def _print_response(response: Response) -> bytes:
    fields = {"Content-Length": str(len(response.body)), "Connection": "close", **response.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {response.status} said\r\n{lines}\r\n".encode("latin-1") + response.body


class _Conversation:
    """One SMTP session."""

    def __init__(self, name: str, line: Counted, handler: MailHandler) -> None:
        self._name, self._line, self._handler = name, line, handler
        self._waiting = b""
        self._sender = ""
        self._recipients: list[str] = []

    async def hold(self) -> None:
        """Until QUIT, or the end of the connection."""
        await self._say(f"220 {self._name} ESMTP")
        while command := await self._next_line():
            word = command[:4].upper().decode("ascii", "replace").strip()
            if word == "QUIT":
                await self._say("221 2.0.0 bye")
                return
            await self._say(await self._answer(word, command))

    async def _answer(self, word: str, command: bytes) -> str:
        match word:
            case "EHLO" | "LHLO":
                return f"250-{self._name}\r\n250-8BITMIME\r\n250 SIZE {MAIL_BYTES}"
            case "HELO" | "NOOP":
                return "250 2.0.0 ok"
            case "MAIL" | "RSET":
                self._sender, self._recipients = _path(command), []
                return "250 2.1.0 ok"
            case "RCPT":
                self._recipients.append(_path(command))
                return "250 2.1.5 ok"
            case "DATA" if self._recipients:
                await self._say("354 go on")
                delivery = Delivery(self._sender, tuple(self._recipients), await self._content())
                self._line.finished()
                self._sender, self._recipients = "", []
                return await self._handler(delivery)
            case _:
                return "503 5.5.1 not now"

    async def _content(self) -> bytes:
        content: list[bytes] = []
        size = 0
        while (part := await self._next_line()) != b".\r\n":
            size += len(part)
            if not part or size > MAIL_BYTES:
                raise ValueError("cut off, or too long")
            content.append(part.removeprefix(b"."))
        return b"".join(content)

    async def _next_line(self) -> bytes:
        while (end := self._waiting.find(b"\n")) < 0:
            if len(self._waiting) > LINE_BYTES:
                raise ValueError("line too long")
            piece = await self._line.read()
            if not piece:
                return b""
            self._waiting += piece
        found, self._waiting = self._waiting[: end + 1], self._waiting[end + 1 :]
        return found

    async def _say(self, reply: str) -> None:
        await self._line.write(reply.encode() + b"\r\n")


def _path(command: bytes) -> str:
    return command.decode("utf-8", "replace").partition("<")[2].partition(">")[0]
