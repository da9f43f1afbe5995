"""From a cabinet to its table, and from rows to records: worked out once for each kind, never for each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, make_dataclass
from enum import StrEnum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Union, cast, get_args, get_origin, get_type_hints

from antiphon.ports import Cabinet

Row = tuple[object, ...]
TYPES: dict[type, str] = {int: "INTEGER", bool: "INTEGER", str: "TEXT", bytes: "BLOB"}
FLAG: dict[object, object] = {0: False, 1: True, None: None}


@dataclass(frozen=True, slots=True)
class Column:
    """One field: its SQL type, whether it may be None, and how a stored value becomes the field's own type."""

    name: str
    type: str
    optional: bool
    revive: dict[object, object] | None

    def ddl(self) -> str:
        """As it stands in CREATE TABLE."""
        return f'"{self.name}" {self.type}' + ("" if self.optional else " NOT NULL")


class Shape:
    """A cabinet's table: columns in the order of the record's fields, `take` a record apart, `make` it from a row."""

    def __init__(self, cabinet: Cabinet) -> None:
        self.cabinet = cabinet
        self.table = quoted(cabinet.name)
        self.columns = {column.name: column for column in _columns(cabinet.kind)}
        named = {name for group in (cabinet.key, *cabinet.unique, *cabinet.index) for name in group}
        wrong = sorted(named - self.columns.keys())
        wrong += [name for name, column in self.columns.items() if column.optional and name in cabinet.key]
        if wrong or not cabinet.key:
            raise ValueError(f"cabinet {cabinet.name}: no such field, or no key without None: {wrong}")
        self.names = ", ".join(map(quoted, self.columns))
        self.key = ", ".join(map(quoted, cabinet.key))
        self.take: Callable[[object], Row] = _taker(tuple(self.columns))
        self.make: Callable[[Row], object] = _maker(cabinet.kind, tuple(self.columns.values()))

    def ddl(self) -> str:
        """CREATE TABLE and its indexes. None is never taken: NULLs are distinct in a unique index. An index ends with
        the key, by which all answers are ordered."""
        cabinet = self.cabinet
        lines = [column.ddl() for column in self.columns.values()] + [f"PRIMARY KEY ({self.key})"]
        lines += [f"UNIQUE ({', '.join(map(quoted, group))})" for group in cabinet.unique]
        text = f"CREATE TABLE {self.table} (\n    " + ",\n    ".join(lines) + "\n) STRICT;\n"
        for group in cabinet.index:
            name = quoted("_".join((cabinet.name, "by", *group)))
            ordered = dict.fromkeys((*group, *cabinet.key))
            text += f"CREATE INDEX {name} ON {self.table} ({', '.join(map(quoted, ordered))});\n"
        return text


def schema_sql(cabinets: Iterable[Cabinet]) -> str:
    """The whole schema as text, one table a cabinet, each under its record's first sentence."""
    return "\n".join(f"-- {_sentence(cabinet.kind)}\n{Shape(cabinet).ddl()}" for cabinet in cabinets)


def quoted(name: str) -> str:
    """As an SQL identifier: fields are called `index` and `case` too."""
    return '"' + name.replace('"', '""') + '"'


def _sentence(kind: type) -> str:
    text = " ".join((kind.__doc__ or kind.__name__).split())
    return text.split(". ")[0].rstrip(".") + "."


def _columns(kind: type) -> Sequence[Column]:
    hints = get_type_hints(kind)
    return [_column(field.name, hints[field.name]) for field in fields(kind)]


def _column(name: str, hint: object) -> Column:
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = [_without_name(choice) for choice in choices if choice is not NoneType]
    kind, optional = kinds[0], len(kinds) < len(choices)
    if len(kinds) == 1 and issubclass(kind, StrEnum):
        return Column(name, "TEXT", optional, {None: None, **{word.value: word for word in kind}})
    if len(kinds) != 1 or kind not in TYPES:
        raise ValueError(f"{name}: {hint} is no type for a field of a record")
    return Column(name, TYPES[kind], optional, FLAG if kind is bool else None)


def _without_name(hint: object) -> type:
    """The type behind a NewType."""
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return cast(type, hint)


def _taker(names: tuple[str, ...]) -> Callable[[object], Row]:
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda record: (get(record),)


def _maker(kind: type, columns: tuple[Column, ...]) -> Callable[[Row], object]:
    revivals = [(at, column.revive) for at, column in enumerate(columns) if column.revive is not None]
    fill = _filler(kind)

    def make(row: Row) -> object:
        values = list(row)
        for at, revive in revivals:
            values[at] = revive[values[at]]
        return fill(*values)

    return make if revivals else lambda row: fill(*row)


def _filler(kind: type) -> Callable[..., object]:
    """A frozen record sets each of its fields through `object.__setattr__`, which took most of the time of a read. So a
    twin with the same slots that is not frozen takes the values, and then becomes the record: six times as fast. A kind
    that checks itself, or has no slots, is called as it is."""
    if hasattr(kind, "__post_init__") or "__slots__" not in vars(kind):
        return kind
    twin = make_dataclass(kind.__name__, [field.name for field in fields(kind)], slots=True)

    def fill(*values: object) -> object:
        record = twin(*values)
        record.__class__ = kind
        return record

    return fill
