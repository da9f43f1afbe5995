"""What a program on the node's machine hands in: what happened to one message of one mailbox, and the message.

On the wire it is one line of JSON and the raw bytes. In a file, which waits while the node is down, the same lies
sealed to the node's key (RFC 9180 §6.1): whoever can list the folder learns when, and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from antiphon.errors import MalformedInput

# Only who seals or opens pays for loading it: a report that the node takes at once needs none of it.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hpke import Suite

MESSAGE_BYTES = 10 * 1024 * 1024
HEAD_BYTES = 4096
"""The first line; an address has at most 320 (RFC 5321 §4.5.3.1)."""
SEALED_BYTES = MESSAGE_BYTES + HEAD_BYTES + 1024
INFO = b"antiphon/handed/1"


class Event(StrEnum):
    """What happened. A person says `REPORTED` with the message in hand; the rest is told by the mail store: the person
    moved it into Junk, or out of Junk again; the store put it into the mailbox."""

    REPORTED = "reported"
    JUNKED = "junked"
    RETRACTED = "retracted"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Handed:
    """One statement. `mailbox` is the member's address, or its local part where one domain is hosted alone."""

    event: Event
    mailbox: str
    raw: bytes


def print_handed(handed: Handed) -> bytes:
    """The line and the message."""
    head = {"event": handed.event.value, "mailbox": handed.mailbox, "bytes": len(handed.raw)}
    return json.dumps(head).encode() + b"\n" + handed.raw


def parse_head(line: bytes) -> tuple[Event, str, int]:
    """Event, mailbox and the size of the message that follows. Raises MalformedInput."""
    try:
        head = json.loads(line[:HEAD_BYTES])
        event, mailbox, size = Event(head["event"]), head["mailbox"], head["bytes"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedInput(f"What was handed in begins with no line that is understood: {error}.") from error
    if not isinstance(mailbox, str) or type(size) is not int or not 0 <= size <= MESSAGE_BYTES:
        raise MalformedInput(f"A message that is handed in has at most {MESSAGE_BYTES} bytes.")
    return event, mailbox, size


def parse_handed(data: bytes) -> Handed:
    """The inverse of `print_handed`. Raises MalformedInput."""
    line, _, raw = data.partition(b"\n")
    event, mailbox, size = parse_head(line)
    if size != len(raw):
        raise MalformedInput(f"{size} bytes were announced and {len(raw)} came.")
    return Handed(event, mailbox, raw)


def seal_handed(public_key: bytes, handed: Handed) -> bytes:
    """For a file: only the node opens it. Raises MalformedInput for what is no key."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    try:
        return _suite().encrypt(print_handed(handed), X25519PublicKey.from_public_bytes(public_key), INFO)
    except ValueError as error:
        raise MalformedInput(f"This is no key of a node: {error}.") from error


def open_handed(private_key: bytes, sealed: bytes) -> Handed:
    """The inverse of `seal_handed`. Raises MalformedInput for what was not sealed to this key."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    try:
        plain = _suite().decrypt(sealed, X25519PrivateKey.from_private_bytes(private_key), INFO)
    except (InvalidTag, ValueError) as error:
        raise MalformedInput("This was not handed in to this node, or it is damaged.") from error
    return parse_handed(plain)


def public_half(private_key: bytes) -> bytes:
    """The key to which is sealed."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def _suite() -> Suite:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
