"""Evidence is weighed in bits; nothing joins on rented evidence or on one weak kind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.campaign.likeness import ENOUGH, EVIDENCE, TEXT_WORDS, VETOES, WAVE_GAP, Likeness, score
from antiphon.terms import DAY

SAME = Likeness(text=1.0, contained=1.0, vocabulary=1.0, words=80, found_by_text=True, same_words=1)


def test_the_same_words_are_the_same_mailing() -> None:
    """A copy joins on its own, and says so."""
    found = score(SAME)
    assert found.joined
    assert "all visible words are the same" in found.why.lower()


def test_a_short_text_never_joins_on_text_alone() -> None:
    """Thirteen equal words are too little; with the same subject they are enough."""
    short = replace(SAME, words=13)
    assert not score(short).joined
    assert score(replace(short, subject=1, same_structure=True)).joined


def test_boilerplate_never_joins_on_text_alone() -> None:
    """A text all of whose bands are common weighs little, however alike it is."""
    assert not score(replace(SAME, found_by_text=False, same_words=0)).joined


@pytest.mark.parametrize("name", ["logos", "landings", "accounts", "signers", "frame"])
def test_no_evidence_of_infrastructure_joins_alone(name: str) -> None:
    """Pictures, landing domains, accounts, keys and frames are shared by strangers."""
    assert not score(replace(Likeness(), **{name: 1})).joined


def test_rented_evidence_never_joins_without_something_seen() -> None:
    """All of it together says only that both use one service."""
    like = Likeness(logos=1, landings=1, accounts=1, signers=1, frame=1, same_structure=True)
    assert sum(kind.bits(like) for kind in EVIDENCE) > ENOUGH
    assert not score(like).joined


def test_rare_tokens_weigh_more_than_common_ones() -> None:
    """Each doubling of the campaigns that carry a token takes one bit."""
    one, eight = (score(Likeness(landings=carriers)).bits for carriers in (1, 8))
    assert one - eight == pytest.approx(3.0)


def test_a_landing_domain_fades() -> None:
    """In full for three days, and nothing after a wave."""
    fresh, old = Likeness(landings=1, landing_age=3 * DAY), Likeness(landings=1, landing_age=WAVE_GAP)
    nothing = score(Likeness()).bits
    assert score(fresh).bits - nothing == pytest.approx(10.0)
    assert score(old).bits - nothing == pytest.approx(0.0)


def test_each_kind_weighs_more_the_more_alike_the_texts_are() -> None:
    """The weight of a text never falls as the likeness grows."""
    bits = [score(replace(SAME, text=share / 50, same_words=0, vocabulary=0.5)).bits for share in range(51)]
    assert bits == sorted(bits)


@pytest.mark.parametrize(
    ("veto", "like"),
    [
        ("silent", replace(SAME, gap=WAVE_GAP + 1)),
        ("conversation", replace(SAME, conversation=True)),
        ("other-figures", replace(SAME, same_author=True, numbers=10, figures=0.2)),
        ("issue", replace(SAME, same_author=True, contained=0.5, vocabulary=0.4)),
    ],
)
def test_each_veto_keeps_a_copy_apart(veto: str, like: Likeness) -> None:
    """Whatever else agrees; and the sentence names the reason."""
    found = score(like)
    assert (found.joined, found.rule) == (False, veto)
    assert found.why.startswith("Kept apart: ")


def test_a_text_with_some_personal_numbers_is_no_form() -> None:
    """Three numbers in eighty words are a greeting's, not a bill's."""
    assert score(replace(SAME, same_author=True, numbers=3, figures=0.0, contained=1.0)).joined


def test_swapped_words_are_no_other_issue() -> None:
    """By one author, a text of which little stands in the other in order, but most longer words do."""
    like = replace(SAME, same_author=True, same_words=0, text=0.3, contained=0.45, phrases=8, subject=1)
    assert score(replace(like, vocabulary=0.5)).joined
    assert score(replace(like, vocabulary=0.3)).rule == "issue"


def test_evidence_of_one_sender_counts_once() -> None:
    """Account, author and key beside a landing domain add a fifth of what they weigh: one sender has one of each."""
    landing = Likeness(landings=1)
    more = replace(landing, accounts=1, same_author=True, signers=1)
    assert score(more).bits - score(landing).bits == pytest.approx(0.2 * (6 + 4 + 3))


def test_rented_evidence_with_a_few_words_of_the_trade_joins_nothing() -> None:
    """The same landing host, account, frame and build, and a fifth of the longer words: the neighbour in the house."""
    like = Likeness(
        landings=1, accounts=1, signers=1, frame=1, same_structure=True, words=80, vocabulary=0.2, found_by_text=True
    )
    assert not score(like).joined


def test_where_there_is_no_text_a_picture_or_a_subject_is_what_is_seen() -> None:
    """A picture by itself and the build of the header join; beside a text the same picture is a logo."""
    like = Likeness(images=1, same_structure=True)
    assert score(like).joined
    assert not score(replace(like, words=60)).joined
    assert not score(replace(like, images=0, logos=1, landings=1)).joined


def test_vetoes_hold_nothing_back_from_a_plain_copy() -> None:
    """None of them fires for two copies a day apart."""
    assert not any(veto.holds(replace(SAME, gap=DAY, words=TEXT_WORDS)) for veto in VETOES)


def test_every_joined_pair_is_explained_in_one_sentence() -> None:
    """At most three kinds of evidence, one full stop."""
    found = score(replace(SAME, subject=1, landings=1, frame=1))
    assert found.joined
    assert found.why.endswith(".")
    assert found.why.count(".") == 1
