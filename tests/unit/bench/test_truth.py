"""Silver truth on made-up mail: each fact finds its pairs, within a wave and among what is nobody's shared place."""

from __future__ import annotations

from dataclasses import replace

from bench.grouping.gold import Mail
from bench.grouping.pairs import count
from bench.grouping.reading import EMPTY, Read
from bench.grouping.silver import Truth
from bench.grouping.truth import DAY, same_text, truths

TEXT = "a text that is long enough to say something about the mailing it is of"


def mails(*days: int) -> list[Mail]:
    """Messages of these days; their bytes do not matter here."""
    return [Mail(b"", day * DAY, "") for day in days]


def landing(*domains: str) -> Read:
    """A message that leads to these domains."""
    return replace(EMPTY, links=domains)


def test_each_fact_finds_its_own_pairs() -> None:
    """Two messages that share one thing are a pair of that kind and of no other."""
    shared = {
        "account": replace(EMPTY, accounts=("feedback-id:1",)),
        "attachment": replace(EMPTY, files=(b"digest",)),
        "landing": landing("a.example"),
        "text": replace(EMPTY, text=TEXT),
    }
    for kind, read in shared.items():
        found = truths([read, read], mails(1, 2), [])
        assert {name: count(rows) for name, rows in found.items()} == {k: int(k == kind) for k in shared}


def test_a_pair_lies_within_a_wave_unless_ever_is_asked() -> None:
    """Fourteen days are a wave, fifteen are not; the same text counts ever when that is asked."""
    reads = [replace(EMPTY, text=TEXT)] * 2
    assert count(truths(reads, mails(0, 14), [])["text"]) == 1
    assert count(truths(reads, mails(0, 15), [])["text"]) == 0
    assert count(truths(reads, mails(0, 15), [], ever=True)["text"]) == 1


def test_a_shared_place_is_no_fact() -> None:
    """A domain that ham links to, or that is seen for longer than 45 days, tells nothing."""
    reads = [landing("a.example"), landing("a.example"), landing("a.example")]
    assert count(truths(reads[:2], mails(0, 1), [landing("a.example")])["landing"]) == 0
    assert count(truths(reads, mails(0, 1, 46), [])["landing"]) == 0
    assert count(truths(reads, mails(0, 1, 45), [])["landing"]) == 1


def test_messages_without_a_text_do_not_differ() -> None:
    """Two pictures without a word are no hard pair, and no pair of the same text either."""
    reads = [EMPTY, EMPTY]
    assert count(same_text(reads)) == 1
    assert count(truths(reads, mails(0, 0), [])["text"]) == 0


def test_precision_is_counted_against_what_hangs_together() -> None:
    """Two that share nothing but a third with which each shares something are one, and joining all three is right."""
    reads = [landing("a.example"), landing("a.example", "b.example"), landing("b.example")]
    score = Truth(mails(0, 1, 2), reads, []).score(["x", "x", "x"])
    assert (score.precision.hits, score.precision.of) == (3, 3)
    assert (score.recall.hits, score.recall.of) == (2, 2)
