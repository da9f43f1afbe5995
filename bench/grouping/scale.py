"""What one more message costs when there are ten thousand campaigns, a hundred thousand, a million.

The campaigns are synthetic fingerprints: random tokens and sketches of the sizes that real ones have, every campaign
seen once; the messages timed are half new ones and half copies that join. Once with all of it in memory, as `antiphon
group` has it; once in the node's own store, where each message is a transaction that is on disk before the next.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from random import Random

from antiphon.backends.sqlite import SqliteStore, migrate, schema_sql
from antiphon.campaign.fingerprint import Fingerprint
from antiphon.campaign.grouping import Arrival, Grouper, MemoryIndex, place
from antiphon.desk.place import StoreIndex
from antiphon.ports import CABINETS, Transaction
from antiphon.terms import Identifier, Instant
from bench.grouping import ours
from bench.grouping.gold import stream
from bench.grouping.machine import available_bytes, resident_bytes

TIMED = 2_000
FILLED = 1_000
_BEGIN = 1_780_000_000_000_000
_STEP = 2_000_000
"""Two seconds between messages: a million campaigns within the horizon of a month."""


@dataclass(frozen=True, slots=True)
class Level:
    """At so many campaigns: microseconds a message that joins, one that opens, and memory.

    None where the machine has not twice the memory that it would take; `resident_bytes` is then reckoned, not measured.
    """

    campaigns: int
    joining_us: float | None
    opening_us: float | None
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
    rng, index, found, count = Random(9), MemoryIndex(max(levels) + 8 * TIMED), [], 0
    grouper = Grouper(index)
    like = ours.evidence(stream(1, copies=0, pairs=1)[0].raw)
    assert like is not None
    known: list[Fingerprint] = []
    begun = time.process_time()

    def arrival() -> Arrival:
        nonlocal count
        count += 1
        return Arrival(Instant(_BEGIN + count * _STEP), Identifier(count.to_bytes(16, "big")))

    gc.disable()
    for level in levels:
        needed = level * (found[-1].resident_bytes // found[-1].campaigns) if found else 0
        if needed > available_bytes() // 2:
            told(f"scale: {level} campaigns left out, they would take {needed >> 30} GiB")
            found.append(Level(level, None, None, needed, 0.0, 0))
            break
        told(f"scale: {level} campaigns")
        while count < level:
            one = made(like, rng)
            if level - count <= TIMED:
                known.append(one)
            # Nothing like it is there, so the look-up of what is timed below is left out here.
            opened = place(one, (), {}, arrival())
            index.remember(opened.campaign, opened.bands)
        fresh, again = [made(like, rng) for _ in range(TIMED)], known[-TIMED:]
        before = time.process_time()
        joined = sum(not grouper.place(one, arrival()).opened for one in again)
        between = time.process_time()
        for one in fresh:
            grouper.place(one, arrival())
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


def measure_kept(levels: tuple[int, ...], told: Callable[[str], None]) -> list[Level]:
    """The same in the node's store, a file in a folder of its own; memory is what this process has more than before.

    Campaigns are filled in FILLED at a time; the time of those is not counted."""
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as folder:
        return asyncio.run(_kept(Path(folder), levels, told))


async def _kept(folder: Path, levels: tuple[int, ...], told: Callable[[str], None]) -> list[Level]:
    path, rng, found = str(folder / "node.db"), Random(9), list[Level]()
    migrate(path, [schema_sql(CABINETS)], folder / "snapshots")
    like = ours.evidence(stream(1, copies=0, pairs=1)[0].raw)
    assert like is not None
    filled, names, before, begun = 0, itertools.count(1), resident_bytes(), time.process_time()
    known = [made(like, rng) for _ in range(TIMED)]

    def arrival() -> Arrival:
        number = next(names)
        return Arrival(Instant(_BEGIN + number * _STEP), Identifier(number.to_bytes(16, "big")))

    async with SqliteStore(path, CABINETS) as store:

        async def timed(prints: list[Fingerprint]) -> tuple[float, int]:
            start, joined = time.process_time(), 0
            for one in prints:
                placed = await store.write(lambda tx, one=one: Grouper(StoreIndex(tx)).place(one, arrival()))
                joined += not placed.opened
            return (time.process_time() - start) / len(prints) * 1e6, joined

        async def fill(prints: list[Fingerprint]) -> None:
            def work(tx: Transaction) -> None:
                for one in prints:
                    opened = place(one, (), {}, arrival())
                    StoreIndex(tx).remember(opened.campaign, opened.bands)

            await store.write(work)

        for level in levels:
            told(f"scale, in the store: {level} campaigns")
            while filled < level - TIMED:
                await fill([made(like, rng) for _ in range(FILLED)])
                filled += FILLED
            await fill(known)
            filled += TIMED
            joining, joined = await timed(known)
            known = [made(like, rng) for _ in range(TIMED)]
            opening, _ = await timed(known)
            took = time.process_time() - begun
            found.append(Level(level, joining, opening, resident_bytes() - before, took, joined))
            known = [made(like, rng) for _ in range(TIMED)]
    return found
