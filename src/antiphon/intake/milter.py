"""The milter door: what Postfix or Sendmail tell of each mail while they take it. It only looks on.

The protocol is the one that libmilter 8.14 speaks (version 6): packets of a length, a command and its data. This door
asks for no right to change anything, never refuses and never defers: whatever goes wrong here, the answer is *accept*,
and the mail goes on its way uncommitted. Only mail to a mailbox that is watched is read at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from antiphon.intake.mailport import ACCEPTS_UNDER_WAY, MESSAGE_BYTES, RECIPIENTS, Envelope

PACKET_BYTES = 1024 * 1024
"""A header field or a piece of body; Postfix sends at most 64 KiB of body and 100 KiB of field at a time."""
CONNECTIONS = 256
HELD_BYTES = 64 * 1024 * 1024
"""Mail that all connections together have read and not yet handed on; what comes beyond that is not kept."""
IDLE_SECONDS = 900.0
"""An MTA holds its connection as long as its own client does."""
KEEP_SECONDS = 2.0
"""How long the end of a mail may wait for the disk; then it goes on uncommitted, unless the disk still answers."""

VERSION = 6
OLDEST = 2

# What of the conversation is not for us, or needs no answer: each is only asked for where the MTA offers it.
NO_HELO, NO_UNKNOWN, NO_END_OF_FIELDS = 0x2, 0x100, 0x40
QUIET_CONNECT, QUIET_MAIL, QUIET_RECIPIENT = 0x1000, 0x4000, 0x8000
QUIET_FIELD, QUIET_BODY, LEADING_SPACE = 0x80, 0x80000, 0x100000
WANTED = (
    NO_HELO | NO_UNKNOWN | NO_END_OF_FIELDS | QUIET_CONNECT | QUIET_MAIL | QUIET_RECIPIENT
    | QUIET_FIELD | QUIET_BODY | LEADING_SPACE
)  # fmt: skip

CONTINUE, ACCEPT = b"c", b"a"
SILENT = b"DAQK"
"""Macros, abort and both kinds of quit are never answered."""
QUIET = {
    ord("C"): QUIET_CONNECT, ord("M"): QUIET_MAIL, ord("R"): QUIET_RECIPIENT, ord("L"): QUIET_FIELD,
    ord("B"): QUIET_BODY,
}  # fmt: skip

Commit = Callable[[Envelope], Awaitable[None]]
"""Makes the mail durable for each recipient. Raises when it can not; the mail goes on all the same."""
Watches = Callable[[str], Awaitable[bool]]
"""Whether this recipient's mail is committed."""


class Nonsense(Exception):
    """The other side does not speak the protocol; the connection ends, and the mail is the MTA's own affair."""


@dataclass(slots=True)
class Draft:
    """One mail as far as it was told. `lost`: it is, or became, more than is kept."""

    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    fields: list[bytes] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    lost: bool = False

    @property
    def raw(self) -> bytes:
        """The mail, byte for byte, as the MTA took it."""
        return b"".join([*self.fields, b"\r\n", *self.body])


def packet(command: bytes, data: bytes = b"") -> bytes:
    """One packet."""
    return struct.pack(">I", len(command) + len(data)) + command + data


def options(data: bytes) -> tuple[int, bytes]:
    """What is agreed with an MTA that offers `data`: the protocol flags, and the answer. We may change nothing."""
    if len(data) < 12:
        raise Nonsense("an offer of less than three numbers")
    version, _, offered = struct.unpack(">III", data[:12])
    if version < OLDEST:
        raise Nonsense(f"version {version}")
    agreed = offered & WANTED
    return agreed, packet(b"O", struct.pack(">III", min(version, VERSION), 0, agreed))


def peer_of(data: bytes) -> tuple[str, int]:
    """Address and port of the MTA's client; an empty address where it has none, or what was told is no address."""
    rest = data.partition(b"\0")[2]
    if rest[:1] not in (b"4", b"6") or len(rest) < 4:
        return "", 0
    told = rest[3:].partition(b"\0")[0].decode("ascii", "replace").removeprefix("IPv6:")
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(told)), int.from_bytes(rest[1:3], "big")
    return "", 0


def path_of(data: bytes) -> str:
    """The address of a MAIL or RCPT command, without its brackets and options."""
    return data.partition(b"\0")[0].decode("utf-8", "replace").strip().removeprefix("<").removesuffix(">")


def field_of(data: bytes, *, leading_space: bool) -> bytes:
    """A header field as it stood in the mail: MTAs tell folded lines with a bare line feed, and, unless the space after
    the colon was asked for, without it."""
    name, found, value = data.partition(b"\0")
    if not found:
        raise Nonsense("a field without a value")
    value = value.removesuffix(b"\0").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return name + (b":" if leading_space else b": ") + value + b"\r\n"


class MilterPort:
    """One door for MTAs. `lost` counts the mails to watched mailboxes that went on uncommitted."""

    def __init__(self, commit: Commit, watches: Watches, *, message_bytes: int = MESSAGE_BYTES) -> None:
        self._commit, self._watches, self._message_bytes = commit, watches, message_bytes
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self.held_bytes = 0
        self.lost = 0

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens, and returns the port. Raises OSError when it can not be had."""
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def listens(self) -> bool:
        """Whether it takes connections."""
        return self._server is not None and self._server.is_serving()

    async def close(self) -> None:
        """Takes no more connections, lets the mails under way become durable, and hangs up: MTAs go on without us."""
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        for session in list(self._sessions):
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._sessions) < CONNECTIONS:
                self._sessions.add(task)
                await _Session(self, reader, writer).run()
        except (Nonsense, ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the MTA goes on without us: it was told to accept by default
        finally:
            self._sessions.discard(task)
            writer.close()

    async def watches(self, recipient: str) -> bool:
        """Whether this mailbox is watched; no where that can not be found out now."""
        try:
            return await self._watches(recipient)
        except Exception:  # noqa: BLE001 - whatever is broken here, the mail goes on
            return False

    async def keep(self, envelope: Envelope) -> None:
        """Makes a mail durable, and waits for it as long as a mail may wait."""
        if len(self._under_way) >= ACCEPTS_UNDER_WAY:
            self.lost += 1
            return
        # A task of its own: when the MTA hangs up now, a mail that is all here is still kept.
        task = asyncio.ensure_future(self._commit(envelope))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait({task}, timeout=KEEP_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if task.cancelled() or task.exception() is not None:
            self.lost += 1

    def take(self, draft: Draft, piece: bytes, *, body: bool) -> None:
        """Adds a piece to a mail that somebody here gets, or gives the whole mail up where it is too much."""
        if draft.lost or not draft.recipients:
            return
        if draft.size + len(piece) > self._message_bytes or self.held_bytes + len(piece) > HELD_BYTES:
            self.drop(draft)
            draft.lost = True
            return
        (draft.body if body else draft.fields).append(piece)
        draft.size += len(piece)
        self.held_bytes += len(piece)

    def drop(self, draft: Draft) -> None:
        """What was read of this mail is needed no more."""
        self.held_bytes -= draft.size
        draft.size = 0
        draft.fields.clear()
        draft.body.clear()


class _Session:
    """One connection of an MTA: many mails of one client, one after the other; or of several (QUIT_NC)."""

    def __init__(self, door: MilterPort, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._door, self._reader, self._writer = door, reader, writer
        self._agreed = 0
        self._peer = ("", 0)
        self._draft = Draft()

    async def run(self) -> None:
        """Until the MTA quits. Raises Nonsense, or what the connection raised."""
        try:
            while True:
                command, data = await self._packet()
                if command == ord("Q"):
                    return
                answer = await self._answer(command, data)
                if answer and not self._agreed & QUIET.get(command, 0):
                    self._writer.write(answer)
                    await self._writer.drain()
        finally:
            self._door.drop(self._draft)

    async def _packet(self) -> tuple[int, bytes]:
        async with asyncio.timeout(IDLE_SECONDS):
            size = int.from_bytes(await self._reader.readexactly(4), "big")
            if not 1 <= size <= PACKET_BYTES:
                raise Nonsense(f"a packet of {size} bytes")
            data = await self._reader.readexactly(size)
        return data[0], data[1:]

    async def _answer(self, command: int, data: bytes) -> bytes:
        """Takes in one command; what is to be answered unless it was agreed that nothing is."""
        match chr(command):
            case "O":
                self._agreed, answer = options(data)
                return answer
            case "C":
                self._peer = peer_of(data)
            case "M":
                self._begin()
                self._draft.sender = path_of(data)
            case "R":
                await self._recipient(path_of(data))
            case "T":
                # Nobody of ours: the MTA need not tell the rest.
                return packet(CONTINUE if self._draft.recipients else ACCEPT)
            case "L":
                told = field_of(data, leading_space=bool(self._agreed & LEADING_SPACE))
                self._door.take(self._draft, told, body=False)
            case "B":
                self._door.take(self._draft, data, body=True)
            case "E":
                self._door.take(self._draft, data, body=True)
                await self._end()
                return packet(ACCEPT)
            case "A" | "K":
                self._begin()
        return b"" if command in SILENT else packet(CONTINUE)

    def _begin(self) -> None:
        self._door.drop(self._draft)
        self._draft = Draft()

    async def _recipient(self, recipient: str) -> None:
        if len(self._draft.recipients) < RECIPIENTS and await self._door.watches(recipient):
            self._draft.recipients.append(recipient)

    async def _end(self) -> None:
        draft = self._draft
        if draft.lost:
            self._door.lost += 1
        elif draft.recipients:
            await self._door.keep(Envelope(*self._peer, draft.sender, tuple(draft.recipients), draft.raw))
        self._begin()
