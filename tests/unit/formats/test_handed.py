"""What is handed in: one line and a message, or the same sealed to the node."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.handed import (
    MESSAGE_BYTES,
    Event,
    Handed,
    open_handed,
    parse_handed,
    parse_head,
    print_handed,
    public_half,
    seal_handed,
)

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
STATEMENTS = st.builds(Handed, st.sampled_from(Event), st.text(max_size=40), st.binary(max_size=200))


@given(STATEMENTS)
def test_what_is_printed_is_read_again(handed: Handed) -> None:
    """Any mailbox, any bytes."""
    assert parse_handed(print_handed(handed)) == handed


@given(STATEMENTS)
def test_what_is_sealed_is_opened_by_the_node_alone(handed: Handed) -> None:
    """With its key the statement, with another nothing; the same statement never looks the same."""
    sealed = seal_handed(public_half(KEY), handed)
    assert open_handed(KEY, sealed) == handed
    assert sealed != seal_handed(public_half(KEY), handed)
    with pytest.raises(MalformedInput):
        open_handed(OTHER, sealed)


@pytest.mark.parametrize("place", [0, 31, 32, 60, -1])
def test_a_sealed_statement_with_another_bit_is_refused(place: int) -> None:
    """Wherever it is."""
    sealed = bytearray(seal_handed(public_half(KEY), Handed(Event.JUNKED, "a@b.example", b"x" * 50)))
    sealed[place] ^= 1
    with pytest.raises(MalformedInput):
        open_handed(KEY, bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"x", bytes(32), bytes(1000)])
def test_what_was_never_sealed_is_refused(sealed: bytes) -> None:
    """Also nothing at all."""
    with pytest.raises(MalformedInput):
        open_handed(KEY, sealed)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32)])
def test_nothing_is_sealed_to_what_is_no_key(key: bytes) -> None:
    """The zero point included, to which anybody could open."""
    with pytest.raises(MalformedInput):
        seal_handed(key, Handed(Event.JUNKED, "a@b.example", b"x"))


HEAD = {"event": "junked", "mailbox": "a@b.example", "bytes": 3}


@pytest.mark.parametrize(
    "head",
    [
        b"", b"x", b"[]", b"null", b"{}", b'"junked"', b"[" * 5000,
        *(json.dumps({**HEAD, **change}).encode() for change in (
            {"event": "posted"}, {"event": None}, {"mailbox": 1}, {"bytes": -1}, {"bytes": "3"}, {"bytes": True},
            {"bytes": 3.0}, {"bytes": MESSAGE_BYTES + 1},
        )),
    ],
)  # fmt: skip
def test_a_line_that_is_no_statement_is_refused(head: bytes) -> None:
    """One sentence, whatever it is."""
    with pytest.raises(MalformedInput):
        parse_head(head)


def test_the_longest_message_is_named() -> None:
    """Exactly the limit passes."""
    assert parse_head(json.dumps({**HEAD, "bytes": MESSAGE_BYTES}).encode())[2] == MESSAGE_BYTES


@pytest.mark.parametrize("raw", [b"ab", b"abcd"])
def test_a_message_of_another_size_is_refused(raw: bytes) -> None:
    """What was announced has to come."""
    with pytest.raises(MalformedInput):
        parse_handed(json.dumps(HEAD).encode() + b"\n" + raw)
