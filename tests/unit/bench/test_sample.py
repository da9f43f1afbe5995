"""The blind sample: the same pairs whatever the order, verdicts by the rubric, digests only."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.grouping import sample
from bench.grouping.gold import stream


def test_a_draw_does_not_depend_on_the_order_of_messages() -> None:
    """Pairs are chosen by their digests, so that an engine that changes little changes the sample little."""
    mails = stream(2, copies=1, pairs=1)[:200]
    labels: list[str | None] = [mail.truth for mail in mails]
    forth = {pair.digests for pair in sample.draw([(mails, labels)], 60)}
    back = {pair.digests for pair in sample.draw([(mails[::-1], labels[::-1])], 60)}
    assert forth == back
    assert len(forth) == 60


def test_a_draw_holds_joined_pairs_only() -> None:
    """What is in no campaign is in no pair, and half of the pairs differ in their text."""
    mails = stream(2, copies=1, pairs=1)[:200]
    labels: list[str | None] = [mail.truth if at % 2 else None for at, mail in enumerate(mails)]
    loose = {mail.raw for mail in mails[::2]}
    pairs = sample.draw([(mails, labels)], 40)
    assert all(
        pair.one.truth == pair.other.truth and {pair.one.raw, pair.other.raw}.isdisjoint(loose) for pair in pairs
    )
    assert sum(pair.hard for pair in pairs) >= 20


@pytest.mark.parametrize(
    ("answers", "follows"),
    [
        (("yes", "yes", "yes"), "right"),
        (("no", "yes", "unclear"), "right"),
        (("yes", "no", "unclear"), "right"),
        (("yes", "yes", "no"), "wrong"),
        (("no", "no", "yes"), "wrong"),
        (("unclear", "no", "yes"), "unclear"),
        (("unclear", "unclear", "unclear"), "unclear"),
    ],
)
def test_the_verdict_follows_from_the_answers(answers: tuple[str, str, str], follows: str) -> None:
    """As the rubric says; unclear is not right."""
    assert sample.verdict(*answers) == follows


def test_judgements_are_digests_and_words_from_a_list() -> None:
    """The kept file names no message but by its SHA-256, and says nothing but what the rubric asks."""
    kept = Path(sample.__file__).with_name("judgements.csv")
    for (one, other), row in sample.judgements(kept).items():
        assert one < other
        assert all(len(digest) == 64 and set(digest) <= set("0123456789abcdef") for digest in (one, other))
        assert {row[name] for name in ("offer", "template", "sender")} <= {"yes", "no", "unclear"}
        assert row["verdict"] == sample.verdict(row["offer"], row["template"], row["sender"])
        assert row["judge"].isdigit()
