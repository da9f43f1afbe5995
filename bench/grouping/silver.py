"""Silver: one corpus, the truth of each fact with that fact hidden from the engine, and every peer on the same mail."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from bench.grouping import ours, peers
from bench.grouping.gold import Mail
from bench.grouping.pairs import Rows, Score, Share, both, components, count, either, rows_of, v_measure, without
from bench.grouping.reading import Read
from bench.grouping.truth import same_text, truths


@dataclass(frozen=True, slots=True)
class Hidden:
    """One fact hidden: recall over the pairs that it defines, and over those whose masked text differs."""

    kind: str
    recall: Share
    hard: Share
    precision: Share


@dataclass(frozen=True, slots=True)
class Silver:
    """One corpus, against what is one within a wave and what is one ever.

    `full` is ours with nothing hidden, `hidden` with each kind of evidence hidden in turn.
    """

    corpus: str
    messages: int
    full: Score
    full_ever: Score
    hidden: tuple[Hidden, ...]
    peers: dict[str, Score]
    peers_ever: dict[str, Score]
    labels: list[str | None]

    @property
    def left_out(self) -> Hidden:
        """The sum over the facts but text, which has no hard pairs: each judged in the run that hid it."""
        runs = [one for one in self.hidden if one.kind != "text"]
        return Hidden(
            "all",
            _sum([one.recall for one in runs]),
            _sum([one.hard for one in runs]),
            _sum([one.precision for one in runs]),
        )


def _sum(shares: Sequence[Share]) -> Share:
    return Share(sum(share.hits for share in shares), sum(share.of for share in shares))


class Truth:
    """The pairs of one corpus: by fact, all of them, and those that hang together."""

    def __init__(
        self, mails: Sequence[Mail], reads: Sequence[Read], ham: Sequence[Read], *, ever: bool = False
    ) -> None:
        self.by_kind = truths(reads, mails, ham, ever=ever)
        self.same_text = same_text(reads)
        self.all = either(*self.by_kind.values())
        self.hard = without(self.all, self.same_text)
        self.labels = components(len(mails), _edges(self.all))
        self.linked = rows_of(self.labels)

    def score(self, labels: Sequence[Hashable]) -> Score:
        """Precision against what hangs together, recall over the pairs of any fact."""
        found = rows_of(labels)
        return Score(
            Share(both(found, self.linked), count(found)),
            Share(both(found, self.all), count(self.all)),
            Share(both(found, self.hard), count(self.hard)),
            v_measure(self.labels, labels),
        )

    def hidden(self, kind: str, labels: Sequence[Hashable]) -> Hidden:
        """The same with one fact hidden: over the pairs of that fact alone."""
        found, real = rows_of(labels), self.by_kind[kind]
        hard = without(real, self.same_text)
        return Hidden(
            kind,
            Share(both(found, real), count(real)),
            Share(both(found, hard), count(hard)),
            Share(both(found, self.linked), count(found)),
        )


def _edges(rows: Rows) -> list[tuple[int, int]]:
    edges = []
    for at, row in enumerate(rows):
        later = row >> (at + 1)
        if later:
            edges += [(at, at + 1 + step) for step in _bits(later)]
    return edges


def _bits(row: int) -> list[int]:
    found = []
    while row:
        low = row & -row
        found.append(low.bit_length() - 1)
        row ^= low
    return found


def measure(
    name: str, mails: Sequence[Mail], reads: Sequence[Read], *, ham: Sequence[Read], told: Callable[[str], None]
) -> Silver:
    """Everything about one corpus; `told` is called before each part."""
    truth, ever = Truth(mails, reads, ham), Truth(mails, reads, ham, ever=True)
    told(f"{name}: ours, nothing hidden")
    found = ours.evidence_of(mails)
    labels = ours.placed(found, mails)
    told(f"{name}: ours, one kind of evidence hidden at a time")
    hidden = tuple(truth.hidden(kind, ours.placed(ours.hidden(found, kind), mails)) for kind in truth.by_kind)
    grouped: dict[str, Sequence[Hashable]] = {ours.TEN: lone(ours.placed(found, mails, hands=ours.of_ten(len(mails))))}
    for peer, (package, group) in peers.PEERS.items():
        if peers.version(package) is not None:
            told(f"{name}: {peer}")
            grouped[peer] = group(mails, reads)
    return Silver(
        name,
        len(mails),
        truth.score(lone(labels)),
        ever.score(lone(labels)),
        hidden,
        {peer: truth.score(found) for peer, found in grouped.items()},
        {peer: ever.score(found) for peer, found in grouped.items()},
        labels,
    )


def lone(labels: Sequence[str | None]) -> list[Hashable]:
    """Labels in which who is in no campaign is alone."""
    return [label if label is not None else f"alone-{at}" for at, label in enumerate(labels)]
