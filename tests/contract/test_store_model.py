"""Both stores against a model of a few lines, over any run of transactions that anybody can think of."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import AlreadyTaken
from antiphon.ports import Store, Transaction
from tests.contract.test_store import ITEM_CABINET, OPENERS, Item, Mood, name

FIELDS = {
    "item": st.integers(0, 5).map(name),
    "case": st.sampled_from(["", "a", "Ä", "a\0", "\U0001f600", "\uffee"]),
    "mood": st.sampled_from(Mood),
    "index": st.integers(-2, 3),
    "at": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2),
    "nick": st.none() | st.sampled_from(["x", "y", ""]),
    "open": st.booleans(),
    "maybe": st.none() | st.booleans(),
    "last": st.none() | st.sampled_from(Mood),
    "blob": st.none() | st.binary(max_size=3),
}
ITEMS = st.builds(Item, **FIELDS)
OPERATORS = ["", "__lt", "__le", "__gt", "__ge", "__ne"]
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "__lt": lambda a, b: a < b,
    "__le": lambda a, b: a <= b,
    "__gt": lambda a, b: a > b,
    "__ge": lambda a, b: a >= b,
}


class Oops(Exception):
    """What a work raises at its end when all is to be undone."""


@dataclass(frozen=True)
class Step:
    """One call of a transaction."""

    call: str
    arguments: tuple[Any, ...]
    conditions: dict[str, Any]


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    """Up to three conditions on fields, with values that these have."""
    chosen: dict[str, Any] = {}
    for field in draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=3)):
        if draw(st.booleans()):
            chosen[field + draw(st.sampled_from(OPERATORS))] = draw(FIELDS[field])
        else:
            chosen[f"{field}__in"] = draw(st.lists(FIELDS[field], max_size=4))
    return chosen


ORDERS = st.sampled_from(["", *FIELDS, *(f"-{field}" for field in FIELDS)])
STEPS = st.one_of(
    st.builds(Step, st.sampled_from(["add", "put"]), st.tuples(ITEMS), st.just({})),
    st.builds(Step, st.sampled_from(["get", "drop"]), st.tuples(st.just(Item), FIELDS["item"]), st.just({})),
    st.builds(Step, st.just("count"), st.tuples(st.just(Item)), conditions()),
    st.builds(Step, st.just("least"), st.tuples(st.just(Item), st.sampled_from(["index", "at"])), conditions()),
    st.builds(
        lambda order, limit, where: Step("find", (Item,), {"order": order, "limit": limit, **where}),
        ORDERS,
        st.integers(0, 3),
        conditions(),
    ),
)


class Model:
    """A list of items, and the port's words done in the plainest way."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def take(self, steps: list[Step], undo: bool) -> list[Any]:
        """What each step gives; the items stay as they were where all is undone."""
        before = list(self.items)
        given = [getattr(self, step.call)(*step.arguments, **step.conditions) for step in steps]
        if undo:
            self.items = before
        return given

    def find(self, _: type, order: str = "", limit: int = 0, **where: Any) -> list[Item]:
        found = sorted((i for i in self.items if all(fits(i, *c) for c in where.items())), key=lambda i: i.item)
        if order:
            field = order.lstrip("-")
            none = [i for i in found if getattr(i, field) is None]
            some = [i for i in found if getattr(i, field) is not None]
            some.sort(key=lambda i: getattr(i, field), reverse=order[0] == "-")
            found = some + none if order[0] == "-" else none + some
        return found[: limit or None]

    def count(self, kind: type, **where: Any) -> int:
        return len(self.find(kind, **where))

    def least(self, kind: type, field: str, **where: Any) -> int | None:
        values = [getattr(i, field) for i in self.find(kind, **where)]
        return min((v for v in values if v is not None), default=None)

    def get(self, _: type, key: bytes) -> Item | None:
        return next((i for i in self.items if i.item == key), None)

    def drop(self, _: type, key: bytes) -> None:
        self.items = [i for i in self.items if i.item != key]

    def add(self, item: Item) -> str | None:
        return "taken" if self.get(Item, item.item) else self.put(item)

    def put(self, item: Item) -> str | None:
        others = [i for i in self.items if i.item != item.item]
        for group in ITEM_CABINET.unique:
            mine = [getattr(item, field) for field in group]
            if None not in mine and mine in [[getattr(i, field) for field in group] for i in others]:
                return "taken"
        self.items = [*others, item]
        return None


def fits(item: Item, condition: str, wanted: Any) -> bool:
    """One condition of the port."""
    field, _, operator = condition.partition("__")
    value = getattr(item, field)
    if operator in ("", "ne"):
        return bool((value == wanted) == (operator == ""))
    if operator == "in":
        return value in wanted
    return value is not None and wanted is not None and COMPARED[f"__{operator}"](value, wanted)


async def take(store: Store, steps: list[Step], undo: bool) -> list[Any]:
    """The same steps in one write of a store."""
    given: list[Any] = []

    def work(transaction: Transaction) -> None:
        for step in steps:
            try:
                given.append(getattr(transaction, step.call)(*step.arguments, **step.conditions))
            except AlreadyTaken:
                given.append("taken")
        if undo:
            raise Oops

    try:
        await store.write(work)
    except Oops:
        assert undo
    return given


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.lists(STEPS, max_size=8), st.booleans()), max_size=6))
def test_both_stores_do_what_the_model_does(story: list[tuple[list[Step], bool]]) -> None:
    """Every answer within every transaction is the model's, and so is what is left at the end, type by type."""

    async def compare(folder: Path) -> None:
        for opener in OPENERS.values():
            store, model = opener(folder), Model()
            try:
                for steps, undo in story:
                    assert await take(store, steps, undo) == model.take(steps, undo)
                left = await store.read(lambda t: t.find(Item))
            finally:
                await store.close()
            assert typed(left) == typed(model.find(Item))

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare(Path(folder)))


def typed(items: list[Item]) -> list[list[tuple[type, Any]]]:
    """Values with their types: True is not 1 here."""
    return [[(type(value), value) for value in astuple(item)] for item in items]
