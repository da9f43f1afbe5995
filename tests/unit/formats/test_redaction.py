"""Redaction: one word for one text and reader, and nothing of the text in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.formats.domain import parse_address
from antiphon.formats.redaction import redacted


@given(st.text(min_size=1, max_size=60), st.binary(min_size=16, max_size=32))
def test_the_same_text_is_the_same_word_for_one_reader(private: str, key: bytes) -> None:
    """RFC 6590 §3: a receiver can tell that two reports came from one person; the word is a local part."""
    word = redacted(key, private)
    assert word == redacted(key, private) and len(word) == 24
    assert parse_address(f"{word}@home.example") is not None
    assert word != redacted(key + b"x", private) and word != redacted(key, private + "x")
