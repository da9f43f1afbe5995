"""Opt-outs by mail: a token, an opt-out word perhaps, one recipient, and nothing else."""

from __future__ import annotations

import pytest

from antiphon.optout.channel import Kind
from tests.unit.formats.dkim_vectors import keys_for, sign
from tests.unit.optout.test_channel import mail, offered


@pytest.mark.parametrize(
    ("url", "on_click"),
    [
        ("mailto:leave+k3j5h2g9d8s7a6@shop.example", True),
        ("mailto:leave@shop.example?subject=unsubscribe%20k3j5h2g9d8s7a6", True),
        ("mailto:leave-k3j5h2g9d8s7a6@mail.shop.example", True),
        ("mailto:u1-k3j5-h2g9@shop.example", True),
        ("mailto:leave@shop.example", False),
        ("mailto:unsubscribe@shop.example?subject=unsubscribe", False),
        ("mailto:leave+4711@shop.example", False),
        ("mailto:leave+k3j5h2g9d8s7a6@shop.example?body=x", False),
        ("mailto:leave+k3j5h2g9d8s7a6@shop.example?cc=x@innocent.example", False),
    ],
)
def test_mail_needs_a_token_and_carries_nothing_else(url: str, on_click: bool) -> None:
    """Without a recipient's token the mail could not say whom to remove; it is never sent unasked."""
    (offer,) = offered(sign(mail(f"<{url}>")), keys_for())
    assert offer.kind is Kind.MAILTO and offer.on_click is on_click and not offer.usable


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("mailto:leave@shop.example", "mailto-token"),
        ("mailto:leave+k3j5h2g9d8s7a6@shop.example?body=x", "mailto-only-subject"),
        ("mailto:leave+k3j5h2g9d8s7a6@shop.example?subject=hello", "mailto-known-subject"),
        ("mailto:leave+%zz@shop.example", "mailto-decodes"),
    ],
)
def test_a_refused_mail_channel_says_by_which_rule(url: str, rule: str) -> None:
    """Beside the form that decides: whoever asks why finds it."""
    (offer,) = offered(sign(mail(f"<{url}>")), keys_for())
    assert offer.reasons[0] == "form" and rule in offer.reasons
