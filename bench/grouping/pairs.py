"""Counting pairs: precision, recall, their bounds, and the two measures that papers quote."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import log, sqrt

Rows = list[int]
"""A relation on n things: bit j of row i says that i and j belong together. Symmetric; a thing is not its own pair."""


def rows_of(labels: Sequence[Hashable]) -> Rows:
    """Together is who has the same label; None is with nobody."""
    masks: dict[Hashable, int] = defaultdict(int)
    for at, label in enumerate(labels):
        if label is not None:
            masks[label] |= 1 << at
    return [masks[label] & ~(1 << at) if label is not None else 0 for at, label in enumerate(labels)]


def either(*relations: Rows) -> Rows:
    """Pairs of at least one relation."""
    joined = list(relations[0])
    for rows in relations[1:]:
        joined = [one | other for one, other in zip(joined, rows, strict=True)]
    return joined


def count(rows: Rows) -> int:
    """How many pairs."""
    return sum(row.bit_count() for row in rows) // 2


def both(one: Rows, other: Rows) -> int:
    """How many pairs are in both."""
    return sum((a & b).bit_count() for a, b in zip(one, other, strict=True)) // 2


def without(one: Rows, other: Rows) -> Rows:
    """The pairs of `one` that are not in `other`."""
    return [a & ~b for a, b in zip(one, other, strict=True)]


def components(size: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """Single linkage: a label for each thing, the smallest number of those that it hangs together with."""
    up = list(range(size))

    def top(at: int) -> int:
        while up[at] != at:
            up[at] = up[up[at]]
            at = up[at]
        return at

    for one, other in edges:
        a, b = top(one), top(other)
        if a != b:
            up[max(a, b)] = min(a, b)
    return [top(at) for at in range(size)]


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a proportion (E. B. Wilson, 1927)."""
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = z * sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """The proportion; None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return wilson(self.hits, self.of)


@dataclass(frozen=True, slots=True)
class Score:
    """How one way to group did against one truth."""

    precision: Share
    recall: Share
    hard: Share
    v: float


def judge(predicted: Sequence[Hashable], truth: Sequence[Hashable], masked: Sequence[Hashable]) -> Score:
    """Against labels; `hard` counts only pairs whose masked text differs."""
    found, real = rows_of(predicted), rows_of(truth)
    hard = without(real, rows_of(masked))
    hits = both(found, real)
    return Score(
        Share(hits, count(found)),
        Share(hits, count(real)),
        Share(both(found, hard), count(hard)),
        v_measure(truth, predicted),
    )


def _entropy(counts: Iterable[int], of: int) -> float:
    return -sum(c / of * log(c / of) for c in counts if c)


def v_measure(truth: Sequence[Hashable], predicted: Sequence[Hashable]) -> float:
    """The harmonic mean of homogeneity and completeness (A. Rosenberg, J. Hirschberg, 2007)."""
    lone = [object() if label is None else label for label in predicted]
    of = len(truth)
    cells, real, found = Counter(zip(truth, lone, strict=True)), Counter(truth), Counter(lone)
    h_real, h_found = _entropy(real.values(), of), _entropy(found.values(), of)
    mutual = h_real + h_found - _entropy(cells.values(), of)
    homogeneity = mutual / h_real if h_real else 1.0
    completeness = mutual / h_found if h_found else 1.0
    return 2 * homogeneity * completeness / (homogeneity + completeness) if homogeneity + completeness else 0.0


def ari(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    """The adjusted Rand index of two groupings (L. Hubert, P. Arabie, 1985)."""

    def two(counts: Iterable[int]) -> int:
        return sum(c * (c - 1) // 2 for c in counts)

    cells = two(Counter(zip(one, other, strict=True)).values())
    a, b = two(Counter(one).values()), two(Counter(other).values())
    of = len(one) * (len(one) - 1) // 2
    expected = a * b / of if of else 0.0
    return (cells - expected) / ((a + b) / 2 - expected) if (a + b) / 2 != expected else 1.0
