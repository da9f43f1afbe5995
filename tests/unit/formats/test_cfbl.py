"""CFBL fields: the examples of RFC 9477, and whatever else stands in such a field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.cfbl import (
    MAX_CFBL,
    MAX_FEEDBACK_ID,
    parse_cfbl_address,
    parse_feedback_id,
    print_cfbl_address,
)


@pytest.mark.parametrize(
    ("value", "address", "report"),
    [
        ("fbl@example.com; report=arf", "fbl@example.com", "arf"),
        ("fbl@saas-mailer.example; report=xarf", "fbl@saas-mailer.example", "xarf"),
        ("fbl@example.com", "fbl@example.com", "arf"),
        (" fbl@example.com ;report=xarf", "fbl@example.com", "xarf"),
        ("(complaints) fbl@example.com (only); report=arf", "fbl@example.com", "arf"),
        ("fbl@EXAMPLE.com", "fbl@example.com", "arf"),
    ],
)
def test_the_forms_of_the_standard_are_read(value: str, address: str, report: str) -> None:
    """RFC 9477 §5.1: an address, perhaps a format; ARF unless XARF was asked for."""
    found = parse_cfbl_address(value)
    assert (str(found.address), found.report) == (address, report)
    assert parse_cfbl_address(print_cfbl_address(found)) == found


@pytest.mark.parametrize(
    "value",
    [
        "", ";report=arf", "<fbl@example.com>", "Desk <fbl@example.com>", "fbl@example.com, other@example.com",
        "fbl@example.com; report=ARF", "fbl@example.com; Report=arf", "fbl@example.com; report=json",
        "fbl@example.com;", "fbl@example.com; report=arf; report=xarf", "fbl@[192.0.2.1]", "mailto:fbl@example.com",
        "=?utf-8?q?fbl?=@example.com", "fbl@example.com\r\nBcc: x@example.org", "fbl", "a@b@example.com",
    ],
)  # fmt: skip
def test_nothing_is_repaired(value: str) -> None:
    """Another form is no address for reports; the letters of `report=` are lower case (RFC 9477 §5.1)."""
    with pytest.raises(MalformedInput):
        parse_cfbl_address(value)


def test_the_longest_field_is_read_and_one_more_is_not() -> None:
    """At the limit and one past it."""
    value = "(" + "x" * (MAX_CFBL - 17) + ")fbl@example.com"
    assert len(value) == MAX_CFBL
    parse_cfbl_address(value)
    with pytest.raises(MalformedInput):
        parse_cfbl_address("x" + value)


def test_an_identifier_is_put_together_again() -> None:
    """White space was folding (RFC 9477 §5.2)."""
    assert parse_feedback_id("111:222:333:4444") == "111:222:333:4444"
    assert parse_feedback_id(" 111:\t222 :\r\n 333") == "111:222:333"
    assert parse_feedback_id("(issue) 7:f0a9=") == "7:f0a9="
    assert len(parse_feedback_id("a" * MAX_FEEDBACK_ID)) == MAX_FEEDBACK_ID
    for value in ("", "  ", "a" * (MAX_FEEDBACK_ID + 1), "a@b", "a\x00b", "naïve", "<7>"):
        with pytest.raises(MalformedInput):
            parse_feedback_id(value)


@given(st.text(max_size=MAX_CFBL + 40))
def test_any_text_is_read_or_refused(value: str) -> None:
    """Only the declared error comes out, and what was read is printed and read to the same."""
    for parse in (parse_cfbl_address, parse_feedback_id):
        try:
            found = parse(value)
        except MalformedInput:
            continue
        if not isinstance(found, str):
            assert parse_cfbl_address(print_cfbl_address(found)) == found
