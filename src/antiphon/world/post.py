"""The world's mail system: an LMTP client that never loses a mail, and members who report what they do not want."""

from __future__ import annotations

import asyncio
import contextlib


class Post:
    """Delivers into a node's door over one kept connection; what is not acknowledged is tried again."""

    def __init__(self, port: int, *, greeting: str = "LHLO") -> None:
        self._port, self._greeting = port, greeting
        self._lock = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.acknowledged = 0

    async def deliver(self, sender: str, recipient: str, mail: bytes) -> None:
        """Returns once the node has acknowledged this mail."""
        async with self._lock:
            for _ in range(600):
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, OSError):
                    if await self._try(sender, recipient, mail):
                        self.acknowledged += 1
                        return
                self.hang_up()
                await asyncio.sleep(0.1)
        raise RuntimeError(f"the node took no mail for {recipient}")

    def hang_up(self) -> None:
        """Ends the connection."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def _try(self, sender: str, recipient: str, mail: bytes) -> bool:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            await self._reply()
            await self._say(f"{self._greeting} world.example".encode())
        await self._say(f"MAIL FROM:<{sender}>".encode())
        if not (await self._say(f"RCPT TO:<{recipient}>".encode())).startswith(b"250"):
            await self._say(b"RSET")
            return False
        await self._say(b"DATA")
        stuffed = mail.replace(b"\r\n.", b"\r\n..")
        end = b"." if mail.endswith(b"\r\n") else b"\r\n."
        return (await self._say(stuffed + end)).startswith(b"250")

    async def _say(self, line: bytes) -> bytes:
        assert self._streams is not None
        self._streams[1].write(line + b"\r\n")
        return await self._reply()

    async def _reply(self) -> bytes:
        assert self._streams is not None
        while True:
            line = await self._streams[0].readline()
            if not line:
                raise ConnectionResetError
            if line[3:4] != b"-":
                return line


def forward(member: str, report_address: str, mail: bytes) -> bytes:
    """A member's forward as attachment, byte for byte."""
    head = (
        f"From: {member}\r\nTo: {report_address}\r\nSubject: junk\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="outer-of-the-forward"\r\n\r\n'
        "--outer-of-the-forward\r\nContent-Type: text/plain\r\n\r\nI do not want this.\r\n"
        "--outer-of-the-forward\r\nContent-Type: message/rfc822\r\n\r\n"
    ).encode()
    return head + mail + b"\r\n--outer-of-the-forward--\r\n"


def answer_mail(word: str, sender: str, recipient: str, message_id: str) -> bytes:
    """An originator's answer to a notice: one word."""
    return (
        f"From: {sender}\r\nTo: {recipient}\r\nSubject: Re: your notice\r\nIn-Reply-To: {message_id}\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{word}\r\n"
    ).encode()


def bounce_mail(recipient: str, failed: str) -> bytes:
    """A delivery status notification (RFC 3464): this recipient is not there."""
    return (
        f"From: MAILER-DAEMON@relay.example\r\nTo: {recipient}\r\nSubject: failure\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="r"\r\n\r\n'
        "--r\r\nContent-Type: text/plain\r\n\r\nno such mailbox\r\n"
        "--r\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n"
        f"Final-Recipient: rfc822; {failed}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--r--\r\n"
    ).encode()
