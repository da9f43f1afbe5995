"""The doors for mail: SMTP (RFC 5321) and LMTP (RFC 2033), on loopback unless told otherwise.

A reply goes out only after `accept` has returned, and `accept` returns only when the message is durable: whoever got a
2xx from us need not keep a copy. aiosmtpd speaks the protocol; this module adds what LMTP needs and the limits.
Whoever connects is greeted by the lobby, and has a session once it says something: a silent crowd costs sockets only.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, AnyStr, ClassVar, Literal

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Session, syntax
from aiosmtpd.smtp import Envelope as Draft

from antiphon.errors import AntiphonError
from antiphon.intake.path import plain_path
from antiphon.intake.places import BUSY, Places
from antiphon.lobby import NOW, PEEK, Guest, Lobby

MESSAGE_BYTES = 10 * 1024 * 1024
LINE_BYTES = 65_536
"""More than RFC 5321 §4.5.3.1.6 asks for: evidence with long lines is still evidence."""

RECIPIENTS = 100
ACCEPTS_UNDER_WAY = 32
"""Messages between the final dot and the reply; beyond that the other side keeps its copy and comes again."""

TIMEOUT_SECONDS = 120.0
SILENT = 1_024
"""Connections that were greeted and have said nothing yet. However many of these come a second, a member has the time
that it takes to fill these places to say its first word: 0.2 s where 5,000 do."""

IDENT = "Antiphon"
LATER = "451 4.3.0 Not now, please try again later"
UNKNOWN_MAILBOX = "550 5.1.1 No such mailbox here"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"
REFUSED = "554 5.6.0 This message is not taken"
NO_STORAGE = "452 4.3.1 Not enough room now, please try again later"
TOO_MUCH = "552 5.3.4 Too much mail data"
LINE_TOO_LONG = "500 5.5.2 Line too long"

LINE_END, FINAL_DOT, DOUBLED = b"\r\n", b"\r\n.\r\n", b"\r\n."
BLOCK_BYTES = 1024 * 1024
"""More than a stream holds before it stops reading its socket: one read always empties it."""

_REPLY = re.compile(r"[245][0-9][0-9] [\x20-\x7e]{1,480}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message as it came through a door: who connected, the SMTP envelope, the exact bytes after DATA. The null
    path is an empty `mail_from`."""

    peer_address: str
    peer_port: int
    mail_from: str
    rcpt_tos: tuple[str, ...]
    raw: bytes


Accept = Callable[[Envelope], Awaitable[Sequence[str]]]
"""Makes the message durable, then gives one reply line for each recipient, in their order. An AntiphonError becomes 451
where it is temporary and 554 where it is not; anything else 451, since the other side must not lose its copy to a fault
of ours."""

Knows = Callable[[str], Awaitable[bool]]
"""Whether mail to this address is taken at all."""


class MailPort:
    """One door. `protocol` is smtp or lmtp; `hostname` is what the greeting says."""

    def __init__(
        self,
        accept: Accept,
        knows: Knows,
        *,
        protocol: Literal["smtp", "lmtp"],
        hostname: str,
        message_bytes: int = MESSAGE_BYTES,
    ) -> None:
        self._accept = accept
        self._knows = knows
        self._class: type[_Smtp] | type[_Lmtp] = _Lmtp if protocol == "lmtp" else _Smtp
        self._hostname = hostname
        self._message_bytes = message_bytes
        self._greeting = f"220 {hostname} {IDENT}\r\n".encode("ascii")
        self._lobby: Lobby | None = None
        self._places = Places()
        self._under_way: set[asyncio.Task[Sequence[str]]] = set()

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens, and returns the port. Raises OSError when it can not be had."""
        farewell = BUSY.encode("ascii") + b"\r\n"
        self._lobby = Lobby(self._greet, self._hear, places=SILENT, seconds=TIMEOUT_SECONDS, farewell=farewell)
        return self._lobby.open((host, port), words_first=False)

    def listens(self) -> bool:
        """Whether it takes connections."""
        return self._lobby is not None and self._lobby.listens()

    async def close(self) -> None:
        """Takes no more connections, lets the messages under way become durable, and hangs up."""
        if self._lobby is not None:
            self._lobby.close()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await asyncio.sleep(0)  # the replies to these leave before the connections do
        self._places.clear()

    def __dir__(self) -> tuple[str, ...]:
        """Its hooks, for which aiosmtpd looks anew for each session: among all names that costs as much as a session
        costs otherwise."""
        return tuple(name for name in vars(MailPort) if name.startswith("handle_"))

    def _greet(self, guest: Guest) -> None:
        assert self._lobby is not None
        try:
            guest.link.send(self._greeting, NOW)
        except OSError:
            self._lobby.drop(guest)
        else:
            self._lobby.wait(guest)

    def _hear(self, guest: Guest) -> None:
        """It has said something, which the session reads; or it has left."""
        assert self._lobby is not None
        try:
            speaks = bool(guest.link.recv(1, PEEK))
        except OSError:
            speaks = False
        if speaks:
            self._lobby.hand_on(guest, self._session)
        else:
            self._lobby.drop(guest)

    def _session(self) -> asyncio.Protocol:
        return self._class(self, self._places, self._hostname, self._message_bytes)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Draft, hostname: str, *responses: list[str]
    ) -> list[str]:
        """aiosmtpd's hook, called with what it would say: commands may come in groups too (RFC 2920); LMTP asks for
        it (RFC 2033 §5)."""
        session.host_name = hostname
        return [*responses[0][:1], "250-PIPELINING", *responses[0][1:]]

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Draft, *recipient: object) -> str:
        """aiosmtpd's hook, called with the address and its options: 250, 550, 452 or 451 for one recipient."""
        address = str(recipient[0])
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return TOO_MANY_RECIPIENTS
        try:
            known = await self._knows(address)
        except Exception as error:  # noqa: BLE001 - whatever is broken here, the other side keeps its copy
            return _reply_to(error)
        if not known:
            return UNKNOWN_MAILBOX
        if isinstance(server, _Counted) and not self._places.name(server):
            return LATER
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Draft) -> str:
        """aiosmtpd's hook: what `accept` says, one line for SMTP, one for each recipient for LMTP."""
        replies = await self._taken(_finished(session, envelope))
        return "\r\n".join(replies) if isinstance(server, _Lmtp) else one_reply(replies)

    async def _taken(self, envelope: Envelope) -> Sequence[str]:
        if len(self._under_way) >= ACCEPTS_UNDER_WAY:
            return [LATER] * len(envelope.rcpt_tos)
        # A task of its own: when the other side hangs up now, a message that is all here is still taken.
        task = asyncio.ensure_future(self._accept(envelope))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            replies = await asyncio.shield(task)
        except Exception as error:  # noqa: BLE001 - as above
            return [_reply_to(error)] * len(envelope.rcpt_tos)
        if len(replies) != len(envelope.rcpt_tos) or not all(_REPLY.fullmatch(reply) for reply in replies):
            return [LATER] * len(envelope.rcpt_tos)
        return replies


def one_reply(replies: Sequence[str]) -> str:
    """SMTP's single reply for several recipients.

    Any 4xx makes it 4xx: what comes twice is folded into one later, what is lost is lost. Otherwise one 2xx is enough.
    """
    for kind in "425":
        for reply in replies:
            if reply.startswith(kind):
                return reply
    return LATER


def _reply_to(error: Exception) -> str:
    return REFUSED if isinstance(error, AntiphonError) and not error.temporary else LATER


def _finished(session: Session, envelope: Draft) -> Envelope:
    peer: tuple[Any, ...] = tuple(session.peer or ("", 0))
    sender = "" if envelope.mail_from in {None, "<>"} else str(envelope.mail_from)
    return Envelope(str(peer[0]), int(peer[1]), sender, tuple(envelope.rcpt_tos), envelope.original_content or b"")


class _Counted(SMTP):
    """Has a place, and takes long lines. `owed`: its message is whole, and the reply is not out."""

    line_length_limit = LINE_BYTES
    owed = False
    _refusal = ""
    _greeted = False
    _commands: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        cls._commands = tuple(name for name in dir(cls) if name.startswith("smtp_"))

    def __init__(self, door: MailPort, places: Places, hostname: str, message_bytes: int) -> None:
        super().__init__(
            door,
            data_size_limit=message_bytes,
            hostname=hostname,
            ident=IDENT,
            timeout=TIMEOUT_SECONDS,
            auth_exclude_mechanism=["LOGIN", "PLAIN"],
            loop=asyncio.get_running_loop(),
        )
        self._places = places
        self._kept = bytearray()

    def __dir__(self) -> tuple[str, ...]:
        """Its commands, as for the hooks."""
        return self._commands

    async def push(self, status: AnyStr) -> None:
        """What is said; but the greeting, with which a session begins, was said in the lobby."""
        if self._greeted:
            await super().push(status)
        self._greeted = True

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        return plain_path(arg) or super()._getaddr(arg)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        """Takes a message in blocks as they come, where aiosmtpd takes it line by line at many times the cost."""
        if await self.check_helo_needed():
            return
        if self.session is None or self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        envelope, content = self.envelope, await self._content()
        if isinstance(content, bytes):
            envelope.content = envelope.original_content = content
            reply = await self.event_handler.handle_DATA(self, self.session, envelope)
        else:
            reply = "\r\n".join([content] * (len(envelope.rcpt_tos) if isinstance(self, _Lmtp) else 1))
        self.envelope, self._kept = Draft(), bytearray()
        await self.push(reply)
        self.owed = False
        self._places.relieve(self)

    def give_way(self) -> None:
        """What is here of its message goes; it is read to its end, and refused for now."""
        self._refusal = self._refusal or NO_STORAGE
        del self._kept[: -len(FINAL_DOT)]

    async def _content(self) -> bytes | str:
        """The message without its final dot and the dots that were doubled (RFC 5321 §4.5.2), or the refusal of one
        that passes a limit, which is read to its end all the same. Nothing but CRLF ends a line."""
        limit, self._refusal = self.data_size_limit or MESSAGE_BYTES, ""
        # As if a line had ended before: the first may be the dot. What was looked through is not looked through again.
        kept, looked = bytearray(LINE_END), 0
        self._kept = kept
        while True:
            at = kept.find(FINAL_DOT, looked)
            self.owed = at >= 0
            self._places.weigh(self, len(kept))
            if self.owed:
                break
            if len(kept) > limit + len(FINAL_DOT):
                self._refusal = TOO_MUCH
            if self._refusal:
                del kept[: -len(FINAL_DOT)]
            block = await self._reader.read(BLOCK_BYTES)
            if not block:
                raise asyncio.CancelledError  # hung up before the dot, as aiosmtpd says it
            looked = max(0, len(kept) - len(FINAL_DOT) + 1)
            kept += block
        # The reader is empty now, so what came behind the dot goes back in its order.
        self._reader.feed_data(bytes(kept[at + len(FINAL_DOT) :]))
        del kept[at + len(LINE_END) :]
        if self._refusal or at > limit:
            return self._refusal or TOO_MUCH
        if max(map(len, kept.split(LINE_END))) > LINE_BYTES - len(LINE_END):
            return LINE_TOO_LONG
        return bytes(kept.replace(DOUBLED, LINE_END)[len(LINE_END) :])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counted from here."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._places.come(self, transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """To here."""
        self._places.leave(self)
        super().connection_lost(error)
        # Much of what it holds names the session itself. Left to the collector, a crowd that leaves stops all others
        # for a tenth of a second.
        if self._handler_coroutine is not None:
            self._handler_coroutine.add_done_callback(lambda _: vars(self).clear())


class _Smtp(_Counted):
    """SMTP as the library speaks it."""


class _Lmtp(_Counted, LMTP):
    """LMTP: after DATA one reply for every recipient (RFC 2033 §4.2)."""
