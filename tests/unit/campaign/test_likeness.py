"""Evidence is weighed in bits; nothing joins on rented evidence or on one weak kind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.campaign.likeness import ENOUGH, EVIDENCE, TEXT_WORDS, VETOES, WAVE_GAP, Likeness, score
from antiphon.terms import DAY

SAME = Likeness(text=1.0, vocabulary=1.0, words=80, found_by_text=True, same_words=1)


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


@pytest.mark.parametrize("name", ["images", "landings", "accounts", "signers", "frame"])
def test_no_evidence_of_infrastructure_joins_alone(name: str) -> None:
    """Pictures, landing domains, accounts, keys and frames are shared by strangers."""
    assert not score(replace(Likeness(), **{name: 1})).joined


def test_rented_evidence_never_joins_without_something_seen() -> None:
    """All of it together says only that both use one service."""
    like = Likeness(images=1, landings=1, accounts=1, signers=1, frame=1, same_structure=True)
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
        ("other-figures", replace(SAME, same_author=True, numbers=3, figures=0.2)),
        ("issue", replace(SAME, same_author=True, text=0.8)),
    ],
)
def test_each_veto_keeps_a_copy_apart(veto: str, like: Likeness) -> None:
    """Whatever else agrees; and the sentence names the reason."""
    found = score(like)
    assert (found.joined, found.rule) == (False, veto)
    assert found.why.startswith("Kept apart: ")


def test_vetoes_hold_nothing_back_from_a_plain_copy() -> None:
    """None of them fires for two copies a day apart."""
    assert not any(veto.holds(replace(SAME, gap=DAY, words=TEXT_WORDS)) for veto in VETOES)


def test_every_joined_pair_is_explained_in_one_sentence() -> None:
    """At most three kinds of evidence, one full stop."""
    found = score(replace(SAME, subject=1, landings=1, frame=1))
    assert found.joined
    assert found.why.endswith(".")
    assert found.why.count(".") == 1
