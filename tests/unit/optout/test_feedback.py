"""The feedback address as a channel: the signatures that RFC 9477 §3.1 asks for, and everybody it must not reach."""

from __future__ import annotations

import pytest

from antiphon.formats.dkim import KeyAnswer
from antiphon.optout.channel import Kind, Offer
from antiphon.optout.feedback import RULES
from tests.unit.formats.dkim_vectors import EDWARDS, NEWSLETTER, SIGNER, keys_for, sign
from tests.unit.optout.test_evidence import seen

BASE = ("From", "To", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
ALL = (*BASE, "CFBL-Address", "CFBL-Feedback-ID")
ESP = "mailer.example"
BOTH_KEYS = {**keys_for(), **keys_for(EDWARDS, domain=ESP, selector="e1")}


def mail(address: str, **more: str) -> dict[str, str]:
    """A newsletter that asks for reports."""
    return {**NEWSLETTER, "CFBL-Address": address, "CFBL-Feedback-ID": "1:2:3", **more}


def offer(raw: bytes, keys: dict[str, KeyAnswer] | None = None) -> Offer:
    """Its feedback channel."""
    return next(o for o in seen(raw, keys).offers if o.kind is Kind.CFBL)


def twice(fields: dict[str, str], author: tuple[str, ...], provider: tuple[str, ...]) -> bytes:
    """Signed by the author, and by the provider."""
    one = sign(fields, covers=author)
    other = sign(fields, covers=provider, domain=ESP, key=EDWARDS, selector="e1")
    return other.partition(b"\r\n")[0] + b"\r\n" + one


@pytest.mark.parametrize(
    "address",
    ["fbl@shop.example; report=arf", "fbl@shop.example", "fbl@mail.shop.example; report=xarf"],
)
def test_an_address_of_the_authors_own_domain_or_below_is_usable(address: str) -> None:
    """Strict and relaxed (RFC 9477 §3.1.1, §3.1.2); nobody needs to tell URLs apart."""
    found = offer(sign(mail(address), covers=ALL))
    assert found.usable and found.on_click and found.host.endswith("shop.example")


def test_a_mail_without_the_field_offers_none() -> None:
    """Absence is no offer with reasons."""
    assert all(o.kind is not Kind.CFBL for o in seen(sign(NEWSLETTER)).offers)


def test_a_third_partys_address_needs_both_signatures() -> None:
    """Author and provider agree (RFC 9477 §3.1.3); one of them alone aims at a stranger."""
    fields = mail(f"fbl@{ESP}; report=arf")
    assert offer(twice(fields, ALL, ALL), BOTH_KEYS).usable
    assert offer(sign(fields, covers=ALL)).reasons == ("cfbl-signed",)
    assert "cfbl-signed" in offer(sign(fields, covers=ALL, domain=ESP, key=EDWARDS, selector="e1"), BOTH_KEYS).reasons


def test_a_mail_that_was_signed_before_its_provider_added_the_fields() -> None:
    """Then the author's signature names neither of them, and the provider's names both."""
    fields = mail(f"fbl@{ESP}")
    assert offer(twice(fields, BASE, ALL), BOTH_KEYS).usable
    half = (*BASE, "CFBL-Feedback-ID")
    assert offer(twice(fields, half, ALL), BOTH_KEYS).reasons == ("cfbl-signed",)


@pytest.mark.parametrize("left_out", ["CFBL-Address", "CFBL-Feedback-ID"])
def test_each_field_must_be_covered(left_out: str) -> None:
    """RFC 9477 §3.1.4: else no report."""
    covers = tuple(name for name in ALL if name != left_out)
    assert offer(sign(mail("fbl@shop.example"), covers=covers)).reasons == ("cfbl-signed",)


BROKEN = {
    "form": mail("fbl@shop.example; report=ARF"),
    "gate": {**mail("fbl@shop.example"), "List-Unsubscribe-Post": ""},
    "originator": mail("fbl@shop.example", From="News <news@other.example>"),
    "relayed": mail("fbl@shop.example", From="News <news@other.example>", **{"List-Id": "<talk.shop.example>"}),
    "cfbl-signed": mail("fbl@innocent.example"),
}


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_each_rule_refuses_what_it_is_for(rule: str) -> None:
    """The rules of every channel, but for the host, and the two signatures."""
    fields = {name: value for name, value in BROKEN[rule].items() if value}
    assert rule in offer(sign(fields, covers=ALL)).reasons


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("one-cfbl-address", b"CFBL-Address: fbl@innocent.example\r\n"),
        ("one-cfbl-feedback-id", b"CFBL-Feedback-ID: 9\r\n"),
    ],
)
def test_a_second_field_above_the_signed_one_is_refused(reason: str, more: bytes) -> None:
    """A stock verifier calls the signature valid all the same (RFC 6376 §5.4.2)."""
    found = offer(more + sign(mail("fbl@shop.example"), covers=ALL))
    assert reason in found.reasons and not found.on_click


@pytest.mark.parametrize(
    ("reason", "more"),
    [("cfbl-feedback-id", {"CFBL-Feedback-ID": "a@b"}), ("cfbl-message-id", {"Message-ID": "<\xe4@shop.example>"})],
)
def test_what_would_go_into_the_report_must_be_plain(reason: str, more: dict[str, str]) -> None:
    """Identifiers travel as they stand, so they are one line of printable ASCII."""
    covers = ALL if "Message-ID" not in more else tuple(name for name in ALL if name != "Message-ID")
    assert reason in offer(sign(mail("fbl@shop.example", **more), covers=covers, key=SIGNER)).reasons
