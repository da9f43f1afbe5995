"""Entries: one table of fields, canonical bytes, and a page that says the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.note import public_key, verify
from antiphon.ledger import entry as entry_module
from antiphon.ledger.entry import (
    KINDS,
    MOST_ENTRY_BYTES,
    Approved,
    Basis,
    ChannelKind,
    Entry,
    KeyRotated,
    OperatorKey,
    Purpose,
    RequestIntended,
    SpentLeaf,
    Vouched,
    parse_entry,
    print_entry,
    signed_part,
)
from antiphon.ledger.record import Items, Number, Raw, Wire, layout, print_fields
from antiphon.terms import Digest, LedgerDay
from tests.unit.ledger import entry_vectors
from tests.unit.ledger.records import records

PAGE = entry_vectors.FILE.with_suffix(".md")
ENTRIES = entry_vectors.entries()
NUMBERS = {
    "KeyStatus": "ADDED 1 REVOKED 2",
    "Scope": "NOTICE 1 STANDING 2",
    "ChannelKind": "ONE_CLICK 1 MAIL 2 CFBL 4",
    "Outcome": "ACCEPTED 1 REFUSED 2 FAILED 3 UNKNOWN 4 BOUNCED 5",
    "Purpose": "REQUEST 1 OWN_OPT_OUT 2",
    "Basis": "APPROVAL 1 CLICK 2 CONSENT 3",
    "Phase": "OPENED 1 RESUMED 2 CLOSED 3",
    "PurseSide": "ORIGINATOR 1 NETWORK 2",
}
any_entry = st.sampled_from(sorted(KINDS)).flatmap(lambda kind: records(KINDS[kind]))


@given(any_entry)
def test_parsing_what_was_printed_is_the_identity(entry: Entry) -> None:
    """Every entry that can be printed comes back."""
    assert parse_entry(print_entry(entry)) == entry


@given(any_entry, st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_another_entry(entry: Entry, place: int, change: int) -> None:
    """No two byte strings stand for one entry."""
    data = bytearray(print_entry(entry))
    data[place % len(data)] ^= change
    check_canonical(bytes(data), entry)


@pytest.mark.parametrize("name", ENTRIES)
def test_no_byte_of_an_example_is_free(name: str) -> None:
    """Each bit of each example matters."""
    data = print_entry(ENTRIES[name])
    for place in range(len(data)):
        for bit in range(8):
            check_canonical(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :], ENTRIES[name])


@given(st.binary(max_size=200) | any_entry.flatmap(lambda entry: cut(print_entry(entry))))
def test_hostile_bytes_are_malformed_or_canonical(data: bytes) -> None:
    """Nothing but MalformedInput comes out of any bytes."""
    check_canonical(data, None)


def cut(data: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with a piece taken out or doubled."""
    places = st.tuples(st.integers(0, len(data)), st.integers(0, len(data)))
    return places.map(lambda at: data[: at[0]] + data[at[1] :])


def check_canonical(data: bytes, other: Entry | None) -> None:
    """The bytes are refused, or print back to themselves and are not the other entry unless they are its bytes."""
    try:
        entry = parse_entry(data)
    except MalformedInput:
        return
    assert print_entry(entry) == data
    assert entry != other or data == print_entry(entry)


def test_every_kind_has_an_example() -> None:
    """The vectors leave no kind out."""
    assert {type(entry) for entry in ENTRIES.values()} == set(KINDS.values())


def test_the_vectors_are_those_of_this_code() -> None:
    """docs/formats/entries.json is up to date."""
    assert entry_vectors.FILE.read_text(encoding="utf-8") == entry_vectors.printed()


def test_the_vectors_are_read_as_they_say() -> None:
    """Each example in the file parses; each refused one does not."""
    vectors = json.loads(entry_vectors.FILE.read_text(encoding="utf-8"))
    for row in vectors["entries"]:
        assert type(parse_entry(bytes.fromhex(row["bytes"]))).__name__ == row["kind"]
    for row in vectors["refused"]:
        with pytest.raises(MalformedInput):
            parse_entry(bytes.fromhex(row["bytes"]))


def page_rows() -> dict[int, tuple[str, list[tuple[int, str, int, bool]]]]:
    """Kind, name, and (tag, name, width, sorted) of each field, as the page has them."""
    rows = {}
    for kind, name, fields in re.findall(r"^\| ([0-9a-f]{2}) \| (\w+) \| (.*) \|$", PAGE.read_text("utf-8"), re.M):
        listed = []
        for field in fields.split(" · "):
            found = re.match(r"([0-9a-f]{2}) ([a-z]+)[a-z ]* (\(8\+64\)|\d+)(?:\*n)?( sorted)?(?: \(|$)", field)
            assert found, field
            width = 72 if found[3] == "(8+64)" else int(found[3])
            listed.append((int(found[1], 16), found[2], width, bool(found[4])))
        rows[int(kind, 16)] = (name, listed)
    return rows


def code_row(shape: type) -> list[tuple[int, str, int, bool]]:
    """The same of a class."""
    return [(tag, name, *measures(wire)) for tag, (name, wire) in layout(shape).items()]


def measures(wire: Wire) -> tuple[int, bool]:
    """The width of a field or its items, and whether they are sorted."""
    codec = wire.codec
    assert isinstance(codec, Number | Raw | Items)
    return codec.width, isinstance(codec, Items) and codec.rank is not None


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_page_and_code_list_the_same_fields(kind: int) -> None:
    """Kind, name, tags, widths and order of the page are those of the classes."""
    name, page = page_rows()[kind]
    code = code_row(KINDS[kind])
    assert name == KINDS[kind].__name__
    assert [(tag, width, ranked) for tag, _, width, ranked in page] == [(t, w, r) for t, _, w, r in code]
    assert all(ours.startswith(theirs) for (_, theirs, *_), (_, ours, *_) in zip(page, code, strict=True))


def test_the_page_lists_no_kind_that_the_code_has_not() -> None:
    """Both know the same kinds."""
    assert set(page_rows()) == set(KINDS)


@pytest.mark.parametrize("shape", KINDS.values())
def test_tags_ascend_in_the_class(shape: type) -> None:
    """Printing follows the order of the class, so that order is the order of tags."""
    tags = list(layout(shape))
    assert tags == sorted(tags)


def opt_out(leaves: int, nullifiers: int) -> RequestIntended:
    """An own opt-out with lists of these lengths."""
    digest = Digest(bytes(32))
    return RequestIntended(
        day=LedgerDay(1),
        case=digest,
        leaves=tuple(SpentLeaf(index, bytes(32), LedgerDay(1), digest) for index in range(leaves)),
        nullifiers=tuple(Digest(index.to_bytes(32, "big")) for index in range(nullifiers)),
        host=digest,
        organisation=digest,
        prefix=digest,
        channel=ChannelKind.ONE_CLICK,
        reserve_bytes=1,
        window_hours=72,
        purpose=Purpose.OWN_OPT_OUT,
        basis=Basis.CONSENT,
    )


def test_an_entry_of_the_greatest_length_passes() -> None:
    """65,535 bytes fit a bundle."""
    data = print_entry(opt_out(9, 2021))
    assert len(data) == MOST_ENTRY_BYTES
    assert parse_entry(data) == opt_out(9, 2021)


def test_a_longer_entry_is_refused() -> None:
    """Nothing longer fits a bundle, neither printed nor read."""
    with pytest.raises(MalformedInput):
        print_entry(opt_out(2, 2038))
    with pytest.raises(MalformedInput):
        parse_entry(print_entry(opt_out(9, 2021)) + b"\0")
    whole = opt_out(2, 2038)
    with pytest.raises(MalformedInput, match="longer than 65535"):
        parse_entry(bytes([1, whole.kind]) + print_fields(whole))


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x0d", b"\x02\x0d\0", b"\x01\xff\0"])
def test_what_is_too_short_or_unknown_is_no_entry(data: bytes) -> None:
    """Cut before its kind or before its fields, of another version, of a kind that does not exist."""
    with pytest.raises(MalformedInput):
        parse_entry(data)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("own opt-out", {"window_hours": 48}),
        ("own opt-out", {"window_hours": 73}),
        ("own opt-out", {"window_hours": 8_784}),
        ("notice intended", {"try_number": 0}),
        ("notice intended", {"try_number": 4}),
        ("standing approval of two", {"limit": 0}),
        ("standing approval of two", {"limit": 1_001}),
        ("standing approval of two", {"kinds": 0}),
        ("standing approval of two", {"kinds": 8}),
        ("standing approval of two", {"message": Digest(bytes(32))}),
        ("notice approved", {"message": None}),
        ("notice approved", {"signatures": ()}),
        ("request", {"approval": None}),
        ("request on a click", {"approval": 3}),
        ("request", {"window_hours": 240}),
        ("disputed", {"day": -1}),
        ("disputed", {"day": 2**32}),
        ("notice settled", {"outcome": 6}),
        ("first operator key", {"status": 3}),
    ],
)
def test_a_value_outside_its_limits_is_not_printed(name: str, change: dict[str, Any]) -> None:
    """One past each limit of the page is refused."""
    with pytest.raises(MalformedInput):
        print_entry(replace(ENTRIES[name], **change))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("own opt-out", {"window_hours": 72}),
        ("own opt-out", {"window_hours": 8_760}),
        ("notice intended", {"try_number": 3}),
        ("standing approval of two", {"limit": 1_000}),
        ("standing approval of two", {"kinds": 7}),
        ("disputed", {"day": 2**32 - 1}),
    ],
)
def test_a_value_at_its_limit_is_printed(name: str, change: dict[str, Any]) -> None:
    """Each limit of the page is allowed."""
    entry = replace(ENTRIES[name], **change)
    assert parse_entry(print_entry(entry)) == entry


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("key rotated", entry_vectors.LOG),
        ("first operator key", entry_vectors.FIRST),
        ("operator key revoked", entry_vectors.FIRST),
        ("vouched", entry_vectors.FIRST),
    ],
)
def test_signatures_of_the_vectors_verify(name: str, key: bytes) -> None:
    """The signature covers label, zero and the entry without it."""
    entry = ENTRIES[name]
    assert isinstance(entry, KeyRotated | OperatorKey | Vouched)
    assert verify(public_key(key), entry.signature or b"", signed_part(entry))


def test_an_approval_of_two_is_signed_twice() -> None:
    """Both sign the same bytes, which hold neither signature."""
    entry = ENTRIES["standing approval of two"]
    assert isinstance(entry, Approved)
    assert signed_part(entry) == signed_part(replace(entry, signatures=()))
    for key, signed in zip((entry_vectors.FIRST, entry_vectors.SECOND), entry.signatures, strict=True):
        assert verify(public_key(key), signed.signature, signed_part(entry))


@pytest.mark.parametrize("name", ["first operator key", "vouched", "notice approved", "first entry"])
def test_a_signature_covers_a_label_of_its_kind(name: str) -> None:
    """A signature for one kind is none for another."""
    entry = ENTRIES[name]
    assert isinstance(entry, KeyRotated | OperatorKey | Vouched | Approved)
    label, _, rest = signed_part(entry).partition(b"\0")
    spoken = re.sub(r"(?<!^)([A-Z])", r"-\1", type(entry).__name__).lower()
    assert label.decode() == f"antiphon/{spoken}/1"
    assert rest[1] == entry.kind
    assert f"`{label.decode()}`" in PAGE.read_text("utf-8")


def test_each_word_stands_under_the_number_of_the_page() -> None:
    """Another number would make old entries say something else."""
    found = {
        name: " ".join(f"{word.name} {word.value}" for word in kind)
        for name, kind in vars(entry_module).items()
        if isinstance(kind, type) and issubclass(kind, IntEnum) and kind is not IntEnum
    }
    assert found == NUMBERS
