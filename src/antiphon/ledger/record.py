"""Records of tagged fields: the encoding that ledger entries and openings share.

A record class is a frozen dataclass whose fields are annotated with a `Wire`: that annotation is the only table of
tags, widths and conditions. Source: docs/formats/entries.md, section Encoding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntEnum
from itertools import pairwise
from typing import Protocol, TypeVar, cast, get_type_hints

from antiphon.errors import MalformedInput

T = TypeVar("T")

MOST_FIELD_BYTES = 65_535
"""What a uint16 length can say."""


class Codec(Protocol):
    """One kind of value: `read` and `write` are inverse and raise MalformedInput for anything not canonical."""

    def read(self, raw: bytes) -> object:
        """The value of these bytes."""
        ...

    def write(self, value: object) -> bytes:
        """The bytes of this value."""
        ...


@dataclass(frozen=True, slots=True)
class Number:
    """A big-endian unsigned integer of `width` bytes from `least` to `most`, a multiple of `step`, or one of
    `names`."""

    width: int
    least: int = 0
    most: int = 2**64 - 1
    step: int = 1
    names: type[IntEnum] | None = None

    def read(self, raw: bytes) -> object:
        """The value of these bytes."""
        if len(raw) != self.width:
            raise MalformedInput(f"a number of {self.width} bytes has {len(raw)}")
        return self._checked(int.from_bytes(raw, "big"))

    def write(self, value: object) -> bytes:
        """The bytes of this value."""
        return self._checked(value).to_bytes(self.width, "big")

    def _checked(self, value: object) -> int:
        if not isinstance(value, int):
            raise MalformedInput(f"not a number: {value!r}")
        if not self.least <= value <= min(self.most, 256**self.width - 1) or value % self.step:
            raise MalformedInput(f"{value} is out of range")
        if self.names is None:
            return value
        try:
            return self.names(value)
        except ValueError:
            raise MalformedInput(f"{value} is no {self.names.__name__}") from None


@dataclass(frozen=True, slots=True)
class Raw:
    """Exactly `width` bytes, or with width 0 at least one."""

    width: int = 0

    def read(self, raw: bytes) -> object:
        """The value of these bytes."""
        return self.write(raw)

    def write(self, value: object) -> bytes:
        """The bytes of this value."""
        if not isinstance(value, bytes) or not value or self.width not in (0, len(value)):
            raise MalformedInput(f"not {self.width or 'some'} bytes")
        return value


@dataclass(frozen=True, slots=True)
class Text:
    """UTF-8, not empty; with `words`, one of these."""

    words: tuple[str, ...] = ()

    def read(self, raw: bytes) -> object:
        """The value of these bytes."""
        try:
            return self._checked(raw.decode())
        except UnicodeDecodeError:
            raise MalformedInput("text is not UTF-8") from None

    def write(self, value: object) -> bytes:
        """The bytes of this value."""
        try:
            return self._checked(value).encode()
        except UnicodeEncodeError:
            raise MalformedInput("text is not UTF-8") from None

    def _checked(self, value: object) -> str:
        if not isinstance(value, str) or not value or (self.words and value not in self.words):
            raise MalformedInput("text is empty or not one of the words")
        return value


@dataclass(frozen=True, slots=True)
class Packed:
    """A dataclass whose fields stand one after the other without tags, each as wide as its part."""

    make: Callable[..., object]
    parts: tuple[Number | Raw, ...]

    def read(self, raw: bytes) -> object:
        """The value of these bytes."""
        values, at = [], 0
        for part in self.parts:
            values.append(part.read(raw[at : at + part.width]))
            at += part.width
        return self.make(*values)

    def write(self, value: object) -> bytes:
        """The bytes of this value."""
        return b"".join(part.write(getattr(value, name)) for name, part in zip(_names(value), self.parts, strict=True))


def _names(record: object) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record))  # type: ignore[arg-type]  # any dataclass


@dataclass(frozen=True, slots=True)
class Nested:
    """A record inside a field."""

    shape: type

    def read(self, raw: bytes) -> object:
        """The value of these bytes."""
        return parse_fields(self.shape, raw)

    def write(self, value: object) -> bytes:
        """The bytes of this value."""
        return print_fields(value)


def itself(raw: bytes) -> bytes:
    """The order of most lists: that of their items' bytes."""
    return raw


@dataclass(frozen=True, slots=True)
class Items:
    """A list that is not empty. Items are `width` bytes wide, or with width 0 led by a uint16 length. With `rank`,
    the ranks of the items' bytes ascend strictly."""

    item: Codec
    width: int
    rank: Callable[[bytes], bytes] | None = None

    def read(self, raw: bytes) -> object:
        """The value of these bytes."""
        return tuple(self.item.read(piece) for piece in self._checked(self._split(raw)))

    def write(self, value: object) -> bytes:
        """The bytes of this value."""
        if not isinstance(value, tuple):
            raise MalformedInput("a list is given as a tuple")
        pieces = self._checked([self.item.write(item) for item in value])
        return b"".join(piece if self.width else len(piece).to_bytes(2, "big") + piece for piece in pieces)

    def _split(self, raw: bytes) -> list[bytes]:
        pieces, at = [], 0
        while at < len(raw):
            size = self.width or int.from_bytes(raw[at : at + 2], "big")
            at += 0 if self.width else 2
            pieces.append(raw[at : at + size])
            at += size
        if at != len(raw):
            raise MalformedInput("a list ends inside an item")
        return pieces

    def _checked(self, pieces: list[bytes]) -> list[bytes]:
        if not pieces or any(len(piece) > MOST_FIELD_BYTES for piece in pieces):
            raise MalformedInput("a list is empty, or an item too long")
        if self.rank is not None:
            ranks = [self.rank(piece) for piece in pieces]
            if any(left >= right for left, right in pairwise(ranks)):
                raise MalformedInput("a sorted list does not ascend strictly")
        return pieces


PRESENT = object()
"""As the value of `Wire.only`: the other field is there."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How a field stands in the bytes. `optional`: may be absent. `only`: stands only where the named field has that
    value. `signs`: is a signature over all the rest. An absent field is None, an absent list ()."""

    tag: int
    codec: Codec
    optional: bool = False
    only: tuple[str, object] | None = None
    signs: bool = False


_LAYOUTS: dict[type, dict[int, tuple[str, Wire]]] = {}


def layout(shape: type) -> dict[int, tuple[str, Wire]]:
    """The fields of a record class by tag, in the order of the class; read from its annotations once."""
    if shape not in _LAYOUTS:
        hints = get_type_hints(shape, include_extras=True).items()
        wires = [(name, wire) for name, hint in hints for wire in getattr(hint, "__metadata__", ())]
        _LAYOUTS[shape] = {wire.tag: (name, wire) for name, wire in wires}
    return _LAYOUTS[shape]


def print_fields(record: object, *, signed: bool = True) -> bytes:
    """The record's fields as bytes; with `signed=False` without its signature field. Raises MalformedInput for a
    record that parse_fields would refuse."""
    out = []
    for name, wire in layout(type(record)).values():
        value: object = getattr(record, name)
        if wire.signs and not signed:
            continue
        _check_presence(record, name, wire)
        if value is not None and value != ():
            raw = wire.codec.write(value)
            if len(raw) > MOST_FIELD_BYTES:
                raise MalformedInput(f"{name} is longer than {MOST_FIELD_BYTES} bytes")
            out.append(bytes([wire.tag]) + len(raw).to_bytes(2, "big") + raw)
    return b"".join(out)


def parse_fields(shape: type[T], raw: bytes) -> T:
    """The record with these bytes. Raises MalformedInput unless print_fields gives the same bytes again."""
    table, values, at, last = layout(shape), {}, 0, 0
    while at < len(raw):
        tag, end = raw[at], at + 3 + int.from_bytes(raw[at + 1 : at + 3], "big")
        if tag <= last or tag not in table or end > len(raw):
            raise MalformedInput(f"{shape.__name__}: tag {tag:02x} is unknown, out of order or cut off")
        name, wire = table[tag]
        values[name] = wire.codec.read(raw[at + 3 : end])
        at, last = end, tag
    for name, wire in table.values():
        if name not in values and not wire.optional and wire.only is None:
            raise MalformedInput(f"{shape.__name__} has no {name}")
    record = cast("Callable[..., T]", shape)(**values)
    for name, wire in table.values():
        _check_presence(record, name, wire)
    return record


def _check_presence(record: object, name: str, wire: Wire) -> None:
    value: object = getattr(record, name)
    present, allowed = value is not None and value != (), True
    if wire.only is not None:
        other: object = getattr(record, wire.only[0])
        allowed = other is not None if wire.only[1] is PRESENT else other == wire.only[1]
    if present and not allowed:
        raise MalformedInput(f"{type(record).__name__} must not have {name} here")
    if allowed and not present and not wire.optional:
        raise MalformedInput(f"{type(record).__name__} has no {name}")
