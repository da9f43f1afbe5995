"""Names, the two rules for organisational domains, address lists, and the one parser of URLs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.formats.domain import (
    MAX_DOMAIN,
    MAX_LABEL,
    MAX_URL,
    URL_RULES,
    aligned,
    is_covered_by,
    organisational_domain,
    organisational_domain_by_walk,
    parse_address,
    parse_addresses,
    parse_domain,
    parse_url,
    walk_names,
)
from antiphon.terms import Address, Domain


@pytest.mark.parametrize(
    ("text", "name"),
    [("Example.ORG", "example.org"), ("example.org.", "example.org"), ("bücher.example", "xn--bcher-kva.example")],
)
def test_a_domain_has_one_form(text: str, name: str) -> None:
    """Case, the final dot and U-labels are settled once."""
    assert parse_domain(text) == name


@pytest.mark.parametrize(
    "text",
    ["", ".", "a..b", "-a.example", "a-.example", "a_b.example", "192.0.2.1", "0x7f.1", "[::1]", "a b.example", "a.1"],
)
def test_what_is_no_host_name_is_refused(text: str) -> None:
    """Address literals, underscores and empty labels are no names."""
    with pytest.raises(MalformedInput):
        parse_domain(text)


def test_labels_and_names_have_limits() -> None:
    """Exactly at the limit passes, one more does not."""
    label = "a" * MAX_LABEL
    assert parse_domain(f"{label}.example")
    with pytest.raises(MalformedInput):
        parse_domain(f"{label}a.example")
    longest = ".".join([label, label, label, "a" * (MAX_DOMAIN - 3 * (MAX_LABEL + 1))])
    assert len(parse_domain(longest)) == MAX_DOMAIN
    with pytest.raises(MalformedInput):
        parse_domain(longest + "a")


@pytest.mark.parametrize(
    ("name", "organisation"),
    [
        ("a.b.example.co.uk", "example.co.uk"),
        ("blog.github.io", "blog.github.io"),
        ("x.blog.github.io", "blog.github.io"),
        ("github.io", "github.io"),
    ],
)
def test_the_list_counts_with_its_private_section(name: str, organisation: str) -> None:
    """Customers of a platform are strangers to each other."""
    assert organisational_domain(Domain(name)) == organisation


def test_a_host_below_a_public_suffix_is_a_strangers() -> None:
    """A signature of the platform itself covers no customer's host."""
    assert is_covered_by(Domain("news.shop.example"), Domain("shop.example"))
    assert not is_covered_by(Domain("victim.github.io"), Domain("github.io"))
    assert not is_covered_by(Domain("shop.example"), Domain("news.shop.example"))
    assert not is_covered_by(Domain("evilshop.example"), Domain("shop.example"))


def test_the_walk_asks_eight_names_at_most() -> None:
    """Long names are cut to seven labels after the first question (RFC 9989 §4.10)."""
    names = walk_names(Domain("a.b.c.d.e.f.g.h.i.j.mail.example.com"))
    assert names[0] == "a.b.c.d.e.f.g.h.i.j.mail.example.com"
    assert names[1] == "g.h.i.j.mail.example.com".replace("g.", "g.", 1)
    assert len(names) == 8
    assert walk_names(Domain("mail.example.com")) == ("mail.example.com", "example.com", "com")


@pytest.mark.parametrize(
    ("records", "organisation"),
    [
        ({}, "mail.example.com"),
        ({"example.com": "v=DMARC1; p=none"}, "example.com"),
        ({"mail.example.com": "v=DMARC1; psd=n", "example.com": "v=DMARC1"}, "mail.example.com"),
        ({"com": "v=DMARC1; psd=y", "mail.example.com": "v=DMARC1"}, "example.com"),
        ({"mail.example.com": "v=DMARC1; psd=y", "example.com": "v=DMARC1"}, "example.com"),
        ({"example.com": "v=spf1 -all"}, "mail.example.com"),
    ],
)
def test_the_walk_chooses_as_the_rfc_says(records: dict[str, str], organisation: str) -> None:
    """psd=n ends it here, psd=y one label below, else the shortest name with a record (RFC 9989 §4.10.2)."""
    names = walk_names(Domain("mail.example.com"))
    answers = {name: records.get(name) for name in names}
    assert organisational_domain_by_walk(names[0], answers) == organisation


def test_an_unanswered_walk_decides_nothing() -> None:
    """A question without an answer is not an answer of none."""
    assert organisational_domain_by_walk(Domain("mail.example.com"), {Domain("mail.example.com"): None}) is None


def test_alignment_needs_both_rules() -> None:
    """The list and the walk must both say one organisation; equal names always are."""
    news, shop = Domain("news.shop.example"), Domain("shop.example")
    one = {Domain(n): ("v=DMARC1" if n == "shop.example" else None) for n in (news, shop, "example")}
    two = {**one, news: "v=DMARC1; psd=n"}
    assert aligned(news, shop, one)
    assert not aligned(news, shop, two)
    assert not aligned(news, shop, {})
    assert aligned(news, shop, None)
    assert aligned(news, news, {})
    assert not aligned(Domain("a.github.io"), Domain("b.github.io"), None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@b.example", ["a@b.example"]),
        ('"A, B" <a@b.example>, (x(y)) d@e.example', ["a@b.example", "d@e.example"]),
        ("undisclosed-recipients:;", []),
        ("team: a@b.example, d@e.example;", ["a@b.example", "d@e.example"]),
        ("<@x,@y:a@b.example>", ["a@b.example"]),
        ("other@x.example <a@b.example>", ["a@b.example"]),
        ('"ab"@c.example', ["ab@c.example"]),
        ("a@b.example, nobody", ["a@b.example", None]),
        ("<a@b.example> <c@d.example>", [None]),
        ("a@@b.example", [None]),
        ("<a@b.example", [None]),
        ("", []),
    ],
)
def test_address_lists_are_read_as_written(text: str, found: list[str | None]) -> None:
    """Groups, comments, quotes and routes; what is no address stays visible as None (RFC 5322 §3.4)."""
    assert [str(a) if a else None for a in parse_addresses(text)] == found


def test_an_address_knows_its_parts() -> None:
    """The domain is in its one form, the local part as written."""
    assert parse_address(" Ada@Bücher.Example ") == Address("Ada", Domain("xn--bcher-kva.example"))


def test_twenty_thousand_addresses_take_no_time() -> None:
    """A long list is linear, and so are its degenerate forms."""
    begun = time.perf_counter()
    assert len(parse_addresses(", ".join(f"U <u{i}@e{i}.example>" for i in range(20_000)))) == 20_000
    for text in ("(" * 100_000, '"\\' * 50_000, "[" * 100_000, "<" * 100_000):
        parse_addresses(text)
    assert time.perf_counter() - begun < 3


@given(st.text(max_size=200))
def test_any_text_is_an_address_list(text: str) -> None:
    """Hostile text yields addresses or None, never an error."""
    parse_addresses(text)


BROKEN_URLS = {
    "url-parses": "nonsense",
    "url-https": "http://shop.example/u",
    "url-port": "https://shop.example:8443/u",
    "url-no-userinfo": "https://me@shop.example/u",
    "url-host-name": "https://192.0.2.1/u",
    "url-no-fragment": "https://shop.example/u#x",
    "url-canonical": "https://shop.example/a/../u",
}


@pytest.mark.parametrize("rule", [rule.name for rule in URL_RULES])
def test_each_url_rule_refuses_what_only_it_sees(rule: str) -> None:
    """One fault, one reason; without the rule this URL would pass."""
    with pytest.raises(RefusedByLaw) as refusal:
        parse_url(BROKEN_URLS[rule])
    assert refusal.value.rules == (rule,)


@pytest.mark.parametrize(
    "text",
    [
        "https://SHOP.example/u",
        "https://shop.example",
        "https://shop.example:443/u",
        "https://shop.example./u",
        "https://0x7f.1/u",
        "https://[::1]/u",
        "https://localhost/u",
        "https://shop_a.example/u",
        "https://shop.example\\@other.example/u",
        "https://shop.example/ä",
        "https://bücher.example/u",
        "https://shop.example/u ",
        "https://shop.exa\tmple/u",
        "https://@shop.example/u",
    ],
)
def test_what_parsers_might_read_differently_is_refused(text: str) -> None:
    """Only a URL that equals its own serialisation means the same to everybody."""
    with pytest.raises(RefusedByLaw):
        parse_url(text)


def test_a_url_has_a_limit() -> None:
    """4096 characters pass, one more does not."""
    start = "https://shop.example/"
    longest = start + "a" * (MAX_URL - len(start))
    assert parse_url(longest).host == "shop.example"
    with pytest.raises(RefusedByLaw) as refusal:
        parse_url(longest + "a")
    assert refusal.value.rules == ("url-parses",)


def test_a_good_url_comes_apart() -> None:
    """Host, path and query as they stand."""
    url = parse_url("https://u.shop.example/o/abc?m=1&n=%20")
    assert (url.host, url.path, url.query) == ("u.shop.example", "/o/abc", "m=1&n=%20")


@given(st.text(max_size=80))
def test_any_text_as_url_is_refused_or_canonical(text: str) -> None:
    """Nothing but a declared refusal comes out of hostile text."""
    try:
        assert parse_url("https://" + text).text == "https://" + text
    except RefusedByLaw as refusal:
        assert refusal.rules
