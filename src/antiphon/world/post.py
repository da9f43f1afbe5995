"""The mail system around the node: deliveries over LMTP and SMTP, and the letters that people and hosts write."""

from __future__ import annotations

import asyncio
import contextlib
from enum import StrEnum
from typing import NamedTuple

LINES = 4
"""Connections kept open at a time, so that mails of one instant arrive together."""


class Taken(StrEnum):
    """What became of one delivery."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    NOT_NOW = "not-now"


class Letter(NamedTuple):
    """What was delivered once."""

    sender: str
    recipient: str
    mail: bytes


class Post:
    """Delivers into one door of the node. Only an acknowledged mail is delivered; whoever calls tries again later
    after NOT_NOW, so that nothing is lost when the node is killed in between. `kept`, where it is a list, gets all that
    was acknowledged."""

    def __init__(self, port: int, *, greeting: str = "LHLO") -> None:
        self._lines: asyncio.Queue[_Line] = asyncio.Queue()
        self._all = [_Line(port, greeting) for _ in range(LINES)]
        for line in self._all:
            self._lines.put_nowait(line)
        self.acknowledged = 0
        self.refused = 0
        self.not_now = 0
        self.kept: list[Letter] | None = None

    async def deliver(self, sender: str, recipient: str, mail: bytes) -> Taken:
        """One try, over the next connection that is free."""
        line = await self._lines.get()
        try:
            code = await line.deliver(sender, recipient, mail)
        except (OSError, EOFError, ValueError):
            code = ""
            line.hang_up()
        finally:
            self._lines.put_nowait(line)
        match code[:1]:
            case "2":
                self.acknowledged += 1
                if self.kept is not None:
                    self.kept.append(Letter(sender, recipient, mail))
                return Taken.ACKNOWLEDGED
            case "5":
                self.refused += 1
                return Taken.REFUSED
            case _:
                self.not_now += 1
                return Taken.NOT_NOW

    def hang_up(self) -> None:
        """Ends all connections."""
        for line in self._all:
            line.hang_up()


class _Line:
    """One connection to a door, opened when it is first needed."""

    def __init__(self, port: int, greeting: str) -> None:
        self._port, self._greeting = port, greeting
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def deliver(self, sender: str, recipient: str, mail: bytes) -> str:
        """The reply that decides. Raises OSError, EOFError or ValueError when the line breaks."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            await self._reply()
            await self._say(f"{self._greeting} mx.choir.example".encode())
        # In one group (RFC 2920 §3.1): each reply that is waited for wakes both sides once more.
        self._streams[1].write(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
        replies = [await self._reply() for _ in range(3)]
        for reply, wanted in zip(replies, "223", strict=True):
            if not reply.startswith(wanted):
                await self._say(b"RSET")
                return reply
        stuffed = mail.replace(b"\r\n.", b"\r\n..")
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        return await self._say(stuffed + (b"." if mail.endswith(b"\r\n") else b"\r\n."))

    def hang_up(self) -> None:
        """Ends the connection; the next delivery opens another."""
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].close()
        self._streams = None

    async def _say(self, data: bytes) -> str:
        assert self._streams is not None
        self._streams[1].write(data + b"\r\n")
        await self._streams[1].drain()
        return await self._reply()

    async def _reply(self) -> str:
        assert self._streams is not None
        while True:
            line = await self._streams[0].readline()
            if not line.endswith(b"\n"):
                raise EOFError
            if line[3:4] != b"-":
                return line.decode("ascii", "replace")


def received(mail: bytes, *, by: str, source: str, address: str, date: str) -> bytes:
    """As a mail exchanger passes it on: with a line of its own on top (RFC 5321 §4.4)."""
    return f"Received: from {source} ({source} [{address}]) by {by} with ESMTPS; {date}\r\n".encode() + mail


def forward(member: str, report_address: str, mail: bytes) -> bytes:
    """A member's forward as attachment, byte for byte (RFC 2046 §5.2.1); its mailbox has added a line or two."""
    return (
        f"From: {member}\r\nTo: {report_address}\r\nSubject: Fwd: not wanted\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="=_forward"\r\n\r\n'
        "--=_forward\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nI do not want this.\r\n"
        "--=_forward\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n"
        f"Return-Path: <bounce@relay.example>\r\nDelivered-To: {member}\r\n"
    ).encode() + mail + b"\r\n--=_forward--\r\n"  # fmt: skip


def answer_mail(word: str, sender: str, recipient: str, message_id: str) -> bytes:
    """An originator's answer to a notice: one word."""
    return (
        f"From: {sender}\r\nTo: {recipient}\r\nSubject: Re: your notice\r\nIn-Reply-To: {message_id}\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        f"{word}\r\n\r\nThe people who read this mailbox\r\n"
    ).encode()


def bounce_mail(recipient: str, failed: str) -> bytes:
    """A delivery status notification (RFC 3464): this recipient is not there."""
    return (
        f"From: MAILER-DAEMON@relay.example\r\nTo: {recipient}\r\nSubject: Undeliverable\r\nMIME-Version: 1.0\r\n"
        "Auto-Submitted: auto-replied\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="=_report"\r\n\r\n'
        "--=_report\r\nContent-Type: text/plain\r\n\r\nThere is no such mailbox.\r\n"
        "--=_report\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n"
        f"Final-Recipient: rfc822; {failed}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--=_report--\r\n"
    ).encode()
