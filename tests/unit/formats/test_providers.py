"""The provider map: what we ship loads, loose entries do not, and nobody can aim at another customer."""

from __future__ import annotations

import json
from importlib.resources import files

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.domain import parse_url
from antiphon.formats.providers import LOOSE, MOST_PROVIDERS, Provider, ProviderFile, load_providers

SHIPPED = files("antiphon.formats")
HEAD = '[[provider]]\nname = "Mailworks"\nsource = "seen"\ndate = "2026-11-01"\n'
SIGNS = 'signing_domains = ["mailworks.example"]\n'
ACCOUNT = 'account_header = "X-Account"\n'
TIGHT = HEAD + SIGNS + ACCOUNT + 'places = [{ host = "*.out.example", path = "/u", account_in = "query a" }]\n'


def one(text: str) -> Provider:
    """The only entry of a map."""
    (provider,) = load_providers(text).providers
    return provider


def test_the_map_that_we_ship_loads() -> None:
    """Every entry has a source, signs something, and no name twice."""
    providers = load_providers(SHIPPED.joinpath("providers.toml").read_text("utf-8")).providers
    assert len({provider.name for provider in providers}) == len(providers) > 20
    domains = [domain for provider in providers for domain in provider.signing_domains]
    assert len(set(domains)) == len(domains)


def test_the_schema_says_what_the_loader_takes() -> None:
    """The schema beside the map is made from the loader's own types."""
    schema = json.loads(SHIPPED.joinpath("providers.schema.json").read_text("utf-8"))
    assert schema == json.loads(msgspec.json.encode(msgspec.json.schema(ProviderFile)))


LOOSE_ENTRIES = {
    "source": HEAD.replace('"seen"', '""') + SIGNS,
    "date": HEAD.replace("2026-11-01", "lately") + SIGNS,
    "signing": HEAD,
    "suffix": HEAD + 'signing_domains = ["co.uk"]\n',
    "platform": HEAD + SIGNS + 'cname_zones = ["github.io"]\n',
    "path": HEAD + SIGNS + ACCOUNT + 'places = [{ host = "out.example", path = "/", account_in = "query a" }]\n',
    "any path": HEAD + SIGNS + ACCOUNT + 'places = [{ host = "out.example", path = "/*", account_in = "query a" }]\n',
    "pattern": HEAD + SIGNS + 'written_by = "provider"\nplaces = [{ host = "*.out.example", path = "/u" }]\n',
    "unbound": HEAD + SIGNS + 'places = [{ host = "out.example", path = "/u" }]\n',
    "unnamed": HEAD + SIGNS + 'places = [{ host = "out.example", path = "/u", account_in = "query a" }]\n',
    "itself": TIGHT.replace("X-Account", "List-Unsubscribe"),
    "part": TIGHT + 'account_part = "regex .*"\n',
    "bind": TIGHT.replace("query a", "anywhere"),
    "label": TIGHT.replace("*.out", "out").replace("query a", "label"),
}


@pytest.mark.parametrize("entry", LOOSE_ENTRIES.values(), ids=LOOSE_ENTRIES.keys())
def test_a_loose_entry_is_refused_for_what_it_is(entry: str) -> None:
    """The sentence names the entry; without its rule it would load."""
    with pytest.raises(MalformedInput) as refusal:
        load_providers(entry)
    assert "Mailworks" in refusal.value.what
    sentences = [sentence for sentence, _ in LOOSE if sentence in refusal.value.what]
    assert len(sentences) == 1


def test_every_way_to_be_loose_is_tested() -> None:
    """Each rule has an entry above that only it refuses."""
    seen = set()
    for entry in LOOSE_ENTRIES.values():
        with pytest.raises(MalformedInput) as refusal:
            load_providers(entry)
        seen |= {sentence for sentence, _ in LOOSE if sentence in refusal.value.what}
    assert seen == {sentence for sentence, _ in LOOSE}


@pytest.mark.parametrize(
    "text",
    [
        "not toml [",
        "provider = 3",
        '[[provider]]\nname = "x"\n',
        TIGHT + "loose = true\n",
        TIGHT.replace('"mailworks.example"', '"192.0.2.1"'),
        TIGHT.replace("*.out.example", "*"),
        TIGHT.replace("*.out.example", "*.*.out.example"),
        TIGHT.replace("query a", "query a").replace("[{ host", "[{ port = 1, host"),
    ],
)
def test_what_is_no_map_is_refused(text: str) -> None:
    """Broken TOML, missing and unknown fields, hosts that are none."""
    with pytest.raises(MalformedInput):
        load_providers(text)


def test_a_map_has_a_limit() -> None:
    """At the limit it loads, one more entry does not."""
    entries = [TIGHT.replace("Mailworks", f"M{n}") for n in range(MOST_PROVIDERS + 1)]
    assert load_providers("".join(entries[:-1]))
    with pytest.raises(MalformedInput):
        load_providers("".join(entries))


@pytest.mark.parametrize(
    ("url", "takes"),
    [
        ("https://x.out.example/u?a=A1&m=2", True),
        ("https://x.y.out.example/u?a=A1", True),
        ("https://out.example/u?a=A1", False),
        ("https://xout.example/u?a=A1", False),
        ("https://x.out.example/u/more?a=A1", False),
        ("https://x.out.example/unsub?a=A1", False),
        ("https://x.out.example/u?a=a1", False),
        ("https://x.out.example/u?a=B2", False),
        ("https://x.out.example/u?a=A1&a=B2", False),
        ("https://x.out.example/u?a=A1;a=B2", False),
        ("https://x.out.example/u?a=A1&%61=B2", False),
        ("https://x.out.example/u?a=A1&a[]=B2", False),
        ("https://x.out.example/u", False),
    ],
)
def test_a_url_of_another_customer_is_not_taken(url: str, takes: bool) -> None:
    """Host, whole path, and the one account of the query must fit; twice is not once."""
    assert one(TIGHT).takes(parse_url(url), "A1") is takes
    assert not one(TIGHT).takes(parse_url(url), "")


def test_accounts_stand_in_labels_and_segments_too() -> None:
    """The two other places that a URL has."""
    label = one(TIGHT.replace("query a", "label"))
    assert label.takes(parse_url("https://a1.out.example/u"), "a1")
    assert not label.takes(parse_url("https://b2.a1.out.example/u"), "a1")
    segment = one(TIGHT.replace("query a", "segment 2").replace("/u", "/accounts/*/leave"))
    assert segment.takes(parse_url("https://x.out.example/accounts/A1/leave"), "A1")
    assert not segment.takes(parse_url("https://x.out.example/accounts/B2/leave"), "A1")
    assert not segment.takes(parse_url("https://x.out.example/accounts/A1/join"), "A1")


def test_the_account_is_read_from_a_signed_field_only() -> None:
    """What the signature does not cover says nothing."""
    provider = one(TIGHT + 'account_part = "colon 2"\n')
    assert provider.account({"x-account": "7:A1:x"}, ("from", "x-account")) == "A1"
    assert provider.account({"x-account": "7:A1:x"}, ("from",)) == ""
    assert provider.account({"x-account": "7"}, ("x-account",)) == ""
    assert provider.account({}, ("x-account",)) == ""


def test_a_providers_own_signature_is_its_domain_or_a_key_in_its_zone() -> None:
    """A customer's d= whose key lies elsewhere is the customer's."""
    providers = load_providers(TIGHT + 'key_zones = ["keys.example"]\nfrom_domains = ["send.example"]\n')
    assert providers.signing_as("a.mailworks.example") is not None
    assert providers.signing_as("shop.example") is None
    assert providers.signing_as("shop.example", ("k1.keys.example",)) is not None
    assert providers.signing_as("notmailworks.example") is None
    assert providers.platform("news.send.example") is not None and providers.platform("shop.example") is None


def test_only_listed_zones_hold_a_chain() -> None:
    """CNAME targets count by zone; an operator's own map is added."""
    mine = load_providers(TIGHT + 'cname_zones = ["edge.example"]\n')
    both = load_providers(TIGHT).joined(mine)
    assert both.holds("a.edge.example") and not both.holds("edge.other.example")


@given(st.text(max_size=200))
def test_any_text_loads_or_is_malformed(text: str) -> None:
    """Nothing but the declared error."""
    try:
        load_providers(text)
    except MalformedInput as error:
        assert error.what
