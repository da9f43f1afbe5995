"""What is remembered of a text, and who vouches for it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from antiphon.campaign.fingerprint import WORDS, Fingerprint
from antiphon.campaign.grouping import Arrival, Grouper, MemoryIndex
from antiphon.campaign.keyed import FIGURES
from antiphon.campaign.remembered import (
    HAND,
    PIECE,
    compare,
    merged,
    nearness,
    piece_of,
    said_by,
    text_of,
    texts_of,
    vouched,
)
from tests.unit.campaign.mail import OFFER, STRANGER, fresh, hour, mail, print_of

HANDS = st.binary(min_size=HAND, max_size=HAND)
ONE, OTHER = print_of(mail(OFFER)), print_of(mail(STRANGER))


@given(st.integers(0, WORDS), st.integers(0, FIGURES), HANDS, HANDS)
def test_who_vouches_stands_beside_what_is_remembered(words: int, figures: int, hand: bytes, other: bytes) -> None:
    """At every length; the text keeps its name, and is everybody's once another says so."""
    print_ = replace(ONE, words=words, figures=bytes(2 * figures))
    said, plain = said_by(print_, hand), piece_of(print_)
    assert (len(said), said_by(print_, b"")) == (PIECE, plain) and said != plain
    campaign = replace(_opened(print_), sketches=said)
    assert texts_of(campaign) == texts_of(replace(campaign, sketches=plain)) == {text_of(print_, campaign): plain}
    assert vouched(said, hand, lambda text: True) == said
    assert vouched(said, other, lambda text: False) == said
    if said_by(print_, other) != said:
        assert vouched(said, other, lambda text: text == said) == plain


def test_a_text_that_is_one_members_word_is_not_compared_unless_it_is_asked_for() -> None:
    """With those that are everybody's only; what is new is looked for among all."""
    campaign = replace(_opened(ONE), sketches=piece_of(ONE) + said_by(OTHER, b"evil"))
    assert compare(OTHER, campaign, {}, hour(1)).text < 0.2 < compare(ONE, campaign, {}, hour(1)).text == 1
    assert compare(OTHER, campaign, {}, hour(1), only=said_by(OTHER, b"evil")).text == 1
    assert nearness(OTHER, campaign.sketches) == 1 > 0.2 > nearness(OTHER, campaign.sketches, everybodys=True)
    assert nearness(OTHER, b"") == 0


def test_what_a_report_welds_is_that_members_word() -> None:
    """What a person joins is everybody's as it was."""
    large, small = _opened(ONE), _opened(OTHER)
    assert merged(large, small).sketches == piece_of(ONE) + piece_of(OTHER)
    assert merged(large, small, b"evil").sketches == piece_of(ONE) + said_by(OTHER, b"evil")


def _opened(print_: Fingerprint):  # type: ignore[no-untyped-def]  # a campaign
    return Grouper(MemoryIndex()).place(print_, Arrival(hour(1), fresh(1))).campaign
