"""Where the weights of evidence come from: how often each kind agrees in one mailing, and how often in strangers.

    python -m bench.grouping.weights

*One mailing* are pairs of unwanted mail that a plain fact of another kind proves: for landing domains the same file,
account or masked text, for all else the same account, file or landing domain with another masked text. *Strangers* are
pairs that can not be one mailing: ham of two authors, and ham with unwanted mail. *One trade* are pairs of unwanted
mail of one corpus and two months that hang together by no fact; some are one mailing all the same, so that these
weights are too low where texts agree. A weight is the binary logarithm of the one share to the other, each counted with
half a pair more than there was, so that what was never seen weighs no more than the count of pairs can carry. Carriers
are counted over what hangs together by facts. The blind sample has no part in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log2
from random import Random

from antiphon.campaign.build import author_of
from antiphon.campaign.fingerprint import Fingerprint
from antiphon.campaign.grouping import COMMON
from antiphon.campaign.likeness import Likeness
from antiphon.campaign.remembered import Band, Campaign, compare, piece_of
from antiphon.errors import MalformedInput
from antiphon.formats.message import parse_message
from antiphon.terms import Instant
from bench.grouping import corpora, ours
from bench.grouping.gold import Mail
from bench.grouping.pairs import Rows, either, without
from bench.grouping.reading import read
from bench.grouping.silver import Truth

PAIRS = 20_000
"""Pairs of one corpus and fact that are looked at, chosen by seed."""
STRANGERS = 400_000
"""Pairs of strangers that are looked at, of each sort."""
TRADE_DAYS = 60


def _steps(name: str, of: Callable[[Likeness], float], edges: Sequence[float]) -> list[Level]:
    pairs = zip(edges, [*edges[1:], float("inf")], strict=True)
    return [
        Level(name, f"{low:g} or more", lambda like, low=low, high=high: low <= of(like) < high) for low, high in pairs
    ]


@dataclass(frozen=True, slots=True)
class Level:
    """One kind of evidence at one level, and whether a pair stands there."""

    kind: str
    level: str
    holds: Callable[[Likeness], bool]


LEVELS: tuple[Level, ...] = (
    *_steps("text", lambda like: like.text, (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.65, 0.8)),
    *_steps("phrases", lambda like: like.phrases, (0.0, 0.1, 1, 2, 3, 5, 8, 16)),
    *_steps("vocabulary", lambda like: like.vocabulary, (0.0, 0.03, 0.06, 0.1, 0.2, 0.3, 0.5, 0.7)),
    Level("copy", "same", lambda like: like.same_words > 0),
    Level("subject", "same", lambda like: like.subject > 0),
    Level("subject", "other", lambda like: not like.subject and like.other_subject),
    Level("file", "same", lambda like: like.documents > 0),
    Level("picture", "same", lambda like: like.images > 0),
    Level("frame", "same", lambda like: like.frame > 0),
    Level("structure", "same", lambda like: like.same_structure),
    Level("structure", "other", lambda like: not like.same_structure),
    Level("landing", "same", lambda like: like.landings > 0),
    Level("landing", "other", lambda like: not like.landings and like.other_landing),
    Level("account", "same", lambda like: like.accounts > 0),
    Level("account", "other", lambda like: not like.accounts and like.other_account),
    Level("author", "same", lambda like: like.same_author),
    Level("signer", "same", lambda like: like.signers > 0),
)
LANDING_LEVELS = frozenset({"landing"})

Prints = Sequence[Fingerprint | None]


class Pool:
    """Messages that are compared with one another, and in how many mailings each token is."""

    def __init__(self, mails: Sequence[Mail], prints: Prints, mailing: Sequence[object]) -> None:
        self.mails, self.prints = mails, prints
        carriers: dict[bytes, set[object]] = defaultdict(set)
        for print_, label in zip(prints, mailing, strict=True):
            for token in print_.tokens if print_ else ():
                if len(carriers[token]) <= COMMON:
                    carriers[token].add(label)
        self.carriers = {token: len(found) for token, found in carriers.items() if len(found) <= COMMON}

    def like(self, one: int, other: int) -> Likeness | None:
        """How the two compare, as if they had come on one day; None where one has no fingerprint."""
        first, second = self.prints[one], self.prints[other]
        if first is None or second is None or first.conversation or second.conversation:
            return None
        at = Instant(0)
        campaign = Campaign(b"", at, at, at, 1, "", piece_of(first), 0)
        shared = {
            Band(token, b"", at): max(self.carriers[token] - 1, 1)
            for token in {*first.tokens} & {*second.tokens}
            if token in self.carriers
        }
        return compare(second, campaign, shared, at)


def _pairs(rows: Rows, most: int, rng: Random) -> Iterator[tuple[int, int]]:
    chosen = []
    for at, row in enumerate(rows):
        later, place = row >> (at + 1), at + 1
        while later:
            low = later & -later
            chosen.append((at, place + low.bit_length() - 1))
            later ^= low
    yield from chosen if len(chosen) <= most else rng.sample(chosen, most)


def count(pool: Pool, pairs: Iterator[tuple[int, int]]) -> tuple[Counter[int], int]:
    """How many of the pairs stand at each level, and how many pairs there were."""
    found: Counter[int] = Counter()
    seen = 0
    for one, other in pairs:
        like = pool.like(one, other)
        if like is None:
            continue
        seen += 1
        found.update(at for at, level in enumerate(LEVELS) if level.holds(like))
    return found, seen


def bits(hits: int, of: int, strange: int, strangers: int) -> float:
    """The weight, with half a pair added to each count."""
    return log2((hits + 0.5) / (of + 1)) - log2((strange + 0.5) / (strangers + 1))


Counted = tuple[Counter[int], int]


def _trade(pool: Pool, labels: Sequence[object], rng: Random) -> Iterator[tuple[int, int]]:
    """Pairs of one corpus that hang together by no fact."""
    for _ in range(STRANGERS // 2):
        a, b = rng.randrange(len(labels)), rng.randrange(len(labels))
        if labels[a] != labels[b] and abs(pool.mails[a].at - pool.mails[b].at) < TRADE_DAYS * 86_400:
            yield a, b


def measured(rng: Random) -> tuple[dict[bool, Counted], Counted, Counted]:
    """How many pairs of one mailing (of landing domains, of all else), of one trade and of strangers stand at a level,
    each with how many pairs there were."""
    spam = {name: corpora.read_folder(name) for name in corpora.DEVELOPMENT}
    ham = [mail for name in corpora.HAM for mail in corpora.read_folder(name)]
    reads = {name: [read(mail.raw) for mail in mails] for name, mails in spam.items()}
    innocent = [read(mail.raw) for mail in ham]
    one: dict[bool, Counted] = {True: (Counter(), 0), False: (Counter(), 0)}
    trade: Counted = (Counter(), 0)
    prints: dict[str, Prints] = {}
    labels: list[object] = []
    for name, mails in spam.items():
        truth = Truth(mails, reads[name], innocent)
        prints[name] = ours.evidence_of(mails)
        pool = Pool(mails, prints[name], truth.labels)
        labels += [(name, label) for label in truth.labels]
        facts = truth.by_kind
        same = either(facts["account"], facts["attachment"], facts["text"])
        hard = without(either(facts["account"], facts["attachment"], facts["landing"]), truth.same_text)
        for rows, landing in ((same, True), (hard, False)):
            found, seen = count(pool, _pairs(rows, PAIRS, rng))
            one[landing] = (one[landing][0] + found, one[landing][1] + seen)
        found, seen = count(pool, _trade(pool, truth.labels, rng))
        trade = (trade[0] + found, trade[1] + seen)
    of_ham = ours.evidence_of(ham)
    authors = [_author(mail) for mail in ham]
    every = [*(mail for mails in spam.values() for mail in mails), *ham]
    pool = Pool(every, [*(p for found in prints.values() for p in found), *of_ham], [*labels, *range(len(ham))])
    first = len(every) - len(ham)

    def strangers() -> Iterator[tuple[int, int]]:
        for _ in range(STRANGERS):
            a, b = rng.randrange(first, len(every)), rng.randrange(len(every))
            if b < first or (authors[a - first] and authors[b - first] and authors[a - first] != authors[b - first]):
                yield a, b

    return one, trade, count(pool, strangers())


def _author(mail: Mail) -> str:
    try:
        return author_of(parse_message(mail.raw))
    except MalformedInput:
        return ""


def main() -> None:
    """The table, on the terminal."""
    one, (trade, of_trade), (strange, of_strange) = measured(Random(20261126))
    print("| evidence | level | one mailing | one trade | strangers | bits, one trade | bits, strangers |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for at, level in enumerate(LEVELS):
        found, of = one[level.kind in LANDING_LEVELS]
        counted = ((found[at], of), (trade[at], of_trade), (strange[at], of_strange))
        shares = [f"{hits / total:.6f}" for hits, total in counted]
        weights = [f"{bits(*counted[0], *others):+.1f}" for others in counted[1:]]
        print(f"| {level.kind} | {level.level} | {' | '.join([*shares, *weights])} |")


if __name__ == "__main__":
    main()
