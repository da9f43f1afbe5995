"""The abuse report as JSON (XARF v4, messaging/spam) for whoever asked for it. Its schemas decide what leaves."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

import msgspec

from antiphon.errors import MalformedInput
from antiphon.terms import Identifier, Instant, show_instant

VERSION = "4.2.0"
MOST_MESSAGE_ID = 200
MOST_NAME = 200
HEADERS = "text/rfc822-headers"


@dataclass(frozen=True, slots=True)
class Spam:
    """One mail that was not wanted, as XARF tells of it. `at` is when it was handed over, by `address` and `port`;
    `mail_from` and `rcpt_to` are its envelope, an empty `rcpt_to` is left out, and so is a Message-ID that is too long;
    `reported` is the header block that stands as evidence."""

    report: Identifier
    at: Instant
    name: str
    contact: str
    domain: str
    address: str
    port: int
    mail_from: str
    rcpt_to: str
    message_id: str
    reported: bytes


def print_xarf(spam: Spam) -> bytes:
    """The document, as the schemas of XARF v4.2 have it.

    Raises MalformedInput where a fact is missing that they require: a null reverse-path and an unknown port above all.
    """
    document = _document(spam)
    if refused := refusals(document):
        raise MalformedInput(f"This can not be told as XARF: {refused[0]}.", advice="A feedback report can be sent.")
    return msgspec.json.encode(document)


def refusals(document: dict[str, object]) -> tuple[str, ...]:
    """What the official schemas say against a document; nothing where it is a XARF report."""
    import xarf  # the schemas and their checker take half a second to load, and few nodes ever send one

    return tuple(f"{error.field}: {error.message}" for error in xarf.parse(document).errors)


def _document(spam: Spam) -> dict[str, object]:
    house = {"org": spam.name[:MOST_NAME], "contact": spam.contact, "domain": spam.domain}
    evidence = {
        "content_type": HEADERS,
        "description": "Header fields of the mail",
        "payload": base64.b64encode(spam.reported).decode("ascii"),
        "hash": f"sha256:{hashlib.sha256(spam.reported).hexdigest()}",
        "size": len(spam.reported),
    }
    document: dict[str, object] = {
        "xarf_version": VERSION,
        "report_id": _uuid(spam.report),
        "timestamp": show_instant(spam.at),
        "reporter": house,
        "sender": house,
        "source_identifier": spam.address,
        "source_port": spam.port,
        "category": "messaging",
        "type": "spam",
        "evidence_source": "user_complaint",
        "protocol": "smtp",
        "smtp_from": spam.mail_from,
        "evidence": [evidence],
    }
    document |= {"smtp_to": spam.rcpt_to} if spam.rcpt_to else {}
    return document | ({"message_id": spam.message_id} if len(spam.message_id) <= MOST_MESSAGE_ID else {})


def _uuid(raw: bytes) -> str:
    """Sixteen random bytes as a UUID of version 4."""
    bits = bytes([*raw[:6], raw[6] & 0x0F | 0x40, raw[7], raw[8] & 0x3F | 0x80, *raw[9:16]]).hex()
    return "-".join((bits[:8], bits[8:12], bits[12:16], bits[16:20], bits[20:]))
