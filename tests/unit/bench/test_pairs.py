"""Pairs counted with bit rows agree with counting by hand, and the measures with their textbook values."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

from bench.grouping.pairs import ari, both, components, count, either, judge, rows_of, v_measure, wilson, without


def test_rows_count_what_combinations_count() -> None:
    """Seeded labels: pairs, common pairs and differences are those of the plain definition."""
    rng = Random(1)
    one, other = ([rng.choice("abcde") for _ in range(60)] for _ in range(2))
    pairs = list(combinations(range(60), 2))
    a = {(i, j) for i, j in pairs if one[i] == one[j]}
    b = {(i, j) for i, j in pairs if other[i] == other[j]}
    rows_a, rows_b = rows_of(one), rows_of(other)
    assert count(rows_a) == len(a)
    assert both(rows_a, rows_b) == len(a & b)
    assert count(without(rows_a, rows_b)) == len(a - b)
    assert count(either(rows_a, rows_b)) == len(a | b)


def test_nobody_is_with_none() -> None:
    """Two things without a label are no pair."""
    assert count(rows_of([None, None, "a", "a"])) == 1


def test_single_linkage_goes_through_others() -> None:
    """What hangs together by a chain has one label; what hangs on nothing has its own."""
    assert components(5, [(3, 1), (1, 4)]) == [0, 1, 2, 1, 1]


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)]
)
def test_wilson_gives_the_published_bounds(hits: int, of: int, low: float, high: float) -> None:
    """Values as tables of the interval have them."""
    assert wilson(hits, of) == pytest.approx((low, high), abs=2e-4)


def test_the_two_indices_are_one_for_equal_groupings_and_nought_for_none() -> None:
    """Names do not matter; one heap against all apart says nothing."""
    assert ari("aabbc", "xxyyz") == pytest.approx(1)
    assert v_measure("aabbc", "xxyyz") == pytest.approx(1)
    assert ari("aabb", "aaaa") == pytest.approx(0)
    assert v_measure("aabb", "aaaa") == pytest.approx(0)
    assert ari([1, 1, 2, 2], [1, 1, 1, 2]) == pytest.approx(0.0)
    assert ari("aaabbb", "aabbcc") == pytest.approx(0.2424, abs=1e-4)


def test_hard_recall_leaves_out_what_is_the_same_text() -> None:
    """Three of one mailing, two with the same text and found: recall 1 of 3, hard recall 0 of 2."""
    score = judge(["p", "p", "q"], ["t", "t", "t"], ["same", "same", "other"])
    assert (score.precision.hits, score.precision.of) == (1, 1)
    assert (score.recall.hits, score.recall.of) == (1, 3)
    assert (score.hard.hits, score.hard.of) == (0, 2)
