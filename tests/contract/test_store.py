"""The promises of the port `Store`, shown on every backend that implements it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from antiphon.backends.memory import MemoryStore
from antiphon.backends.sqlite import SqliteStore, migrate, schema_sql
from antiphon.errors import AlreadyTaken, StorageFailed
from antiphon.ports import Cabinet, Store, Transaction
from antiphon.terms import Identifier


class Mood(StrEnum):
    """A state, as records have them."""

    CALM = "calm"
    CROSS = "cross"


@dataclass(frozen=True, slots=True)
class Item:
    """One of each type that a field may have; `index` and `case` are words of SQL too."""

    item: Identifier
    case: str
    mood: Mood
    index: int
    at: int | None
    nick: str | None
    open: bool
    maybe: bool | None
    last: Mood | None
    blob: bytes | None


@dataclass(frozen=True, slots=True)
class Place:
    """A record that is all key, of two fields."""

    level: int
    spot: str


@dataclass(frozen=True, slots=True)
class Count:
    """A record under a number."""

    number: int
    value: int


ITEM_CABINET = Cabinet(Item, "item", ("item",), (("nick",), ("case", "index")), (("mood", "at"), ("case",)))
CABINETS = (ITEM_CABINET, Cabinet(Place, "place", ("level", "spot")), Cabinet(Count, "count", ("number",)))


def item(number: int, **other: Any) -> Item:
    """An item whose fields follow from its number, except those that are given."""
    plain = Item(name(number), f"c{number % 2}", Mood.CALM, number, None, None, False, None, None, None)
    return replace(plain, **other)


def name(number: int) -> Identifier:
    """The key of an item."""
    return Identifier(number.to_bytes(16))


def open_memory(_: Path) -> Store:
    """A store in memory."""
    return MemoryStore(CABINETS)


def open_sqlite(folder: Path) -> Store:
    """A store in a file."""
    path = str(folder / "store.db")
    migrate(path, [schema_sql(CABINETS)], folder / "snapshots")
    return SqliteStore(path, CABINETS)


OPENERS = {"memory": open_memory, "sqlite": open_sqlite}


@pytest.fixture(params=OPENERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each backend in turn, empty."""
    opened = OPENERS[request.param](tmp_path)
    yield opened
    await opened.close()


async def add(store: Store, *records: object) -> None:
    """Adds records in one transaction."""

    def work(transaction: Transaction) -> None:
        for record in records:
            transaction.add(record)

    await store.write(work)


async def numbers(store: Store, **how: Any) -> list[int]:
    """The numbers of the items found."""
    found = await store.read(lambda t: t.find(Item, **how))
    return [each.index for each in found]


async def test_a_record_comes_back_as_it_was(store: Store) -> None:
    """Every type of field survives, None and empty values too, and the types are those of the record."""
    full = item(1, at=-5, nick="", mood=Mood.CROSS, open=True, maybe=False, last=Mood.CALM, blob=b"")
    bare = item(2, at=2**63 - 1, nick="ä\0🎵", blob=bytes(range(256)))
    await add(store, full, bare, Place(1, "x"))
    found = [await store.read(lambda t, n=n: t.get(Item, name(n))) for n in (1, 2)]
    assert found == [full, bare]
    assert found[0] is not None
    assert (type(found[0].mood), type(found[0].open), found[0].maybe, found[0].last) == (Mood, bool, False, Mood.CALM)
    assert await store.read(lambda t: t.get(Place, 1, "x")) == Place(1, "x")


async def test_what_is_not_there_is_none(store: Store) -> None:
    """A key without a record gives None, an empty cabinet an empty list, no count and no least value."""
    assert await store.read(lambda t: t.get(Item, name(1))) is None
    assert await store.read(lambda t: (t.find(Item), t.count(Item), t.least(Item, "at"))) == ([], 0, None)


async def test_what_was_read_before_a_change_is_read_as_changed_after_it(store: Store) -> None:
    """Within a transaction a key is read anew after each kind of change, and after one that was refused."""

    def work(t: Transaction) -> list[Item | None]:
        seen = [t.get(Item, name(1))]
        for change in (lambda: t.add(item(1)), lambda: t.put(item(1, at=7)), lambda: t.drop(Item, name(1))):
            change()
            seen.append(t.get(Item, name(1)))
            assert t.find(Item) == [each for each in seen[-1:] if each] and t.count(Item, at=7) == (len(seen) == 3)
        t.add(item(1, at=9))
        with pytest.raises(AlreadyTaken):
            t.add(item(1))
        return [*seen, t.get(Item, name(1))]

    assert await store.write(work) == [None, item(1), item(1, at=7), None, item(1, at=9)]
    assert await store.read(lambda t: (t.get(Item, name(1)), t.get(Item, name(1)))) == (item(1, at=9),) * 2


@pytest.mark.parametrize(
    "again", [item(1, index=9), item(9, nick="pat"), item(9, case="c1", index=1)], ids=["key", "unique", "pair"]
)
async def test_what_is_taken_is_refused_and_the_transaction_stays_usable(store: Store, again: Item) -> None:
    """A second key or unique value raises AlreadyTaken, changes nothing, and the same transaction goes on."""
    await add(store, item(1, nick="pat"))

    def work(t: Transaction) -> list[Item]:
        with pytest.raises(AlreadyTaken):
            t.add(again)
        t.add(item(2))
        return t.find(Item)

    assert await store.write(work) == [item(1, nick="pat"), item(2)]
    assert await numbers(store) == [1, 2]


async def test_put_replaces_its_own_and_never_takes_from_another(store: Store) -> None:
    """put changes the record with its key; a unique value of another record raises AlreadyTaken and nothing goes."""
    await add(store, item(1, nick="pat"), item(2), Count(1, 1), Place(1, "x"))

    def work(t: Transaction) -> None:
        t.put(item(1, nick="pat", at=3))
        t.put(Count(1, 2))
        t.put(Place(1, "x"))
        with pytest.raises(AlreadyTaken):
            t.put(item(2, nick="pat"))

    await store.write(work)
    assert await store.read(lambda t: t.find(Item)) == [item(1, nick="pat", at=3), item(2)]
    assert await store.read(lambda t: (t.get(Count, 1), t.count(Place))) == (Count(1, 2), 1)


async def test_none_is_never_taken(store: Store) -> None:
    """Any number of records may have None in a unique group, and one that gives its value up frees it."""
    await add(store, item(1), item(2), item(3, nick="pat"))
    await store.write(lambda t: (t.put(item(3)), t.add(item(4, nick="pat")), t.drop(Item, name(4))))
    await add(store, item(5, nick="pat"))
    assert await numbers(store, nick=None) == [1, 2, 3]


async def test_an_error_undoes_the_whole_write(store: Store) -> None:
    """When the work raises, nothing has changed and the same error comes out."""
    await add(store, item(1, nick="pat"), item(2))
    failure = LookupError("mine")

    def work(t: Transaction) -> None:
        t.drop(Item, name(1))
        t.put(item(2, nick="pat"))
        t.add(item(3))
        t.put(item(3, at=1))
        raise failure

    with pytest.raises(LookupError) as caught:
        await store.write(work)
    assert caught.value is failure
    assert await store.read(lambda t: t.find(Item)) == [item(1, nick="pat"), item(2)]
    with pytest.raises(AlreadyTaken):
        await add(store, item(4, nick="pat"))


async def test_writes_that_come_together_do_not_hurt_each_other(store: Store) -> None:
    """Of many concurrent writes some fail; each of the others is there, none of the failed."""

    def work(number: int) -> Callable[[Transaction], int]:
        def one(t: Transaction) -> int:
            t.add(item(number))
            if number % 3 == 0:
                raise LookupError(number)
            if number % 7 == 0:
                t.add(item(number))
            return number

        return one

    results = await asyncio.gather(*(store.write(work(n)) for n in range(200)), return_exceptions=True)
    kept = [n for n in range(200) if n % 3 and n % 7]
    assert [r for r in results if isinstance(r, int)] == kept
    assert sum(isinstance(r, AlreadyTaken) for r in results) == len([n for n in range(200) if n % 3 and not n % 7])
    assert await numbers(store) == kept


async def test_writes_run_one_after_the_other_in_their_order(store: Store) -> None:
    """Each write sees what all before it did: no increment is lost."""
    await add(store, Count(0, 0))

    def increment(t: Transaction) -> int:
        before = t.get(Count, 0)
        assert before is not None
        t.put(Count(0, before.value + 1))
        return before.value

    assert await asyncio.gather(*(store.write(increment) for _ in range(100))) == list(range(100))


async def test_a_read_holds_every_write_that_returned_and_no_half_of_one(store: Store) -> None:
    """Two records that are only ever changed together are never seen apart, and never older than the last return."""
    await add(store, Count(1, 0), Count(2, 0))
    done = 0

    async def change() -> None:
        nonlocal done
        for value in range(1, 30):
            await store.write(lambda t, v=value: (t.put(Count(1, v)), t.put(Count(2, v))))
            done = value

    async def watch() -> None:
        while done < 29:
            least = done
            seen = await store.read(lambda t: [each.value for each in t.find(Count)])
            assert seen[0] == seen[1] >= least
            await asyncio.sleep(0)

    await asyncio.gather(change(), watch())


async def test_a_read_changes_nothing(store: Store) -> None:
    """A work that changes something in a read is a mistake of ours, and nothing happens."""
    await add(store, Count(1, 1))
    for change in (
        lambda t: t.put(Count(1, 2)),
        lambda t: t.add(Count(2, 2)),
        lambda t: t.drop(Count, 1),
    ):
        with pytest.raises(TypeError):
            await store.read(change)
    assert await store.read(lambda t: t.find(Count)) == [Count(1, 1)]


async def test_a_transaction_is_of_no_use_after_its_work(store: Store) -> None:
    """One that was carried away can not write past the commit."""
    kept = await store.write(lambda t: t)
    for use in (lambda: kept.get(Count, 1), lambda: kept.put(Count(1, 1)), lambda: kept.count(Count)):
        with pytest.raises(RuntimeError):
            use()


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"case": "c1"}, [1, 3, 5]),
        ({"case": "c1", "index__gt": 1}, [3, 5]),
        ({"at": None}, [1, 5]),
        ({"at__ne": None}, [2, 3, 4]),
        ({"at__ne": 10}, [1, 3, 4, 5]),
        ({"at__lt": 20}, [2]),
        ({"at__le": 20}, [2, 3, 4]),
        ({"at__gt": 10}, [3, 4]),
        ({"at__ge": 10}, [2, 3, 4]),
        ({"at__lt": None}, []),
        ({"index__in": [5, 1, 1, 77]}, [1, 5]),
        ({"index__in": ()}, []),
        ({"at__in": (10, None)}, [1, 2, 5]),
        ({"at__in": (None,)}, [1, 5]),
        ({"item__in": [bytes(15) + b"\2", bytes(15) + b"\3"]}, [2, 3]),
        ({"index__in": range(2, 40_000)}, [2, 3, 4, 5]),
        ({"mood": Mood.CROSS}, [4, 5]),
        ({"mood": "cross"}, [4, 5]),
        ({"mood__in": [Mood.CROSS, "nothing"]}, [4, 5]),
        ({"nick__in": ["b", "b\0", "é"]}, [1, 3]),
        ({"mood__ne": Mood.CROSS}, [1, 2, 3]),
        ({"open": True}, [5]),
        ({"open__in": [False], "at": None}, [1]),
        ({"maybe": None}, [1, 2, 3, 4]),
        ({"maybe__ne": False}, [1, 2, 3, 4]),
        ({"nick__ge": "b", "nick__lt": "c"}, [3]),
        ({"order": "at"}, [1, 5, 2, 3, 4]),
        ({"order": "-at"}, [3, 4, 2, 1, 5]),
        ({"order": "nick", "nick__ne": None}, [2, 3, 1]),
        ({"order": "-index", "limit": 2}, [5, 4]),
        ({"limit": 3}, [1, 2, 3]),
        ({"limit": 9}, [1, 2, 3, 4, 5]),
        ({"order": "mood", "limit": 4}, [1, 2, 3, 4]),
    ],
    ids=str,
)
async def test_find_gives_what_fits_in_its_order(store: Store, conditions: dict[str, Any], expected: list[int]) -> None:
    """Each condition of the port, None included; `count` agrees."""
    await add(
        store,
        item(5, mood=Mood.CROSS, open=True, maybe=False),
        item(3, at=20, nick="b"),
        item(1, nick="é"),
        item(4, at=20, mood=Mood.CROSS),
        item(2, at=10, nick="B"),
    )
    assert await numbers(store, **conditions) == expected
    if not {"order", "limit"} & conditions.keys():
        assert await store.read(lambda t: t.count(Item, **conditions)) == len(expected)


async def test_least_is_the_smallest_that_fits(store: Store) -> None:
    """The smallest value, None left aside; None where there is none."""
    await add(store, item(1, at=30), item(2, at=20), item(3, at=10), item(4))
    assert await store.read(lambda t: t.least(Item, "at")) == 10
    assert await store.read(lambda t: t.least(Item, "at", case="c0")) == 20
    assert await store.read(lambda t: t.least(Item, "at", index=4)) is None
    assert await store.read(lambda t: t.least(Item, "at", index__in=[1, 2])) == 20


async def test_order_follows_every_part_of_the_key(store: Store) -> None:
    """Without an order the key decides, field by field, texts by their characters' numbers."""
    places = [Place(1, "a"), Place(1, "aa"), Place(1, "b"), Place(2, ""), Place(2, "Z"), Place(2, "a"), Place(10, "z")]
    await add(store, *reversed(places))
    assert await store.read(lambda t: t.find(Place)) == places
    assert await store.read(lambda t: t.find(Place, order="-level", limit=2)) == [Place(10, "z"), Place(2, "")]


async def test_a_field_condition_or_kind_that_nobody_knows_is_our_mistake(store: Store) -> None:
    """A misspelt question raises TypeError; it never finds all or nothing."""
    for question in (
        lambda t: t.find(Item, knot=1),
        lambda t: t.find(Item, order="knot"),
        lambda t: t.find(Item, at__near=1),
        lambda t: t.find(Item, knot__in=[1]),
        lambda t: t.find(Item, case__in="c1"),
        lambda t: t.least(Item, "knot"),
        lambda t: t.get(Mood, 1),
        lambda t: t.add(Mood.CALM),
    ):
        with pytest.raises(TypeError):
            await store.write(question)


async def test_a_copy_is_new_and_holds_what_was_written(store: Store, tmp_path: Path) -> None:
    """backup writes a new file while work goes on, and never over one that is there."""
    await add(store, *[item(n) for n in range(100)])
    copy = tmp_path / "copy"
    await asyncio.gather(store.backup(str(copy)), *(add(store, item(n)) for n in range(100, 120)))
    held = copy.read_bytes()
    assert len(held) > 1000
    with pytest.raises(StorageFailed):
        await store.backup(str(copy))
    assert copy.read_bytes() == held


async def test_a_store_that_is_closed_says_so(store: Store) -> None:
    """close may come twice; a write after it is refused, and what was under way is done."""
    last = asyncio.create_task(add(store, item(1)))
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    await asyncio.gather(last, return_exceptions=True)
    with pytest.raises(StorageFailed):
        await add(store, item(2))
