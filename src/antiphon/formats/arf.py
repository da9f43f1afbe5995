"""The feedback report (RFC 5965): read from anybody, written by byte concatenation.

What was reported is evidence: its bytes are laid between two boundaries and never parsed and printed again. A report
of ours holds a header block alone; what it leaves out it can not leak.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from antiphon.errors import MalformedInput
from antiphon.formats.message import Message, Part, parse_media_type, parse_message

MAX_FIELDS = 200
TYPES = frozenset({"abuse", "fraud", "virus", "other", "auth-failure", "not-spam"})
"""Feedback-Type as registered (RFC 5965 §7.3, RFC 6591 §3.1, RFC 6430 §2)."""
ONCE = (
    "feedback-type", "user-agent", "version", "original-envelope-id", "original-mail-from", "arrival-date",
    "received-date", "reporting-mta", "source-ip", "source-port", "incidents",
)  # fmt: skip
"""Fields that a report holds once at most (RFC 5965 §3.1, §3.2; RFC 6692 §3)."""
FIRST_LINE = "This is an email abuse report."
"""The text for people begins so, as in the samples of RFC 5965: there are readers that look for it."""
_VERSION = re.compile(r"[1-9][0-9]*")
_LINE = re.compile(rb"[\x20-\x7e]*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_SHORT = {"Ip": "IP", "Id": "ID", "Mta": "MTA", "Uri": "URI", "Mime": "MIME"}

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Feedback:
    """One report. `fields` are those of its second part, in order, their names in lower case; `text` is for people;
    `reported` the third part as it stands, `whole` when that is a message and not only its header."""

    fields: tuple[tuple[str, str], ...]
    text: str
    reported: bytes
    whole: bool

    def one(self, name: str) -> str:
        """The value of a field that stands once at most; empty when it is not there."""
        return next((value for field, value in self.fields if field == name), "")

    @property
    def kind(self) -> str:
        """Feedback-Type in lower case; one that nobody registered is `other` (RFC 5965 §6)."""
        named = self.one("feedback-type").lower()
        return named if named in TYPES else "other"


def parse_feedback(message: Message) -> Feedback:
    """A feedback report of any generator (RFC 5965 §2). Unknown fields are kept and mean nothing.

    Raises MalformedInput with what is missing: a part, a required field, one that stands twice.
    """
    content, parameters = parse_media_type(_value(message, "content-type"))
    if content != "multipart/report" or parameters.get("report-type", "").lower() != "feedback-report":
        raise MalformedInput("This is no feedback report: its Content-Type says otherwise.")
    parts = message.parts()
    machine = _only(parts, "message/feedback-report")
    reported = [part for part in parts if part.content_type in ("message/rfc822", "text/rfc822-headers")]
    if machine is None or not reported:
        raise MalformedInput("A feedback report has a part for machines and one with what is reported.")
    fields = _fields_of(machine)
    names = [name for name, _ in fields]
    if twice := [name for name in ONCE if names.count(name) > 1]:
        raise MalformedInput(f"{twice[0]} stands twice in a feedback report.")
    if "arrival-date" in names and "received-date" in names:
        raise MalformedInput("Arrival-Date and Received-Date both stand in a feedback report.")
    third = reported[-1]
    sample = third.payload if third.encoded else third.raw
    found = Feedback(fields, _text(parts), sample, third.content_type == "message/rfc822")
    missing = [name for name in ("feedback-type", "user-agent", "version") if not found.one(name)]
    if missing or not _VERSION.fullmatch(found.one("version")):
        raise MalformedInput(f"A feedback report needs {', '.join(missing) or 'a Version that is a number'}.")
    return found


def print_feedback(header: Fields, feedback: Feedback, boundary: str) -> bytes:
    """The whole mail: header fields, then the three parts, with CRLF line ends.

    Raises MalformedInput where a field would not be one line of ASCII, or the boundary stands in what it divides: the
    caller draws another.
    """
    third = b"message/rfc822" if feedback.whole else b"text/rfc822-headers"
    return _joined(header, feedback, b"Content-Type: " + third + b"\r\n\r\n" + feedback.reported, boundary)


def print_as_xarf(header: Fields, feedback: Feedback, document: bytes, boundary: str) -> bytes:
    """The same mail with a XARF document in place of what was reported, for a reader who asked for that: a type that
    nobody registered is for consenting parties (RFC 5965 §6). Raises as `print_feedback`."""
    fields = tuple((name, "xarf" if name == "feedback-type" else value) for name, value in feedback.fields)
    coded = base64.encodebytes(document).replace(b"\n", b"\r\n")
    return _joined(header, replace(feedback, fields=fields), _XARF + coded, boundary)


_XARF = (
    b'Content-Type: application/json; name="xarf.json"\r\nContent-Transfer-Encoding: base64\r\n'
    b'Content-Disposition: attachment; filename="xarf.json"\r\n\r\n'
)


def _joined(header: Fields, feedback: Feedback, third: bytes, boundary: str) -> bytes:
    mark = b"--" + boundary.encode("ascii")
    machine = b"Content-Type: message/feedback-report\r\n\r\n" + _block(feedback.fields)
    parts = (_text_part(feedback.text), machine, third)
    if any(mark in part for part in parts):
        raise MalformedInput("The boundary of a feedback report stands in what it divides.")
    kind = f'multipart/report; report-type=feedback-report;\r\n boundary="{boundary}"'
    head = _block(header) + b"MIME-Version: 1.0\r\nContent-Type: " + kind.encode("ascii") + b"\r\n"
    return head + b"\r\n" + b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"


def _value(message: Message, name: str) -> str:
    found = message.one(name)
    return found.value if found else ""


def _only(parts: Sequence[Part], content_type: str) -> Part | None:
    found = [part for part in parts if part.content_type == content_type]
    return found[0] if len(found) == 1 else None


def _fields_of(part: Part) -> tuple[tuple[str, str], ...]:
    block = parse_message(part.payload.lstrip(b"\r\n") + b"\r\n\r\n")
    if len(block.fields) > MAX_FIELDS:
        raise MalformedInput(f"A feedback report has more than {MAX_FIELDS} fields.")
    return tuple((field.name, field.value) for field in block.fields)


def _text(parts: Sequence[Part]) -> str:
    return next((part.text() for part in parts if part.content_type == "text/plain"), "")


def _block(fields: Fields) -> bytes:
    for name, value in fields:
        if not _NAME.fullmatch(name) or not value.isascii() or not _LINE.fullmatch(value.encode("ascii")):
            raise MalformedInput(f"{name} of a feedback report is not one line of printable ASCII.")
    return b"".join(f"{_shown(name)}: {value}\r\n".encode("ascii") for name, value in fields)


def _shown(name: str) -> str:
    """A field's name as people are used to it; programs do not care (RFC 5322 §1.2.2)."""
    return "-".join(_SHORT.get(word, word) for word in name.title().split("-"))


def _text_part(text: str) -> bytes:
    """The part for people: as it is where it is ASCII, else quoted-printable (RFC 2045 §6.7)."""
    lines = text.splitlines()
    if not all(line.isprintable() for line in lines):
        raise MalformedInput("The text of a feedback report is not printable.")
    whole = "".join(f"{line}\r\n" for line in lines)
    if text.isascii():
        return b"Content-Type: text/plain; charset=us-ascii\r\n\r\n" + whole.encode("ascii")
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head + binascii.b2a_qp(whole.encode("utf-8"), istext=True).replace(b"=\n", b"=\r\n")
