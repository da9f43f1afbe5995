"""Mail as the world's originators write it: a text that looks like bulk mail, signed with the originator's own key."""

from __future__ import annotations

import base64
import random  # noqa: TID251 - a seeded source, in the world
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from hashlib import sha256
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from antiphon.terms import SECOND, Instant, to_datetime

WORDS = re.findall(
    r"\w+",
    "amber apple autumn basket bicycle blanket boots bread bright button candle chair cherry choice clock cloud coffee "
    "copper cotton cushion daisy dinner dozen drawer early evening fabric feather flower forest fresh garden gentle "
    "glass golden harbour hazel honey island ivory jacket kettle kitchen lamp leather lemon light linen market meadow "
    "mirror morning mountain music needle ocean offer olive orange paper pebble pepper pillow pocket quiet ribbon "
    "river saddle sale save season shelf silver simple spring summer table teapot today travel velvet village walnut "
    "warm weekend willow window winter wonder wool yellow",
)
ISSUES = 2
"""Different texts of one originator; every recipient gets one of them with a line of its own. Few, so that each reaches
several members: only then is a link shown to be personal (LAW §4)."""
SHARED = 12
"""Sentences that all issues of one originator have in common."""
BOUNDARY = "=_part"
FIELD_END = b"\r\n"

Fields = Sequence[tuple[str, str]]


class Key(Protocol):
    """A DKIM key: what stands in DNS, the name of its algorithm, and signatures."""

    algorithm: str
    record: str

    def sign(self, data: bytes) -> bytes:
        """A signature over header data (RFC 6376 §3.3)."""
        ...


class RsaKey:
    """RSA of 2048 bits."""

    algorithm = "rsa-sha256"

    def __init__(self) -> None:
        self._key = generate_private_key(public_exponent=65537, key_size=2048)
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.record = f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"

    def sign(self, data: bytes) -> bytes:
        """PKCS#1 v1.5 over SHA-256."""
        return self._key.sign(data, PKCS1v15(), SHA256())


class EdKey:
    """Ed25519 (RFC 8463 §3)."""

    algorithm = "ed25519-sha256"

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.record = f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"

    def sign(self, data: bytes) -> bytes:
        """Over the SHA-256 of the header data."""
        return self._key.sign(sha256(data).digest())


@dataclass(frozen=True, slots=True)
class Seal:
    """With whose key, and in whose name, a mail is signed."""

    domain: str
    selector: str
    key: Key


def sign_mail(fields: Fields, body: bytes, seals: Sequence[Seal], now: Instant) -> bytes:
    """The whole mail with a DKIM-Signature for each seal in front, relaxed/simple, every field signed and once more as
    absent. Without a seal it is the bare mail.

    `body` ends with exactly one line end, so that its simple form is the body itself (RFC 6376 §3.4.3).
    """
    return b"".join(_signature(fields, body, seal, now) for seal in seals) + print_mail(fields, body)


def _signature(fields: Fields, body: bytes, seal: Seal, now: Instant) -> bytes:
    names = ":".join(name.lower() for name, _ in fields)
    unsigned = (
        f"DKIM-Signature: v=1; a={seal.key.algorithm}; c=relaxed/simple; d={seal.domain}; s={seal.selector};\r\n"
        f" t={now // SECOND}; h={names}:{names};\r\n"
        f" bh={base64.b64encode(sha256(body).digest()).decode()};\r\n b="
    ).encode()
    # RFC 6376 §5.4.2: from the bottom up; here no name stands twice, so any order of the fields is one.
    data = b"".join(relaxed(print_field(name, value)) + FIELD_END for name, value in fields) + relaxed(unsigned)
    return unsigned + base64.b64encode(seal.key.sign(data)) + FIELD_END


def print_mail(fields: Fields, body: bytes) -> bytes:
    """Header, empty line, body."""
    return b"".join(print_field(name, value) + FIELD_END for name, value in fields) + FIELD_END + body


def print_field(name: str, value: str) -> bytes:
    """One header field without its line end."""
    return f"{name}: {value}".encode()


def relaxed(field: bytes) -> bytes:
    """One header field in the form that is signed (RFC 6376 §3.4.2)."""
    name, _, value = field.replace(b"\r\n", b"").partition(b":")
    return name.strip().lower() + b":" + re.sub(rb"[ \t]+", b" ", value).strip()


def mail_date(now: Instant) -> str:
    """As it stands in Date and Received."""
    return format_datetime(to_datetime(now).replace(microsecond=0))


class Copywriter:
    """Texts of one originator, alike as issues of one mailing are, and each of a size in `size_bytes`."""

    def __init__(self, chance: random.Random, size_bytes: tuple[int, int]) -> None:
        self._chance = chance
        shared = [self._sentence() for _ in range(SHARED)]
        smallest, largest = size_bytes
        self._issues = [self._issue(shared, chance.randrange(smallest, largest)) for _ in range(ISSUES)]

    def subject(self, chance: random.Random) -> str:
        """Three words and a shout."""
        return " ".join(chance.choice(WORDS) for _ in range(3)).capitalize() + ", this week only"

    def body(self, line: str, chance: random.Random) -> bytes:
        """One issue with a line of the recipient's own, in both parts."""
        return chance.choice(self._issues).replace(b"%LINE%", line.encode())

    def _sentence(self) -> str:
        return " ".join(self._chance.choice(WORDS) for _ in range(11)).capitalize() + "."

    def _issue(self, shared: list[str], size: int) -> bytes:
        sentences, length = list(shared), sum(2 * len(sentence) + 20 for sentence in shared)
        while length < size - 700:
            sentences.append(self._sentence())
            length += 2 * len(sentences[-1]) + 20
        plain = "\r\n".join(["%LINE%", *sentences])
        page = "\r\n".join(f"<p>{sentence}</p>" for sentence in ["%LINE%", *sentences])
        return (
            f"--{BOUNDARY}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{plain}\r\n"
            f"--{BOUNDARY}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
            f"<html><body>\r\n{page}\r\n</body></html>\r\n--{BOUNDARY}--\r\n"
        ).encode()
