"""One kind of evidence hidden: the engine is asked without it, and with all the rest."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from bench.grouping import ours
from bench.grouping.letter import write
from bench.grouping.negatives import next_issue
from bench.grouping.seeds import links, person


def two() -> ours.Evidence:
    """Two messages of one sender with an account, links and a file."""
    letter, _ = next_issue(Random(4))
    made = replace(letter, file=("a.pdf", b"%PDF" + bytes(4_000)), links=links(Random(1)))
    return [ours.evidence(write(replace(made, to=person(Random(n))), Random(n))) for n in (1, 2)]


@pytest.mark.parametrize("kind", ours.KINDS)
def test_what_is_hidden_is_gone_and_the_rest_stays(kind: str) -> None:
    """Tokens of the hidden kind are in the fingerprint before, not after, and all others are the same."""
    shown = two()
    for before, after in zip(shown, ours.hidden(shown, kind), strict=True):
        assert before is not None
        assert after is not None
        gone = {token[:1] for token in before.tokens} - {token[:1] for token in after.tokens}
        assert gone
        assert gone <= {ours.KINDS[kind][n : n + 1] for n in range(len(ours.KINDS[kind]))}
        assert {token for token in before.tokens if token[:1] not in gone} == set(after.tokens)


def test_a_mark_of_what_is_hidden_is_no_longer_compared() -> None:
    """Landing domains and the account stand in the marks too, and are blank there; author and subject stay."""
    shown = two()
    for before, account, landing in zip(
        shown, ours.hidden(shown, "account"), ours.hidden(shown, "landing"), strict=True
    ):
        assert before is not None
        assert account is not None
        assert landing is not None
        assert any(before.marks[4:8])
        assert any(before.marks[16:])
        assert account.marks == before.marks[:4] + bytes(4) + before.marks[8:]
        assert landing.marks == before.marks[:16] + bytes(len(before.marks) - 16)


def test_without_a_text_nothing_of_it_is_left() -> None:
    """Sketch, bands and vocabulary go with the words."""
    for after in ours.hidden(two(), "text"):
        assert after is not None
        assert (after.bands, after.sketch, after.vocabulary) == ((), b"", b"")
