"""The encoding that entries and openings share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

import pytest

from antiphon.errors import MalformedInput
from antiphon.ledger.record import (
    MOST_FIELD_BYTES,
    PRESENT,
    Codec,
    Items,
    Number,
    Packed,
    Raw,
    Text,
    Wire,
    itself,
    parse_fields,
    print_fields,
)


class Colour(IntEnum):
    RED = 1
    BLUE = 3


@dataclass(frozen=True)
class Pair:
    number: int
    letters: bytes


@dataclass(frozen=True, kw_only=True)
class Sample:
    colour: Annotated[Colour, Wire(2, Number(1, names=Colour))]
    shade: Annotated[bytes | None, Wire(4, Raw(), only=("colour", Colour.BLUE))] = None
    name: Annotated[str | None, Wire(5, Text(), optional=True)] = None
    nick: Annotated[str | None, Wire(6, Text(), only=("name", PRESENT))] = None
    seal: Annotated[bytes, Wire(9, Raw(2), signs=True)]


PLAIN = Sample(colour=Colour.RED, seal=b"ok")
FULL = Sample(colour=Colour.BLUE, shade=b"dark", name="n", nick="m", seal=b"ok")
SORTED = Items(Raw(1), 1, itself)


@pytest.mark.parametrize(
    ("codec", "raw", "value"),
    [
        (Number(2), b"\x01\x02", 258),
        (Number(2, least=72, most=144, step=24), b"\x00\x48", 72),
        (Number(2, least=72, most=144, step=24), b"\x00\x90", 144),
        (Number(1, names=Colour), b"\x03", Colour.BLUE),
        (Number(8), b"\xff" * 8, 2**64 - 1),
        (Raw(2), b"ab", b"ab"),
        (Raw(), b"a", b"a"),
        (Text(), "é".encode(), "é"),
        (Text(("x", "y")), b"y", "y"),
        (Packed(Pair, (Number(1), Raw(2))), b"\x07ab", Pair(7, b"ab")),
        (SORTED, b"abc", (b"a", b"b", b"c")),
        (Items(Raw(1), 1), b"ba", (b"b", b"a")),
        (Items(Text(), 0, itself), b"\x00\x01a\x00\x02bc", ("a", "bc")),
        (Items(Raw(), 0), b"\xff\xff" + b"x" * MOST_FIELD_BYTES, (b"x" * MOST_FIELD_BYTES,)),
    ],
)
def test_a_value_is_read_and_written(codec: Codec, raw: bytes, value: object) -> None:
    """Reading and writing are inverse for each kind of value."""
    assert codec.read(raw) == value
    assert codec.write(value) == raw


@pytest.mark.parametrize(
    ("codec", "raw"),
    [
        (Number(2), b"\x01"),
        (Number(2), b"\x01\x02\x03"),
        (Number(2, least=72, most=144, step=24), b"\x00\x30"),
        (Number(2, least=72, most=144, step=24), b"\x00\xa8"),
        (Number(2, least=72, most=144, step=24), b"\x00\x49"),
        (Number(1, names=Colour), b"\x02"),
        (Raw(2), b"a"),
        (Raw(2), b"abc"),
        (Raw(), b""),
        (Text(), b""),
        (Text(), b"\xff"),
        (Text(), b"\xed\xa0\x80"),
        (Text(("x", "y")), b"z"),
        (SORTED, b""),
        (SORTED, b"ba"),
        (SORTED, b"aa"),
        (Items(Raw(2), 2), b"aba"),
        (Items(Text(), 0), b"\x00"),
        (Items(Text(), 0), b"\x00\x02a"),
        (Items(Text(), 0), b"\x00\x00"),
    ],
)
def test_bytes_that_are_not_canonical_are_refused(codec: Codec, raw: bytes) -> None:
    """Wrong width, range, order or coding is malformed."""
    with pytest.raises(MalformedInput):
        codec.read(raw)


@pytest.mark.parametrize(
    ("codec", "value"),
    [
        (Number(2), 65_536),
        (Number(2), -1),
        (Number(2), "1"),
        (Number(1, names=Colour), 2),
        (Raw(2), b"abc"),
        (Raw(), "a"),
        (Text(), ""),
        (Text(), b"x"),
        (Text(("x", "y")), 1),
        (Text(), "\ud800"),
        (SORTED, ()),
        (SORTED, [b"a"]),
        (SORTED, (b"b", b"a")),
        (Items(Raw(), 0), (b"x" * (MOST_FIELD_BYTES + 1),)),
        (Items(Raw(), 0), (b"a", b"x" * (MOST_FIELD_BYTES + 1))),
    ],
)
def test_a_value_that_would_be_refused_is_not_written(codec: Codec, value: object) -> None:
    """Nothing leaves that the reader would call malformed."""
    with pytest.raises(MalformedInput):
        codec.write(value)


@pytest.mark.parametrize("record", [PLAIN, FULL])
def test_a_record_comes_back(record: Sample) -> None:
    """Parsing what was printed gives the record again."""
    assert parse_fields(Sample, print_fields(record)) == record


def test_a_record_has_these_bytes() -> None:
    """Tag, uint16 length, value; absent fields leave nothing."""
    assert print_fields(PLAIN) == b"\x02\x00\x01\x01" + b"\x09\x00\x02ok"
    assert print_fields(PLAIN, signed=False) == b"\x02\x00\x01\x01"


@pytest.mark.parametrize(
    "record",
    [
        Sample(colour=Colour.RED, shade=b"dark", seal=b"ok"),
        Sample(colour=Colour.BLUE, seal=b"ok"),
        Sample(colour=Colour.RED, nick="m", seal=b"ok"),
        Sample(colour=Colour.RED, name="n", seal=b"ok"),
        Sample(colour=Colour.RED, seal=b"long"),
        Sample(colour=Colour.RED, name="n" * (MOST_FIELD_BYTES + 1), nick="m", seal=b"ok"),
    ],
)
def test_a_record_that_would_be_refused_is_not_printed(record: Sample) -> None:
    """A field where it must not stand, a missing one and one that is too long stop the printing."""
    with pytest.raises(MalformedInput):
        print_fields(record)


def test_a_field_at_its_limit_is_printed() -> None:
    """65,535 bytes is what a length can say."""
    assert MOST_FIELD_BYTES == 65_535
    record = Sample(colour=Colour.RED, name="n" * MOST_FIELD_BYTES, nick="m", seal=b"ok")
    assert parse_fields(Sample, print_fields(record)) == record


SEAL = b"\x09\x00\x02ok"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        SEAL,
        b"\x02\x00\x01\x01",
        SEAL + b"\x02\x00\x01\x01",
        b"\x02\x00\x01\x01" * 2 + SEAL,
        b"\x02\x00\x01\x01" + b"\x03\x00\x01x" + SEAL,
        b"\x02\x00\x01\x01" + SEAL[:-1],
        b"\x02\x00\x01\x01" + SEAL + b"\x0a",
        b"\x02\x00\x01\x01" + SEAL + b"\x0a\x00",
        b"\x02\x00\x01\x01" + b"\x04\x00\x01x" + SEAL,
        b"\x02\x00\x01\x03" + SEAL,
        b"\x02\x00\x01\x01" + b"\x05\x00\x00" + SEAL,
    ],
)
def test_fields_that_are_not_canonical_are_refused(raw: bytes) -> None:
    """Missing, repeated, unknown, unsorted, cut off, out of place and empty fields are malformed."""
    with pytest.raises(MalformedInput):
        parse_fields(Sample, raw)
