"""Our own SMTP client (RFC 5321): one message, one recipient, one host, one try.

There is no retry, no second host and no queue: what came of it is the Exchange, and the attempt is spent. After the
final dot without a reply nobody knows whether the message was taken (RFC 1047 §2), so that is *unknown*.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from enum import StrEnum

from antiphon.backends.wire import Dialer, Line, ReserveSpent, open_line
from antiphon.errors import AntiphonError, MalformedInput
from antiphon.formats.publicness import is_public
from antiphon.ledger.allowance import Permit
from antiphon.ports import Exchange, Letter

SMTP_PORT = 25
TIMEOUT_SECONDS = 300.0
QUIT_SECONDS = 5.0
ASKED_SECONDS = 20.0
ASKED_BYTES = 16 * 1024
"""For a question without a message, TLS included."""
ANSWER_SECONDS = 20.0
ANSWER_BYTES = 32 * 1024
ENVELOPE_BYTES = 1024
"""What must be left beside the message when it begins: the envelope, its replies, TLS records, the final dot."""

LINE_MOST_BYTES = 998
REPLY_LINE_BYTES = 2048
REPLY_LINES = 100
REPLY_TEXT_CHARS = 500
PATH_CHARS = 254

_PATH = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")
_REPLY = re.compile(rb"([2-5][0-9][0-9])([ -]?)(.*)", re.DOTALL)
_HELLO = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")


class DeliveryOutcome(StrEnum):
    """What a delivery came to. Whatever it is, the attempt is spent."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TEMPORARY = "temporary"
    UNKNOWN = "unknown"
    FAILED = "failed"


BY_CLASS = {2: DeliveryOutcome.ACCEPTED, 4: DeliveryOutcome.TEMPORARY, 5: DeliveryOutcome.REFUSED}


class Submission:
    """Delivers to the host of a judged address, port 25.

    TLS is used whenever it is offered, under `context`; if it then fails there is no way back to plain text. Between
    mail hosts certificates are rarely checkable, so `context` may be one that does not verify.
    """

    def __init__(
        self,
        dialer: Dialer,
        context: ssl.SSLContext,
        hello_name: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        if not _HELLO.fullmatch(hello_name):
            raise ValueError("the HELO name must be a host name")
        self._dialer = dialer
        self._context = context
        self._hello_name = hello_name
        self._timeout_seconds = timeout_seconds

    async def send(self, permit: Permit, letter: Letter) -> Exchange:
        """Hands the letter to its exchanger's pinned address, byte for byte. An empty `mail_from` is the null path.

        Bytes on the wire, both ways and TLS included, never pass the permit's reserve. *accepted*: 2xx to the final
        dot. *refused*, *temporary*: 5xx or 4xx at any step. *failed*: certainly not taken, for another reason, such as
        a letter that SMTP can not carry as it stands. *unknown*: silence after the final dot. `wrote`: at least one
        byte of the message left. Never raises for what the other side does.
        """
        return await self._deliver(letter, permit.reserve, self._timeout_seconds)

    async def answer(self, letter: Letter) -> Exchange:
        """As `send`, for an answer to a member's own mail: over the null path only, of ANSWER_BYTES at most with all
        that is said around it, within ANSWER_SECONDS."""
        if letter.mail_from:
            raise ValueError("an answer goes out over the null path")
        return await self._deliver(letter, ANSWER_BYTES, ANSWER_SECONDS)

    async def _deliver(self, letter: Letter, reserve: int, seconds: float) -> Exchange:
        try:
            visit = _Visit(letter)
        except MalformedInput as error:
            return Exchange(DeliveryOutcome.FAILED, "", None, 0, 0, error.what, False)
        if not is_public(letter.address):
            return visit.exchange(DeliveryOutcome.FAILED, "The address is not a public one.")
        problem: Exception | None = None
        try:
            async with asyncio.timeout(seconds):
                visit.line = await open_line(
                    self._dialer, letter.address, SMTP_PORT, reserve_bytes=reserve, timeout_seconds=seconds
                )
                await visit.greet(self._hello_name, self._context, letter.exchanger)
                await visit.hand_over()
        except (_Answered, AntiphonError, OSError, TimeoutError, ReserveSpent) as caught:
            problem = caught
        finally:
            await visit.leave()
        return visit.judged(problem)

    async def takes(self, address: str, exchanger: str, recipient: str) -> str:
        """Asks a mail host whether it would take mail for a recipient, and sends none: MAIL, RCPT, QUIT. Empty where it
        would; else why not, in words. `address` is that of the host `exchanger`. Never raises for what it does."""
        visit = _Visit(Letter("", recipient, exchanger, address, b"\r\n"))
        if not is_public(address):
            return "its address is not a public one"
        problem: Exception | None = None
        try:
            async with asyncio.timeout(ASKED_SECONDS):
                visit.line = await open_line(
                    self._dialer, address, SMTP_PORT, reserve_bytes=ASKED_BYTES, timeout_seconds=ASKED_SECONDS
                )
                await visit.greet(self._hello_name, self._context, exchanger)
                await visit.envelope("")
        except (_Answered, AntiphonError, OSError, TimeoutError, ReserveSpent) as caught:
            problem = caught
        finally:
            await visit.leave()
        found = visit.judged(problem)
        return "" if problem is None else found.status or found.reason


class _Answered(Exception):
    """A reply that ends the visit."""


class _Visit:
    """One session; remembers the last reply and how far the message got."""

    def __init__(self, letter: Letter) -> None:
        self._content = _wire_form(letter.message)
        self._sender = _path(letter.mail_from) if letter.mail_from else ""
        self._recipient = _path(letter.recipient)
        self._buffer = b""
        self._extensions: frozenset[str] = frozenset()
        self._code: int | None = None
        self._text = ""
        self._wrote = False
        self._dotted_at: float | None = None
        self._took_seconds = 0.0
        self.line: Line | None = None

    async def greet(self, hello_name: str, context: ssl.SSLContext, host: str) -> None:
        """Greeting, EHLO, and TLS where it is offered (RFC 3207 §4)."""
        await self._expect(220)
        await self._hello(hello_name)
        if "STARTTLS" not in self._extensions:
            return
        await self._command("STARTTLS", 220)
        if self._buffer:  # said before TLS, to be believed after it: an injection (RFC 3207 §5)
            raise MalformedInput("The other side spoke between STARTTLS and TLS.")
        assert self.line is not None
        await self.line.secure(context, host)
        await self._hello(hello_name)

    async def hand_over(self) -> None:
        """MAIL, RCPT, DATA; the reply to the final dot is left as the last one."""
        assert self.line is not None
        eight_bit = not self._content.isascii()
        if eight_bit and "8BITMIME" not in self._extensions:
            raise MalformedInput("The message has 8-bit text and the host does not take it.")
        # Judged before MAIL: a message that is cut off halfway would burden the host for nothing.
        if len(self._content) + ENVELOPE_BYTES > self.line.remaining_bytes:
            raise ReserveSpent
        await self.envelope(" BODY=8BITMIME" if eight_bit else "")
        await self._command("DATA", 354)
        self._code, self._text = None, ""
        before = self.line.bytes_out
        try:
            await self.line.send(self._content)
        finally:
            self._wrote = self.line.bytes_out > before
        # From here on the message may be theirs, whatever happens to the connection.
        self._dotted_at = asyncio.get_running_loop().time()
        await self.line.send(b".\r\n")
        await self._expect(250)

    async def envelope(self, parameters: str) -> None:
        """MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3)."""
        await self._command(f"MAIL FROM:<{self._sender}>{parameters}", 250)
        await self._command(f"RCPT TO:<{self._recipient}>", 250, 251)

    async def _hello(self, hello_name: str) -> None:
        lines = await self._command(f"EHLO {hello_name}", 250)
        self._extensions = frozenset(line.split(" ")[0].upper() for line in lines[1:])

    async def _command(self, text: str, *expected: int) -> list[str]:
        assert self.line is not None
        await self.line.send(text.encode("ascii") + b"\r\n")
        return await self._expect(*expected)

    async def _expect(self, *expected: int) -> list[str]:
        """The lines of one reply (RFC 5321 §4.2.1). Raises _Answered when it is not what lets us go on."""
        self._code, self._text = None, ""
        lines: list[str] = []
        while True:
            reply = _REPLY.fullmatch(await self._read_line())
            if reply is None or len(lines) >= REPLY_LINES:
                raise MalformedInput("The other side does not speak SMTP.")
            lines.append(_printable(reply[3]))
            if reply[2] != b"-":
                break
        self._code, self._text = int(reply[1]), " ".join(lines)[:REPLY_TEXT_CHARS]
        if self._code not in expected:
            raise _Answered
        return lines

    async def _read_line(self) -> bytes:
        assert self.line is not None
        while b"\n" not in self._buffer:
            data = await self.line.receive() if len(self._buffer) <= REPLY_LINE_BYTES else b""
            if not data:
                raise MalformedInput("The other side hung up, or its reply has no end.")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.removesuffix(b"\r")

    def judged(self, problem: Exception | None) -> Exchange:
        """The last reply decides, a 2xx only after the final dot; without one, whether that dot may have left."""
        undecided = DeliveryOutcome.FAILED if self._dotted_at is None else DeliveryOutcome.UNKNOWN
        if problem is None or isinstance(problem, _Answered):
            outcome = BY_CLASS.get((self._code or 0) // 100, undecided)
            early = outcome is DeliveryOutcome.ACCEPTED and self._dotted_at is None
            return self.exchange(undecided if early else outcome, "")
        return self.exchange(undecided, problem.what if isinstance(problem, AntiphonError) else type(problem).__name__)

    def exchange(self, outcome: DeliveryOutcome, reason: str) -> Exchange:
        """The attempt with the counts of its line; `status` is the last reply, code and words."""
        sent, received = (self.line.bytes_out, self.line.bytes_in) if self.line else (0, 0)
        status = f"{self._code or ''} {self._text}".strip()
        return Exchange(outcome, status, None, sent, received, reason, self._wrote, self._took_seconds)

    async def leave(self) -> None:
        """QUIT where there is somebody to say it to; nothing depends on the answer."""
        if self.line is None:
            return
        verdict = self._code, self._text
        if self._dotted_at is not None:
            self._took_seconds = asyncio.get_running_loop().time() - self._dotted_at
        try:
            if self._code is not None:
                async with asyncio.timeout(QUIT_SECONDS):
                    await self._command("QUIT", 221)
        except (_Answered, AntiphonError, OSError, TimeoutError, ReserveSpent):
            pass
        finally:
            self._code, self._text = verdict
            self.line.close()


def _wire_form(message: bytes) -> bytes:
    """The message as DATA carries it, dots doubled (RFC 5321 §4.5.2), without the final dot."""
    if not message.endswith(b"\r\n"):
        raise MalformedInput("The message does not end with a line.")
    lines = message[:-2].split(b"\r\n")
    if any(b"\r" in line or b"\n" in line or b"\0" in line or len(line) > LINE_MOST_BYTES for line in lines):
        raise MalformedInput("The message has bare line ends, NUL, or lines that are too long.")
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)


def _path(address: str) -> str:
    if len(address) > PATH_CHARS or not _PATH.fullmatch(address):
        raise MalformedInput("This address can not stand in an SMTP envelope.")
    return address


def _printable(text: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in text)
