"""Openings: what spent leaves commit to, shown to whom it concerns (docs/formats/openings.md, LAW §9).

They name no mailbox and hold no body. The rules that an auditor checks with them are on the format page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Annotated, ClassVar, get_args

from antiphon.errors import MalformedInput
from antiphon.ledger.record import (
    PRESENT,
    Items,
    Nested,
    Number,
    Raw,
    Text,
    Wire,
    itself,
    parse_fields,
    print_fields,
)
from antiphon.terms import Digest

HEADER = b"antiphon/openings/1\n"
MOST_RECORD_BYTES = 1_048_576
MOST_FILE_BYTES = 1_073_741_824

_D32 = Raw(32)
_U64 = Number(8)
_CLASS_A = ("delivery_entry", PRESENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureOpening:
    """One passing signature: `d=`, `s=`, `a=`, the key record as fetched, decoded `b=`, and SHA-256 of the signed
    header data."""

    domain: Annotated[str, Wire(0x01, Text())]
    selector: Annotated[str, Wire(0x02, Text())]
    algorithm: Annotated[str, Wire(0x03, Text(("rsa-sha256", "ed25519-sha256")))]
    key_record: Annotated[bytes, Wire(0x04, Raw())]
    value: Annotated[bytes, Wire(0x05, Raw())]
    header_hash: Annotated[Digest, Wire(0x06, _D32)]


def _by_value(raw: bytes) -> bytes:
    return sha256(parse_fields(SignatureOpening, raw).value).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpening:
    """Which originator and epoch a case tag names."""

    kind: ClassVar[int] = 0x01
    case: Annotated[Digest, Wire(0x02, _D32)]
    case_salt: Annotated[bytes, Wire(0x03, _D32)]
    originator: Annotated[str, Wire(0x04, Text())]
    epoch: Annotated[int, Wire(0x05, Number(4))]

    @property
    def place(self) -> tuple[int, bytes]:
        """By what the records of a file are sorted."""
        return self.kind, self.case


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendOpening:
    """What the leaf at `leaf`, spent by the intent at `intent`, commits to; where it went; the entry that `started`
    the member's window; and for class A the proof that the delivery was committed to when it happened."""

    kind: ClassVar[int] = 0x02
    intent: Annotated[int, Wire(0x01, _U64)]
    leaf: Annotated[int, Wire(0x02, _U64)]
    salt2: Annotated[bytes, Wire(0x03, _D32)]
    size: Annotated[int, Wire(0x04, _U64)]
    hosts: Annotated[tuple[str, ...], Wire(0x05, Items(Text(), 0, itself), optional=True)] = ()
    signatures: Annotated[
        tuple[SignatureOpening, ...], Wire(0x06, Items(Nested(SignatureOpening), 0, _by_value), optional=True)
    ] = ()
    host: Annotated[str, Wire(0x07, Text())]
    organisation: Annotated[str, Wire(0x08, Text())]
    prefix: Annotated[str, Wire(0x09, Text())]
    started: Annotated[int | None, Wire(0x0A, _U64, optional=True)] = None
    delivery_entry: Annotated[int | None, Wire(0x0B, _U64, optional=True)] = None
    delivery_salt: Annotated[bytes | None, Wire(0x0C, _D32, only=_CLASS_A)] = None
    position: Annotated[int | None, Wire(0x0D, _U64, only=_CLASS_A)] = None
    tree_size: Annotated[int | None, Wire(0x0E, _U64, only=_CLASS_A)] = None
    path: Annotated[tuple[Digest, ...], Wire(0x0F, Items(_D32, 32), optional=True, only=_CLASS_A)] = ()

    @property
    def place(self) -> tuple[int, bytes]:
        """By what the records of a file are sorted."""
        return self.kind, _pair(self.intent, self.leaf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """The member's key is gone, and what the leaf commits to with it: counted, never an offence."""

    kind: ClassVar[int] = 0x03
    intent: Annotated[int, Wire(0x01, _U64)]
    leaf: Annotated[int, Wire(0x02, _U64)]

    @property
    def place(self) -> tuple[int, bytes]:
        """By what the records of a file are sorted."""
        return self.kind, _pair(self.intent, self.leaf)


Opening = CaseOpening | SpendOpening | Erased

KINDS: dict[int, type[Opening]] = {shape.kind: shape for shape in get_args(Opening)}


def print_openings(openings: Iterable[Opening]) -> bytes:
    """A file of openings, in the order of the format whatever order they come in. Raises MalformedInput if one is
    there twice or can not be printed."""
    sorted_openings = sorted(openings, key=lambda opening: opening.place)
    _check_places(sorted_openings)
    records = [bytes([opening.kind]) + print_fields(opening) for opening in sorted_openings]
    return HEADER + b"".join(len(record).to_bytes(4, "big") + record for record in records)


def parse_openings(data: bytes) -> tuple[Opening, ...]:
    """The openings of such a file. Raises MalformedInput unless print_openings gives the same bytes again."""
    if len(data) > MOST_FILE_BYTES:
        raise MalformedInput(f"a file of openings is longer than {MOST_FILE_BYTES} bytes")
    if not data.startswith(HEADER):
        raise MalformedInput("not a file of openings of version 1")
    openings = tuple(_parse_record(record) for record in _records(data))
    _check_places(openings)
    return openings


def _records(data: bytes) -> Iterator[bytes]:
    at = len(HEADER)
    while at < len(data):
        start, at = at + 4, at + 4 + int.from_bytes(data[at : at + 4], "big")
        if at > len(data) or not 1 <= at - start <= MOST_RECORD_BYTES:
            raise MalformedInput(f"a record is cut off, empty or longer than {MOST_RECORD_BYTES} bytes")
        yield data[start:at]


def _parse_record(record: bytes) -> Opening:
    if record[0] not in KINDS:
        raise MalformedInput("an opening of unknown kind")
    return parse_fields(KINDS[record[0]], record[1:])


def _check_places(openings: Iterable[Opening]) -> None:
    if any(left.place >= right.place for left, right in pairwise(openings)):
        raise MalformedInput("openings are not sorted, or one is there twice")


def _pair(intent: int, leaf: int) -> bytes:
    return intent.to_bytes(8, "big") + leaf.to_bytes(8, "big")
