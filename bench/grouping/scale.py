"""What one more message costs when there are ten thousand campaigns, a hundred thousand, a million.

The campaigns are synthetic fingerprints: random tokens and sketches of the sizes that real ones have, every campaign
seen once; the messages timed are half new ones and half copies that join.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from random import Random

from antiphon.campaign.fingerprint import Fingerprint
from antiphon.campaign.grouping import Arrival, Grouper, MemoryIndex
from antiphon.terms import Identifier, Instant
from bench.grouping import ours
from bench.grouping.gold import stream
from bench.grouping.machine import resident_bytes

TIMED = 2_000
_BEGIN = 1_780_000_000_000_000
_STEP = 2_000_000
"""Two seconds between messages: a million campaigns within the horizon of a month."""


@dataclass(frozen=True, slots=True)
class Level:
    """At so many campaigns: microseconds a message that joins, one that opens, and memory."""

    campaigns: int
    joining_us: float
    opening_us: float
    resident_bytes: int
    seconds: float
    joined: int


def made(like: Fingerprint, rng: Random) -> Fingerprint:
    """A fingerprint of the shape of another, of a message of a campaign of its own."""
    changed: dict[str, bytes | tuple[bytes, ...]] = {}
    for one in fields(like):
        value = getattr(like, one.name)
        if isinstance(value, bytes):
            changed[one.name] = rng.randbytes(len(value))
        elif isinstance(value, tuple):
            changed[one.name] = tuple(token[:1] + rng.randbytes(len(token) - 1) for token in value)
    return replace(like, **changed)  # type: ignore[arg-type]  # each of the type that stood there


def measure(levels: tuple[int, ...], told: Callable[[str], None]) -> list[Level]:
    """Fills one index up to each level in turn and times TIMED messages of each sort there."""
    rng, grouper, found, count = Random(9), Grouper(MemoryIndex()), [], 0
    like = ours.evidence(stream(1, copies=0, pairs=1)[0].raw)
    assert like is not None
    known: list[Fingerprint] = []
    begun = time.process_time()

    def place(print_: Fingerprint) -> bool:
        nonlocal count
        count += 1
        return grouper.place(
            print_, Arrival(Instant(_BEGIN + count * _STEP), Identifier(count.to_bytes(16, "big")))
        ).opened

    gc.disable()
    for level in levels:
        told(f"scale: {level} campaigns")
        while count < level:
            one = made(like, rng)
            if level - count <= TIMED:
                known.append(one)
            place(one)
        fresh, again = [made(like, rng) for _ in range(TIMED)], known[-TIMED:]
        before = time.process_time()
        joined = sum(not place(replace(one, title="")) for one in again)
        between = time.process_time()
        for one in fresh:
            place(one)
        after = time.process_time()
        found.append(
            Level(
                level,
                (between - before) / len(again) * 1e6,
                (after - between) / len(fresh) * 1e6,
                resident_bytes(),
                after - begun,
                joined,
            )
        )
    gc.enable()
    return found
