"""The grouper's index in the store: the same rows however many there are, and the same campaigns as in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.backends.memory import MemoryStore
from antiphon.backends.sqlite import SqliteStore, migrate, schema_sql
from antiphon.campaign.grouping import COMMON, HORIZON, Arrival, Grouper, MemoryIndex
from antiphon.campaign.remembered import OF_ONE, Band, hand_of
from antiphon.campaign.remembered import Campaign as Kept
from antiphon.desk.place import MOST_TOGETHER, StoreIndex, placer
from antiphon.ports import CABINETS, Store
from antiphon.terms import DAY, Instant
from tests.unit.campaign.mail import OFFER, STRANGER, fresh, hour, mail, print_of
from tests.unit.desk.household import Household

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
    for number in range(count):
        memory.remember(campaign(number), ())
    memory.remember(campaign(0), bands)
    await store.write(lambda tx: StoreIndex(tx).remember(campaign(0), bands))
    found = await store.read(lambda tx: list(StoreIndex(tx).lookup(tokens, NOW)))
    assert sorted(found, key=repr) == sorted(memory.lookup(tokens, NOW), key=repr)


MAILS = [
    mail(f"Hello {name}! {text}", author=author, subject=subject, link=f"https://{name}.example/")
    for name in ("anna", "bert", "cleo")
    for text, author, subject in (
        (OFFER, "offers@orchard.example", "Garden furniture clearance this week"),
        (STRANGER, "clerk@harbour.example", "Harbour committee in April"),
        (" ".join(reversed(STRANGER.split())), "c@three.example", "Words the other way round"),
    )
]


async def _placed(store: Store, numbers: range) -> list[bytes]:
    prints = {number: print_of(MAILS[number]) for number in numbers}
    return [
        await store.write(
            lambda tx, at=number: Grouper(StoreIndex(tx)).place(prints[at], Arrival(hour(at), fresh(at))).campaign.id
        )
        for number in numbers
    ]


@pytest.mark.parametrize(("members", "limited"), [(1, False), (2, True)])
async def test_who_reports_is_limited_where_there_are_others(members: int, limited: bool) -> None:
    """What one member changed stands in the store; whoever is alone leads nobody elsewhere, and is not limited."""
    home = await Household().open()
    for number in range(members - 1):
        await home.enrol(f"m{number}@home.example")
    ann, place, names = await home.member(), placer(iter(map(fresh, range(1, 99))).__next__), set()
    for number in range(4):
        print_ = print_of(mail(OFFER, link=f"https://shop{number}.example/1"))
        at = hour(number)
        put = await home.store.write(lambda tx, p=print_, at=at: place(tx, p, at, ann.member))
        names.add(put.campaign)
    (kept,) = await home.all(Kept)
    assert names == {kept.id} and kept.messages == 4
    assert kept.hands == (hand_of(ann.member) * OF_ONE if limited else b"")


async def test_the_store_gives_the_campaigns_that_memory_gives(tmp_path: Path) -> None:
    """Also when the node is started anew in the middle."""
    index = MemoryIndex()
    grouper = Grouper(index)
    inside = [grouper.place(print_of(raw), Arrival(hour(at), fresh(at))).campaign.id for at, raw in enumerate(MAILS)]
    path = str(tmp_path / "node.db")
    migrate(path, [schema_sql(CABINETS)], tmp_path / "snapshots")
    store = SqliteStore(path, CABINETS)
    kept = await _placed(store, range(5))
    await store.close()
    store = SqliteStore(path, CABINETS)
    kept += await _placed(store, range(5, len(MAILS)))
    now = await store.read(lambda tx: [StoreIndex(tx).campaign(name) for name in kept])
    await store.close()
    assert [each.id for each in now] == [index.campaign(name).id for name in inside]
    assert now == [index.campaign(name) for name in inside]
    assert 1 < len({each.id for each in now}) < len(MAILS)
