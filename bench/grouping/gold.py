"""Gold by construction: a seeded stream of made-up mail whose campaigns are known, because we made them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from bench.grouping.letter import START, Letter, write
from bench.grouping.negatives import NEGATIVES
from bench.grouping.operators import OPERATORS, STRENGTHS, foreign, mutant
from bench.grouping.pairs import Share
from bench.grouping.seeds import DAY, person, seeds

ORIGINALS = 3
"""Unchanged copies of each seed, each to another person."""
WAVE_DAYS = 6
"""A made-up campaign lasts this long."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message of a stream: its bytes, when it came (seconds), the campaign it is of, and how it was made."""

    raw: bytes
    at: int
    truth: str
    made: str = ""
    strength: int = 0


def _sent(letter: Letter, truth: str, rng: Random, *, after: int = 0) -> Mail:
    at = letter.at + after + rng.randrange(WAVE_DAYS * DAY)
    dated = replace(letter, at=at)
    return Mail(write(dated, rng), START + at, truth)


def campaigns(rng: Random, copies: int) -> Iterator[Mail]:
    """Every seed: its originals, and `copies` mutants of each operator and strength that applies."""
    for number, seed in enumerate(seeds(rng)):
        truth = f"seed-{number}"
        based = replace(seed, at=rng.randrange(60) * DAY)
        for _ in range(ORIGINALS):
            yield replace(_sent(replace(based, to=person(rng)), truth, rng), made="original")
        for operator in OPERATORS:
            for strength in STRENGTHS:
                for _ in range(copies if operator.applies(based) else 0):
                    changed = mutant(based, operator, strength, rng)
                    yield replace(_sent(changed, truth, rng, after=DAY), made=operator.name, strength=strength)


def apart(rng: Random, pairs: int, copies: int) -> Iterator[Mail]:
    """Every kind of negative, `pairs` times: two campaigns that look alike, `copies` messages each."""
    for kind, make in NEGATIVES.items():
        for number in range(pairs):
            begin = rng.randrange(60) * DAY
            for side, letter in enumerate(make(rng)):
                # In a tongue of its own: two pairs, or a pair and a seed, share no sentence by accident.
                abroad = _abroad(letter, f"{kind}-{number}")
                based = replace(abroad, at=begin + 7 * DAY * side * (kind in _LATER))
                for _ in range(copies):
                    yield replace(_sent(replace(based, to=person(rng)), f"{kind}-{number}-{side}", rng), made=kind)


def _abroad(letter: Letter, tongue: str) -> Letter:
    paragraphs = tuple(foreign(text, tongue) for text in letter.paragraphs)
    return replace(
        letter, paragraphs=paragraphs, subject=foreign(letter.subject, tongue), action=foreign(letter.action, tongue)
    )


_LATER = frozenset({"newsletter issue N and N+1", "patch v1 and v2"})


def stream(seed: int, *, copies: int, pairs: int) -> list[Mail]:
    """The whole gold set in order of arrival; the same arguments give the same bytes."""
    rng = Random(seed)
    made = [*campaigns(rng, copies), *apart(rng, pairs, 4)]
    return sorted(made, key=lambda mail: (mail.at, mail.truth, mail.raw))


def mixed(mails: Sequence[Mail], labels: Sequence[Hashable]) -> dict[str, Share]:
    """Of each kind of negative, the pairs of messages of two mailings that were put together; the fewer the better."""
    sides: dict[str, dict[str, list[Hashable]]] = defaultdict(lambda: {"0": [], "1": []})
    for mail, label in zip(mails, labels, strict=True):
        if mail.made in NEGATIVES:
            pair, side = mail.truth.rsplit("-", 1)
            sides[pair][side].append(label)
    found = {kind: Share(0, 0) for kind in NEGATIVES}
    for pair, both in sides.items():
        kind = pair.rsplit("-", 1)[0]
        hits = sum(one == other for one in both["0"] for other in both["1"])
        found[kind] = Share(found[kind].hits + hits, found[kind].of + len(both["0"]) * len(both["1"]))
    return found
