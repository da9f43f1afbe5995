"""The text that a member agrees to: one version, three languages, the price of an opt-out in its first line."""

from __future__ import annotations

import re

import pytest

from antiphon.registry.agreement import DATE, TEXT, VERSION, agreement, agrees, how_to_prove
from antiphon.registry.mandate import Consent

FIRST = {"en": "is read", "de": "gelesen wird", "fr": "est lue"}


@pytest.mark.parametrize("language", TEXT)
def test_the_first_line_says_what_an_opt_out_tells(language: str) -> None:
    """LAW §3: every honoured opt-out tells an originator that the address is read."""
    assert FIRST[language] in agreement(language, "Choir").splitlines()[0]


@pytest.mark.parametrize("language", TEXT)
def test_every_consent_stands_on_its_own_with_version_and_date(language: str) -> None:
    """Five lines, one a consent, in the order of the law."""
    text = agreement(language, "Choir")
    assert re.findall(r"^  (\w+) ", text, re.MULTILINE) == [consent.value for consent in Consent]
    assert VERSION in text and DATE in text and "Choir" in text and "{" not in text
    assert VERSION in how_to_prove(language, "prove+x@node.example")


def test_a_language_that_nobody_wrote_gets_english() -> None:
    """No empty text."""
    assert agreement("nl", "Choir") == agreement("en", "Choir")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"Hello,\nI agree to mandate {VERSION}.\n", True),
        (f"i AGREE to mandate {VERSION}", True),
        (f"> I agree to mandate {VERSION}\nWhat is this?", False),
        ("I agree to mandate 2020-01-1", False),
        ("", False),
    ],
)
def test_agreeing_is_writing_it_and_not_quoting_it(text: str, said: bool) -> None:
    """An answer that quotes the question says nothing."""
    assert agrees(text) is said
