"""What one more message costs when there are ten thousand campaigns, a hundred thousand, a million.

The campaigns are synthetic fingerprints: random tokens and sketches of the sizes that real ones have, every campaign
seen once; the messages timed are half new ones and half copies that join.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from antiphon.campaign.fingerprint import SLOTS, Fingerprint
from antiphon.campaign.grouping import Arrival, Grouper, MemoryIndex
from antiphon.terms import Identifier, Instant
from bench.grouping.machine import resident_bytes

TIMED = 2_000
BANDS = 25
EVIDENCE = b"tsfllkd"
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


def made(rng: Random) -> Fingerprint:
    """A fingerprint like that of a message of a campaign of its own."""
    sketch = rng.randbytes(SLOTS)
    bands = tuple(b"b" + rng.randbytes(7) for _ in range(BANDS))
    evidence = tuple(bytes([kind]) + rng.randbytes(7) for kind in EVIDENCE)
    return Fingerprint(120, sketch, b"", bands, evidence, "synthetic subject of one campaign", False)


def measure(levels: tuple[int, ...], told: Callable[[str], None]) -> list[Level]:
    """Fills one index up to each level in turn and times TIMED messages of each sort there."""
    rng, grouper, found, count = Random(9), Grouper(MemoryIndex()), [], 0
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
            one = made(rng)
            if level - count <= TIMED:
                known.append(one)
            place(one)
        fresh, again = [made(rng) for _ in range(TIMED)], known[-TIMED:]
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
