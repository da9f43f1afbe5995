"""List-Unsubscribe: the RFCs' examples, and every value that is refused with its reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.formats.domain import failures
from antiphon.formats.unsubscribe import (
    LIST_RULES,
    MAIL_RULES,
    MAX_ITEMS,
    ONE_CLICK,
    POST_RULES,
    WEB_RULES,
    hosts,
    mailto,
    one_click,
    parse_offer,
    scheme_of,
)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("<https://example.com/unsubscribe/opaquepart>", "https://example.com/unsubscribe/opaquepart"),
        (
            "<mailto:listrequest@example.com?subject=unsubscribe>, <https://example.com/unsubscribe.html?opaque=123456789>",
            "https://example.com/unsubscribe.html?opaque=123456789",
        ),
        (
            "<mailto:listrequest@example.com?subject=unsubscribe>, <https://example.com/unsubscribe.html/opaque123456789>",
            "https://example.com/unsubscribe.html/opaque123456789",
        ),
    ],
)
def test_the_examples_of_rfc_8058(value: str, url: str) -> None:
    """RFC 8058 §8.1 to §8.3: the target is the very URI of the header."""
    found, failed = one_click(value, ONE_CLICK)
    assert found is not None and found.text == url and failed == ()


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("<mailto:list@host.com?subject=unsubscribe>", ["mailto:list@host.com?subject=unsubscribe"]),
        (
            "(Use this command to get off the list) <mailto:list-manager@host.com?body=unsubscribe%20list>",
            ["mailto:list-manager@host.com?body=unsubscribe%20list"],
        ),
        (
            "<http://www.host.com/list.cgi?cmd=unsub&lst=list>, <mailto:list-request@host.com?subject=unsubscribe>",
            ["http://www.host.com/list.cgi?cmd=unsub&lst=list", "mailto:list-request@host.com?subject=unsubscribe"],
        ),
        ("<mailto:a@b.example> junk, <https://b.example/>", ["mailto:a@b.example", "https://b.example/"]),
        ("<mailto:a@b.example>, junk, <https://b.example/>", ["mailto:a@b.example"]),
        ("<https://b.example/ u>", ["https://b.example/u"]),
    ],
)
def test_the_list_is_read_as_rfc_2369_says(value: str, items: list[str]) -> None:
    """Comments skipped, blanks inside brackets ignored, the first other text ends the list (RFC 2369 §2)."""
    assert list(parse_offer(value).items) == items


BROKEN = {
    "encoded-words": ("<https://b.example/u=?x>", ONE_CLICK),
    "angle-brackets": ("https://b.example/u", ONE_CLICK),
    "brackets-closed": ("<https://b.example/u>, <mailto:x@b.example", ONE_CLICK),
    "scheme-less": ("<RANDOM@brand.example>, <https://b.example/u>", ONE_CLICK),
    "no-control-characters": ("<https://b.example/u>\x01", ONE_CLICK),
    "not-too-many": (", ".join(["<https://b.example/u>", *["<x:y>"] * MAX_ITEMS]), ONE_CLICK),
    "url-offered": ("<mailto:a@b.example>", ONE_CLICK),
    "one-url": ("<https://b.example/u>, <https://b.example/u>", ONE_CLICK),
    "one-click-post": ("<https://b.example/u>", ONE_CLICK + ";"),
}


@pytest.mark.parametrize("rule", [rule.name for rule in (*LIST_RULES, *WEB_RULES, *POST_RULES)])
def test_each_refusal_of_the_law_has_its_reason(rule: str) -> None:
    """One fault, one deciding reason, and no URL comes out; without the rule nothing else would object."""
    value, post = BROKEN[rule]
    url, failed = one_click(value, post)
    assert url is None and failed[0] == rule
    offer = parse_offer(value)
    others = tuple(r for r in (*LIST_RULES, *WEB_RULES) if r.name != rule)
    if rule not in ("angle-brackets", "url-offered"):
        assert failures(others, offer) == ()


def test_two_mailto_urls_are_one_too_many() -> None:
    """The same for mail."""
    text, failed = mailto("<mailto:a@b.example>, <mailto:c@b.example>")
    assert text == "" and failed == (MAIL_RULES[1].name,)
    assert mailto("<https://b.example/>")[1] == (MAIL_RULES[0].name,)
    assert mailto("<mailto:a@b.example>") == ("mailto:a@b.example", ())


@pytest.mark.parametrize(
    "value", ["<XKCD-1234@brand.example>", "<www.brand.example/u>", "<//brand.example/u>", "<brand.example:x@y>", "<>"]
)
def test_a_value_without_a_scheme_offers_nothing(value: str) -> None:
    """Nearly all of them name innocent brands; nobody guesses what was meant."""
    assert one_click(value, ONE_CLICK)[0] is None
    assert mailto(value)[0] == ""


def test_encoded_words_are_not_opened() -> None:
    """An encoded URL is refused, whatever it would decode to."""
    url, failed = one_click("=?us-ascii?q?<https://b.example/u>?=", ONE_CLICK)
    assert url is None and failed[0] == "encoded-words"


@pytest.mark.parametrize("post", ["", "list-unsubscribe=one-click;x", "List-Unsubscribe = One-Click", "One-Click"])
def test_the_post_field_is_exactly_the_pair(post: str) -> None:
    """Nothing before, between or behind it (RFC 8058 §5)."""
    assert "one-click-post" in one_click("<https://b.example/u>", post)[1]


def test_hosts_are_all_names_sorted_and_once() -> None:
    """Web and mail, lower case; what is no name is left out."""
    value = (
        "<mailto:a@Z.example?subject=x@y>, <https://B.example:444/u>, <http://b.example/>, <https://192.0.2.1/>, <x@q>"
    )
    assert hosts(value) == ("b.example", "z.example")
    assert hosts("") == ()


def test_a_scheme_holds_no_at_sign() -> None:
    """`user@host:` is an address."""
    assert scheme_of("user@host.example:25") == ""
    assert scheme_of("HTTPS://x") == "https"


@given(st.text(max_size=200))
def test_any_value_is_read_or_refused(value: str) -> None:
    """Never an error, and never a URL that is not in the value."""
    url, failed = one_click(value, ONE_CLICK)
    assert (url is None) == bool(failed)
    mailto(value)
    hosts(value)
