"""Channels: every proof of where an opt-out leads, and everybody it must not lead to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.campaign.gate import gate
from antiphon.formats.dkim import KeyAnswer, verify
from antiphon.formats.message import parse_message
from antiphon.formats.providers import ProviderMap, load_providers
from antiphon.ledger.entry import ChannelKind
from antiphon.optout.channel import (
    CHANNELS,
    RULES,
    Kind,
    Offer,
    Peer,
    chain_allowed,
    is_kin,
    may_open,
    offers_of,
    personal,
    proven,
    token_of,
    waits_for_host,
    with_hosts,
)
from antiphon.optout.originator import originator_of
from antiphon.terms import Domain, Instant
from tests.unit.formats.dkim_vectors import EDWARDS, NEWSLETTER, keys_for, sign

NOW = Instant(1_780_308_060_000_000)
OMNI = load_providers(
    """
[[provider]]
name = "Omni"
signing_domains = ["omnimail.example"]
key_zones = ["keys.omnimail.example"]
cname_zones = ["edge.omnimail.example"]
account_header = "X-Omni-Account"
places = [{ host = "leave.omni.example", path = "/u", account_in = "query a" }]
source = "this test"
date = "2026-11-01"
"""
)
NOBODY = ProviderMap(())
OMNI_URL = "https://leave.omni.example/u?a=B1&t=k3j5h2g9d8s7a6"
BOTH = ("From", "To", "Date", "List-Unsubscribe", "List-Unsubscribe-Post", "X-Omni-Account")


def mail(url: str, **more: str) -> dict[str, str]:
    """A newsletter with this List-Unsubscribe."""
    return {**NEWSLETTER, "List-Unsubscribe": url, **more}


def offered(
    raw: bytes, keys: dict[str, KeyAnswer], providers: ProviderMap = NOBODY, *, relayed: bool = False
) -> tuple[Offer, ...]:
    """The channels of one message."""
    message = parse_message(raw)
    opinion = gate(message, verify(message, keys), received_at=NOW, by_person=False)
    originator = originator_of(message, opinion, providers, None)
    return offers_of(message, opinion, originator, providers, relayed=relayed)


def test_a_url_at_or_below_the_signer_waits_only_for_being_personal() -> None:
    """One message shows no token; a click, or a second member's, does."""
    for host in ("shop.example", "leave.shop.example"):
        (offer,) = offered(sign(mail(f"<https://{host}/u/k3j5h2g9d8s7a6>")), keys_for())
        assert (offer.kind, offer.host, offer.reasons) == (Kind.ONE_CLICK, host, ("personal",))
        assert not offer.usable and offer.on_click


@pytest.mark.parametrize(
    "url",
    [
        "<https://innocent.example/u/k3j5h2g9d8s7a6>",
        "<https://evilshop.example/u/k3j5h2g9d8s7a6>",
        "<https://shop.example.innocent.example/u>",
        "<mailto:leave+k3j5h2g9d8s7a6@innocent.example>",
    ],
)
def test_nobody_is_asked_who_did_not_sign(url: str) -> None:
    """A signed pointer at a stranger is still a pointer at a stranger."""
    for offer in offered(sign(mail(url)), keys_for()):
        assert not offer.on_click and offer.reasons[0] == "host"


def test_a_parent_or_sibling_host_is_not_the_signers() -> None:
    """Only at or below d=: a brand's sub-domain may be let to somebody."""
    raw = sign(mail("<https://shop.example/u/k3j5h2g9d8s7a6>"), domain="news.shop.example")
    (offer,) = offered(raw, keys_for(domain="news.shop.example"))
    assert not offer.on_click and offer.reasons[0] == "host"


def test_two_customers_under_one_stolen_url_reach_nobody() -> None:
    """Aligned, passing, over both fields, and the URL is another brand's at a provider: proves nothing about it."""
    for brand in ("first.example", "second.example"):
        headers = mail(f"<{OMNI_URL}>", From=f"news@{brand}", **{"X-Omni-Account": "B1"})
        raw = sign(headers, domain=brand, covers=BOTH)
        (offer,) = offered(raw, keys_for(domain=brand), OMNI)
        assert not offer.on_click and offer.reasons[0] == "host"


def test_the_providers_own_signature_opens_its_place_for_its_account() -> None:
    """By d=, or by a key that lies in its zone; for another account, or an unsigned one, it does not."""
    own = keys_for(domain="omnimail.example")

    def reasons(account: str, covers: tuple[str, ...] = BOTH) -> tuple[str, ...]:
        raw = sign(mail(f"<{OMNI_URL}>", **{"X-Omni-Account": account}), domain="omnimail.example", covers=covers)
        (offer,) = offered(raw, own, OMNI)
        return offer.reasons

    assert reasons("B1") == ("personal",)
    assert "host" in reasons("C2")
    assert "host" in reasons("B1", BOTH[:-1])
    raw = sign(mail(f"<{OMNI_URL}>", **{"X-Omni-Account": "B1"}), covers=BOTH)
    ((name, answer),) = keys_for().items()
    chained = {name: KeyAnswer(name, answer.record, answer.status, chain=(Domain("k1.keys.omnimail.example"),))}
    assert offered(raw, chained, OMNI)[0].reasons == ("personal",)
    assert "host" in offered(raw, keys_for(), OMNI)[0].reasons


def test_a_providers_host_below_its_own_signature_is_no_customers() -> None:
    """At or below d= counts for the originator, never for infrastructure."""
    raw = sign(
        mail("<https://x.omnimail.example/u/k3j5h2g9d8s7a6>", **{"X-Omni-Account": "B1"}),
        domain="omnimail.example",
        covers=BOTH,
    )
    (offer,) = offered(raw, keys_for(domain="omnimail.example"), OMNI)
    assert offer.reasons[0] == "host"


@pytest.mark.parametrize(
    ("host", "signer", "kin"),
    [
        ("shop.example", "news.shop.example", True),
        ("leave.shop.example", "news.shop.example", True),
        ("news.shop.example", "news.shop.example", False),
        ("a.news.shop.example", "news.shop.example", False),
        ("other.example", "news.shop.example", False),
        ("", "news.shop.example", False),
        ("shop.example", "", False),
        ("", "", False),
    ],
)
def test_kin_is_a_parent_or_a_sibling_and_nobody_else(host: str, signer: str, kin: bool) -> None:
    """Of one organisation, and neither d= itself nor below it."""
    assert is_kin(host, signer) is kin


def _kin_offer() -> Offer:
    raw = sign(mail("<https://leave.shop.example/u/k3j5h2g9d8s7a6>"), domain="news.shop.example")
    (offer,) = offered(raw, keys_for(domain="news.shop.example"))
    return offer


def test_a_person_opens_one_exact_host_for_one_exact_signer() -> None:
    """That host and that d=, and only the question of the host: the URL must still be shown to be personal."""
    offer, signer = _kin_offer(), "news.shop.example"
    assert offer.reasons == ("host", "personal") and waits_for_host(offer, signer)
    assert with_hosts([offer], signer, {"leave.shop.example"})[0].reasons == ("personal",)
    for other, approved in (
        (signer, {"shop.example"}),
        (signer, set()),
        ("mail.other.example", {"leave.shop.example"}),
    ):
        assert with_hosts([offer], other, approved) == (offer,)


def test_nobody_opens_a_strangers_host() -> None:
    """No approval makes a stranger kin, and no other fault waits for a person."""
    (stranger,) = offered(sign(mail("<https://innocent.example/u/k3j5h2g9d8s7a6>")), keys_for())
    assert not waits_for_host(stranger, "shop.example")
    assert with_hosts([stranger], "shop.example", {"innocent.example"}) == (stranger,)
    offer = _kin_offer()
    assert not waits_for_host(replace(offer, reasons=(*offer.reasons, "relayed")), "news.shop.example")
    assert not waits_for_host(replace(offer, reasons=("personal",)), "news.shop.example")
    assert waits_for_host(replace(offer, reasons=("host",)), "news.shop.example")


def test_an_offer_that_is_no_url_needs_every_proof_too() -> None:
    """A mail address at a provider's place is nobody's own, whoever signed."""
    headers = mail("<mailto:leave+k3j5h2g9d8s7a6@leave.omni.example>", **{"X-Omni-Account": "B1"})
    (offer,) = offered(sign(headers, domain="omnimail.example", covers=BOTH), keys_for(domain="omnimail.example"), OMNI)
    assert offer.reasons[0] == "host" and not offer.on_click


FAULTY = {
    "form": (
        sign(mail("<https://shop.example/u/k3j5h2g9d8s7a6>", **{"List-Unsubscribe-Post": "no"})),
        keys_for(),
        False,
    ),
    "relayed": (sign(mail("<https://shop.example/u/k3j5h2g9d8s7a6>")), keys_for(), True),
    "gate": (sign(mail("<https://shop.example/u/k3j5h2g9d8s7a6>"), tags=" l=3;"), keys_for(), False),
    "originator": (
        sign(mail("<https://other.example/u/k3j5h2g9d8s7a6>"), domain="other.example"),
        keys_for(domain="other.example"),
        False,
    ),
    "host": (sign(mail("<https://innocent.example/u/k3j5h2g9d8s7a6>")), keys_for(), False),
}


def test_every_rule_has_a_breach() -> None:
    """No rule of channels is missing, and none is there that nobody breaks."""
    assert {rule.name for rule in RULES} == set(FAULTY)


@pytest.mark.parametrize("rule", FAULTY)
def test_each_rule_refuses_first_what_it_is_for(rule: str) -> None:
    """The deciding reason comes first, and no click opens it."""
    raw, keys, relayed = FAULTY[rule]
    (offer,) = offered(raw, keys, relayed=relayed)
    assert offer.reasons[0] == rule and not offer.usable and not offer.on_click


def test_a_refusal_keeps_the_reasons_of_form_and_gate() -> None:
    """Every fault is told, not only that there is one."""
    raw = sign(mail("<RANDOM@brand.example>, <https://shop.example/u>"), covers=("From", "Date", "List-Unsubscribe"))
    (offer,) = offered(raw, keys_for())
    assert {"form", "gate", "scheme-less", "gate:both-covered", "gate:to-covered"} <= set(offer.reasons)


@pytest.mark.parametrize(
    "value", ["<RANDOM@brand.example>", "=?utf-8?q?<https://shop.example/u/k3j5h2g9d8s7a6>?=", "nothing", ""]
)
def test_values_without_a_url_offer_nothing_usable(value: str) -> None:
    """Scheme-less, encoded or empty: no channel comes out of it, on no click."""
    assert not [offer for offer in offered(sign(mail(value)), keys_for()) if offer.on_click]


def test_two_urls_of_one_kind_are_refused_and_the_other_kind_is_not() -> None:
    """Nobody chooses for the originator."""
    value = "<https://shop.example/u/1>, <https://shop.example/u/2>, <mailto:leave+k3j5h2g9d8s7a6@shop.example>"
    one_click, by_mail = offered(sign(mail(value)), keys_for())
    assert one_click.reasons[:1] == ("form",) and "one-url" in one_click.reasons
    assert by_mail.on_click


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("https://a.example/u/k3j5h2g9d8s", "https://a.example/u/p4j5h2g9d8s", True),
        ("https://a.example/u?t=k3j5h2g9d8s&x=1", "https://a.example/u?t=p4j5h2g9d8s&x=2", True),
        ("https://a.example/u/k3j5h2g9d8", "https://a.example/u/p4j5h2g9d8", False),
        ("https://a.example/u/0123456789abcdef", "https://a.example/u/f123456789abcdef", True),
        ("https://a.example/u/0123456789abcde", "https://a.example/u/f123456789abcde", False),
        ("https://a.example/u/k3j5h2g9d8s", "https://b.example/u/p4j5h2g9d8s", False),
        ("https://a.example/u/k3j5h2g9d8s", "https://a.example/u/x/p4j5h2g9d8s", False),
        ("https://a.example/u?t=k3j5h2g9d8s", "https://a.example/u?s=p4j5h2g9d8s", False),
        ("https://a.example/u?e=ada@choir.example", "https://a.example/u?e=bea@choir.example", False),
        ("https://a.example/u/k3j5h2g9d8s", "https://a.example/u/k3j5h2g9d8s", False),
        ("nonsense", "https://a.example/u/k3j5h2g9d8s", False),
        ("https://a.example/u/k3j5h2g9d8s", "https://a.example/u/p4", False),
        ("https://a.example/u?t=k3j5h2g9d8s&x=1", "https://a.example/u?x=k3j5h2g9d8s&t=p4j5h2g9d8s", False),
        ("https://a.example/u?t=k3j5h2g9d8s&x=1", "https://a.example/u?t=p4j5h2g9d8s&y=1", False),
    ],
)
def test_a_personal_url_differs_by_a_token_only(first: str, second: str, verdict: bool) -> None:
    """11 characters of a word, or 16 of hex; the rest of the URL is the same (LAW §4)."""
    assert personal(first, second) is verdict
    assert personal(second, first) is verdict


def peers(*urls: str) -> list[tuple[bytes, str]]:
    """Other members' URLs of the campaign."""
    return [(bytes([n + 2]), url) for n, url in enumerate(urls)]


MINE = "https://shop.example/u/k3j5h2g9d8s7a6"


@pytest.mark.parametrize(
    ("others", "clicked", "usable"),
    [
        ([], False, False),
        ([], True, True),
        (peers("https://shop.example/u/p3j5h2g9d8s7a6"), False, True),
        (peers("https://shop.example/other"), False, False),
        (peers("https://shop.example/other"), True, True),
        (peers(MINE), False, False),
        (peers(MINE), True, False),
        (peers("https://shop.example/u/p3j5h2g9d8s7a6", MINE), True, False),
        ([(b"\x01", MINE)], False, False),
        ([(b"\x01", "https://shop.example/u/p3j5h2g9d8s7a6")], False, False),
    ],
)
def test_a_second_member_or_a_click_shows_that_it_is_personal(
    others: list[tuple[bytes, str]], clicked: bool, usable: bool
) -> None:
    """A URL that is equal for two recipients is not an opt-out, click or not; one's own mails show nothing."""
    among = [Peer(member, b"campaign", url) for member, url in others]
    me = Peer(b"\x01", b"campaign", MINE)
    (offer,) = proven(offered(sign(mail(f"<{MINE}>")), keys_for()), me, among, clicked=clicked)
    assert offer.usable is usable


@pytest.mark.parametrize("campaign", [b"another", None])
def test_mail_of_another_campaign_shows_nothing(campaign: bytes | None) -> None:
    """Two mailings differ in their URLs even where nobody's own name stands in them."""
    among = [Peer(b"\x02", campaign, "https://shop.example/u/p3j5h2g9d8s7a6")]
    (offer,) = proven(
        offered(sign(mail(f"<{MINE}>")), keys_for()), Peer(b"\x01", campaign and b"one", MINE), among, clicked=False
    )
    assert not offer.usable


def test_a_click_opens_nothing_else() -> None:
    """Other faults stay."""
    (offer,) = proven(
        offered(sign(mail("<https://innocent.example/u>")), keys_for()), Peer(b"\x01", None, MINE), [], clicked=True
    )
    assert not offer.usable and offer.reasons[0] == "host"


def test_the_token_of_a_url_is_its_longest_piece_with_a_digit() -> None:
    """A long word is no token where there is a better one."""
    assert token_of("https://a.example/subscriptions/k3j5h2g9d8s") == "k3j5h2g9d8s"
    assert token_of("https://a.example/k3j5h2g9d8s/k3j5h2g9d8s7a6") == "k3j5h2g9d8s7a6"
    assert token_of("https://a.example/u") == "" and token_of("nonsense") == ""


def test_a_field_without_its_post_field_offers_nothing_that_a_click_opens() -> None:
    """List-Unsubscribe alone is no one-click (RFC 8058 §3.1)."""
    headers = mail("<https://shop.example/u/k3j5h2g9d8s7a6>, <mailto:leave+k3j5h2g9d8s7a6@shop.example>")
    del headers["List-Unsubscribe-Post"]
    found = offered(sign(headers), keys_for())
    assert [offer.kind for offer in found] == [Kind.ONE_CLICK, Kind.MAILTO]
    assert not any(offer.on_click for offer in found)


def test_every_kind_stands_under_one_of_the_ledgers() -> None:
    """What leaves through a channel is told under that channel's kind."""
    assert CHANNELS == {
        Kind.ONE_CLICK: ChannelKind.ONE_CLICK,
        Kind.MAILTO: ChannelKind.MAIL,
        Kind.CFBL: ChannelKind.CFBL,
    }


def test_a_case_may_open_where_a_click_or_a_person_is_all_that_lacks() -> None:
    """One such offer among others is enough; one that anything else bars is not."""
    kin, signer = _kin_offer(), "news.shop.example"
    clickable, barred = replace(kin, reasons=("personal",)), replace(kin, reasons=("host", "relayed"))
    assert may_open([clickable], signer) and may_open([kin], signer)
    assert may_open([barred, clickable], signer) and may_open([kin, barred], signer)
    assert not may_open([barred], signer) and not may_open([], signer)


def test_a_chain_may_lead_home_to_the_host_or_to_the_originator() -> None:
    """A provider's host may be another name of its own house, or of its customer's."""
    for chain in (["edge.omni.example"], ["mail.shop.example"]):
        assert chain_allowed(chain, "leave.omni.example", "shop.example", NOBODY)
    assert not chain_allowed(["edge.omni.example", "mail.third.example"], "leave.omni.example", "shop.example", NOBODY)


@pytest.mark.parametrize(
    ("chain", "allowed"),
    [
        ([], True),
        (["edge.shop.example"], True),
        (["x.edge.omnimail.example"], True),
        (["innocent.example"], False),
        (["edge.shop.example", "innocent.example"], False),
        (["omnimail.example"], False),
    ],
)
def test_a_chain_that_leaves_is_refused(chain: list[str], allowed: bool) -> None:
    """Only the originator's own organisation and the zones of the map hold it (LAW §4)."""
    assert chain_allowed(chain, "leave.shop.example", "shop.example", OMNI) is allowed


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_are_compared(first: str, second: str) -> None:
    """Never an error."""
    personal("https://a.example/" + first, "https://a.example/" + second)
    token_of("https://a.example/" + first)


def test_keys_of_another_algorithm_serve_as_well() -> None:
    """Ed25519 signs channels too."""
    (offer,) = offered(sign(mail(f"<{MINE}>"), key=EDWARDS), keys_for(EDWARDS))
    assert offer.on_click
