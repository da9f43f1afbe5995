"""Openings: canonical records in a sorted file."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.ledger.opening import (
    HEADER,
    KINDS,
    MOST_FILE_BYTES,
    MOST_RECORD_BYTES,
    CaseOpening,
    Erased,
    Opening,
    SignatureOpening,
    SpendOpening,
    parse_openings,
    print_openings,
)
from antiphon.terms import Digest
from tests.unit.ledger.records import records

DIGEST = Digest(bytes(range(32)))
CASE = CaseOpening(case=DIGEST, case_salt=bytes(32), originator="shop.example", epoch=1)
ERASED = Erased(intent=7, leaf=3)


def signature(value: bytes) -> SignatureOpening:
    """A signature with this `b=`."""
    return SignatureOpening(
        domain="shop.example",
        selector="s1",
        algorithm="rsa-sha256",
        key_record=b"v=DKIM1; p=AA==",
        value=value,
        header_hash=DIGEST,
    )


SIGNATURES = tuple(sorted(map(signature, (b"one", b"two")), key=lambda opened: sha256(opened.value).digest()))
SPEND = SpendOpening(
    intent=7,
    leaf=2,
    salt2=bytes(32),
    size=20_000,
    signatures=SIGNATURES,
    host="u.shop.example",
    organisation="shop.example",
    prefix="192.0.2.0/24",
)
COMMITTED = replace(
    SPEND,
    leaf=4,
    hosts=("lists.shop.example", "u.shop.example"),
    started=6,
    delivery_entry=1,
    delivery_salt=bytes(32),
    position=0,
    tree_size=2,
    path=(DIGEST,),
)
ALL: tuple[Opening, ...] = (CASE, SPEND, COMMITTED, ERASED)

any_opening = st.sampled_from(sorted(KINDS)).flatmap(lambda kind: records(KINDS[kind]))
any_file = st.lists(any_opening, max_size=4, unique_by=lambda one: one.place)


def framed(*bodies: bytes) -> bytes:
    """A file of these records."""
    return HEADER + b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def body(opening: Opening) -> bytes:
    """The one record in a file of one."""
    return print_openings([opening])[len(HEADER) + 4 :]


def test_openings_come_back_in_their_order() -> None:
    """Cases, then spends, then erasures, whatever order they were given in."""
    assert parse_openings(print_openings(reversed(ALL))) == ALL


def test_a_file_without_records_is_allowed() -> None:
    """Nothing to open is an answer."""
    assert print_openings([]) == HEADER == b"antiphon/openings/1\n"
    assert parse_openings(HEADER) == ()


def test_a_record_has_these_bytes() -> None:
    """Kind, then fields as in entries, under a uint32 length."""
    index = b"\x00\x08" + bytes(7)
    assert (
        print_openings([ERASED]) == HEADER + b"\x00\x00\x00\x17\x03" + b"\x01" + index + b"\x07\x02" + index + b"\x03"
    )


@given(any_file)
def test_parsing_what_was_printed_is_the_identity(openings: list[Opening]) -> None:
    """Every opening that can be printed comes back."""
    assert parse_openings(print_openings(openings)) == tuple(sorted(openings, key=lambda one: one.place))


@given(any_file, st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_prints_back(openings: list[Opening], place: int, change: int) -> None:
    """No two byte strings stand for the same openings."""
    data = bytearray(print_openings(openings))
    data[place % len(data)] ^= change
    check_canonical(bytes(data))


@given(st.binary(max_size=80), st.lists(any_opening.map(body) | st.binary(max_size=20), max_size=3))
def test_hostile_bytes_are_malformed_or_canonical(tail: bytes, bodies: list[bytes]) -> None:
    """Nothing but MalformedInput comes out of any bytes."""
    check_canonical(tail)
    check_canonical(HEADER + tail)
    check_canonical(framed(*bodies))
    check_canonical(framed(*bodies) + tail)


def check_canonical(data: bytes) -> None:
    """The bytes are refused or print back to themselves."""
    try:
        openings = parse_openings(data)
    except MalformedInput:
        return
    assert print_openings(openings) == data


@pytest.mark.parametrize(
    "change",
    [
        {"signatures": SIGNATURES[::-1]},
        {"signatures": SIGNATURES[:1] * 2},
        {"signatures": (replace(SIGNATURES[0], algorithm="rsa-sha1"),)},
        {"signatures": (replace(SIGNATURES[0], domain=""),)},
        {"hosts": ("u.shop.example", "lists.shop.example")},
        {"hosts": ("u.shop.example",) * 2},
        {"host": ""},
        {"salt2": bytes(31)},
        {"delivery_entry": None},
        {"delivery_salt": None},
        {"position": None},
        {"tree_size": None},
        {"path": (b"short",)},
    ],
)
def test_a_spend_that_would_be_refused_is_not_printed(change: dict[str, Any]) -> None:
    """Class A fields stand together or not at all, lists ascend and nothing is empty."""
    with pytest.raises(MalformedInput):
        print_openings([replace(COMMITTED, **change)])


@pytest.mark.parametrize("change", [{"path": ()}, {"hosts": ()}, {"started": None}, {"signatures": ()}])
def test_what_may_be_absent_may_be_absent(change: dict[str, Any]) -> None:
    """An hour of one delivery has no path; a mail may name no host or have no signature; a notice follows no window."""
    changed = replace(COMMITTED, **change)
    assert parse_openings(print_openings([changed])) == (changed,)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER[:-1],
        b"antiphon/openings/2\n",
        framed(b""),
        framed(b"\x04"),
        framed(body(SPEND), body(CASE)),
        framed(body(COMMITTED), body(SPEND)),
        framed(body(ERASED), body(ERASED)),
        framed(body(ERASED) + b"\0"),
        framed(body(ERASED))[:-1],
        framed(body(ERASED)) + b"\0\0\0",
    ],
)
def test_a_file_that_is_not_canonical_is_refused(data: bytes) -> None:
    """Wrong header, kind, order, length, and anything twice."""
    with pytest.raises(MalformedInput):
        parse_openings(data)


def record_of(opening: Opening) -> bytes:
    """One record as it stands in a file."""
    return print_openings([opening])[len(HEADER) :]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (CASE, replace(CASE, case=Digest(bytes(32)))),
        (ERASED, replace(ERASED, leaf=2)),
        (ERASED, replace(ERASED, intent=6)),
    ],
    ids=["cases", "leaves", "intents"],
)
def test_records_of_one_kind_are_sorted_too(first: Opening, second: Opening) -> None:
    """By case tag, by intent and leaf; the other way round they are refused."""
    assert print_openings([first, second]) == HEADER + record_of(second) + record_of(first)
    with pytest.raises(MalformedInput, match="not sorted"):
        parse_openings(HEADER + record_of(first) + record_of(second))


def test_kinds_and_limits_are_those_of_the_page() -> None:
    """docs/formats/openings.md names them; nobody else's reader would follow a change here."""
    assert {kind: shape.__name__ for kind, shape in KINDS.items()} == {1: "CaseOpening", 2: "SpendOpening", 3: "Erased"}
    assert (MOST_RECORD_BYTES, MOST_FILE_BYTES) == (2**20, 2**30)


def test_openings_given_twice_are_not_printed() -> None:
    """Which of two should count would be a question."""
    with pytest.raises(MalformedInput):
        print_openings([ERASED, ERASED])


def test_a_record_longer_than_the_limit_is_refused() -> None:
    """At the limit the record is looked at, one past it it is not."""
    with pytest.raises(MalformedInput, match="unknown kind"):
        parse_openings(framed(b"\x04" * MOST_RECORD_BYTES))
    with pytest.raises(MalformedInput, match="longer"):
        parse_openings(framed(b"\x04" * (MOST_RECORD_BYTES + 1)))


def test_a_file_longer_than_the_limit_is_refused() -> None:
    """At the limit the file is looked at, one past it it is not."""
    with pytest.raises(MalformedInput, match="of version 1"):
        parse_openings(bytes(MOST_FILE_BYTES))
    with pytest.raises(MalformedInput, match="longer"):
        parse_openings(bytes(MOST_FILE_BYTES + 1))
