"""Who answers for a mailing, and whether it can be asked."""

from __future__ import annotations

import pytest

from antiphon.campaign.gate import gate
from antiphon.formats.dkim import KeyAnswer, verify
from antiphon.formats.message import parse_message
from antiphon.formats.providers import load_providers
from antiphon.optout.originator import (
    STANDING,
    Originator,
    Signing,
    Standing,
    originator_of,
    shared_signers,
    unaccountable,
)
from antiphon.terms import DAY, Domain, Instant
from tests.unit.formats.dkim_vectors import EDWARDS, NEWSLETTER, keys_for, sign

NOW = Instant(1_780_308_060_000_000)
PROVIDERS = load_providers(
    """
[[provider]]
name = "Mailworks"
signing_domains = ["mailworks.example"]
key_zones = ["keys.mailworks.example"]
from_domains = ["send.example"]
account_header = "X-Account"
source = "this test"
date = "2026-11-01"
"""
)
PAIR = ("From", "To", "Date", "List-Unsubscribe", "List-Unsubscribe-Post")
BOTH = (*PAIR, "X-Account")


def asked(raw: bytes, keys: dict[str, KeyAnswer], **known: frozenset[Domain]) -> Originator | None:
    """The originator of a message, the walk assumed to agree with the list."""
    message = parse_message(raw)
    opinion = gate(message, verify(message, keys), received_at=NOW, by_person=False)
    return originator_of(message, opinion, PROVIDERS, None, **known)


def test_the_aligned_signer_answers() -> None:
    """By organisation: a sub-domain signs for it."""
    found = asked(sign(NEWSLETTER, domain="mail.shop.example"), keys_for(domain="mail.shop.example"))
    assert found is not None and (found.name, found.domain, found.esp) == ("shop.example", "shop.example", "")


def test_an_unaligned_signer_answers_for_nothing() -> None:
    """Whoever signs somebody else's From is not the originator, nor is the one in From."""
    assert asked(sign(NEWSLETTER, domain="other.example"), keys_for(domain="other.example")) is None
    assert asked(sign(NEWSLETTER), {}) is None


def test_both_rules_must_call_them_one() -> None:
    """Where the walk was not answered, only equal names are aligned."""
    raw, keys = sign(NEWSLETTER, domain="mail.shop.example"), keys_for(domain="mail.shop.example")
    message = parse_message(raw)
    opinion = gate(message, verify(message, keys), received_at=NOW, by_person=False)
    assert originator_of(message, opinion, PROVIDERS, {}) is None
    records = {Domain(name): None for name in ("mail.shop.example", "shop.example", "example")}
    assert originator_of(message, opinion, PROVIDERS, records) is None
    assert originator_of(message, opinion, PROVIDERS, {**records, Domain("shop.example"): "v=DMARC1"}) is not None


def test_two_authors_are_no_author() -> None:
    """From must name exactly one."""
    assert asked(sign({**NEWSLETTER, "From": "a@shop.example, b@shop.example"}), keys_for()) is None


def test_a_provider_answers_only_through_the_signed_account() -> None:
    """The account key must be in h= of its own signature; the unaligned From proves nothing."""
    mail = {**NEWSLETTER, "X-Account": "A1"}
    keys = keys_for(domain="mailworks.example")
    found = asked(sign(mail, domain="mailworks.example", covers=BOTH), keys)
    assert found is not None
    assert (found.name, found.domain, found.esp) == ("mailworks.example/A1", "mailworks.example", "Mailworks")
    assert asked(sign(mail, domain="mailworks.example", covers=PAIR), keys) is None
    assert asked(sign(NEWSLETTER, domain="mailworks.example", covers=BOTH), keys) is None
    other = asked(sign({**NEWSLETTER, "X-Account": "a1"}, domain="mailworks.example", covers=BOTH), keys)
    assert other is not None and other.name != found.name


@pytest.mark.parametrize(
    ("account", "answers"),
    [("A1", True), ("a" * 64, True), ("a" * 65, False), ("", False), ("A1,B2", False), ("A\t1", False), ("A", True)],
)
def test_an_account_is_one_printable_word(account: str, answers: bool) -> None:
    """At most 64 characters; a list, a control character or nothing names nobody."""
    raw = sign({**NEWSLETTER, "X-Account": account}, domain="mailworks.example", covers=BOTH)
    assert (asked(raw, keys_for(domain="mailworks.example")) is not None) is answers


def test_two_accounts_are_none() -> None:
    """A second field above the signed one names nobody."""
    raw = b"X-Account: B2\r\n" + sign({**NEWSLETTER, "X-Account": "A1"}, domain="mailworks.example", covers=BOTH)
    assert asked(raw, keys_for(domain="mailworks.example")) is None


def test_a_platform_is_infrastructure_even_when_aligned() -> None:
    """Its own From address, or its own signing domain in From, is not its customer."""
    for domain in ("send.example", "mailworks.example"):
        mail = {**NEWSLETTER, "From": f"news@{domain}"}
        assert asked(sign(mail, domain=domain), keys_for(domain=domain)) is None
    mail = {**NEWSLETTER, "From": "news@mailworks.example", "X-Account": "A1"}
    found = asked(sign(mail, domain="mailworks.example", covers=BOTH), keys_for(domain="mailworks.example"))
    assert found is not None and found.name == "mailworks.example/A1"


def test_the_provider_is_a_field_of_its_own() -> None:
    """A customer that signs itself is the originator, whoever carried it."""
    own = sign(NEWSLETTER)
    carried = sign(NEWSLETTER, domain="mailworks.example", key=EDWARDS).split(b"From: ", 1)[0] + own
    found = asked(carried, keys_for() | keys_for(EDWARDS, domain="mailworks.example"))
    assert found is not None and (found.name, found.esp) == ("shop.example", "Mailworks")


def test_a_signer_that_behaves_as_infrastructure_opens_no_case() -> None:
    """Also where it happens to be aligned."""
    assert asked(sign(NEWSLETTER), keys_for(), infrastructure=frozenset({Domain("shop.example")})) is None


def signing(number: int, *, member: int | None = None, at: int = 0) -> Signing:
    """One reported, unaligned mail."""
    member = number if member is None else member
    return Signing(Domain("relay.example"), f"o{number}.example", bytes([member]), Instant(NOW - at))


def test_three_organisations_by_three_members_make_infrastructure() -> None:
    """Within 30 days; fewer of either, or older ones, do not (LAW §4)."""
    assert shared_signers([signing(1), signing(2), signing(3)], NOW) == {"relay.example"}
    assert not shared_signers([signing(1), signing(2)], NOW)
    assert not shared_signers([signing(n, member=n % 2) for n in range(6)], NOW)
    assert not shared_signers([signing(1, member=m) for m in range(6)], NOW)
    assert shared_signers([signing(1), signing(2), signing(3, at=30 * DAY)], NOW)
    assert not shared_signers([signing(1), signing(2), signing(3, at=30 * DAY + 1)], NOW)
    assert not shared_signers([signing(1), signing(2), signing(3, at=-1)], NOW)


def standing(registered: int | None, seen: int | None, **facts: bool) -> Standing:
    """Ages in days."""
    blank = {"vouched": False, "blocklisted": False, "rotating": False, "clicked": False}
    at = [None if days is None else Instant(NOW - days * DAY) for days in (registered, seen)]
    return Standing(at[0], at[1], **{**blank, **facts})


FAULTY = {
    "not-blocklisted": standing(1000, 1000, blocklisted=True),
    "not-infrastructure": standing(1000, 1000, shared=True),
    "not-rotating": standing(1000, 1000, rotating=True),
    "age-known": standing(29, 1000, vouched=True),
    "registered-long": standing(179, 1000),
    "seen-long": standing(1000, 89),
}


def test_every_rule_of_standing_has_a_breach() -> None:
    """None is missing from the table, and none stands there that nobody breaks."""
    assert {rule.name for rule in STANDING} == set(FAULTY)


@pytest.mark.parametrize("name", FAULTY)
def test_each_rule_of_standing_refuses_alone(name: str) -> None:
    """One fault, one reason; without the rule it would be accountable."""
    assert unaccountable(FAULTY[name], NOW) == (name,)
    assert all(other.check(FAULTY[name], NOW) for other in STANDING if other.name != name)


def test_the_ages_are_reached_to_the_day() -> None:
    """180 days registered and 90 days seen are enough; a person may stand in for both, not for 30 days."""
    assert unaccountable(standing(180, 90), NOW) == ()
    assert unaccountable(standing(30, None, vouched=True), NOW) == ()
    assert unaccountable(standing(30, None, clicked=True), NOW) == ()
    assert unaccountable(standing(None, 1000, vouched=True, clicked=True), NOW) == ("age-known",)
    assert unaccountable(standing(None, None), NOW) == ("age-known", "registered-long", "seen-long")
    assert "not-blocklisted" in unaccountable(standing(1000, 1000, blocklisted=True, vouched=True, clicked=True), NOW)
    assert "not-rotating" in unaccountable(standing(1000, 1000, rotating=True, vouched=True, clicked=True), NOW)
