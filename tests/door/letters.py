"""Mail as it comes from outside, and a person at a mail program."""

from __future__ import annotations

import imaplib
import itertools
import smtplib
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from antiphon.terms import to_instant
from antiphon.world.letter import RsaKey, Seal, mail_date, sign_mail

SHOP = "shop.example"
NUMBERS = itertools.count(1)
T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 20) -> T:
    """What `look` finds, as soon as it finds something."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
    return found


def newsletter(key: RsaKey, subject: str, to: str, **more: str) -> bytes:
    """Bulk mail as it should be: signed, with a personal one-click channel."""
    now, number = to_instant(datetime.now(UTC)), next(NUMBERS)
    fields = [
        ("From", f"Shop <news@{SHOP}>"),
        ("To", to),
        ("Subject", subject),
        ("Date", mail_date(now)),
        ("Message-ID", f"<{number}.{now}@{SHOP}>"),
        ("List-Unsubscribe", f"<https://{SHOP}/u/{number:08}abcdefABCDEF>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("X-Long", "one line\r\n\tand  another"),
        *((name.replace("_", "-"), value) for name, value in more.items()),
    ]
    body = f"{subject}.\r\n.dots\r\n..and more\r\n".encode() + b"All the good things of this week.\r\n" * 400
    return sign_mail(fields, body, [Seal(SHOP, "s1", key)], now)


def deliver(port: int, raw: bytes, to: str) -> None:
    """Over SMTP."""
    with smtplib.SMTP("127.0.0.1", port, "client.example", timeout=30) as client:
        client.sendmail(f"bounce@{SHOP}", [to], raw)


class Person:
    """A member at a mail program."""

    def __init__(self, port: int, address: str, secret: str = "secret", tls: ssl.SSLContext | None = None) -> None:
        if tls is None:
            self.imap = imaplib.IMAP4("127.0.0.1", port, timeout=30)
        else:
            self.imap = imaplib.IMAP4_SSL("localhost", port, ssl_context=tls, timeout=30)
        self.imap.login(address, secret)

    def find(self, subject: str, folder: str = "INBOX") -> str:
        """The number of the mail with this subject, once it is there."""

        def look() -> str:
            self.imap.select(folder)
            _, (found,) = self.imap.uid("SEARCH", "HEADER", "Subject", f'"{subject}"')
            return found.decode()

        return eventually(look)

    def move(self, subject: str, to: str, folder: str = "INBOX") -> None:
        """As mail programs do it. The report is durable when this returns: Dovecot waits for what it started."""
        status, said = self.imap.uid("MOVE", self.find(subject, folder), to)
        assert status == "OK", said

    def expunge(self, subject: str, folder: str) -> None:
        """Deleted for good."""
        self.imap.uid("STORE", self.find(subject, folder), "+FLAGS", "(\\Deleted)")
        self.imap.expunge()

    def append(self, folder: str, raw: bytes) -> None:
        """An upload."""
        status, said = self.imap.append(folder, None, None, raw)
        assert status == "OK", said
