"""The store's twin without a disk: dictionaries, a log of what to undo, and nothing shared with SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from operator import attrgetter, ge, gt, le, lt
from pathlib import Path
from typing import Any, TypeVar, cast

from antiphon.errors import AlreadyTaken, StorageFailed
from antiphon.ports import Cabinet, Transaction, Value

R = TypeVar("R")
T = TypeVar("T")
Key = tuple[Any, ...]

ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {"lt": lt, "le": le, "gt": gt, "ge": ge}


class MemoryStore:
    """The `Store` for tests and for worlds that are thrown away. Holds what was written until it is closed."""

    def __init__(self, cabinets: Sequence[Cabinet]) -> None:
        self._drawers = {cabinet.kind: _Drawer(cabinet) for cabinet in cabinets}
        self._closed = False

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """As the port says, except that nothing outlives the process."""
        await asyncio.sleep(0)  # others may come in between here, as they may with a disk
        return self._work(work, changing=True)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """As the port says."""
        return self._work(work, changing=False)

    async def backup(self, path: str) -> None:
        """A listing of all records: for a store without a file this is what a copy can be."""
        lines = [repr(record) for drawer in self._drawers.values() for record in drawer.fitting({})]
        await asyncio.to_thread(_write_new, Path(path), "\n".join(lines))

    async def close(self) -> None:
        """As the port says."""
        self._closed = True

    def __repr__(self) -> str:
        return f"<MemoryStore of {sum(len(drawer.records) for drawer in self._drawers.values())} records>"

    def _work(self, work: Callable[[Transaction], T], *, changing: bool) -> T:
        if self._closed:
            raise StorageFailed("The store is closed.")
        transaction = _MemoryTransaction(self._drawers, changing=changing)
        try:
            return work(transaction)
        except BaseException:
            transaction.undo()
            raise
        finally:
            transaction.over = True


class _Drawer:
    """One cabinet: its records by key, and for each unique group who holds which value."""

    def __init__(self, cabinet: Cabinet) -> None:
        self.cabinet = cabinet
        self.names = {field.name for field in fields(cabinet.kind)}
        self.key = _values(cabinet.key)
        self.unique = [_values(group) for group in cabinet.unique]
        self.records: dict[Key, object] = {}
        self.holders: list[dict[Key, Key]] = [{} for _ in cabinet.unique]

    def set(self, key: Key, record: object | None) -> object | None:
        """Puts a record, or None for nothing, in the place of what was there, which is returned."""
        before = self.records.pop(key, None)
        for value, holders in zip(self.unique, self.holders, strict=True):
            if before is not None:
                holders.pop(value(before), None)
            if record is not None and None not in value(record):
                holders[value(record)] = key
        if record is not None:
            self.records[key] = record
        return before

    def check_free(self, key: Key, record: object) -> None:
        """Raises AlreadyTaken if another record holds one of the unique values; None is never held."""
        for group, value, holders in zip(self.cabinet.unique, self.unique, self.holders, strict=True):
            if holders.get(value(record), key) != key:
                raise AlreadyTaken(f"Already there: {self.cabinet.name}.{', '.join(group)}.")

    def fitting(self, where: dict[str, Any], order: str = "") -> Iterable[Any]:
        """The records that fit, in order."""
        tests = [self._test(condition, wanted) for condition, wanted in where.items()]
        found = [record for record in self.records.values() if all(test(record) for test in tests)]
        found.sort(key=self.key)
        if order:
            value = self._getter(order.removeprefix("-"))
            found.sort(key=lambda record: _none_first(value(record)), reverse=order.startswith("-"))
        return found

    def _test(self, condition: str, wanted: object) -> Callable[[Any], bool]:
        name, _, operator = condition.partition("__")
        value = self._getter(name)
        if operator == "":
            return lambda record: bool(value(record) == wanted)
        if operator == "ne":
            return lambda record: bool(value(record) != wanted)
        if operator == "in" and not isinstance(wanted, str | bytes):
            among = cast("Sequence[object]", wanted)
            return lambda record: value(record) in among
        if operator not in ORDERINGS:
            raise TypeError(f"{self.cabinet.name}: no condition {condition}")
        holds = ORDERINGS[operator]
        return lambda record: None not in (wanted, value(record)) and holds(value(record), wanted)

    def _getter(self, name: str) -> Callable[[Any], Any]:
        if name not in self.names:
            raise TypeError(f"{self.cabinet.name}: no field {name}")
        return attrgetter(name)


class _MemoryTransaction:
    """The `Transaction` over the drawers, which remembers what each change replaced."""

    def __init__(self, drawers: dict[type, _Drawer], *, changing: bool) -> None:
        self._drawers = drawers
        self._changing = changing
        self._undo: list[tuple[_Drawer, Key, Any]] = []
        self.over = False

    def get(self, kind: type[R], *key: Value) -> R | None:
        return cast("R | None", self._drawer(kind).records.get(key))

    def find(self, kind: type[R], *, order: str = "", limit: int = 0, **where: Value | Sequence[Value]) -> list[R]:
        found = list(self._drawer(kind).fitting(where, order))
        return found[:limit] if limit > 0 else found

    def count(self, kind: type[R], **where: Value | Sequence[Value]) -> int:
        return len(self.find(kind, **where))  # type: ignore[arg-type]  # the same conditions as find

    def least(self, kind: type[R], field: str, **where: Value | Sequence[Value]) -> int | None:
        found = [getattr(record, field) for record in self._drawer(kind).fitting(where, field)]
        return min((value for value in found if value is not None), default=None)

    def add(self, record: object) -> None:
        drawer = self._drawer(type(record))
        key = drawer.key(record)
        if key in drawer.records:
            raise AlreadyTaken(f"Already there: {drawer.cabinet.name}.{', '.join(drawer.cabinet.key)}.")
        self._set(drawer, key, record)

    def put(self, record: object) -> None:
        drawer = self._drawer(type(record))
        self._set(drawer, drawer.key(record), record)

    def drop(self, kind: type[R], *key: Value) -> None:
        self._set(self._drawer(kind), key, None)

    def undo(self) -> None:
        """Back to before the transaction, the last change first."""
        for drawer, key, before in reversed(self._undo):
            drawer.set(key, before)

    def _set(self, drawer: _Drawer, key: Key, record: object | None) -> None:
        if not self._changing:
            raise TypeError("a read must not change anything")
        if record is not None:
            drawer.check_free(key, record)
        self._undo.append((drawer, key, drawer.set(key, record)))

    def _drawer(self, kind: type) -> _Drawer:
        if self.over:
            raise RuntimeError("this transaction is over")
        if kind not in self._drawers:
            raise TypeError(f"no cabinet holds a {kind.__name__}")
        return self._drawers[kind]


def _values(names: tuple[str, ...]) -> Callable[[Any], Key]:
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda record: (get(record),)


def _none_first(value: object) -> tuple[bool, object]:
    return (value is not None, value if value is not None else 0)


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageFailed(f"The copy {path} can not be written: {error}.") from error
