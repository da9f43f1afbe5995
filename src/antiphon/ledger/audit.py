"""The audit: reads one published ledger, trusts nothing, says *consistent*, *lawful*, or names the first offence.

    python audit.py PATH|URL [--vkey K] [--since CHECKPOINT] [--openings FILE] [--witness K] [--json]

One file for any Python from 3.11 on, written from docs/formats/entries.md and openings.md alone: it imports nothing
of the node, so an error there does not return here. Exit codes: 0 no offence, 1 an offence, 2 nothing could be judged.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import ipaddress
import json
import os
import re
import stat
import struct
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from http.client import HTTPException  # noqa: TID251 - the name of an error, to say it in a sentence
from itertools import pairwise
from typing import NamedTuple, Protocol
from urllib.error import HTTPError
from urllib.request import Request, urlopen  # noqa: TID251 - a stranger audits a URL from its own machine, no node does

LIMIT_ENTRIES = 1 << 24
LIMIT_CHECKPOINT_BYTES = 1 << 16
LIMIT_OPENINGS_BYTES = 1 << 30
LIMIT_MODULUS_BITS = 16_384
LIMIT_EXPONENT_BITS = 64
TIMEOUT_SECONDS = 30
FORGOTTEN_AFTER_DAYS = 30  # received day to intent; life of a standing approval; the span of its sum
KEY_AGE_DAYS = 7
ALONE_AT_MOST = 100
ONE_CLICK_RESERVE = 12_288
MAIL_RESERVE_LEAST = 8_193
OPENINGS_LABEL = b"antiphon/openings/1\n"


class NotAuditable(Exception):
    """Nothing could be judged: wrong usage, an unreadable source, or no ledger there. The text is the sentence."""


@dataclass(frozen=True, slots=True)
class Offence:
    """The first rule that is broken; `index` is the entry's, or None where a file as a whole offends."""

    index: int | None
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Destination:
    """What one host was asked to bear. `host` is its name once opened, else the hexadecimal digest in the entries."""

    host: str
    attempts: int
    sightings: int
    bytes_reserved: int


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict and what it rests on. `spends` counts pairs of an intent and a leaf that it spends."""

    consistent: bool
    lawful: bool
    entries: int
    size: int
    opened: int
    spends: int
    erased: int
    destinations: tuple[Destination, ...]
    offence: Offence | None
    vkey_pinned: bool
    witnesses: tuple[str, ...]
    origin: str
    openings_given: bool
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 without an offence, else 1."""
        return 0 if self.offence is None else 1

    def json(self) -> str:
        """The documented fields as one JSON object."""
        hidden = ("origin", "openings_given", "notes")
        return json.dumps({name: value for name, value in asdict(self).items() if name not in hidden}, indent=2)

    def text(self) -> str:
        """The verdict in the first line, for a person."""
        if self.offence is not None:
            where = "the published files" if self.offence.index is None else f"entry {self.offence.index}"
            lines = [f"offence in {where} ({self.offence.rule}): {self.offence.sentence}"]
        else:
            lines = [f"{'lawful' if self.lawful else 'consistent'}: {_shown(self.origin)}, {self.entries} entries"]
        if self.openings_given:
            lines.append(f"opened {self.opened} of {self.spends} spends, erased: {self.erased}")
            if self.offence is None and not self.lawful:
                lines.append(f"lawful for {self.opened + self.erased} of {self.spends} spends")
        pinned = "pinned by --vkey" if self.vkey_pinned else "taken from the ledger itself, not pinned by --vkey"
        lines.append(f"key: {pinned}")
        lines.append(f"witnesses: {', '.join(map(_shown, self.witnesses)) or 'no witness'}")
        return "\n".join((*lines, *self.notes))


# --- bytes, hashes, signatures ---------------------------------------------------------------------------------------


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def _sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _root(hashes: Sequence[bytes]) -> bytes:
    """RFC 9162 §2.1.1: pairs from the left, an odd last one moves up as it is."""
    level = list(hashes)
    while len(level) > 1:
        pairs = [_sha(b"\x01", level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0] if level else _sha()


def _climb(leaf: bytes, position: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """RFC 9162 §2.1.3.2: the root that an inclusion path leads to, or None where its length does not fit."""
    at, last, node = position, size - 1, leaf
    if at > last:
        return None
    for step in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            node = _sha(b"\x01", step, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = _sha(b"\x01", node, step)
        at, last = at >> 1, last >> 1
    return node if last == 0 else None


_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)
_BASE = b"\x58" + b"\x66" * 31
_Point = tuple[int, int, int, int]


def _plus(a: _Point, b: _Point) -> _Point:
    low, high = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    c, d = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = high - low, d - c, d + c, high + low
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _point(encoded: bytes) -> _Point | None:
    """RFC 8032 §5.1.3; None for what is no canonical encoding of a point."""
    y, sign = int.from_bytes(encoded, "little") & (1 << 255) - 1, encoded[31] >> 7
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _I % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


@lru_cache(maxsize=64)
def _multiples(encoded: bytes) -> tuple[tuple[_Point, ...], ...] | None:
    """Every digit times every power of 16 of a point: a few keys sign all entries of a ledger."""
    point, rows = _point(encoded), []
    if point is None:
        return None
    for _ in range(64):
        row: list[_Point] = [(0, 1, 1, 0)]
        for _ in range(15):
            row.append(_plus(row[-1], point))
        rows.append(tuple(row))
        point = _plus(row[-1], point)
    return tuple(rows)


def _times(rows: tuple[tuple[_Point, ...], ...], scalar: int) -> _Point:
    total: _Point = (0, 1, 1, 0)
    for row in rows:
        total, scalar = _plus(total, row[scalar & 15]), scalar >> 4
    return total


def ed25519_verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    """RFC 8032 §5.1.7 without the cofactor: S below L, key and R canonical, R = [S]B - [k]A bit for bit."""
    if len(key) != 32 or len(signature) != 64:
        return False
    rows, base, s = _multiples(key), _multiples(_BASE), int.from_bytes(signature[32:], "little")
    if rows is None or base is None or s >= _L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _L
    x, y, z, t = _times(rows, k)
    x, y, z, _ = _plus(_times(base, s), (-x % _P, y, z, -t % _P))
    inverse = pow(z, -1, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little") == signature[:32]


_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def _der(data: bytes, at: int, tag: int) -> tuple[bytes, int]:
    """The content of one DER value and where it ends; ValueError unless tag and shortest length fit (X.690 §10.1)."""
    if len(data) < at + 2 or data[at] != tag:
        raise ValueError("not DER")
    size, start = data[at + 1], at + 2
    if size >= 0x80:
        octets = data[start : start + (size & 0x7F)]
        start, size = start + len(octets), int.from_bytes(octets, "big")
        if not octets or len(octets) > 3 or octets[0] == 0 or size < 0x80:
            raise ValueError("not DER")
    if start + size > len(data):
        raise ValueError("not DER")
    return data[start : start + size], start + size


def _whole(data: bytes, tag: int) -> bytes:
    content, end = _der(data, 0, tag)
    if end != len(data):
        raise ValueError("trailing bytes")
    return content


def _rsa_key(der: bytes) -> tuple[int, int]:
    """Modulus and exponent from a SubjectPublicKeyInfo or a bare RSAPublicKey (RFC 8017 §A.1.1)."""
    outer = _whole(der, 0x30)
    if outer.startswith(_RSA_ALGORITHM):
        bits = _whole(outer[len(_RSA_ALGORITHM) :], 0x03)
        if bits[:1] != b"\x00":
            raise ValueError("not DER")
        outer = _whole(bits[1:], 0x30)
    modulus, at = _der(outer, 0, 0x02)
    exponent = _whole(outer[at:], 0x02)
    for number in (modulus, exponent):
        if not number or number[0] >= 0x80 or (number[0] == 0 and number[1:2] < b"\x80"):
            raise ValueError("not a positive DER integer")
    return int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")


def rsa_verifies(der: bytes, digest: bytes, signature: bytes) -> bool:
    """RFC 8017 §8.2.2 with SHA-256, the encoded message compared whole, as long as the modulus."""
    try:
        n, e = _rsa_key(der)
    except ValueError:
        return False
    size, s = (n.bit_length() + 7) // 8, int.from_bytes(signature, "big")
    if not 1024 <= n.bit_length() <= LIMIT_MODULUS_BITS or e < 3 or not e & 1 or e.bit_length() > LIMIT_EXPONENT_BITS:
        return False
    padding = b"\xff" * (size - 3 - len(_SHA256_INFO) - len(digest))
    encoded = b"\x00\x01" + padding + b"\x00" + _SHA256_INFO + digest
    return len(signature) == size and s < n and pow(s, e, n).to_bytes(size, "big") == encoded


def dkim_key(record: bytes, algorithm: str) -> bytes | None:
    """The bytes of p= in a key record that admits this algorithm and mail (RFC 6376 §3.6.1), else None."""
    tags: dict[str, str] = {}
    for part in record.decode("latin-1").split(";"):
        name, equals, value = part.partition("=")
        if part.strip():
            if not equals or name.strip() in tags:
                return None
            tags[name.strip()] = "".join(value.split())
    admits = tags.get("v", "DKIM1") == "DKIM1" and tags.get("k", "rsa").lower() == algorithm.partition("-")[0]
    admits = admits and "sha256" in tags.get("h", "sha256").lower().split(":")
    admits = admits and not {"*", "email"}.isdisjoint(tags.get("s", "*").lower().split(":"))
    try:
        return base64.b64decode(tags["p"], validate=True) if admits and tags.get("p") else None
    except ValueError:
        return None


# --- the signed note -------------------------------------------------------------------------------------------------


class Key(NamedTuple):
    """A verifier key of C2SP signed-note: type 1 signs checkpoints, type 4 cosigns them."""

    name: str
    type: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes in front of each signature."""
        return _sha(self.name.encode(), b"\n", bytes([self.type]), self.public)[:4]


def _key(vkey: str, wanted: int) -> Key:
    try:
        name, number, encoded = vkey.strip().split("+", 2)
        material = base64.b64decode(encoded, validate=True)
        key = Key(name, material[0], material[1:])
    except (ValueError, IndexError):
        raise NotAuditable(f"{vkey!r} is no verifier key: name+id+base64 is expected.") from None
    if key.type != wanted or len(key.public) != 32 or key.id.hex() != number:
        raise NotAuditable(f"{vkey!r} is no Ed25519 verifier key of type {wanted}, or its id does not follow from it.")
    return key


class Line(NamedTuple):
    """One signature line of a note."""

    name: str
    id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as read, leniently: `canonical` says whether it prints back to the same bytes."""

    origin: str
    size: int
    root: bytes
    body: bytes
    lines: tuple[Line, ...]
    canonical: bool


def _checkpoint(data: bytes) -> Checkpoint | None:
    try:
        body, _, signatures = data.decode().rpartition("\n\n")
        origin, number, root64 = body.split("\n")
        size, root, lines = int(number), base64.b64decode(root64, validate=True), []
        for text in signatures.removesuffix("\n").split("\n"):
            _, name, blob64 = text.split(" ")
            blob = base64.b64decode(blob64, validate=True)
            lines.append(Line(name, blob[:4], blob[4:]))
    except ValueError:
        return None
    if len(root) != 32 or size < 0:
        return None
    names = (origin, *(line.name for line in lines))
    clean = all(name and "+" not in name and not re.search(r"[\s\x00-\x1f\x7f]", name) for name in names)
    body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    tail = "".join(f"— {n} {base64.b64encode(i + s).decode()}\n" for n, i, s in lines)
    canonical = clean and f"{body}\n{tail}".encode() == data
    return Checkpoint(origin, size, root, body.encode(), tuple(lines), canonical)


# --- where the files are ---------------------------------------------------------------------------------------------


class Source(Protocol):
    """Somewhere that a ledger is published."""

    def read(self, path: str, limit: int) -> bytes | None:
        """At most `limit` + 1 bytes of one file; None where there is none."""

    def extra(self, expected: set[str]) -> str | None:
        """The first file that should not be there, where that can be known."""


class Folder:
    """A published ledger on a disk."""

    def __init__(self, path: str) -> None:
        self._path, self._files, self._odd = path, set[str](), list[str]()
        if not os.path.isdir(path):
            raise NotAuditable(f"{path} is no folder that can be read.")
        for folder, folders, files in os.walk(path):
            for name in files + folders:
                full = os.path.join(folder, name)
                relative, mode = os.path.relpath(full, path).replace(os.sep, "/"), os.lstat(full).st_mode
                if stat.S_ISREG(mode):
                    self._files.add(relative)
                elif not stat.S_ISDIR(mode):
                    self._odd.append(relative)

    def read(self, path: str, limit: int) -> bytes | None:
        """As promised by `Source`; links and devices are no files."""
        if path not in self._files:
            return None
        return _read_file(os.path.join(self._path, path), limit)

    def extra(self, expected: set[str]) -> str | None:
        """As promised by `Source`."""
        return min((*(self._files - expected), *self._odd), default=None)


class Web:
    """A published ledger behind http or https. A server answers for names that are asked: extra files stay unseen."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def read(self, path: str, limit: int) -> bytes | None:
        """As promised by `Source`."""
        headers = {"Accept-Encoding": "identity", "User-Agent": "antiphon-audit/1"}
        request = Request(f"{self._url}/{path}", headers=headers)
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return bytes(answer.read(limit + 1))
        except HTTPError as error:
            error.close()
            if error.code in (404, 410):
                return None
            raise NotAuditable(f"{self._url}/{path} answers {error.code}.") from None
        except (OSError, HTTPException, ValueError) as error:
            raise NotAuditable(f"{self._url}/{path} can not be read: {error}.") from None

    def extra(self, expected: set[str]) -> str | None:
        """Never known here."""
        return None


def _read_file(path: str, limit: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise NotAuditable(f"{path} can not be read: {error.strerror}.") from None


def _given(what: str | bytes | os.PathLike[str], limit: int) -> bytes:
    data = what if isinstance(what, bytes) else _read_file(os.fspath(what), limit)
    if len(data) > limit:
        raise NotAuditable(f"A file given to the audit is longer than {limit} bytes.")
    return data


def _tiles(size: int, level: int, kind: str) -> Iterator[tuple[str, int, int]]:
    """Name, first hash and width of each tile of a level that a tree of this size publishes."""
    count = size >> 8 * level
    for first in range(0, count, 256):
        width, name = min(256, count - first), f"{first // 256:03d}"
        digits = name.zfill(-(-len(name) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        path = "/".join(["tile", kind, *(f"x{group}" for group in groups[:-1]), groups[-1]])
        yield path if width == 256 else f"{path}.p/{width}", first, width


# --- entries ---------------------------------------------------------------------------------------------------------

# kind, name: tag, field ("?" where it may be absent), width ("*": a sorted list of items this wide; 0: any length)
_ENTRIES = """
01 KeyRotated: 01 day 4, 02 key 32, 03 community 16, 04 signature? 64
02 OperatorKey: 01 day 4, 02 key 32, 03 status 1, 04 by? 8, 05 signature 64
03 DeliveriesCommitted: 01 day 4, 02 hour 4, 03 root 32
04 SightingCommitted: 02 leaf 32
05 Vouched: 01 day 4, 02 case 32, 03 reason 32, 04 by 8, 05 signature 64
06 Approved: 01 day 4, 02 case 32, 03 scope 1, 04 message? 32, 05 hosts? 32*, 06 kinds? 1, 07 limit? 2, 08 expiry? 4, \
09 signatures 72*
07 NoticeIntended: 01 day 4, 02 case 32, 03 leaves 76*, 04 nullifiers 32*, 05 approval 8, 06 host 32, \
07 organisation 32, 08 prefix 32, 09 channel 1, 0a reserve 4, 0b message 32, 0c try 1, 0d window 2
08 NoticeSettled: 01 day 4, 02 intent 8, 03 outcome 1
09 RequestIntended: 01 day 4, 02 case 32, 03 leaves 76*, 04 nullifiers 32*, 05 approval? 8, 06 host 32, \
07 organisation 32, 08 prefix 32, 09 channel 1, 0a reserve 4, 0d window? 2, 0e purpose 1, 0f basis 1
0a RequestSettled: 01 day 4, 02 intent 8, 03 outcome 1
0b ComplaintIntended: 01 day 4, 02 case 32, 03 leaves 76*, 04 nullifiers 32*, 06 host 32, 07 organisation 32, \
08 prefix 32, 0a reserve 4, 10 purse 1, 11 rule 2
0c ComplaintSettled: 01 day 4, 02 intent 8, 03 outcome 1
0d Handed: 01 day 4, 02 case 32, 03 rows 32, 0d window 2
0e Disputed: 01 day 4, 02 case 32, 03 phase 1
0f Withdrawn: 01 day 4, 02 case 32
10 Stopped: 01 day 4, 02 case 32, 06 host 32
"""
_OPENINGS = """
01 Case: 02 case 32, 03 salt 32, 04 originator 0, 05 epoch 4
02 Spend: 01 intent 8, 02 leaf 8, 03 salt2 32, 04 size 8, 05 hosts? 0, 06 signatures? 0, 07 host 0, 08 organisation 0, \
09 prefix 0, 0a started? 8, 0b delivery? 8, 0c salt3? 32, 0d position? 8, 0e tree? 8, 0f path? 32*
03 Erased: 01 intent 8, 02 leaf 8
"""
_SIGNATURE = "01 Signature: 01 d 0, 02 s 0, 03 a 0, 04 record 0, 05 b 0, 06 digest 32"


class Field(NamedTuple):
    """How one field of a kind is written."""

    name: str
    width: int
    many: bool
    optional: bool


def _schema(text: str) -> dict[int, dict[int, Field]]:
    kinds: dict[int, dict[int, Field]] = {}
    for row in text.strip().splitlines():
        head, _, fields = row.partition(": ")
        kinds[int(head[:2], 16)] = {
            int(tag, 16): Field(name.rstrip("?"), int(width.rstrip("*")), "*" in width, "?" in name)
            for tag, name, width in (part.split() for part in fields.split(", "))
        }
    return kinds


KINDS, OPENING_KINDS, SIGNATURE_FIELDS = _schema(_ENTRIES), _schema(_OPENINGS), _schema(_SIGNATURE)[1]
KEY, OPERATOR, DELIVERIES, SIGHTING, VOUCHED, APPROVED, NOTICE, NOTICE_SETTLED = range(1, 9)
REQUEST, REQUEST_SETTLED, COMPLAINT, COMPLAINT_SETTLED, HANDED, DISPUTED, WITHDRAWN, STOPPED = range(9, 17)
INTENTS = (NOTICE, REQUEST, COMPLAINT)
SETTLES = {NOTICE_SETTLED: NOTICE, REQUEST_SETTLED: REQUEST, COMPLAINT_SETTLED: COMPLAINT}
LABELS = {
    KEY: b"antiphon/key-rotated/1",
    OPERATOR: b"antiphon/operator-key/1",
    VOUCHED: b"antiphon/vouched/1",
    APPROVED: b"antiphon/approved/1",
}
VALUES: dict[str, Sequence[int]] = {
    "status": (1, 2), "scope": (1, 2), "purpose": (1, 2), "purse": (1, 2), "basis": (1, 2, 3), "phase": (1, 2, 3),
    "try": (1, 2, 3), "channel": (1, 2, 4), "outcome": range(1, 6), "kinds": range(1, 8), "limit": range(1, 1001),
    "window": range(72, 8761, 24),
}  # fmt: skip
_PRESENT: dict[tuple[int, str], Callable[[Entry], bool]] = {
    (KEY, "signature"): lambda e: e.index > 0,
    (OPERATOR, "by"): lambda e: e.index != 1,
    (APPROVED, "message"): lambda e: e.num("scope") == 1,
    (APPROVED, "hosts"): lambda e: e.num("scope") == 2,
    (APPROVED, "kinds"): lambda e: e.num("scope") == 2,
    (APPROVED, "limit"): lambda e: e.num("scope") == 2,
    (APPROVED, "expiry"): lambda e: e.num("scope") == 2,
    (REQUEST, "approval"): lambda e: e.num("basis") == 1,
    (REQUEST, "window"): lambda e: e.num("purpose") == 2,
}


def _fields(data: bytes, schema: dict[int, Field]) -> tuple[dict[str, bytes], str]:
    """The fields by name, and what is wrong with their encoding."""
    found: dict[str, bytes] = {}
    at = last = 0
    while at < len(data):
        tag, size = data[at], int.from_bytes(data[at + 1 : at + 3], "big")
        value, at = data[at + 3 : at + 3 + size], at + 3 + size
        if at > len(data):
            return {}, "A field is cut off."
        if tag <= last:
            return {}, "Its tags do not ascend strictly."
        if tag not in schema:
            return {}, f"Tag {tag:02x} does not belong to its kind."
        name, width, many, _ = schema[tag]
        if (size == 0 or size % (width or 1)) if many or not width else size != width:
            return {}, f"The field {name} is not as wide as stated."
        found[name], last = value, tag
    missing = [row.name for row in schema.values() if not row.optional and row.name not in found]
    return ({}, f"The field {missing[0]} is missing.") if missing else (found, "")


class Leaf(NamedTuple):
    """A leaf as the intent that spends it names it; `at` is the index of its entry."""

    at: int
    salt1: bytes
    received: int
    c2: bytes


@dataclass
class Entry:
    """One entry. What can not be read has kind 0 and says why in `fault`; the rules about acts pass it over."""

    index: int
    raw: bytes
    kind: int = 0
    fields: dict[str, bytes] = field(default_factory=dict)
    fault: str = ""

    def num(self, name: str) -> int:
        """A field as a number."""
        return int.from_bytes(self.fields[name], "big")

    def items(self, name: str) -> list[bytes]:
        """A field as a list; empty where it is absent."""
        value = self.fields.get(name, b"")
        width = next(row.width for row in KINDS[self.kind].values() if row.name == name)
        return [value[i : i + width] for i in range(0, len(value), width)]

    @property
    def signed(self) -> bytes:
        """What its signatures are over: the signature field stands last in every kind."""
        size = len(self.fields.get("signature", self.fields.get("signatures", b"")))
        return LABELS[self.kind] + b"\x00" + self.raw[: len(self.raw) - 3 - size]

    @property
    def side(self) -> str:
        """The purse that an intent spends."""
        return "network" if self.kind == COMPLAINT and self.num("purse") == 2 else "originator"

    @property
    def is_request(self) -> bool:
        """A request proper, not a member's own opt-out."""
        return self.kind == REQUEST and self.num("purpose") == 1

    @cached_property
    def leaves(self) -> list[Leaf]:
        """The leaves that an intent spends."""
        return [Leaf(*struct.unpack(">Q32sI32s", item)) for item in self.items("leaves")]


def _entry(index: int, raw: bytes) -> Entry:
    if raw[:1] != b"\x01" or raw[1:2] == b"" or raw[1] not in KINDS:
        return Entry(index, raw, fault="Its version or kind is unknown.")
    fields, fault = _fields(raw[2:], KINDS[raw[1]])
    entry = Entry(index, raw, raw[1], fields, fault)
    for (kind, name), due in _PRESENT.items():
        if not fault and kind == raw[1] and due(entry) != (name in fields):
            fault = f"The field {name} {'is absent' if due(entry) else 'should be absent'}."
    return Entry(index, raw, fault=fault) if fault else entry


# --- openings --------------------------------------------------------------------------------------------------------


@dataclass
class Spend:
    """One opened leaf."""

    fields: dict[str, bytes]
    hosts: list[bytes]
    signatures: list[dict[str, bytes]]

    def num(self, name: str) -> int:
        """A field as a number."""
        return int.from_bytes(self.fields[name], "big")

    @property
    def b_digests(self) -> list[bytes]:
        """SHA-256 of each b=, in the order of the record."""
        return [_sha(signature["b"]) for signature in self.signatures]


@dataclass
class Openings:
    """A file of openings as read; `fault` says what is wrong with its encoding."""

    cases: dict[bytes, dict[str, bytes]] = field(default_factory=dict)
    spends: dict[tuple[int, int], Spend] = field(default_factory=dict)
    erased: set[tuple[int, int]] = field(default_factory=set)
    fault: str = ""


def _counted(data: bytes, width: int) -> tuple[list[bytes], bool]:
    """Items, each behind its length; and whether they fill the data exactly."""
    found, at = [], 0
    while at + width <= len(data):
        size = int.from_bytes(data[at : at + width], "big")
        if at + width + size > len(data):
            break
        found.append(data[at + width : at + width + size])
        at += width + size
    return found, at == len(data)


def _ascends(items: Sequence[object]) -> bool:
    return all(a < b for a, b in pairwise(items))  # type: ignore[operator]


def _spend(fields: dict[str, bytes]) -> tuple[Spend, str]:
    hosts, whole = _counted(fields.get("hosts", b""), 2)
    records, whole_too = _counted(fields.get("signatures", b""), 2)
    signatures, fault = [], "" if whole and whole_too else "A list is cut off."
    for record in records:
        parts, wrong = _fields(record, SIGNATURE_FIELDS)
        fault = fault or wrong
        signatures.append(parts)
    spend = Spend(fields, hosts, [] if fault else signatures)
    if not _ascends(hosts) or not _ascends(spend.b_digests):
        fault = fault or "The hosts or signatures of a record are not sorted."
    if len({name in fields for name in ("delivery", "salt3", "position", "tree")}) > 1:
        fault = fault or "Tags 0b to 0e do not stand together."
    if "path" in fields and "delivery" not in fields:
        fault = fault or "A path stands without its delivery."
    return spend, fault


def _is_utf8(text: bytes) -> bool:
    try:
        return bool(text.decode())
    except UnicodeDecodeError:
        return False


def _openings(data: bytes) -> Openings:
    opened, order = Openings(), []
    records, whole = _counted(data[len(OPENINGS_LABEL) :], 4)
    faults = [] if data.startswith(OPENINGS_LABEL) and whole else ["The label is missing or a record is cut off."]
    for record in records:
        kind = record[0] if record else 0
        fields, fault = _fields(record[1:], OPENING_KINDS.get(kind, {}))
        faults.append(fault or ("" if fields else "A record is of no known kind."))
        if faults[-1]:
            continue
        pair = (int.from_bytes(fields.get("intent", b""), "big"), int.from_bytes(fields.get("leaf", b""), "big"))
        order.append((kind, fields.get("case", b""), pair))
        if kind == 1:
            opened.cases[fields["case"]] = fields
            faults.append("" if _is_utf8(fields["originator"]) else "An originator is not UTF-8.")
        elif kind == 2:
            opened.spends[pair], fault = _spend(fields)
            faults.append(fault)
        else:
            opened.erased.add(pair)
    faults.append("" if _ascends(order) else "Its records are not sorted, or one stands twice.")
    opened.fault = next(filter(None, faults), "")
    return opened


# --- the state that rules look at ------------------------------------------------------------------------------------


class Start(NamedTuple):
    """An entry that started a window, and the first day on which a request may rest on it."""

    kind: int
    case: bytes
    opens: int


@dataclass
class State:
    """All that was read, before anything is judged."""

    checkpoint: Checkpoint | None
    vkey: Key | None
    witnesses: tuple[Key, ...]
    since: Checkpoint | None
    openings: Openings | None
    entries: list[Entry] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    missing: str | None = None
    extra: str | None = None
    misframed: str | None = None
    mishashed: str | None = None

    @cached_property
    def acts(self) -> list[Entry]:
        """Every readable entry that is no sighting, in order."""
        return [e for e in self.entries if e.kind not in (0, SIGHTING)]

    def of(self, *kinds: int) -> list[Entry]:
        """The entries of these kinds, in order."""
        return [e for e in self.acts if e.kind in kinds]

    def at(self, index: int, before: int, *kinds: int) -> Entry | None:
        """The entry at `index` if it is of one of these kinds and stands before another."""
        found = self.entries[index] if index < min(before, len(self.entries)) else None
        return found if found and found.kind in kinds else None

    def log_key(self, size: int) -> Key | None:
        """The key of the log in a tree of this size, under the name that the checkpoint demands."""
        keys = [e.fields["key"] for e in self.of(KEY) if e.index < max(size, 1)]
        origin = self.checkpoint.origin if self.checkpoint else ""
        return Key(origin, 1, keys[-1]) if keys else self.vkey and self.vkey._replace(name=origin)

    @cached_property
    def key(self) -> Key | None:
        """The key that should have signed the checkpoint."""
        return self.log_key(len(self.entries))

    def is_log_line(self, line: Line) -> bool:
        """Whether the id says that the log's key signed, under whatever name."""
        return self.key is not None and self.key._replace(name=line.name).id == line.id

    @cached_property
    def revoked(self) -> dict[bytes, int]:
        """Operator keys that were revoked, with the entry that did it first. It holds for ever."""
        gone = [e for e in self.of(OPERATOR) if e.num("status") == 2]
        return {e.fields["key"]: e.index for e in reversed(gone)}

    def operator(self, index: int, before: int) -> Entry | None:
        """The OperatorKey entry at `index`, if its key was added and not revoked before another entry."""
        found = self.at(index, before, OPERATOR)
        good = found and found.num("status") == 1 and self.revoked.get(found.fields["key"], before) >= before
        return found if good else None

    def approval(self, act: Entry) -> Entry | None:
        """The Approved entry that an act names, if it is one that could cover it."""
        return self.at(act.num("approval"), act.index, APPROVED) if "approval" in act.fields else None

    def standing(self, act: Entry) -> Entry | None:
        """The same, if it is a standing approval."""
        found = self.approval(act)
        return found if found and found.num("scope") == 2 else None

    def intent(self, settled: Entry) -> Entry | None:
        """The intent that a Settled entry names."""
        return self.at(settled.num("intent"), settled.index, SETTLES[settled.kind])

    @cached_property
    def runs(self) -> dict[int, int]:
        """First index and length of each run of SightingCommitted entries."""
        runs: dict[int, int] = {}
        start = 0
        for e in self.entries:
            if e.kind != SIGHTING:
                start = e.index + 1
            else:
                runs[start] = runs.get(start, 0) + 1
        return runs

    @cached_property
    def batch_days(self) -> dict[int, int]:
        """The day of the batch in which each sighting stands: that of the last hour closed before it."""
        days: dict[int, int] = {}
        day = -1
        for e in self.entries:
            if e.kind == SIGHTING:
                days[e.index] = day
            elif e.kind == DELIVERIES:
                day = e.num("hour") // 24
        return days

    @cached_property
    def starts(self) -> dict[int, Start]:
        """Every entry that started a window."""
        found: dict[int, Start] = {}
        for e in self.of(NOTICE_SETTLED, REQUEST_SETTLED, HANDED):
            act = e if e.kind == HANDED else self.intent(e)
            if act and "window" in act.fields and (e.kind == HANDED or e.num("outcome") == 1):
                found[e.index] = Start(e.kind, act.fields["case"], e.num("day") + act.num("window") // 24 + 1)
        return found

    def opened(self) -> Iterator[tuple[Entry, Leaf, Spend]]:
        """Every opened spend that names an intent and a leaf of it, in order."""
        for (intent, index), spend in (self.openings.spends if self.openings else {}).items():
            act = self.at(intent, len(self.entries), *INTENTS)
            for leaf in act.leaves if act else ():
                if act and leaf.at == index:
                    yield act, leaf, spend

    def fully_opened(self) -> Iterator[tuple[Entry, list[Spend]]]:
        """Every intent all of whose leaves are opened."""
        spends = self.openings.spends if self.openings else {}
        for act in self.of(*INTENTS):
            found = [spends[act.index, leaf.at] for leaf in act.leaves if (act.index, leaf.at) in spends]
            if len(found) == len(act.leaves):
                yield act, found

    @cached_property
    def hosts(self) -> dict[bytes, str]:
        """Digests in entries whose host name an opening shows."""
        shown: dict[bytes, str] = {}
        for act, _, spend in self.opened():
            case = self.openings.cases.get(act.fields["case"]) if self.openings else None
            if case and _sha(case["salt"], spend.fields["host"]) == act.fields["host"]:
                shown[act.fields["host"]] = spend.fields["host"].decode("latin-1")
        return shown

    def destinations(self) -> tuple[Destination, ...]:
        """Attempts, sightings spent and bytes reserved at each host."""
        acts: dict[str, list[Entry]] = defaultdict(list)
        for act in self.of(*INTENTS):
            acts[self.hosts.get(act.fields["host"], act.fields["host"].hex())].append(act)
        spent = {host: {(a.side, leaf.at) for a in there for leaf in a.leaves} for host, there in acts.items()}
        return tuple(
            Destination(host, len(there), len(spent[host]), sum(act.num("reserve") for act in there))
            for host, there in sorted(acts.items())
        )


# --- rules -----------------------------------------------------------------------------------------------------------

Found = Iterator[tuple[int | None, str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence of the pages: `check` yields the entry and what happened there, for each breach."""

    stage: str
    name: str
    sentence: str
    check: Callable[[State], Found]


_rules: list[Rule] = []


def _rule(stage: str, name: str, sentence: str) -> Callable[[Callable[[State], Found]], Callable[[State], Found]]:
    def enter(check: Callable[[State], Found]) -> Callable[[State], Found]:
        _rules.append(Rule(stage, name, sentence, check))
        return check

    return enter


@_rule("files", "checkpoint-canonical", "A checkpoint is origin, size and root, and prints back to the same bytes.")
def _checkpoint_canonical(state: State) -> Found:
    if state.checkpoint is None or not state.checkpoint.canonical:
        yield None, "The file checkpoint is not as a checkpoint is written."


@_rule("files", "files-complete", "Every tile and bundle that the size of the tree demands is there.")
def _files_complete(state: State) -> Found:
    if state.missing:
        yield None, f"The file {state.missing} is missing."


@_rule("files", "files-closed", "The list of files follows from the size: no other file, no tile of an earlier size.")
def _files_closed(state: State) -> Found:
    if state.extra:
        yield None, f"The file {_shown(state.extra)} should not be there."


@_rule("files", "bundle-framing", "A bundle holds exactly its entries, each behind its length.")
def _bundle_framing(state: State) -> Found:
    if state.misframed:
        yield None, f"The bundle {state.misframed} does not hold exactly its entries."


@_rule("files", "tile-hashes", "Every tile holds the hashes of the entries.")
def _tile_hashes(state: State) -> Found:
    if state.mishashed:
        yield None, f"The tile {state.mishashed} does not follow from the entries."


@_rule("files", "root-hash", "The root in the checkpoint is the root of the entries.")
def _root_hash(state: State) -> Found:
    if state.checkpoint and state.checkpoint.root != _root(state.hashes):
        yield None, "The checkpoint names another root."


@_rule("files", "vkey-pinned", "The log's key is the one that the auditor was given.")
def _vkey_pinned(state: State) -> Found:
    if state.vkey and state.vkey != state.key:
        yield None, "The ledger is of another key or name than --vkey."


@_rule("files", "signature-known", "Each signature line is the log's or a given witness's, one of each.")
def _signature_known(state: State) -> Found:
    known = Counter("the log" if state.is_log_line(line) else "" for line in _lines(state))
    witnesses = Counter((line.name, line.id) for line in _lines(state) if not state.is_log_line(line))
    for line in witnesses.keys() - {(key.name, key.id) for key in state.witnesses}:
        yield None, f"A signature line of {_shown(line[0])} is by a key that nobody named."
    if known["the log"] > 1 or any(count > 1 for count in witnesses.values()):
        yield None, "One key signed the checkpoint twice."


@_rule("files", "signature-name", "The key name in the note equals the origin.")
def _signature_name(state: State) -> Found:
    for line in filter(state.is_log_line, _lines(state)):
        if state.checkpoint and line.name != state.checkpoint.origin:
            yield None, f"The log signs as {_shown(line.name)}."


@_rule("files", "checkpoint-signed", "The log's key signed the checkpoint.")
def _checkpoint_signed(state: State) -> Found:
    if state.checkpoint and state.key and not _signed(state.checkpoint, state.key):
        yield None, "No signature of the log's key verifies."


@_rule("files", "witness-signed", "The cosignature of a given witness verifies.")
def _witness_signed(state: State) -> Found:
    for line in _lines(state):
        for key in state.witnesses:
            if (line.name, line.id) == (key.name, key.id) and not _cosigned(state, key):
                yield None, f"The cosignature of {_shown(key.name)} does not verify."


@_rule("files", "since-signed", "The older checkpoint was signed by the key that was the log's then.")
def _since_signed(state: State) -> Found:
    key = state.log_key(state.since.size) if state.since else None
    if state.since and key and not _signed(state.since, key):
        yield None, "The older checkpoint is of another log, or this log was begun anew."


@_rule("files", "since-prefix", "The older tree is a prefix of this one.")
def _since_prefix(state: State) -> Found:
    if state.since and state.since.size > len(state.hashes):
        yield None, f"The tree was larger before: {state.since.size} entries; it was cut."
    elif state.since and state.since.root != _root(state.hashes[: state.since.size]):
        yield None, f"The first {state.since.size} entries are not what they were."


def _lines(state: State) -> tuple[Line, ...]:
    return state.checkpoint.lines if state.checkpoint else ()


def _signed(note: Checkpoint, key: Key) -> bool:
    found = [line for line in note.lines if line.id == key._replace(name=line.name).id]
    return bool(found) and all(ed25519_verifies(key.public, note.body, line.signature) for line in found)


def _cosigned(state: State, key: Key) -> bool:
    """C2SP tlog-cosignature: a time of 8 bytes and an Ed25519 signature."""
    found = [line.signature for line in _lines(state) if (line.name, line.id) == (key.name, key.id)]
    body = state.checkpoint.body if state.checkpoint else b""
    texts = [b"cosignature/v1\ntime %d\n" % int.from_bytes(blob[:8], "big") + body for blob in found]
    return bool(found) and all(map(ed25519_verifies, [key.public] * len(found), texts, [blob[8:] for blob in found]))


@_rule("entries", "entry-encoding", "An entry has the fields of its kind, in ascending order and as wide as stated.")
def _entry_encoding(state: State) -> Found:
    for e in state.entries:
        if e.fault:
            yield e.index, e.fault


@_rule("entries", "entry-sorted", "Lists ascend strictly.")
def _entry_sorted(state: State) -> Found:
    for e in state.acts:
        for row in KINDS[e.kind].values():
            if row.many and not _ascends(e.items(row.name)):
                yield e.index, f"The list {row.name} does not."


@_rule("entries", "entry-values", "Every field has one of the values that the page lists.")
def _entry_values(state: State) -> Found:
    for e in state.acts:
        for name in e.fields.keys() & VALUES.keys():
            if e.num(name) not in VALUES[name]:
                yield e.index, f"The field {name} is {e.num(name)}."


@_rule("entries", "first-entries", "Entry 0 is KeyRotated, entry 1 the first OperatorKey.")
def _first_entries(state: State) -> Found:
    for e, kind in zip(state.entries, (KEY, OPERATOR), strict=False):
        if e.kind != kind:
            yield e.index, "It is of another kind."


@_rule("entries", "key-rotated-signed", "A later KeyRotated is signed by the log key before it.")
def _key_rotated_signed(state: State) -> Found:
    keys = state.of(KEY)
    for before, e in pairwise(keys):
        if not ed25519_verifies(before.fields["key"], e.signed, e.fields["signature"]):
            yield e.index, "The signature does not verify."


@_rule("entries", "operator-key-signed", "Entry 1 is signed by itself, later keys by one added and not revoked.")
def _operator_key_signed(state: State) -> Found:
    for e in state.of(OPERATOR):
        signer = state.operator(e.num("by"), e.index) if "by" in e.fields else e
        if signer is None or not ed25519_verifies(signer.fields["key"], e.signed, e.fields["signature"]):
            yield e.index, "No such key signed it."


@_rule("entries", "entry-day", "Days never decrease: an entry has the day of the batch that comes next.")
def _entry_day(state: State) -> Found:
    day = state.acts[0].num("day") if state.acts else 0
    for e in state.acts:
        if e.num("day") != day:
            yield e.index, f"Its day is {e.num('day')}, the batch that comes next is that of day {day}."
        day += e.kind == DELIVERIES and e.num("hour") % 24 == 23


@_rule("entries", "deliveries-hourly", "Deliveries are committed every hour without a gap, on the day of that hour.")
def _deliveries_hourly(state: State) -> Found:
    hour: int | None = None
    for e in state.of(DELIVERIES):
        if e.num("day") != e.num("hour") // 24 or e.num("hour") != (e.num("hour") if hour is None else hour + 1):
            yield e.index, f"It closes hour {e.num('hour')} on day {e.num('day')}."
        hour = e.num("hour")


@_rule("entries", "batch-place", "Sightings stand directly after the last hour of a day and nowhere else.")
def _batch_place(state: State) -> Found:
    for start in state.runs:
        last = state.at(start - 1, start, DELIVERIES) if start else None
        if last is None or last.num("hour") % 24 != 23:
            yield start, "No day ended before it."


@_rule("entries", "batch-size", "A day ends with a batch of 16 x 4^k sightings.")
def _batch_size(state: State) -> Found:
    for e in state.of(DELIVERIES):
        size = state.runs.get(e.index + 1, 0)
        if e.num("hour") % 24 == 23 and (size < 16 or size.bit_count() != 1 or size.bit_length() % 2 == 0):
            yield e.index, f"{size} sightings follow."


@_rule("entries", "leaf-exists", "Each leaf is a SightingCommitted entry and follows from salt1, case, day and C2.")
def _leaf_exists(state: State) -> Found:
    for e in state.of(*INTENTS):
        for leaf in e.leaves:
            c1 = _sha(leaf.salt1, e.fields["case"], leaf.received.to_bytes(4, "big"))
            found = state.at(leaf.at, len(state.entries), SIGHTING)
            if found is None or found.fields["leaf"] != _sha(b"\x01", c1, leaf.c2):
                yield e.index, f"Leaf {leaf.at} is no such sighting."


@_rule("entries", "leaf-earlier", "Each leaf stands before the intent that spends it.")
def _leaf_earlier(state: State) -> Found:
    for e in state.of(*INTENTS):
        for leaf in e.leaves:
            if leaf.at >= e.index:
                yield e.index, f"Leaf {leaf.at} comes later."


@_rule("entries", "leaf-once", "No leaf is spent twice on one side.")
def _leaf_once(state: State) -> Found:
    seen: dict[tuple[str, int], int] = {}
    for e in state.of(*INTENTS):
        for leaf in e.leaves:
            if (e.side, leaf.at) in seen:
                yield e.index, f"Leaf {leaf.at} was spent in entry {seen[e.side, leaf.at]}."
            seen[e.side, leaf.at] = e.index


@_rule("entries", "leaf-fresh", "Received day <= day of the batch <= day of the intent, at most 30 days later.")
def _leaf_fresh(state: State) -> Found:
    for e in state.of(*INTENTS):
        for leaf in e.leaves:
            batch, day = state.batch_days.get(leaf.at, leaf.received), e.num("day")
            if not leaf.received <= batch <= day <= leaf.received + FORGOTTEN_AFTER_DAYS:
                yield e.index, f"Leaf {leaf.at} is of day {leaf.received}, batch {batch}; the intent of day {day}."


@_rule("entries", "nullifier-once", "No nullifier stands twice on one side; an intent has as many as leaves or more.")
def _nullifier_once(state: State) -> Found:
    seen: set[tuple[str, bytes]] = set()
    for e in state.of(*INTENTS):
        own = [(e.side, nullifier) for nullifier in e.items("nullifiers")]
        if len(own) < len(e.leaves) or not seen.isdisjoint(own):
            yield e.index, "Its nullifiers are too few, or one stood before."
        seen.update(own)


@_rule("entries", "intent-settled-once", "A Settled entry names an intent of its kind, once; only mail can bounce.")
def _intent_settled_once(state: State) -> Found:
    seen: set[int] = set()
    for e in state.of(*SETTLES):
        act = state.intent(e)
        if act is None or act.index in seen:
            yield e.index, "It names no such intent, or one that is settled."
        elif e.num("outcome") == 5 and act.kind != COMPLAINT and act.num("channel") == 1:
            yield e.index, "A one-click request bounced."
        seen.add(e.num("intent"))


@_rule("entries", "approval-exists", "The approval is an Approved entry before the act.")
def _approval_exists(state: State) -> Found:
    for e in state.acts:
        if "approval" in e.fields and state.approval(e) is None:
            yield e.index, f"Entry {e.num('approval')} is none."


@_rule("entries", "approval-same-case", "The approval is of the same case.")
def _approval_same_case(state: State) -> Found:
    for e in state.acts:
        found = state.approval(e)
        if found and found.fields["case"] != e.fields["case"]:
            yield e.index, f"Entry {found.index} is of another."


@_rule("entries", "approval-scope", "A notice rests on the approval of a notice, a request on a standing one.")
def _approval_scope(state: State) -> Found:
    for e in state.acts:
        found = state.approval(e)
        if found and (found.num("scope") == 1) != (e.kind == NOTICE):
            yield e.index, f"Entry {found.index} is for something else."


@_rule("entries", "approval-signed", "Each signature verifies under a distinct key that was added and not revoked.")
def _approval_signed(state: State) -> Found:
    for e in state.of(APPROVED):
        signers = _signers(state, e)
        keys = {signer.fields["key"] for signer, _ in signers}
        if len(keys) < len(e.items("signatures")) or not all(
            ed25519_verifies(signer.fields["key"], e.signed, signature) for signer, signature in signers
        ):
            yield e.index, "One does not."


def _signers(state: State, approved: Entry) -> list[tuple[Entry, bytes]]:
    named = [(state.operator(int.from_bytes(item[:8], "big"), approved.index), item[8:]) for item in
             approved.items("signatures")]  # fmt: skip
    return [(signer, signature) for signer, signature in named if signer]


@_rule("entries", "approval-key-age", "Each signing key stood for 7 days before the approval.")
def _approval_key_age(state: State) -> Found:
    for e in state.of(APPROVED):
        for signer, _ in _signers(state, e):
            if e.num("day") < signer.num("day") + KEY_AGE_DAYS:
                yield e.index, f"The key of entry {signer.index} stood for {e.num('day') - signer.num('day')}."


@_rule("entries", "approval-expiry", "A standing approval lives for 30 days at most, and nothing names it afterwards.")
def _approval_expiry(state: State) -> Found:
    for e in state.acts:
        found = state.standing(e)
        if e.kind == APPROVED and e.num("scope") == 2 and e.num("expiry") > e.num("day") + FORGOTTEN_AFTER_DAYS:
            yield e.index, "It expires later."
        if found and e.num("day") > found.num("expiry"):
            yield e.index, f"The approval {found.index} had expired."


@_rule("entries", "approval-limit", "No more intents name an approval than its limit.")
def _approval_limit(state: State) -> Found:
    uses: Counter[int] = Counter()
    for e in state.of(REQUEST):
        found = state.standing(e)
        if found:
            uses[found.index] += 1
            if uses[found.index] > found.num("limit"):
                yield e.index, f"It is one more than the approval {found.index} allows."


@_rule("entries", "approval-host", "The host of a request is among those approved.")
def _approval_host(state: State) -> Found:
    for e in state.of(REQUEST):
        found = state.standing(e)
        if found and e.fields["host"] not in found.items("hosts"):
            yield e.index, f"The approval {found.index} does not name it."


@_rule("entries", "approval-kind", "The channel of a request is among those approved.")
def _approval_kind(state: State) -> Found:
    for e in state.of(REQUEST):
        found = state.standing(e)
        if found and not e.num("channel") & found.num("kinds"):
            yield e.index, f"The approval {found.index} does not name it."


@_rule("entries", "approval-one-live", "A case has no second standing approval while one is live.")
def _approval_one_live(state: State) -> Found:
    uses: Counter[int] = Counter()
    live: dict[bytes, list[Entry]] = defaultdict(list)
    for e in state.of(REQUEST, APPROVED):
        if e.kind == REQUEST:
            uses[e.num("approval") if "approval" in e.fields else -1] += 1
        elif e.num("scope") == 2:
            case = e.fields["case"]
            left = [a for a in live[case] if a.num("expiry") >= e.num("day") and uses[a.index] < a.num("limit")]
            if left:
                yield e.index, f"The approval {left[0].index} is live."
            live[case] = [*left, e]


@_rule("entries", "approval-sum", "What one key approves alone for a case sums to 100 in less than 30 days.")
def _approval_sum(state: State) -> Found:
    alone: dict[tuple[bytes, bytes], list[Entry]] = defaultdict(list)
    for e in state.of(APPROVED):
        signers = _signers(state, e)
        if e.num("scope") == 2 and len(signers) == 1:
            key = (signers[0][0].fields["key"], e.fields["case"])
            alone[key] = [a for a in alone[key] if a.num("day") > e.num("day") - FORGOTTEN_AFTER_DAYS] + [e]
            total = sum(a.num("limit") for a in alone[key])
            if total > ALONE_AT_MOST:
                yield e.index, f"It makes {total} with one signature."


@_rule("entries", "notice-digest", "The bytes of a notice are those that were approved.")
def _notice_digest(state: State) -> Found:
    for e in state.of(NOTICE):
        found = state.approval(e)
        if found and found.num("scope") == 1 and found.fields["message"] != e.fields["message"]:
            yield e.index, "They are not."


@_rule(
    "entries",
    "notice-tries",
    "Tries of a notice count 1, 2, 3, each after the last one failed.",
)
def _notice_tries(state: State) -> Found:
    tries: Counter[bytes] = Counter()
    closed: dict[bytes, int] = {}
    for e in state.of(NOTICE, NOTICE_SETTLED):
        act = e if e.kind == NOTICE else state.intent(e)
        case = act.fields["case"] if act else b""
        if e.kind == NOTICE:
            tries[case] += 1
            if e.num("try") != tries[case] or case in closed:
                yield e.index, f"It is try {e.num('try')} after {tries[case] - 1}, or one is unsettled or accepted."
            closed[case] = e.index
        elif e.num("outcome") != 1 and act and closed.get(case) == act.index:
            del closed[case]


def _waited(state: State, basis: int, kind: int) -> Found:
    opens: dict[bytes, int] = {}
    for e in state.acts:
        start = state.starts.get(e.index)
        if start and start.kind == kind:
            opens[start.case] = min(start.opens, opens.get(start.case, start.opens))
        if e.is_request and e.num("basis") == basis:
            day = opens.get(e.fields["case"])
            if day is None or e.num("day") < day:
                yield e.index, "None was accepted before it." if day is None else f"The first such day is {day}."


@_rule("entries", "request-after-notice", "A request on an approval comes after the window of an accepted notice.")
def _request_after_notice(state: State) -> Found:
    yield from _waited(state, 1, NOTICE_SETTLED)


@_rule("entries", "request-after-opt-out", "A request on a click comes after the window of an accepted own opt-out.")
def _request_after_opt_out(state: State) -> Found:
    yield from _waited(state, 2, REQUEST_SETTLED)


@_rule("entries", "basis-fits", "A request rests on approval or click, an own opt-out on click or consent.")
def _basis_fits(state: State) -> Found:
    for e in state.of(REQUEST):
        if e.num("basis") == (3 if e.is_request else 1):
            yield e.index, "It rests on something else."


@_rule("entries", "reserve-fits", "One-click reserves exactly 12,288 bytes, mail at least 8,193.")
def _reserve_fits(state: State) -> Found:
    for e in state.of(*INTENTS):
        one_click, reserve = e.kind != COMPLAINT and e.num("channel") == 1, e.num("reserve")
        if reserve != ONE_CLICK_RESERVE if one_click else reserve < MAIL_RESERVE_LEAST:
            yield e.index, f"It reserves {reserve}."


@_rule("entries", "nothing-after-stop", "No act follows a stop, no notice or request a dispute or withdrawal.")
def _nothing_after_stop(state: State) -> Found:
    stopped: set[bytes] = set()
    withdrawn: set[bytes] = set()
    disputed: set[bytes] = set()
    for e in state.acts:
        case = e.fields.get("case", b"")
        if e.kind == STOPPED:
            stopped.add(case)
        elif e.kind == WITHDRAWN:
            withdrawn.add(case)
        elif e.kind == DISPUTED:
            (disputed.discard if e.num("phase") == 2 else disputed.add)(case)
        elif e.kind in INTENTS:
            asks = e.kind == NOTICE or e.is_request
            if case in stopped or (asks and case in withdrawn | disputed):
                yield e.index, "It does."


@_rule("entries", "dispute-once", "A case is disputed once, and resumed or closed once after that.")
def _dispute_once(state: State) -> Found:
    phases: dict[bytes, int] = {}
    for e in state.of(DISPUTED):
        last, phase = phases.get(e.fields["case"], 0), e.num("phase")
        if (last, phase) not in ((0, 1), (1, 2), (1, 3)):
            yield e.index, f"Phase {phase} stands out of turn."
        phases[e.fields["case"]] = phase


@_rule("entries", "vouched-signed", "Vouching is signed by an operator key that was added and not revoked.")
def _vouched_signed(state: State) -> Found:
    for e in state.of(VOUCHED):
        signer = state.operator(e.num("by"), e.index)
        if signer is None or not ed25519_verifies(signer.fields["key"], e.signed, e.fields["signature"]):
            yield e.index, "No such key signed it."


@_rule("openings", "openings-encoding", "An openings file prints back to the same bytes; its records are sorted.")
def _openings_encoding(state: State) -> Found:
    if state.openings and state.openings.fault:
        yield None, state.openings.fault


@_rule("openings", "opening-names-spend", "A record is of a leaf that its intent spends: opened or erased, not both.")
def _opening_names_spend(state: State) -> Found:
    spent = {(e.index, leaf.at) for e in state.of(*INTENTS) for leaf in e.leaves}
    opened = state.openings or Openings()
    for pair in (opened.spends.keys() | opened.erased) - spent | opened.spends.keys() & opened.erased:
        yield pair[0], f"The record of leaf {pair[1]} is not."


@_rule("openings", "case-opens", "A case tag follows from salt, originator and epoch; an opened spend has its case.")
def _case_opens(state: State) -> Found:
    cases = state.openings.cases if state.openings else {}
    for tag, case in cases.items():
        size = len(case["originator"]).to_bytes(2, "big")
        if tag != _sha(b"antiphon/case/1", case["salt"], size, case["originator"], case["epoch"]):
            yield None, f"The case {tag.hex()} does not."
    for act, _, _ in state.opened():
        if act.fields["case"] not in cases:
            yield act.index, f"The case {act.fields['case'].hex()} is not opened."


@_rule("openings", "leaf-opens", "C2 of the intent follows from salt2, hosts, b= values and size.")
def _leaf_opens(state: State) -> Found:
    for act, leaf, spend in state.opened():
        hosts = b"".join(len(host).to_bytes(2, "big") + host for host in spend.hosts)
        counts = len(spend.hosts).to_bytes(2, "big"), len(spend.signatures).to_bytes(2, "big")
        parts = (counts[0], hosts, counts[1], *spend.b_digests, spend.fields["size"])
        if leaf.c2 != _sha(spend.fields["salt2"], *parts):
            yield act.index, f"That of leaf {leaf.at} does not."


@_rule("openings", "signature-verifies", "Each b= verifies under the recorded key; no signature, no request.")
def _signature_verifies(state: State) -> Found:
    for act, leaf, spend in state.opened():
        if not spend.signatures and act.side == "originator":
            yield act.index, f"Leaf {leaf.at} has no signature."
        for signature in spend.signatures:
            if not _dkim_verifies(signature):
                yield act.index, f"A signature of leaf {leaf.at} does not."


def _dkim_verifies(signature: dict[str, bytes]) -> bool:
    algorithm = signature["a"].decode("latin-1")
    key = dkim_key(signature["record"], algorithm)
    check = {"rsa-sha256": rsa_verifies, "ed25519-sha256": ed25519_verifies}.get(algorithm)
    return key is not None and check is not None and check(key, signature["digest"], signature["b"])


@_rule("openings", "nullifier-follows", "Originator-side nullifiers are exactly those of the b= values.")
def _nullifier_follows(state: State) -> Found:
    for act, leaf, spend in state.opened():
        if act.side == "originator" and not set(_nullifiers(spend)) <= set(act.items("nullifiers")):
            yield act.index, f"That of leaf {leaf.at} is not among them."
    for act, spends in state.fully_opened():
        if act.side == "originator" and sorted(n for s in spends for n in _nullifiers(s)) != act.items("nullifiers"):
            yield act.index, "They are not."


def _nullifiers(spend: Spend) -> list[bytes]:
    return [_sha(b"antiphon/n/1", b"originator", signature["b"]) for signature in spend.signatures]


@_rule("openings", "destination-follows", "The opening gives host, organisation and prefix; the mail named the host.")
def _destination_follows(state: State) -> Found:
    cases = state.openings.cases if state.openings else {}
    for act, leaf, spend in state.opened():
        salt = cases.get(act.fields["case"], {}).get("salt", b"")
        names = ("host", "organisation", "prefix")
        if salt and any(act.fields[name] != _sha(salt, spend.fields[name]) for name in names):
            yield act.index, "They do not."
        if not _is_host(spend.fields["host"]) or not _is_prefix(spend.fields["prefix"]):
            yield act.index, "The host or the prefix is not written as it should be."
        if act.kind == REQUEST and act.num("channel") != 4 and spend.fields["host"] not in spend.hosts:
            yield act.index, f"The mail of leaf {leaf.at} did not name it."


def _is_host(text: bytes) -> bool:
    label = rb"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    return len(text) <= 253 and re.fullmatch(rb"%b(\.%b)*" % (label, label), text) is not None


def _is_prefix(text: bytes) -> bool:
    try:
        network = ipaddress.ip_network(text.decode("latin-1"))
    except ValueError:
        return False
    return str(network).encode() == text and network.prefixlen == (24 if network.version == 4 else 48)


@_rule("openings", "bytes-cover", "The mail of an intent was together at least as large as what it reserves.")
def _bytes_cover(state: State) -> Found:
    for act, spends in state.fully_opened():
        total = sum(spend.num("size") for spend in spends)
        if total < act.num("reserve"):
            yield act.index, f"It reserves {act.num('reserve')} bytes for {total}."


@_rule("openings", "window-started", "A request names what started its window; it and the mail come after.")
def _window_started(state: State) -> Found:
    for act, leaf, spend in state.opened():
        if act.is_request != ("started" in spend.fields):
            yield act.index, f"Leaf {leaf.at} {'names none' if act.is_request else 'names one, and is no request'}."
        elif act.is_request:
            start = state.starts.get(spend.num("started"))
            earlier = start is not None and start.case == act.fields["case"] and spend.num("started") < act.index
            if start is None or not earlier or min(leaf.received, act.num("day")) < start.opens:
                yield act.index, f"Leaf {leaf.at} names entry {spend.num('started')}, which does not allow it."


@_rule("openings", "delivery-proven", "The path leads from the delivery to a DeliveriesCommitted before the leaf.")
def _delivery_proven(state: State) -> Found:
    for act, leaf, spend in state.opened():
        if {"delivery", "salt3", "position", "tree"} <= spend.fields.keys():
            named = state.at(spend.num("delivery"), leaf.at, DELIVERIES)
            path = spend.fields.get("path", b"")
            steps = [path[i : i + 32] for i in range(0, len(path), 32)]
            start = _sha(b"\x00", spend.fields["salt3"], *spend.b_digests)
            reached = _climb(start, spend.num("position"), spend.num("tree"), steps) if spend.signatures else None
            if named is None or reached != named.fields["root"]:
                yield act.index, f"That of leaf {leaf.at} does not."


@_rule("openings", "attempts-covered", "No destination host got more attempts than sightings were spent there.")
def _attempts_covered(state: State) -> Found:
    for there in state.destinations():
        if there.attempts > there.sightings:
            yield None, f"{_shown(there.host)} got {there.attempts} for {there.sightings}."


RULES: tuple[Rule, ...] = tuple(_rules)


# --- the audit -------------------------------------------------------------------------------------------------------


def _read_entries(state: State, source: Source, size: int) -> set[str]:
    """Fill in entries and hashes up to the first bundle that can not be counted; the names of the bundles."""
    expected = set()
    for path, first, width in _tiles(size, 0, "entries"):
        expected.add(path)
        data = source.read(path, width * 65_537)
        if state.missing or state.misframed or data is None:
            state.missing = state.missing or (path if data is None else None)
            continue
        raws, whole = _counted(data, 2)
        if not whole or len(raws) != width:
            state.misframed = path
        state.entries += [_entry(first + i, raw) for i, raw in enumerate(raws[:width])]
    state.hashes = [_sha(b"\x00", e.raw) for e in state.entries]
    return expected


def _read_tiles(state: State, source: Source, size: int) -> set[str]:
    """Compare each tile with the entries; the names of the tiles."""
    expected, hashes, level = set(), state.hashes, 0
    while size >> 8 * level:
        for path, first, width in _tiles(size, level, str(level)):
            expected.add(path)
            data = source.read(path, width * 32)
            if data is None:
                state.missing = state.missing or path
            elif data != b"".join(hashes[first : first + width]):
                state.mishashed = state.mishashed or path
        hashes = [_root(hashes[i : i + 256]) for i in range(0, len(hashes) & ~255, 256)]
        level += 1
    return expected


def _state(source: Source, vkey: Key | None, witnesses: tuple[Key, ...]) -> State:
    data = source.read("checkpoint", LIMIT_CHECKPOINT_BYTES)
    if data is None:
        raise NotAuditable("There is no file checkpoint: this is no published ledger.")
    state = State(_checkpoint(data), vkey, witnesses, None, None)
    if state.checkpoint is None:
        return state
    size = state.checkpoint.size
    if size > LIMIT_ENTRIES:
        raise NotAuditable(f"The checkpoint speaks of {size} entries; this audit reads at most {LIMIT_ENTRIES}.")
    if size == 0 and vkey is None:
        raise NotAuditable("The ledger is empty and names no key: give --vkey.")
    expected = _read_entries(state, source, size) | _read_tiles(state, source, size) | {"checkpoint"}
    state.extra = source.extra(expected)
    return state


def _first(state: State, stage: str) -> Offence | None:
    """The offence at the lowest index; rules of files in the order of the table."""
    found: list[tuple[int, int, Offence]] = []
    for order, rule in enumerate(RULES):
        for index, what in rule.check(state) if rule.stage == stage else ():
            offence = Offence(index, rule.name, f"{what} {rule.sentence}")
            found.append((-1 if index is None else index, order, offence))
    return min(found, key=lambda row: row[:2])[2] if found else None


def _judge(state: State) -> tuple[Offence | None, bool]:
    """The first offence, and whether the tiles alone are without one."""
    for stage in ("files", "entries"):
        offence = _first(state, stage)
        if offence or state.checkpoint is None:
            return offence, False
    return _first(state, "openings") if state.openings else None, True


def audit(
    source: str | os.PathLike[str],
    *,
    vkey: str | None = None,
    since: str | bytes | os.PathLike[str] | None = None,
    openings: str | bytes | os.PathLike[str] | None = None,
    witnesses: Sequence[str] = (),
) -> Report:
    """Judge the ledger in a folder or behind an http(s) URL.

    `vkey` pins the log's key and `witnesses` are those whose cosignatures count, both as C2SP verifier keys. `since`
    is an older checkpoint and `openings` a file of openings: a path, or their bytes. Raises NotAuditable where nothing
    could be judged; an offence is no error, it stands in the report.
    """
    place = os.fspath(source)
    web = re.match("https?://", place) is not None
    older = _checkpoint(_given(since, LIMIT_CHECKPOINT_BYTES)) if since is not None else None
    if since is not None and older is None:
        raise NotAuditable("The file given with --since is no checkpoint.")
    given = _openings(_given(openings, LIMIT_OPENINGS_BYTES)) if openings is not None else None
    pinned, keys = _key(vkey, 1) if vkey else None, tuple(_key(witness, 4) for witness in witnesses)
    state = _state(Web(place) if web else Folder(place), pinned, keys)
    state.since, state.openings = older, given
    offence, consistent = _judge(state)
    spends = sum(len(act.leaves) for act in state.of(*INTENTS))
    opened, erased = (len(given.spends), len(given.erased)) if given else (0, 0)
    unseen = ("A URL shows only files that are named: extra files there were not looked for.",) if web else ()
    return Report(
        consistent=consistent,
        lawful=consistent and offence is None and given is not None and opened + erased == spends,
        entries=len(state.entries),
        size=state.checkpoint.size if state.checkpoint else 0,
        opened=opened,
        spends=spends,
        erased=erased,
        destinations=state.destinations() if consistent else (),
        offence=offence,
        vkey_pinned=pinned is not None,
        witnesses=tuple(key.name for key in keys if state.checkpoint and _cosigned(state, key)),
        origin=state.checkpoint.origin if state.checkpoint else "",
        openings_given=given is not None,
        notes=unseen,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="audit", description="Audit a published ledger.")
    parser.add_argument("source", metavar="PATH|URL", help="the published folder, or where it is served")
    parser.add_argument("--vkey", metavar="K", help="the log's verifier key, which then must be the one that signed")
    parser.add_argument("--since", metavar="CHECKPOINT", help="an older one: what it covered must still be there")
    parser.add_argument("--openings", metavar="FILE", help="openings of spent leaves")
    parser.add_argument("--witness", metavar="K", action="append", default=[], help="a witness to rely on; may repeat")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    asked = parser.parse_args(arguments)
    try:
        report = audit(
            asked.source, vkey=asked.vkey, since=asked.since, openings=asked.openings, witnesses=asked.witness
        )
    except NotAuditable as error:
        print(_shown(str(error)), file=sys.stderr)
        return 2
    print(report.json() if asked.json else report.text())
    if asked.json:
        print(*report.notes, sep="\n", end="", file=sys.stderr)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
