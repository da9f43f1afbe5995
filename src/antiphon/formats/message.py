"""One message: its raw bytes, an ordered list of header fields, and a safe view of its MIME parts.

The bytes are parsed once and never written again. Header fields are those that a DKIM verifier sees:
lines end at LF or CRLF, a bare CR is data (unless the message holds no LF at all). Every reading is
linear in the size of the input and raises nothing but MalformedInput.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from antiphon.errors import MalformedInput
from antiphon.formats.domain import parse_addresses
from antiphon.formats.header import split_header
from antiphon.terms import Address, Digest, Domain, Instant, to_instant

MAX_MESSAGE = 10 * 2**20
MAX_DEPTH = 50
MAX_PARTS = 200
MAX_TEXT = 2**20
MAX_BOUNDARY = 256
KNOWN_VALUE = 80
"""Characters of a media type with its parameters that is remembered once it was read."""

_FOLDS = ((b"\r\n ", b" "), (b"\r\n\t", b"\t"), (b"\n ", b" "), (b"\n\t", b"\t"))
_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t\r\n]+(?==\?)")
_DATE = re.compile(
    r"(\d{1,2})\s+(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\s+(\d{4})\s+"
    r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:([+-])(\d{2})(\d{2})|([a-z]{1,5})\b)",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = {"ut": 0, "utc": 0, "gmt": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5} | {
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
}
_MEDIA_TYPE = re.compile(r"\s*([a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+)\s*(?:;|$)", re.IGNORECASE)
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_CONTINUED = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NO_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
_CHARSETS = {
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "gb2312": "gb18030",
    "ks_c_5601-1987": "cp949",
}
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"})
"""Codecs that are quadratic, no charset, or yield what UTF-8 can not hold."""


def decode(data: bytes, charset: str) -> str:
    """Text by the declared charset, else UTF-8, else windows-1252; whatever the charset claims to be."""
    for name in (_CHARSETS.get(charset, charset), "utf-8"):
        try:
            if codecs.lookup(name).name not in _NO_CHARSETS:
                return data.decode(name)
        except (LookupError, ValueError):
            continue
    return data.decode("cp1252", "replace")


def _from_base64(data: bytes) -> bytes:
    """As much as is there: foreign bytes skipped, padding supplied (RFC 2045 §6.8)."""
    digits = data.partition(b"=")[0].translate(None, _NO_BASE64)
    digits = digits[: -1 if len(digits) % 4 == 1 else None]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def decode_words(value: str) -> str:
    """With encoded words (RFC 2047 §2) opened, for people and for text comparison; never for addresses."""
    if "=?" not in value and value.isascii():
        return value
    pieces: list[tuple[str, bytes]] = []
    at, value = 0, _BETWEEN_WORDS.sub(r"\1", value)
    for word in _WORD.finditer(value):
        pieces.append(("", value[at : word.start()].encode("utf-8", "replace")))
        coded = word[3].encode("utf-8", "replace")
        coded = _from_base64(coded) if word[2] in "bB" else binascii.a2b_qp(coded, header=True)
        pieces.append((word[1].lower().partition("*")[0], coded))
        at = word.end()
    pieces.append(("", value[at:].encode("utf-8", "replace")))
    runs = groupby((piece for piece in pieces if piece[1]), key=lambda piece: piece[0])
    return "".join(decode(b"".join(data for _, data in run), charset or "utf-8") for charset, run in runs)


def parse_date(value: str) -> Instant | None:
    """The instant of a date-time (RFC 5322 §3.3); None where it, or its zone, can not be known."""
    found = _DATE.search(value)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, east_h, east_m, zone = found.groups()
    if (zone and zone.lower() not in _ZONES) or (sign and int(east_h) > 23):
        return None
    offset = timedelta(hours=_ZONES[zone.lower()]) if zone else timedelta(hours=int(east_h), minutes=int(east_m))
    try:
        local = datetime(int(year), _MONTHS.index(month.lower()) + 1, int(day), int(hour), int(minute), tzinfo=UTC)
        seconds = timedelta(seconds=min(int(second or 0), 60))
        return to_instant(local + seconds + (offset if sign == "-" else -offset))
    except (ValueError, OverflowError):
        return None


def crlf(data: bytes) -> bytes:
    """With every line end as CRLF, as it stood on the wire (RFC 6376 §5.3)."""
    if b"\n" not in data:
        return data.replace(b"\r", b"\r\n")
    if data.count(b"\n") == data.count(b"\r\n"):
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def squeeze(data: bytes) -> bytes:
    """With every run of blanks and tabs as one blank. Runs are halved at each pass, so it stays linear."""
    data = data.replace(b"\t", b" ")
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data


def canonical_body(body: bytes, *, relaxed: bool) -> bytes:
    """The body as DKIM hashes it, *simple* or *relaxed* (RFC 6376 §3.4.3, §3.4.4); linear in its size."""
    body = crlf(body)
    if relaxed:
        body = squeeze(body).replace(b" \r\n", b"\r\n").removesuffix(b" ")
    end = _end_of_lines(body)
    if end == 0 and relaxed:
        return b""
    return body[:end] + b"\r\n"


def _end_of_lines(body: bytes) -> int:
    """Where the empty lines at the end begin; a CR that no LF follows belongs to what stands before it. There may be
    millions, so bytes search them."""
    begun = len(body.rstrip(b"\r\n"))
    return len(body) if body.endswith(b"\r", begun) else max(begun, body.rfind(b"\r\r", begun) + 1)


class Field(NamedTuple):
    """One header field: `raw` with its line ends, `rest` what stands behind the colon. Most are never read, so the
    value is worked out where it is asked for."""

    name: str
    raw: bytes
    rest: bytes

    @property
    def value(self) -> str:
        """Unfolded and stripped, encoded words left as they are."""
        value = self.rest.strip(b" \t\r\n")
        if b"\n" in value:
            value = _unfolded(value)
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin-1")

    @property
    def text(self) -> str:
        """The value for people, encoded words opened."""
        return decode_words(self.value)


def parse_media_type(value: str) -> tuple[str, dict[str, str]]:
    """Type and parameters (RFC 2045 §5.1), continuations and charsets of RFC 2231 §3 and §4 resolved."""
    kind, parameters = (_known if len(value) <= KNOWN_VALUE else _read_media_type)(value)
    return kind, dict(parameters)


def _read_media_type(value: str) -> tuple[str, dict[str, str]]:
    found = _MEDIA_TYPE.match(value)
    if ";" not in value:
        return (found[1].lower() if found else "text/plain"), {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for name, text in _PARAMETER.findall(value):
        name_parts = _CONTINUED.fullmatch(name.lower())
        if name_parts is None:
            continue
        plain = "".join(_ESCAPED.split(text[1:-1])) if len(text) > 1 and text[0] == text[-1] == '"' else text.strip()
        numbered = pieces.setdefault(name_parts[1], {})
        numbered.setdefault(int(name_parts[2] or 0), (bool(name_parts[3]), plain))
    return (found[1].lower() if found else "text/plain"), {name: _joined(parts) for name, parts in pieces.items()}


_known = lru_cache(maxsize=1024)(_read_media_type)  # mails have few types many times


def _joined(numbered: Mapping[int, tuple[bool, str]]) -> str:
    """The pieces of one parameter in order, percent-coded ones by the charset of the first."""
    parts = [numbered[number] for number in sorted(numbered)]
    if not any(coded for coded, _ in parts):
        return "".join(text for _, text in parts)
    charset, _, rest = parts[0][1].partition("'")
    first = rest.partition("'")[2] if parts[0][0] and rest else parts[0][1]
    texts = [first, *(text for _, text in parts[1:])]
    return decode(b"".join(unquote_to_bytes(text) for text in texts), charset.lower() or "utf-8")


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of the MIME tree: `raw` as it stands between boundaries, `payload` without its transfer encoding."""

    content_type: str
    filename: str
    charset: str
    payload: bytes
    raw: bytes
    encoded: bool

    def text(self) -> str:
        """The payload as text. Raises MalformedInput beyond MAX_TEXT bytes."""
        if len(self.payload) > MAX_TEXT:
            raise MalformedInput("A text part is longer than 1 MiB.")
        return decode(self.payload, self.charset)


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came. `fields` in order of appearance; `body_at` is where the body begins in `raw`."""

    raw: bytes
    fields: tuple[Field, ...]
    body_at: int
    index: Mapping[str, tuple[Field, ...]] = field(repr=False, compare=False)
    _canonical: dict[bool, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    def all(self, name: str) -> tuple[Field, ...]:
        """Every field of that lower-case name, top to bottom."""
        return self.index.get(name, ())

    def count(self, name: str) -> int:
        """How many fields bear that name."""
        return len(self.index.get(name, ()))

    def one(self, name: str) -> Field | None:
        """The field of that name; None if there is none, or more than one."""
        fields = self.index.get(name, ())
        return fields[0] if len(fields) == 1 else None

    @property
    def body(self) -> bytes:
        """All after the header."""
        return self.raw[self.body_at :]

    def canonical_body(self, *, relaxed: bool) -> bytes:
        """As `canonical_body`, worked out once: several signatures and the identity are over the same."""
        if relaxed not in self._canonical:
            self._canonical[relaxed] = canonical_body(self.body, relaxed=relaxed)
        return self._canonical[relaxed]

    def message_id(self) -> str:
        """The Message-ID as it stands, or an empty text."""
        found = self.one("message-id")
        return found.value if found else ""

    def date_at(self) -> Instant | None:
        """The time in the one Date field."""
        found = self.one("date")
        return parse_date(found.value) if found else None

    def addresses(self, name: str) -> tuple[Address, ...]:
        """Every address in the fields of that name; what does not parse is left out."""
        return tuple(a for f in self.all(name) for a in parse_addresses(f.value) if a is not None)

    def sole_address(self, name: str) -> Address | None:
        """The address, if exactly one field of that name holds exactly one mailbox and it parses."""
        found = self.one(name)
        mailboxes = parse_addresses(found.value) if found else ()
        return mailboxes[0] if len(mailboxes) == 1 else None

    def from_domain(self) -> Domain | None:
        """The domain of the one From address; None where there is none, or no single one."""
        author = self.sole_address("from")
        return author.domain if author else None

    def parts(self) -> tuple[Part, ...]:
        """The leaves of the MIME tree in order (RFC 2046 §5.1); attached messages are leaves.

        Raises MalformedInput beyond MAX_DEPTH or MAX_PARTS.
        """
        return tuple(_leaves(self))

    def attached_messages(self) -> tuple[bytes, ...]:
        """Each forwarded message, byte for byte as it stands between the boundaries.

        `message/rfc822` (RFC 2046 §5.2.1) or a file named `.eml`; decoded only where somebody encoded it.
        Raises MalformedInput beyond MAX_DEPTH or MAX_PARTS.
        """
        return tuple(
            part.payload if part.encoded else part.raw
            for part in self.parts()
            if part.content_type in ("message/rfc822", "message/global") or part.filename.lower().endswith(".eml")
        )


def parse_message(raw: bytes) -> Message:
    """A message as it is, however damaged. Raises MalformedInput where a stated limit is passed."""
    if len(raw) > MAX_MESSAGE:
        raise MalformedInput("The message is larger than 10 MiB.")
    pieces, body_at = split_header(raw)
    fields = tuple(map(Field._make, pieces))
    index: dict[str, tuple[Field, ...]] = {}
    for found in fields:
        name = found[0]
        index[name] = (*index[name], found) if name in index else (found,)
    return Message(raw, fields, body_at, index)


def _unfolded(value: bytes) -> bytes:
    """Without the line ends that stand before a blank (RFC 5322 §2.2.3)."""
    for fold, blank in _FOLDS:
        value = value.replace(fold, blank)
    return value


def _between(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """The parts of a multipart body, without the line end that belongs to the delimiter (RFC 2046 §5.1.1)."""
    delimiter, start, at = b"--" + boundary, -1, 0
    while (at := body.find(delimiter, at)) >= 0:
        line_end = body.find(b"\n", at) + 1 or len(body)
        rest = body[at + len(delimiter) : line_end].strip()
        if (at == 0 or body[at - 1 : at] == b"\n") and rest in (b"", b"--"):
            if start >= 0:
                yield body[start:at].removesuffix(b"\n").removesuffix(b"\r")
            start = -1 if rest else line_end
            if rest:
                return
        at = at + len(delimiter)
    if start >= 0:
        yield body[start:]


def _leaves(message: Message) -> Iterator[Part]:
    """The tree without recursion: a deep one is refused, not crashed on."""
    waiting, seen = [(message, 0)], 0
    while waiting:
        entity, depth = waiting.pop()
        seen += 1
        if seen + len(waiting) > MAX_PARTS or depth > MAX_DEPTH:
            raise MalformedInput("The message has too many parts.")
        kind, parameters = parse_media_type(_first(entity, "content-type"))
        boundary = parameters.get("boundary", "").encode("utf-8", "replace")
        inside: list[bytes] = []
        if kind.startswith("multipart/") and 0 < len(boundary) <= MAX_BOUNDARY:
            for slice_ in _between(entity.body, boundary):
                inside.append(slice_)
                if len(inside) > MAX_PARTS:
                    raise MalformedInput("The message has too many parts.")
        if inside:
            waiting.extend((parse_message(slice_), depth + 1) for slice_ in reversed(inside))
        else:
            yield _leaf(entity, kind, parameters)


def _first(entity: Message, name: str) -> str:
    found = entity.all(name)
    return found[0].value if found else ""


def _leaf(entity: Message, kind: str, parameters: Mapping[str, str]) -> Part:
    encoding = _first(entity, "content-transfer-encoding").lower()
    named = parse_media_type(_first(entity, "content-disposition"))[1].get("filename", "") or parameters.get("name", "")
    body = entity.body
    payload = body
    if encoding == "base64":
        payload = _from_base64(body)
    elif encoding == "quoted-printable":
        payload = binascii.a2b_qp(body)
    charset = parameters.get("charset", "").strip("'\" ").lower()
    return Part(kind, decode_words(named), charset, payload, body, payload is not body)


def unsigned_identity(message: Message) -> Digest:
    """What an unsigned mail is known by: Message-ID, Date, From and the canonical body (LAW §2).

    Survives added header fields and changed line ends. Each piece stands behind its length.
    """
    hasher = sha256(b"antiphon/identity/1")
    pieces = [squeeze(f.value.encode("utf-8")) for n in ("message-id", "date", "from") for f in message.all(n)]
    for piece in (*pieces, message.canonical_body(relaxed=True)):
        hasher.update(len(piece).to_bytes(8, "big") + piece)
    return Digest(hasher.digest())
