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
ASKED_ROW, UNREACHED_ROW, UNACCOUNTABLE_ROW, REGISTRAR_ROW, AUTHORITY_ROW = range(3, 8)
TIERS = {ASKED_ROW: 0, UNREACHED_ROW: 0, UNACCOUNTABLE_ROW: 0, REGISTRAR_ROW: 1, AUTHORITY_ROW: 2}
REACTS_DAYS = 3
NO_REQUEST_DAYS = 30
SILENCE_DAYS = 7
ONE_CLICK_RESERVE = 12_288
MAIL_RESERVE_LEAST = 8_193
OPENINGS_LABEL = b"antiphon/openings/1\n"
URL_NOTES = ("A URL shows only files that are named: extra files there were not looked for.",)


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
        fits = key.type == wanted and len(key.public) == 32 and key.id.hex() == number
    except (ValueError, IndexError):
        raise NotAuditable(f"{vkey!r} is no verifier key: name+id+base64 is expected.") from None
    if not fits:
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


NO_CHECKPOINT = Checkpoint("", 0, b"", b"", (), False)


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
        for folder, folders, files in os.walk(path, onerror=_unreadable):
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
                data = bytes(answer.read(limit + 1))
                if answer.length and len(data) <= limit:
                    raise NotAuditable(f"{self._url}/{path} breaks off.")
                return data
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


def _unreadable(error: OSError) -> None:
    raise NotAuditable(f"{error.filename} can not be read: {error.strerror}.")


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
08 prefix 32, 0a reserve 4, 0b message 32, 10 purse 1, 11 rule 2
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

    @cached_property
    def day(self) -> int:
        """The ledger day."""
        return self.num("day")

    @property
    def case(self) -> bytes:
        """The case tag."""
        return self.fields["case"]

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

    @property
    def tells_network(self) -> bool:
        """A complaint to whoever carried the mail."""
        return self.kind == COMPLAINT and self.side == "network"

    @property
    def is_standing(self) -> bool:
        """A standing approval, not that of a notice."""
        return self.kind == APPROVED and self.num("scope") == 2

    @property
    def one_click(self) -> bool:
        """An intent by one-click; a complaint is mail."""
        return self.kind != COMPLAINT and self.num("channel") == 1

    @property
    def ends_day(self) -> bool:
        """The commitment of a day's last hour."""
        return self.kind == DELIVERIES and self.num("hour") % 24 == 23

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

    @property
    def nullifiers(self) -> list[bytes]:
        """What they publish on the originator side."""
        return [_sha(b"antiphon/n/1", b"originator", signature["b"]) for signature in self.signatures]


@dataclass
class Openings:
    """A file of openings as read; `fault` says what is wrong with its encoding."""

    cases: dict[bytes, dict[str, bytes]] = field(default_factory=dict)
    spends: dict[tuple[int, int], Spend] = field(default_factory=dict)
    erased: set[tuple[int, int]] = field(default_factory=set)
    fault: str = ""
    given: bool = False


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


def _ascends(items: Sequence[bytes]) -> bool:
    return all(a < b for a, b in pairwise(items))


def _spend(fields: dict[str, bytes]) -> tuple[Spend, str]:
    hosts, whole = _counted(fields.get("hosts", b""), 2)
    records, whole_too = _counted(fields.get("signatures", b""), 2)
    signatures, fault = [], "" if whole and whole_too else "A list is cut off."
    for record in records:
        parts, wrong = _fields(record, SIGNATURE_FIELDS)
        fault = fault or wrong
        signatures.append(parts)
    spend = Spend(fields, hosts, [] if fault else signatures)
    texts = [*hosts, *(fields[name] for name in ("host", "organisation", "prefix"))]
    texts += [part[name] for part in spend.signatures for name in ("d", "s", "a")]
    if not all(map(_is_utf8, texts)):
        fault = fault or "A text is empty or no UTF-8."
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
    opened, order = Openings(given=True), []
    records, whole = _counted(data[len(OPENINGS_LABEL) :], 4)
    faults = [] if data.startswith(OPENINGS_LABEL) and whole else ["The label is missing or a record is cut off."]
    for record in records:
        kind = record[0] if record else 0
        fields, fault = _fields(record[1:], OPENING_KINDS.get(kind, {}))
        faults.append(fault or ("" if fields else "A record is of no known kind."))
        if faults[-1]:
            continue
        pair = (int.from_bytes(fields.get("intent", b""), "big"), int.from_bytes(fields.get("leaf", b""), "big"))
        order.append(record[:1] + fields.get("case", fields.get("intent", b"") + fields.get("leaf", b"")))
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

    note: Checkpoint
    vkey: Key | None
    witnesses: tuple[Key, ...]
    since: Checkpoint | None
    openings: Openings
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
        return Key(self.note.origin, 1, keys[-1]) if keys else self.vkey and self.vkey._replace(name=self.note.origin)

    @cached_property
    def key(self) -> Key | None:
        """The key that should have signed the checkpoint."""
        return self.log_key(len(self.entries))

    def is_log_line(self, line: Line) -> bool:
        """Whether the id says that the log's key signed, under whatever name."""
        return self.key is not None and self.key._replace(name=line.name).id == line.id

    def cosigned(self, key: Key) -> bool | None:
        """Whether a witness's cosignature verifies (C2SP tlog-cosignature: 8 bytes of time first); None without one."""
        blobs = [line.signature for line in self.note.lines if (line.name, line.id) == (key.name, key.id)]
        texts = [b"cosignature/v1\ntime %d\n" % int.from_bytes(b[:8], "big") + self.note.body for b in blobs]
        good = [ed25519_verifies(key.public, text, blob[8:]) for text, blob in zip(texts, blobs, strict=True)]
        return all(good) if good else None

    @cached_property
    def revoked(self) -> dict[bytes, int]:
        """Operator keys that were revoked, with the entry that did it first. It holds for ever."""
        return {e.fields["key"]: e.index for e in reversed(self.of(OPERATOR)) if e.num("status") == 2}

    def operator(self, index: int, before: int) -> Entry | None:
        """The OperatorKey entry at `index`, if its key was added and not revoked before another entry."""
        found = self.at(index, before, OPERATOR)
        good = found and found.num("status") == 1 and self.revoked.get(found.fields["key"], before) >= before
        return found if good else None

    def signers(self, approved: Entry) -> list[tuple[Entry, bytes]]:
        """Each signature whose key was added and not revoked, with the entry that added it."""
        pairs = [(int.from_bytes(item[:8], "big"), item[8:]) for item in approved.items("signatures")]
        named = [(self.operator(index, approved.index), signature) for index, signature in pairs]
        return [(signer, signature) for signer, signature in named if signer]

    def approval(self, act: Entry) -> Entry | None:
        """The Approved entry that an act names and that stands before it."""
        return self.at(act.num("approval"), act.index, APPROVED) if "approval" in act.fields else None

    def standing(self, act: Entry) -> Entry | None:
        """The same, if it is a standing approval."""
        found = self.approval(act)
        return found if found and found.is_standing else None

    def intent(self, settled: Entry) -> Entry | None:
        """The intent that a Settled entry names."""
        return self.at(settled.num("intent"), settled.index, SETTLES[settled.kind])

    def committed(self, act: Entry, leaf: Leaf) -> bool:
        """Whether a leaf is the sighting that the intent says it is."""
        c1 = _sha(leaf.salt1, act.case, leaf.received.to_bytes(4, "big"))
        found = self.at(leaf.at, len(self.entries), SIGHTING)
        return found is not None and found.fields["leaf"] == _sha(b"\x01", c1, leaf.c2)

    @cached_property
    def runs(self) -> dict[int, int]:
        """First index and length of each run of SightingCommitted entries."""
        runs: Counter[int] = Counter()
        start = 0
        for e in self.entries:
            if e.kind == SIGHTING:
                runs[start] += 1
            else:
                start = e.index + 1
        return runs

    @cached_property
    def batch_days(self) -> dict[int, int]:
        """The day of the batch in which each sighting stands: that of the last hour closed before it."""
        days, day = {}, -1
        for e in self.entries:
            if e.kind == SIGHTING:
                days[e.index] = day
            elif e.kind == DELIVERIES:
                day = e.num("hour") // 24
        return days

    @cached_property
    def starts(self) -> dict[int, Start]:
        """Every entry that started a window."""
        found = {}
        for e in self.of(NOTICE_SETTLED, REQUEST_SETTLED, HANDED):
            act = e if e.kind == HANDED else self.intent(e)
            if act and "window" in act.fields and (e.kind == HANDED or e.num("outcome") == 1):
                found[e.index] = Start(e.kind, act.case, e.day + act.num("window") // 24 + 1)
        return found

    def opened(self) -> Iterator[tuple[Entry, Leaf, Spend]]:
        """Every opened spend that names an intent and a leaf of it, in order."""
        for (intent, index), spend in self.openings.spends.items():
            act = self.at(intent, len(self.entries), *INTENTS)
            yield from ((act, leaf, spend) for leaf in (act.leaves if act else ()) if act and leaf.at == index)

    def fully_opened(self) -> Iterator[tuple[Entry, list[Spend]]]:
        """Every intent all of whose leaves are opened."""
        for act in self.of(*INTENTS):
            found = [self.openings.spends.get((act.index, leaf.at)) for leaf in act.leaves]
            if all(found):
                yield act, [spend for spend in found if spend]

    def destinations(self) -> tuple[Destination, ...]:
        """Attempts, sightings spent and bytes reserved at each host: by name where an opening shows it."""
        names: dict[bytes, str] = {}
        for act, _, spend in self.opened():
            if _sha(self.openings.cases.get(act.case, {}).get("salt", b""), spend.fields["host"]) == act.fields["host"]:
                names[act.fields["host"]] = spend.fields["host"].decode("latin-1")
        there: dict[str, list[Entry]] = defaultdict(list)
        for act in self.of(*INTENTS):
            there[names.get(act.fields["host"], act.fields["host"].hex())].append(act)
        found = []
        for host, acts in sorted(there.items()):
            spent = {(act.side, leaf.at) for act in acts for leaf in act.leaves}
            found.append(Destination(host, len(acts), len(spent), sum(act.num("reserve") for act in acts)))
        return tuple(found)


# --- rules -----------------------------------------------------------------------------------------------------------

Found = Iterator[tuple[int | None, str]]
Check = Callable[[State], Found]


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence of the pages: `check` yields the entry, and what happened there, for each breach."""

    stage: str
    name: str
    sentence: str
    check: Check


def _once(what: str, wrong: bool) -> Found:
    if wrong:
        yield None, what


def _each(holds: Callable[[State, Entry], bool], *kinds: int) -> Check:
    """The check of a rule that can be judged entry by entry, of some kinds or of all."""
    return lambda s: ((e.index, "") for e in (s.of(*kinds) if kinds else s.acts) if not holds(s, e))


def _spends(holds: Callable[[State, Entry, Leaf, Spend], bool]) -> Check:
    """The check of a rule that can be judged spend by spend."""
    return lambda s: ((e.index, f"Leaf {leaf.at}:") for e, leaf, spend in s.opened() if not holds(s, e, leaf, spend))


def _signature_known(s: State) -> Found:
    lines = ["the log" if s.is_log_line(line) else (line.name, line.id) for line in s.note.lines]
    known = {"the log", *((key.name, key.id) for key in s.witnesses)}
    for line, count in Counter(lines).items():
        if line not in known or count > 1:
            yield None, f"A line of {_shown(line if isinstance(line, str) else line[0])} is one too many."


def _since_prefix(s: State) -> Found:
    if s.since and s.since.size > len(s.hashes):
        yield None, f"The tree had {s.since.size} entries: it was cut."
    elif s.since and s.since.root != _root(s.hashes[: s.since.size]):
        yield None, f"The first {s.since.size} entries are not what they were."


def _signed(note: Checkpoint, key: Key) -> bool:
    found = [line for line in note.lines if line.id == key._replace(name=line.name).id]
    return bool(found) and all(ed25519_verifies(key.public, note.body, line.signature) for line in found)


def _signs(signer: Entry | None, e: Entry) -> bool:
    return signer is not None and ed25519_verifies(signer.fields["key"], e.signed, e.fields["signature"])


def _entry_day(s: State) -> Found:
    day = s.acts[0].day if s.acts else 0
    for e in s.acts:
        if e.day != day:
            yield e.index, f"Its day is {e.day}, the batch that comes next is that of day {day}."
        day += e.ends_day


def _deliveries_hourly(s: State) -> Found:
    hour: int | None = None
    for e in s.of(DELIVERIES):
        if e.day != e.num("hour") // 24 or (hour is not None and e.num("hour") != hour + 1):
            yield e.index, f"It closes hour {e.num('hour')} on day {e.day}."
        hour = e.num("hour")


def _is_batch(size: int) -> bool:
    return size >= 16 and size.bit_count() == 1 and size.bit_length() % 2 == 1


def _leaf_once(s: State) -> Found:
    seen: dict[tuple[str, int], int] = {}
    for e in s.of(*INTENTS):
        for leaf in e.leaves:
            if (e.side, leaf.at) in seen:
                yield e.index, f"Leaf {leaf.at} was spent in entry {seen[e.side, leaf.at]}."
            seen[e.side, leaf.at] = e.index


def _nullifier_once(s: State) -> Found:
    seen: set[tuple[str, bytes]] = set()
    for e in s.of(*INTENTS):
        own = [(e.side, nullifier) for nullifier in e.items("nullifiers")]
        if len(own) < len(e.leaves) or not seen.isdisjoint(own):
            yield e.index, "They are too few, or one stood before."
        seen.update(own)


def _intent_settled_once(s: State) -> Found:
    seen: set[int] = set()
    for e in s.of(*SETTLES):
        act = s.intent(e)
        if act is None or act.index in seen or (e.num("outcome") == 5 and act.one_click):
            yield e.index, f"It names entry {e.num('intent')}."
        seen.add(e.num("intent"))


def _approval_signed(s: State, e: Entry) -> bool:
    signers = s.signers(e)
    distinct = len({signer.fields["key"] for signer, _ in signers}) == len(e.items("signatures"))
    return distinct and all(ed25519_verifies(who.fields["key"], e.signed, signature) for who, signature in signers)


def _approval_expiry(s: State, e: Entry) -> bool:
    if e.is_standing and e.num("expiry") > e.day + FORGOTTEN_AFTER_DAYS:
        return False
    found = s.standing(e)
    return found is None or e.day <= found.num("expiry")


def _approval_limit(s: State) -> Found:
    uses: Counter[int] = Counter()
    for e in s.of(REQUEST):
        found = s.standing(e)
        if found:
            uses[found.index] += 1
            if uses[found.index] > found.num("limit"):
                yield e.index, f"It is one more than entry {found.index} allows."


def _approval_one_live(s: State) -> Found:
    uses: Counter[int] = Counter()
    live: dict[bytes, list[Entry]] = defaultdict(list)
    for e in s.of(REQUEST, APPROVED):
        if "approval" in e.fields:
            uses[e.num("approval")] += 1
        if e.is_standing:
            left = [a for a in live[e.case] if a.num("expiry") >= e.day and uses[a.index] < a.num("limit")]
            if left:
                yield e.index, f"That of entry {left[0].index} is live."
            live[e.case] = [*left, e]


def _approval_sum(s: State) -> Found:
    alone: dict[tuple[bytes, bytes], list[Entry]] = defaultdict(list)
    for e in s.of(APPROVED):
        signers = s.signers(e)
        if e.is_standing and len(signers) == 1:
            key = (signers[0][0].fields["key"], e.case)
            alone[key] = [a for a in alone[key] if a.day > e.day - FORGOTTEN_AFTER_DAYS] + [e]
            total = sum(a.num("limit") for a in alone[key])
            if total > ALONE_AT_MOST:
                yield e.index, f"It makes {total}."


def _notice_tries(s: State) -> Found:
    tries: Counter[bytes] = Counter()
    closed: dict[bytes, int] = {}
    for e in s.of(NOTICE, NOTICE_SETTLED):
        act = e if e.kind == NOTICE else s.intent(e)
        if e.kind == NOTICE:
            tries[e.case] += 1
            if e.num("try") != tries[e.case] or e.case in closed:
                yield e.index, f"It is try {e.num('try')} after {tries[e.case] - 1}, or one is unsettled or accepted."
            closed[e.case] = e.index
        elif act and e.num("outcome") != 1 and closed.get(act.case) == act.index:
            del closed[act.case]


def _waited(basis: int, kind: int) -> Check:
    def check(s: State) -> Found:
        opens: dict[bytes, int] = {}
        for e in s.acts:
            start = s.starts.get(e.index)
            if start and start.kind == kind:
                opens[start.case] = min(start.opens, opens.get(start.case, start.opens))
            if e.is_request and e.num("basis") == basis and e.day < opens.get(e.case, e.day + 1):
                yield e.index, f"The first such day is {opens[e.case]}." if e.case in opens else "None was accepted."

    return check


def _complaint_row(s: State) -> Found:
    opens: dict[bytes, int] = {}
    asked: set[bytes] = set()
    undelivered: set[bytes] = set()
    told: dict[tuple[bytes, int], int] = {}
    for e in s.acts:
        start, act = s.starts.get(e.index), s.intent(e) if e.kind in SETTLES else None
        if start and start.kind == NOTICE_SETTLED:
            opens[start.case] = min(start.opens, opens.get(start.case, start.opens))
        if act and act.is_request:
            asked.add(act.case)
        if act and act.kind == NOTICE and e.num("outcome") != 1:
            undelivered.add(act.case)
        if act and act.tells_network and e.num("outcome") == 1:
            told.setdefault((act.case, TIERS.get(act.num("rule"), -1)), act.day)
        if not e.tells_network:
            continue
        first = opens.get(e.case)
        over = first is not None and e.day >= first
        waited = first is not None and e.day >= first + NO_REQUEST_DAYS
        row = e.num("rule")
        before = told.get((e.case, TIERS.get(row, 0) - 1))
        holds = {
            ASKED_ROW: over and (e.case in asked or waited),
            UNREACHED_ROW: e.case in undelivered and first is None,
            UNACCOUNTABLE_ROW: True,
            **dict.fromkeys((REGISTRAR_ROW, AUTHORITY_ROW), before is not None and e.day >= before + REACTS_DAYS),
        }
        if not holds.get(row):
            yield e.index, f"Row {row} does not."


def _complaint_apart(s: State) -> Found:
    told: dict[tuple[bytes, bytes], int] = {}
    for e in s.of(COMPLAINT):
        if e.tells_network and e.day <= told.get((e.case, e.fields["host"]), -1):
            yield e.index, "It is the second of that day."
        if e.tells_network:
            told[e.case, e.fields["host"]] = e.day


def _complaint_silence(s: State) -> Found:
    told = [e for e in s.of(COMPLAINT) if e.tells_network]
    names = {act.index: spend.fields["host"] for act, _, spend in s.opened()}
    if any(e.index not in names for e in told):
        return  # which of them was a host's first can not be known
    first: dict[bytes, int] = {}
    last: dict[bytes, int] = {}
    for e in told:
        host = names[e.index]
        opens = max(first.get(host, -SILENCE_DAYS) + SILENCE_DAYS, last.get(host, -1) + 1)
        if e.day < opens:
            yield e.index, f"The first such day is {opens}."
        first.setdefault(host, e.day)
        last[host] = e.day


def _nothing_after_stop(s: State) -> Found:
    stopped: set[bytes] = set()
    withdrawn: set[bytes] = set()
    disputed: set[bytes] = set()
    for e in s.acts:
        if e.kind == STOPPED:
            stopped.add(e.case)
        elif e.kind == WITHDRAWN:
            withdrawn.add(e.case)
        elif e.kind == DISPUTED:
            (disputed.discard if e.num("phase") == 2 else disputed.add)(e.case)
        elif e.kind in INTENTS:
            asks = e.kind == NOTICE or e.is_request or e.tells_network
            if e.case in stopped or (asks and (e.case in withdrawn or e.case in disputed)):
                yield e.index, "It does."


def _dispute_once(s: State) -> Found:
    phases: dict[bytes, int] = {}
    for e in s.of(DISPUTED):
        last, phases[e.case] = phases.get(e.case, 0), e.num("phase")
        if (last, phases[e.case]) not in ((0, 1), (1, 2), (1, 3)):
            yield e.index, f"Phase {phases[e.case]} stands out of turn."


def _opening_names_spend(s: State) -> Found:
    spent = {(e.index, leaf.at) for e in s.of(*INTENTS) for leaf in e.leaves}
    opened, erased = s.openings.spends.keys(), s.openings.erased
    for pair in (opened | erased) - spent | opened & erased:
        yield pair[0], f"The record of leaf {pair[1]} is not."


def _case_opens(s: State) -> Found:
    for tag, case in s.openings.cases.items():
        size = len(case["originator"]).to_bytes(2, "big")
        if tag != _sha(b"antiphon/case/1", case["salt"], size, case["originator"], case["epoch"]):
            yield None, f"The tag {tag.hex()} does not."
    for act, _, _ in s.opened():
        if act.case not in s.openings.cases:
            yield act.index, "Its case is not opened."


def _leaf_opens(s: State, act: Entry, leaf: Leaf, spend: Spend) -> bool:
    hosts = b"".join(len(host).to_bytes(2, "big") + host for host in spend.hosts)
    counts = len(spend.hosts).to_bytes(2, "big"), len(spend.signatures).to_bytes(2, "big")
    return leaf.c2 == _sha(spend.fields["salt2"], counts[0], hosts, counts[1], *spend.b_digests, spend.fields["size"])


def _dkim_verifies(signature: dict[str, bytes]) -> bool:
    algorithm = signature["a"].decode("latin-1")
    key = dkim_key(signature["record"], algorithm)
    check = {"rsa-sha256": rsa_verifies, "ed25519-sha256": ed25519_verifies}.get(algorithm)
    return key is not None and check is not None and check(key, signature["digest"], signature["b"])


def _nullifier_follows(s: State) -> Found:
    for act, leaf, spend in s.opened():
        if act.side == "originator" and not set(spend.nullifiers) <= set(act.items("nullifiers")):
            yield act.index, f"That of leaf {leaf.at} is not among them."
    for act, spends in s.fully_opened():
        follow = sorted(nullifier for spend in spends for nullifier in spend.nullifiers)
        if act.side == "originator" and follow != act.items("nullifiers"):
            yield act.index, "They are not."


def _destination_follows(s: State, act: Entry, leaf: Leaf, spend: Spend) -> bool:
    salt = s.openings.cases.get(act.case, {}).get("salt", b"")
    hidden = all(act.fields[name] == _sha(salt, spend.fields[name]) for name in ("host", "organisation", "prefix"))
    named = act.kind != REQUEST or act.num("channel") == 4 or spend.fields["host"] in spend.hosts
    return (hidden or not salt) and named and _is_host(spend.fields["host"]) and _is_prefix(spend.fields["prefix"])


def _is_host(text: bytes) -> bool:
    label = rb"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    return len(text) <= 253 and re.fullmatch(rb"%b(\.%b)*" % (label, label), text) is not None


def _is_prefix(text: bytes) -> bool:
    try:
        network = ipaddress.ip_network(text.decode("latin-1"))
    except ValueError:
        return False
    return str(network).encode() == text and network.prefixlen == (24 if network.version == 4 else 48)


def _window_started(s: State, act: Entry, leaf: Leaf, spend: Spend) -> bool:
    if not act.is_request or "started" not in spend.fields:
        return not act.is_request and "started" not in spend.fields
    start = s.starts.get(spend.num("started"))
    earlier = start is not None and start.case == act.case and spend.num("started") < act.index
    return start is not None and earlier and min(leaf.received, act.day) >= start.opens


def _delivery_proven(s: State, act: Entry, leaf: Leaf, spend: Spend) -> bool:
    if not {"delivery", "salt3", "position", "tree"} <= spend.fields.keys():
        return True
    named, path = s.at(spend.num("delivery"), leaf.at, DELIVERIES), spend.fields.get("path", b"")
    steps = [path[i : i + 32] for i in range(0, len(path), 32)]
    start = _sha(b"\x00", spend.fields["salt3"], *spend.b_digests)
    reached = _climb(start, spend.num("position"), spend.num("tree"), steps) if spend.signatures else None
    return named is not None and reached == named.fields["root"]


# fmt: off
RULES: tuple[Rule, ...] = (
    Rule("files", "checkpoint-canonical", "A checkpoint is origin, size and root, and prints back to the same bytes.",
         lambda s: _once("The file checkpoint does not.", not s.note.canonical)),
    Rule("files", "files-complete", "Every tile and bundle that the size of the tree demands is there.",
         lambda s: _once(f"{s.missing} is missing.", s.missing is not None)),
    Rule("files", "files-closed", "No other file is there, and no tile of an earlier size.",
         lambda s: _once(f"{_shown(s.extra or '')} should not be there.", s.extra is not None)),
    Rule("files", "bundle-framing", "A bundle holds exactly its entries, each behind its length.",
         lambda s: _once(f"{s.misframed} does not.", s.misframed is not None)),
    Rule("files", "tile-hashes", "Every tile holds the hashes of the entries.",
         lambda s: _once(f"{s.mishashed} does not.", s.mishashed is not None)),
    Rule("files", "root-hash", "The root in the checkpoint is the root of the entries.",
         lambda s: _once("It is not.", s.note.root != _root(s.hashes))),
    Rule("files", "vkey-pinned", "The log's key and name are those that the auditor was given.",
         lambda s: _once("They are others.", s.vkey is not None and s.vkey != s.key)),
    Rule("files", "signature-known", "Each signature line is the log's or a given witness's, one of each.",
         _signature_known),
    Rule("files", "signature-name", "The key name in the note equals the origin.",
         lambda s: _once("It does not.", any(
             s.is_log_line(line) and line.name != s.note.origin for line in s.note.lines))),
    Rule("files", "checkpoint-signed", "The log's key signed the checkpoint.",
         lambda s: _once("No such signature verifies.", s.key is not None and not _signed(s.note, s.key))),
    Rule("files", "witness-signed", "The cosignature of a given witness verifies.",
         lambda s: _once("One does not.", any(s.cosigned(key) is False for key in s.witnesses))),
    Rule("files", "since-signed", "The older checkpoint was signed by the key that was the log's then.",
         lambda s: _once("It is of another log, or this one was begun anew.", bool(
             s.since and (key := s.log_key(s.since.size)) and not _signed(s.since, key)))),
    Rule("files", "since-prefix", "The older tree is a prefix of this one.", _since_prefix),

    Rule("entries", "entry-encoding", "An entry has the fields of its kind, in ascending order and as wide as stated.",
         lambda s: ((e.index, e.fault) for e in s.entries if e.fault)),
    Rule("entries", "entry-sorted", "Lists ascend strictly.",
         _each(lambda s, e: all(_ascends(e.items(row.name)) for row in KINDS[e.kind].values() if row.many))),
    Rule("entries", "entry-values", "Every field has one of the values that the page lists.",
         _each(lambda s, e: all(e.num(name) in VALUES[name] for name in e.fields.keys() & VALUES.keys()))),
    Rule("entries", "first-entries", "Entry 0 is KeyRotated, entry 1 the first OperatorKey.",
         lambda s: ((e.index, "") for e, kind in zip(s.entries, (KEY, OPERATOR), strict=False) if e.kind != kind)),
    Rule("entries", "key-rotated-signed", "A later KeyRotated is signed by the log key before it.",
         lambda s: ((e.index, "") for before, e in pairwise(s.of(KEY)) if not _signs(before, e))),
    Rule("entries", "operator-key-signed", "Entry 1 is signed by itself, later keys by one added and not revoked.",
         _each(lambda s, e: _signs(s.operator(e.num("by"), e.index) if "by" in e.fields else e, e), OPERATOR)),
    Rule("entries", "entry-day", "Days never decrease: an entry has the day of the batch that comes next.", _entry_day),
    Rule("entries", "deliveries-hourly", "Deliveries are committed every hour without a gap, on the day of that hour.",
         _deliveries_hourly),
    Rule("entries", "batch-place", "Sightings stand directly after the last hour of a day and nowhere else.",
         lambda s: ((at, "") for at in s.runs if at == 0 or not s.entries[at - 1].ends_day)),
    Rule("entries", "batch-size", "A day ends with a batch of 16 x 4^k sightings.",
         _each(lambda s, e: not e.ends_day or _is_batch(s.runs.get(e.index + 1, 0)), DELIVERIES)),
    Rule("entries", "leaf-exists", "Each leaf is a SightingCommitted entry and follows from salt1, case, day and C2.",
         _each(lambda s, e: all(s.committed(e, leaf) for leaf in e.leaves), *INTENTS)),
    Rule("entries", "leaf-earlier", "Each leaf stands before the intent that spends it.",
         _each(lambda s, e: all(leaf.at < e.index for leaf in e.leaves), *INTENTS)),
    Rule("entries", "leaf-once", "No leaf is spent twice on one side.", _leaf_once),
    Rule("entries", "leaf-fresh", "Received day <= day of the batch <= day of the intent, at most 30 days later.",
         _each(lambda s, e: all(leaf.received <= s.batch_days.get(leaf.at, leaf.received) <= e.day
                                <= leaf.received + FORGOTTEN_AFTER_DAYS for leaf in e.leaves), *INTENTS)),
    Rule("entries", "nullifier-once", "No nullifier stands twice on one side; an intent has as many as leaves or more.",
         _nullifier_once),
    Rule("entries", "intent-settled-once", "A Settled entry names an intent of its kind, once; only mail can bounce.",
         _intent_settled_once),
    Rule("entries", "approval-exists", "The approval is an Approved entry before the act.",
         _each(lambda s, e: "approval" not in e.fields or s.approval(e) is not None)),
    Rule("entries", "approval-same-case", "The approval is of the same case.",
         _each(lambda s, e: (a := s.approval(e)) is None or a.case == e.case)),
    Rule("entries", "approval-scope", "A notice rests on the approval of a notice, a request on a standing one.",
         _each(lambda s, e: (a := s.approval(e)) is None or a.is_standing != (e.kind == NOTICE))),
    Rule("entries", "approval-signed", "Each signature verifies under a distinct key that was added and not revoked.",
         _each(_approval_signed, APPROVED)),
    Rule("entries", "approval-key-age", "Each signing key stood for 7 days before the approval.",
         _each(lambda s, e: all(who.day + KEY_AGE_DAYS <= e.day for who, _ in s.signers(e)), APPROVED)),
    Rule("entries", "approval-expiry", "A standing approval lives for 30 days at most, and nothing names it later.",
         _each(_approval_expiry, APPROVED, REQUEST)),
    Rule("entries", "approval-limit", "No more intents name an approval than its limit.", _approval_limit),
    Rule("entries", "approval-host", "The host of a request is among those approved.",
         _each(lambda s, e: (a := s.standing(e)) is None or e.fields["host"] in a.items("hosts"), REQUEST)),
    Rule("entries", "approval-kind", "The channel of a request is among those approved.",
         _each(lambda s, e: (a := s.standing(e)) is None or e.num("channel") & a.num("kinds") > 0, REQUEST)),
    Rule("entries", "approval-one-live", "A case has no second standing approval while one is live.",
         _approval_one_live),
    Rule("entries", "approval-sum", "What one key approves alone for a case in less than 30 days sums to 100 at most.",
         _approval_sum),
    Rule("entries", "notice-digest", "The bytes of a notice are those that were approved.",
         _each(lambda s, e: (a := s.approval(e)) is None or a.is_standing or a.fields["message"] == e.fields["message"],
               NOTICE)),
    Rule("entries", "notice-tries", "Tries of a notice count 1, 2, 3, each after the last one failed.", _notice_tries),
    Rule("entries", "request-after-notice", "A request on an approval comes after the window of an accepted notice.",
         _waited(1, NOTICE_SETTLED)),
    Rule("entries", "request-after-opt-out", "A request on a click comes after the window of an accepted own opt-out.",
         _waited(2, REQUEST_SETTLED)),
    Rule("entries", "basis-fits", "A request rests on approval or click, an own opt-out on click or consent.",
         _each(lambda s, e: e.num("basis") != (3 if e.is_request else 1), REQUEST)),
    Rule("entries", "reserve-fits", "One-click reserves exactly 12,288 bytes, mail at least 8,193.",
         _each(lambda s, e: e.num("reserve") == ONE_CLICK_RESERVE if e.one_click else
               e.num("reserve") >= MAIL_RESERVE_LEAST, *INTENTS)),
    Rule("entries", "complaint-row", "A complaint names a row of the routing table that holds in the ledger.",
         _complaint_row),
    Rule("entries", "complaint-apart", "In a case a host is told once a day at most.", _complaint_apart),
    Rule("entries", "nothing-after-stop", "No act follows a stop; no notice, request or complaint a dispute or "
         "withdrawal.", _nothing_after_stop),
    Rule("entries", "dispute-once", "A case is disputed once, and resumed or closed once after that.", _dispute_once),
    Rule("entries", "vouched-signed", "Vouching is signed by an operator key that was added and not revoked.",
         _each(lambda s, e: _signs(s.operator(e.num("by"), e.index), e), VOUCHED)),

    Rule("openings", "openings-encoding", "An openings file prints back to the same bytes; its records are sorted.",
         lambda s: _once(s.openings.fault, bool(s.openings.fault))),
    Rule("openings", "opening-names-spend", "A record is of a leaf that its intent spends: opened or erased, not both.",
         _opening_names_spend),
    Rule("openings", "case-opens", "A case tag follows from salt, originator and epoch; an opened spend has its case.",
         _case_opens),
    Rule("openings", "leaf-opens", "C2 of the intent follows from salt2, hosts, b= values and size.",
         _spends(_leaf_opens)),
    Rule("openings", "signature-verifies", "Each b= verifies under the recorded key; no signature, no request.",
         _spends(lambda s, act, leaf, spend: all(map(_dkim_verifies, spend.signatures))
                 and (bool(spend.signatures) or act.side == "network"))),
    Rule("openings", "nullifier-follows", "Originator-side nullifiers are exactly those of the b= values.",
         _nullifier_follows),
    Rule("openings", "destination-follows", "The opening gives host, organisation and prefix; the mail named the host.",
         _spends(_destination_follows)),
    Rule("openings", "bytes-cover", "The mail of an intent was together at least as large as what it reserves.",
         lambda s: ((act.index, "") for act, spends in s.fully_opened()
                    if sum(spend.num("size") for spend in spends) < act.num("reserve"))),
    Rule("openings", "window-started", "A request names what started its window; it and the mail come after.",
         _spends(_window_started)),
    Rule("openings", "delivery-proven", "The path leads from the delivery to a DeliveriesCommitted before the leaf.",
         _spends(_delivery_proven)),
    Rule("openings", "complaint-silence", "A host is told once, again after 7 days, then once a day at most.",
         _complaint_silence),
    Rule("openings", "attempts-covered", "No destination host got more attempts than sightings were spent there.",
         lambda s: ((None, f"{_shown(d.host)} got {d.attempts} for {d.sightings}.")
                    for d in s.destinations() if d.attempts > d.sightings)),
)
# fmt: on


# --- the audit -------------------------------------------------------------------------------------------------------


def _read_entries(state: State, source: Source) -> set[str]:
    """Fill in entries and hashes, up to the first bundle that is missing; the bundles' names."""
    expected = set()
    for path, first, width in _tiles(state.note.size, 0, "entries"):
        expected.add(path)
        data = source.read(path, width * 65_537)
        if data is None:
            state.missing = path
            break
        raws, whole = _counted(data, 2)
        if not whole or len(raws) != width:
            state.misframed = path
        state.entries += [_entry(first + i, raw) for i, raw in enumerate(raws[:width])]
    state.hashes = [_sha(b"\x00", e.raw) for e in state.entries]
    return expected


def _read_tiles(state: State, source: Source) -> set[str]:
    """Compare each tile with the entries; the tiles' names."""
    expected, hashes, level = set(), state.hashes, 0
    while state.note.size >> 8 * level:
        for path, first, width in _tiles(state.note.size, level, str(level)):
            expected.add(path)
            data = source.read(path, width * 32)
            if data is None:
                state.missing = state.missing or path
            elif data != b"".join(hashes[first : first + width]):
                state.mishashed = state.mishashed or path
        hashes = [_root(hashes[i : i + 256]) for i in range(0, len(hashes) & ~255, 256)]
        level += 1
    return expected


def _read(state: State, source: Source) -> None:
    if state.note.size > LIMIT_ENTRIES:
        raise NotAuditable(f"The checkpoint speaks of {state.note.size} entries; at most {LIMIT_ENTRIES} are read.")
    if state.note.size == 0 and state.note.canonical and state.vkey is None:
        raise NotAuditable("The ledger is empty and names no key: give --vkey.")
    expected = _read_entries(state, source)
    if not state.missing:
        expected |= _read_tiles(state, source) | {"checkpoint"}
        state.extra = source.extra(expected)


def _first(state: State, stage: str) -> Offence | None:
    """The offence at the lowest index; of several there, or without one, the first in the table."""
    found: list[tuple[int, int, Offence]] = []
    for order, rule in enumerate(RULES):
        for index, what in rule.check(state) if rule.stage == stage else ():
            offence = Offence(index, rule.name, f"{what} {rule.sentence}".strip())
            found.append((-1 if index is None else index, order, offence))
    return min(found, key=lambda row: row[:2])[2] if found else None


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
    place, keys = os.fspath(source), tuple(_key(witness, 4) for witness in witnesses)
    web = re.match("https?://", place) is not None
    older = _checkpoint(_given(since, LIMIT_CHECKPOINT_BYTES)) if since is not None else None
    if since is not None and older is None:
        raise NotAuditable("The file given with --since is no checkpoint.")
    opened = _openings(_given(openings, LIMIT_OPENINGS_BYTES)) if openings is not None else Openings()
    reader: Source = Web(place) if web else Folder(place)
    data = reader.read("checkpoint", LIMIT_CHECKPOINT_BYTES)
    if data is None:
        raise NotAuditable("There is no file checkpoint: this is no published ledger.")
    state = State(_checkpoint(data) or NO_CHECKPOINT, _key(vkey, 1) if vkey else None, keys, older, opened)
    _read(state, reader)
    first = _first(state, "files")
    if first and reader.read("checkpoint", LIMIT_CHECKPOINT_BYTES) != data:
        raise NotAuditable("The ledger was published anew while it was read: audit it again.")
    first = first or _first(state, "entries")
    later = _first(state, "openings") if opened.given and first is None else None
    return _report(state, first, later, URL_NOTES if web else ())


def _report(state: State, first: Offence | None, later: Offence | None, notes: tuple[str, ...]) -> Report:
    """What the offences of the tiles and of the openings come to."""
    spends, opened = sum(len(act.leaves) for act in state.of(*INTENTS)), state.openings
    complete = opened.given and len(opened.spends) + len(opened.erased) == spends
    return Report(
        consistent=first is None,
        lawful=first is None and later is None and complete,
        entries=len(state.entries),
        size=state.note.size,
        opened=len(opened.spends),
        spends=spends,
        erased=len(opened.erased),
        destinations=state.destinations() if first is None else (),
        offence=first or later,
        vkey_pinned=state.vkey is not None,
        witnesses=tuple(key.name for key in state.witnesses if state.cosigned(key)),
        origin=state.note.origin,
        openings_given=opened.given,
        notes=notes,
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
    for note in report.notes if asked.json else ():
        print(note, file=sys.stderr)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
