"""mailto URLs: the examples of RFC 6068 §6, and what may not come out of a header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import RefusedByLaw
from antiphon.formats.mailto import MAILTO_RULES, MAX_MAILTO, MAX_TOKEN, parse_mailto


@pytest.mark.parametrize(
    ("text", "to", "subject", "token"),
    [
        ("mailto:leave@b.example", "leave@b.example", "", ""),
        ("mailto:leave+k3j5h2@b.example", "leave+k3j5h2@b.example", "", ""),
        ("mailto:leave@b.example?subject=unsubscribe", "leave@b.example", "unsubscribe", ""),
        ("mailto:leave@b.example?Subject=unsubscribe%20ab.c=d", "leave@b.example", "unsubscribe ab.c=d", "ab.c=d"),
        ("mailto:leave@b.example?subject=Abmelden:4711-x", "leave@b.example", "Abmelden:4711-x", "4711-x"),
        ("mailto:leave@b.example?subject=d%C3%A9sabonnement", "leave@b.example", "désabonnement", ""),
        ("mailto:leave@b.example?subject=unsubscribe%20a+b", "leave@b.example", "unsubscribe a+b", "a+b"),
    ],
)
def test_what_the_law_allows_comes_out(text: str, to: str, subject: str, token: str) -> None:
    """One recipient, a known word, a token; `+` is literal (RFC 6068 §5)."""
    found = parse_mailto(text)
    assert (str(found.to), found.subject, found.token) == (to, subject, token)


BROKEN = {
    "mailto-scheme": "https:leave@b.example",
    "mailto-length": "mailto:leave@b.example?subject=unsubscribe%20" + "%61" * (MAX_MAILTO // 3),
    "mailto-decodes": "mailto:leave@b.example?subject=unsubscribe%0D%0ABcc",
    "mailto-one-question-mark": "mailto:leave@b.example?subject=unsubscribe?x",
    "mailto-one-recipient": "mailto:leave@b.example,other@c.example",
    "mailto-token-address": "mailto:gorby%25kremvax@example.com",
    "mailto-only-subject": "mailto:leave@b.example?body=unsubscribe",
    "mailto-known-subject": "mailto:leave@b.example?subject=I%20agree%20to%20buy",
}


@pytest.mark.parametrize("rule", [rule.name for rule in MAILTO_RULES])
def test_each_rule_refuses_what_it_is_for(rule: str) -> None:
    """The reason is kept, among others where one thing breaks two rules."""
    with pytest.raises(RefusedByLaw) as refusal:
        parse_mailto(BROKEN[rule])
    assert rule in refusal.value.rules


@pytest.mark.parametrize(
    "text",
    [
        "mailto:infobot@example.com?subject=current-issue",
        "mailto:infobot@example.com?body=send%20current-issue",
        "mailto:infobot@example.com?body=send%20current-issue%0D%0Asend%20index",
        "mailto:list@example.org?In-Reply-To=%3C3469A91.D10AF4C@example.com%3E",
        "mailto:majordomo@example.com?body=subscribe%20bamboo-l",
        "mailto:joe@example.com?cc=bob@example.com&body=hello",
        "mailto:joe@example.com?cc=bob@example.com?body=hello",
        "mailto:unlikely%3Faddress@example.com?blat=foop",
        "mailto:Mike%26family@example.org",
        "mailto:%22not%40me%22@example.org",
        "mailto:%22oh%5C%5Cno%22@example.org",
        "mailto:%22%5C%5C%5C%22it's%5C%20ugly%5C%5C%5C%22%22@example.org",
        "mailto:user@example.org?subject=caf%C3%A9",
        "mailto:user@example.org?subject=%3D%3Futf-8%3FQ%3Fcaf%3DC3%3DA9%3F%3D",
        "mailto:user@example.org?subject=%3D%3Fiso-8859-1%3FQ%3Fcaf%3DE9%3F%3D",
        "mailto:user@example.org?subject=caf%C3%A9&body=caf%C3%A9",
        "mailto:user@%E7%B4%8D%E8%B1%86.example.org?subject=Test&body=NATTO",
        "mailto:?to=joe@example.com",
        "mailto:joe@example.com?subject=unsubscribe&subject=remove",
        "mailto:joe@example.com?bcc=victim@example.com",
        "mailto:joe@[192.0.2.1]",
        "mailto:%ZZ@example.com",
        "mailto:",
        "mailto:joe@example.com?subject=unsubscribe%00",
    ],
)
def test_other_examples_of_the_rfc_are_no_opt_outs(text: str) -> None:
    """RFC 6068 §6.1 to §6.3: legal URLs, and none that a node may mail to."""
    with pytest.raises(RefusedByLaw):
        parse_mailto(text)


def test_a_plain_example_of_the_rfc_is_one() -> None:
    """An address and nothing else; a U-label becomes an A-label."""
    assert str(parse_mailto("mailto:chris@example.com").to) == "chris@example.com"
    assert parse_mailto("mailto:user@%E7%B4%8D%E8%B1%86.example.org").to.domain == "xn--99zt52a.example.org"


def test_tokens_and_urls_have_limits() -> None:
    """128 characters of token and 2048 of URL pass, one more does not."""
    assert parse_mailto("mailto:" + "a" * MAX_TOKEN + "@b.example")
    assert parse_mailto("mailto:a@b.example?subject=unsubscribe%20" + "x" * MAX_TOKEN).token == "x" * MAX_TOKEN
    for beyond in (
        "mailto:" + "a" * (MAX_TOKEN + 1) + "@b.example",
        "mailto:a@b.example?subject=unsubscribe%20" + "x" * (MAX_TOKEN + 1),
    ):
        with pytest.raises(RefusedByLaw):
            parse_mailto(beyond)
    stem = "mailto:a@b.example?subject=unsubscribe%20"
    full = stem + "%61" * ((MAX_MAILTO - len(stem)) // 3)
    with pytest.raises(RefusedByLaw) as refusal:
        parse_mailto(full)
    assert "mailto-length" not in refusal.value.rules
    with pytest.raises(RefusedByLaw) as refusal:
        parse_mailto(full + "%61")
    assert "mailto-length" in refusal.value.rules


@given(st.text(max_size=120))
def test_any_text_is_an_opt_out_or_refused(text: str) -> None:
    """Nothing but a declared refusal comes out."""
    try:
        found = parse_mailto("mailto:" + text)
        assert "\r" not in found.subject and "\n" not in found.subject
    except RefusedByLaw as refusal:
        assert refusal.rules
