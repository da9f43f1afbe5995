"""What one mailbox that reports what it likes can do to the campaigns of the others, with and without its limit.

It knows every rule and text, only not the secret seed, and all of its mail is reported and accepted, as if it had
written the mail itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from antiphon.campaign.grouping import Arrival, Grouper, MemoryIndex
from antiphon.campaign.remembered import hand_of
from antiphon.terms import Identifier, Instant
from bench.grouping import ours
from bench.grouping.adversary import WAYS
from bench.grouping.letter import START, Letter, write
from bench.grouping.seeds import person, seed
from bench.grouping.wording import TOPICS

CORE, LATER = 10, 5
"""Messages of the campaign that others report, each by a mailbox of its own; and of the mailing that comes after."""
BUDGETS = (1, 4, 16, 64)
RUNS = 3
Make = Callable[[Letter, Letter, int], Iterator[Letter]]
Hands = Callable[[int], bytes]
"""Whose report the n-th injected message is."""
LIMITS: dict[str, Hands] = {
    "no limit": lambda number: b"",
    "one mailbox": lambda number: hand_of(b"evil"),
    "one mailbox a message": lambda number: hand_of(b"evil %d" % number),
}


@dataclass(frozen=True, slots=True)
class Led:
    """One thing to do, and by the limit how many of so many messages of others it put where they do not belong, with
    the budget that did most, over all runs."""

    way: str
    moved: dict[str, int]
    tried: int


def led(seed_: int) -> list[Led]:
    """To lead a campaign to another text before that one is known; to drag single mails of others into one."""
    found = []
    for way, make in WAYS.items():
        moved = {name: sum(_most_led(Random(seed_ + run), make, hands) for run in range(RUNS))
                 for name, hands in LIMITS.items()}  # fmt: skip
        found.append(Led(f"led to another text: {way}", moved, RUNS * LATER))
    for way, make in WAYS.items():
        moved = {name: sum(_dragged(Random(seed_ + run), make, hands) for run in range(RUNS))
                 for name, hands in LIMITS.items()}  # fmt: skip
        found.append(Led(f"single mails dragged in, one message each: {way}", moved, RUNS * (len(TOPICS) - 1)))
    return found


def _most_led(rng: Random, make: Make, hands: Hands) -> int:
    one, other = (seed(topic, 0, rng) for topic in (TOPICS[0], TOPICS[2]))
    most = 0
    for budget in BUDGETS:
        injected = [*make(one, other, budget)]
        names = _played([*[one] * CORE, *injected, *[other] * LATER], CORE, len(injected), hands)
        most = max(most, sum(name == names[0] for name in names[-LATER:]))
    return most


def _dragged(rng: Random, make: Make, hands: Hands) -> int:
    one, *lone = (seed(topic, 0, rng) for topic in TOPICS)
    injected = [next(iter(make(one, each, 1))) for each in lone]
    names = _played([*[one] * CORE, *lone, *injected], CORE + len(lone), len(injected), hands)
    return sum(name == names[0] for name in names[CORE : CORE + len(lone)])


def _played(stream: Sequence[Letter], first: int, count: int, hands: Hands) -> list[bytes]:
    """The campaign of each message in the end; those from `first` on, so many, are the adversary's."""
    rng, index = Random(len(stream)), MemoryIndex()
    grouper, names = Grouper(index), []
    for at, letter in enumerate(stream):
        print_ = ours.evidence(write(replace(letter, to=person(rng), at=at * 600), rng))
        own = first <= at < first + count
        arrival = Arrival(
            Instant((START + at * 600) * 1_000_000), Identifier(at.to_bytes(16, "big")),
            hands(at - first) if own else hand_of(b"other %d" % at),
        )  # fmt: skip
        if print_ is not None:
            names.append(grouper.place(print_, arrival).campaign.id)
    return [index.name_of(name) for name in names]
