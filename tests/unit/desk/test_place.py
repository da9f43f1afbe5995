"""The grouper's index in the store: the same rows however many there are."""

from __future__ import annotations

import pytest

from antiphon.backends.memory import MemoryStore
from antiphon.campaign.grouping import COMMON, HORIZON, Band, MemoryIndex
from antiphon.campaign.grouping import Campaign as Kept
from antiphon.desk.place import MOST_TOGETHER, StoreIndex
from antiphon.ports import CABINETS
from antiphon.terms import DAY, Instant

NOW = Instant(1_000 * DAY)


def campaign(number: int) -> Kept:
    """A campaign without content."""
    return Kept(number.to_bytes(16, "big"), NOW, NOW, NOW, 1, "", b"", 0)


def rows(count: int) -> list[Band]:
    """One common token in `count` campaigns, one in a single one, and one that was seen too long ago."""
    bands = [Band(b"common..", n.to_bytes(16, "big"), NOW - n) for n in range(count)]
    return [
        *bands,
        Band(b"rare....", bytes(16), NOW - HORIZON),
        Band(b"old.....", bytes(16), NOW - HORIZON - 1),
        Band(b"later...", bytes(16), NOW + HORIZON),
        Band(b"too late", bytes(16), NOW + HORIZON + 1),
    ]


@pytest.mark.parametrize(
    "count", [1, COMMON, COMMON + 1, COMMON + 2, MOST_TOGETHER - 3, MOST_TOGETHER, MOST_TOGETHER + 9]
)
async def test_the_newest_rows_of_each_token_are_found(count: int) -> None:
    """Within the horizon, as many as show that a token is common; below the limit of one look, at it and past it."""
    store, bands = MemoryStore(CABINETS), rows(count)
    tokens = sorted({band.token for band in bands})
    await store.write(lambda tx: StoreIndex(tx).remember(campaign(0), bands))
    found = await store.read(lambda tx: list(StoreIndex(tx).lookup(tokens, NOW)))
    common = [band for band in bands if band.token == b"common.."][: COMMON + 1]
    near = [band for band in bands if band.token in (b"rare....", b"later...")]
    assert sorted(found, key=repr) == sorted([*common, *near], key=repr)


async def test_the_index_in_memory_finds_the_same(count: int = COMMON + 5) -> None:
    """Both indexes keep one promise."""
    store, memory, bands = MemoryStore(CABINETS), MemoryIndex(), rows(count)
    tokens = sorted({band.token for band in bands})
    memory.remember(campaign(0), bands)
    await store.write(lambda tx: StoreIndex(tx).remember(campaign(0), bands))
    found = await store.read(lambda tx: list(StoreIndex(tx).lookup(tokens, NOW)))
    assert sorted(found, key=repr) == sorted(memory.lookup(tokens, NOW), key=repr)
