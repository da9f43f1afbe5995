"""Our own IMAP client for mailboxes elsewhere: it looks and never touches (RFC 3501, decision 0019).

Folders are opened with EXAMINE and mail is read with BODY.PEEK, so nothing that it says can change a mailbox, not even
mark a mail as read. The other side is not trusted: every answer has limits, and nothing of its text is passed on.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from antiphon.errors import MalformedInput, Unreachable
from antiphon.formats.imap import Sentence, Word, codes, instant, literal_of, number, pairs, quoted, shown_name, stated
from antiphon.terms import Instant

PORT = 993
"""IMAP over TLS from the first byte (RFC 8314 §3.2); STARTTLS is not spoken."""
LINE_BYTES = 1024 * 1024
MAIL_BYTES = 10 * 1024 * 1024
ANSWER_BYTES = MAIL_BYTES + 2 * LINE_BYTES
"""All that one command may be answered with."""
PATIENCE_SECONDS = 60.0
"""For one answer to begin or to go on."""
IDLE_SECONDS = 25 * 60.0
"""A server may hang up after thirty minutes (RFC 2177 §3)."""

_NAME = re.compile(r"[ -~]{1,500}")


class SignInRefused(Unreachable):
    """The server does not take this user and secret."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder as LIST shows it; `uses` are its special uses (RFC 6154 §2), lower-case, without the backslash."""

    name: str
    uses: frozenset[str]

    @property
    def shown(self) -> str:
        """The name as a person reads it."""
        return shown_name(self.name)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a folder holds: another `validity` means other numbers for all mail (RFC 3501 §2.3.1.1)."""

    validity: int
    next_uid: int
    messages: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail. `arrived_at` is the server's word."""

    arrived_at: Instant
    raw: bytes


@contextlib.asynccontextmanager
async def connected(host: str, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[Mailbox]:
    """A line to a server, closed afterwards, also in the midst of a command. Without TLS only to this machine itself.
    Raises Unreachable."""
    if tls is None and not is_here(host):
        raise Unreachable(f"{host} is another machine: it is asked over TLS only.")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=tls, server_hostname=host if tls is not None else None, limit=LINE_BYTES
            )
    except (OSError, TimeoutError) as error:
        raise Unreachable(f"{host} port {port} could not be reached: {type(error).__name__}.") from error
    try:
        yield Mailbox(reader, writer)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def is_here(host: str) -> bool:
    """Whether this names the machine itself."""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


class Mailbox:
    """One line. After any error it is of no use any more."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._count = self._left = 0
        self.able: frozenset[bytes] = frozenset()
        self.selected = ""

    async def sign_in(self, user: str, secret: str, *, bearer: bool, host: str, port: int) -> None:
        """The greeting, then the user: by password (RFC 4616 §2, or LOGIN), or with a bearer token (RFC 7628 §3.1).
        Raises SignInRefused, Unreachable, MalformedInput."""
        self._left = ANSWER_BYTES
        greeting = await self._line()
        if not greeting.startswith((b"* OK", b"* PREAUTH")):
            raise Unreachable("The server does not want to talk now.")
        await self._ask_abilities()
        if not greeting.startswith(b"* PREAUTH"):
            for line in self._ways(user, secret, bearer=bearer, place=(host, port)):
                await self._sign_in(*line)
                break
            else:
                raise SignInRefused("The server offers no way to sign in that is understood here.")
            await self._ask_abilities()

    async def folders(self) -> list[Folder]:
        """Every folder that can be opened and whose name can be said."""
        found = []
        extended = b" RETURN (SPECIAL-USE)" if {b"LIST-EXTENDED", b"SPECIAL-USE"} <= self.able else b""
        for answer in await self._command(b'LIST "" "*"' + extended):
            match answer:
                case [b"LIST", list(flags), _, bytes(name)]:
                    uses = frozenset(flag.lower() for flag in flags if isinstance(flag, bytes))
                    folder = Folder(name.decode("latin-1"), frozenset(use.decode("latin-1")[1:] for use in uses))
                    if not uses & {b"\\noselect", b"\\nonexistent"} and _NAME.fullmatch(folder.name):
                        found.append(folder)
        return found

    async def standing(self, folder: str) -> Standing:
        """What a folder holds, without opening it."""
        for answer in await self._command(b"STATUS " + quoted(folder) + b" (MESSAGES UIDNEXT UIDVALIDITY)"):
            match answer:
                case [b"STATUS", _, list(items)]:
                    return _standing(pairs(items))
        raise MalformedInput("The server does not say what a folder holds.")

    async def examine(self, folder: str) -> Standing:
        """Opens a folder, to be read only."""
        self.selected = ""
        items: dict[bytes, Word] = {}
        for answer in await self._command(b"EXAMINE " + quoted(folder)):
            match answer:
                case [bytes(number), b"EXISTS"]:
                    items[b"MESSAGES"] = number
                case [b"OK", bytes(text)]:
                    items |= codes(text)
        self.selected = folder
        return _standing(items)

    async def since(self, day: str) -> list[int]:
        """The numbers of all mail in the open folder that came on this day, as `1-Jan-2026`, or later."""
        return await self._search(b"SINCE " + day.encode("ascii"))

    async def still_there(self, uids: Sequence[int]) -> frozenset[int]:
        """Which of these are in the open folder and not marked as deleted."""
        if not uids:
            return frozenset()
        return frozenset(await self._search(b"UNDELETED UID %d:%d" % (min(uids), max(uids))))

    async def sizes(self, first: int) -> dict[int, int]:
        """The sizes in bytes of all mail from this number on."""
        found: dict[int, int] = {}
        for answer in await self._command(b"UID FETCH %d:* (UID RFC822.SIZE)" % first):
            match answer:
                case [_, b"FETCH", list(items)]:
                    kept = pairs(items)
                    # `n:*` names the last mail also where its number is smaller (RFC 3501 §6.4.8).
                    if (uid := number(kept.get(b"UID"))) >= first:
                        found[uid] = number(kept.get(b"RFC822.SIZE"))
        return found

    async def fetch(self, uid: int) -> Fetched | None:
        """One mail of the open folder, byte for byte; None where it is not there any more."""
        for answer in await self._command(b"UID FETCH %d (UID INTERNALDATE BODY.PEEK[])" % uid):
            match answer:
                case [_, b"FETCH", list(items)]:
                    kept = pairs(items)
                    raw = kept.get(b"BODY[]")
                    if number(kept.get(b"UID")) == uid and isinstance(raw, bytes):
                        return Fetched(instant(kept.get(b"INTERNALDATE")), raw)
        return None

    async def idle(self) -> None:
        """Returns when something may have changed in the open folder, or after IDLE_SECONDS (RFC 2177 §3)."""
        self._left, tag = ANSWER_BYTES, self._tag()
        try:
            await self._send(tag + b" IDLE")
            news = any(map(_is_news, await self._until_asked(tag)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    while not news:
                        news = _is_news(await self._line(None))
            await self._send(b"DONE")
            await self._answers(tag)
        except _Refused:
            raise Unreachable("The server does not wait for news now.") from None

    async def _ask_abilities(self) -> None:
        for answer in await self._command(b"CAPABILITY"):
            if answer[:1] == [b"CAPABILITY"]:
                self.able = frozenset(word.upper() for word in answer[1:] if isinstance(word, bytes))

    def _ways(
        self, user: str, secret: str, *, bearer: bool, place: tuple[str, int]
    ) -> Iterator[tuple[bytes, bytes, bytes]]:
        """The ways to sign in that both sides know, best first: the command, what is said, and the answer to a no."""
        token = f"auth=Bearer {secret}\x01\x01"
        if bearer and b"AUTH=OAUTHBEARER" in self.able:
            said = f"n,a={user},\x01host={place[0]}\x01port={place[1]}\x01{token}"
            yield b"AUTHENTICATE OAUTHBEARER", said.encode(), b"AQ=="
        elif bearer and b"AUTH=XOAUTH2" in self.able:
            yield b"AUTHENTICATE XOAUTH2", f"user={user}\x01{token}".encode(), b""
        elif not bearer and b"AUTH=PLAIN" in self.able:
            yield b"AUTHENTICATE PLAIN", f"\0{user}\0{secret}".encode(), b"*"
        elif not bearer and b"LOGINDISABLED" not in self.able and _NAME.fullmatch(user) and _NAME.fullmatch(secret):
            yield b"LOGIN " + quoted(user) + b" " + quoted(secret), b"", b"*"

    async def _sign_in(self, command: bytes, said: bytes, after_no: bytes) -> None:
        self._left, tag = ANSWER_BYTES, self._tag()
        await self._send(tag + b" " + command)
        try:
            if said:
                await self._until_asked(tag)
                await self._send(base64.b64encode(said))
            await self._answers(tag, after_no)
        except _Refused as refused:
            if refused.code in (b"UNAVAILABLE", b"INUSE", b"LIMIT"):
                raise Unreachable("The server lets nobody in now.") from None
            raise SignInRefused("The server refuses this user and secret.") from None

    async def _search(self, what: bytes) -> list[int]:
        found: list[int] = []
        for answer in await self._command(b"UID SEARCH " + what):
            if answer[:1] == [b"SEARCH"]:
                found += [number(word) for word in answer[1:]]
        return found

    async def _command(self, command: bytes) -> list[list[Word]]:
        self._left, tag = ANSWER_BYTES, self._tag()
        await self._send(tag + b" " + command)
        try:
            return await self._answers(tag)
        except _Refused:
            raise Unreachable(f"The server refuses {command.split(b' ')[0].decode()} now.") from None

    def _tag(self) -> bytes:
        self._count += 1
        return b"A%d" % self._count

    async def _send(self, line: bytes) -> None:
        try:
            self._writer.write(line + b"\r\n")
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            raise Unreachable("The server hung up.") from error

    async def _until_asked(self, tag: bytes) -> list[bytes]:
        """The lines that a server says before it asks for more. Raises _Refused where it does not ask."""
        said = []
        while not (line := await self._line()).startswith(b"+"):
            if line.startswith(tag + b" "):
                raise _Refused(line)
            said.append(line)
        return said

    async def _answers(self, tag: bytes, after_no: bytes = b"") -> list[list[Word]]:
        """Everything up to the tagged answer. Raises _Refused where that is no OK."""
        found: list[list[Word]] = []
        while True:
            line = await self._line()
            if line.startswith(b"* "):
                found.append(await self._words(line[2:]))
            elif line.startswith(b"+"):
                await self._send(after_no)
            elif line.startswith(tag + b" OK"):
                return found
            elif line.startswith(tag + b" "):
                raise _Refused(line)
            else:
                raise MalformedInput("The server does not speak IMAP.")

    async def _words(self, line: bytes) -> list[Word]:
        """One untagged answer as words, with the literals that it announces (RFC 3501 §4.3)."""
        if (whole := stated(line)) is not None:
            return whole
        sentence = Sentence()
        text, size = literal_of(line)
        while size is not None:
            sentence.read(text)
            sentence.add(await self._exactly(size))
            text, size = literal_of(await self._line())
        sentence.read(text)
        return sentence.whole()

    async def _line(self, seconds: float | None = PATIENCE_SECONDS) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            raise MalformedInput(f"The server says a line of more than {LINE_BYTES} bytes.") from error
        except TimeoutError as error:
            raise Unreachable("The server has not answered in time.") from error
        except (OSError, EOFError) as error:
            raise Unreachable("The server hung up.") from error
        self._pay(len(line))
        return line.rstrip(b"\r\n")

    async def _exactly(self, size: int) -> bytes:
        self._pay(size)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS * 5):
                return await self._reader.readexactly(size)
        except (OSError, EOFError, TimeoutError) as error:
            raise Unreachable("The server hung up in the midst of a mail.") from error

    def _pay(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise MalformedInput(f"The server answers with more than {ANSWER_BYTES} bytes.")


class _Refused(Exception):
    """A tagged NO or BAD; `code` is its response code (RFC 5530 §3), empty where it has none."""

    def __init__(self, line: bytes) -> None:
        super().__init__()
        self.code = next(iter(codes(line)), b"")


def _is_news(line: bytes) -> bool:
    """Whether mail came, went, or was marked: `EXISTS`, `EXPUNGE`, or a FETCH with its list (RFC 3501 §7.3.1, §7.4)."""
    return line.endswith((b" EXISTS", b" EXPUNGE", b")"))


def _standing(items: dict[bytes, Word]) -> Standing:
    return Standing(*(number(items.get(name)) for name in (b"UIDVALIDITY", b"UIDNEXT", b"MESSAGES")))
