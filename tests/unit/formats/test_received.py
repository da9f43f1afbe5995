"""Received lines: who handed a mail to our border, and what a stranger may write below."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.message import parse_message
from antiphon.formats.publicness import is_public
from antiphon.formats.received import MOST_HOPS, address_literal, border_address, client_address

BORDER = "from mx.shop.example (mx.shop.example [9.8.7.6]) by mx.home.example with ESMTPS; x"
INNER = "from mx.home.example (mx.home.example [10.0.0.5]) by store.home.example with LMTP; x"


def border(*lines: str) -> str:
    """The border's address in a mail with these lines, the topmost first."""
    raw = "".join(f"Received: {line}\r\n" for line in lines) + "\r\n"
    return border_address(parse_message(raw.encode()), is_public)


@pytest.mark.parametrize(
    ("line", "address"),
    [
        (BORDER, "9.8.7.6"),
        ("from a ([IPv6:2001:DB8:0::1]) by b; x", "2001:db8::1"),
        ("from [9.8.7.6] by b; x", "9.8.7.6"),
        ("from a (HELO b) (9.8.7.6) by c; x", ""),
        ("from a (b [9.8.7.6] helo=[1.2.3.4]) by c; x", ""),
        ("from a (b [9.8.7.6] helo=[9.8.7.6]) by c; x", "9.8.7.6"),
        ("from a (b [999.8.7.6]) by c; x", ""),
        ("by mx.home.example (Postfix, from userid 0) id [9.8.7.6]; x", ""),
        ("from a by b (c [9.8.7.6]); x", ""),
        ("", ""),
    ],
)
def test_the_from_clause_holds_one_address_or_none(line: str, address: str) -> None:
    """Two that differ are nobody's word."""
    assert client_address(f" {line}" if line.startswith("by") else line) == address


def test_inner_hops_are_passed_over_and_strangers_lines_are_not_read() -> None:
    """The first public address from above is the border's; what follows may be forged."""
    assert border(BORDER, "from victim ([1.2.3.4]) by mx.shop.example; x") == "9.8.7.6"
    assert border(INNER, INNER, BORDER) == "9.8.7.6"
    assert border(INNER, "from somewhere by nobody; x", "from victim ([1.2.3.4]) by x; y") == ""
    assert border() == "" and border(INNER) == ""


def test_as_many_hops_as_the_limit_and_one_more() -> None:
    """At the limit and one past it."""
    assert border(*[INNER] * (MOST_HOPS - 1), BORDER) == "9.8.7.6"
    assert border(*[INNER] * MOST_HOPS, BORDER) == ""


def test_a_report_writes_an_address_strictly() -> None:
    """IPv6 with its tag (RFC 5321 §4.1.3)."""
    assert (address_literal("9.8.7.6"), address_literal("2001:DB8::1")) == ("9.8.7.6", "IPv6:2001:db8::1")
    with pytest.raises(MalformedInput):
        address_literal("mx.shop.example")


@given(st.text(max_size=300))
def test_any_line_is_an_address_or_nothing(line: str) -> None:
    """Nothing raises, and what comes out is an address."""
    found = client_address(line)
    assert found == "" or str(ip_address(found)) == found
