"""A cabinet's statements as text: what `find`, `count` and the rest ask, remembered by the form of the question."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import apsw

from antiphon.backends.sqlite.shape import Column, Shape, quoted
from antiphon.ports import Cabinet

OPERATORS = {"": "=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "ne": "IS NOT"}
FROM_LIST = {
    "INTEGER": "SELECT value FROM carray(?)",
    "TEXT": "SELECT CAST(value AS TEXT) FROM carray(?)",
    "BLOB": "SELECT value FROM carray(?)",
}
"""Any number of values in one parameter. Texts come as bytes, since carray takes no text with a NUL in it."""

LISTED: dict[str, Callable[[list[Any]], array[int] | tuple[bytes, ...]]] = {
    "INTEGER": lambda values: array("q", values),
    "TEXT": lambda values: tuple([value.encode() for value in values]),
    "BLOB": tuple,
}

Where = Mapping[str, object]


class Questions:
    """The statements about one cabinet."""

    def __init__(self, cabinet: Cabinet) -> None:
        self.shape = shape = Shape(cabinet)
        self._known: dict[object, str] = {}
        marks = ", ".join("?" * len(shape.columns))
        at_key = " AND ".join(f"{quoted(name)} = ?" for name in cabinet.key)
        rest = [quoted(name) for name in shape.columns if name not in cabinet.key]
        change = "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in rest) if rest else "NOTHING"
        self.get = f"SELECT {shape.names} FROM {shape.table} WHERE {at_key}"
        self.add = f"INSERT INTO {shape.table} ({shape.names}) VALUES ({marks})"
        self.put = f"{self.add} ON CONFLICT ({shape.key}) DO {change}"
        self.drop = f"DELETE FROM {shape.table} WHERE {at_key}"

    def ask(self, what: str, where: Where, order: str = "", limit: int = 0) -> tuple[str, list[object]]:
        """The statement and its values; `what` is a field for its minimum, `*` to count, empty for whole records.
        Raises TypeError for a field that the record does not have."""
        values: list[object] = []
        form = tuple([self._condition(name, value, values) for name, value in where.items()])
        known = (what, form, order, limit > 0)
        sql = self._known.get(known)
        if sql is None:
            sql = self._known[known] = self._text(what, form, order, limit > 0)
        if limit > 0:
            values.append(limit)
        return sql, values

    def _condition(self, name: str, value: object, values: list[object]) -> tuple[str, str]:
        """The form of one condition, its values put aside: all that the text depends on."""
        field, _, operator = name.partition("__")
        if operator == "in":
            return field, self._among(field, cast("Sequence[object]", value), values)
        if value is None and operator in ("", "ne"):
            return field, "IS NULL" if not operator else "IS NOT NULL"
        values.append(value)
        return field, operator

    def _among(self, field: str, value: Sequence[object], values: list[object]) -> str:
        if isinstance(value, str | bytes):
            raise TypeError(f"{field}__in wants a sequence of values")
        chosen = [each for each in value if each is not None]
        if chosen:
            values.append(apsw.carray(LISTED[self._column(field).type](chosen)))
        return ("in" if chosen else "none of") + (" or NULL" if len(chosen) < len(value) else "")

    def _text(self, what: str, form: tuple[tuple[str, str], ...], order: str, limited: bool) -> str:
        chosen = {"": self.shape.names, "*": "count(*)"}.get(what) or f"min({self._named(what)})"
        sql = f"SELECT {chosen} FROM {self.shape.table}"
        if form:
            sql += " WHERE " + " AND ".join(self._clause(*condition) for condition in form)
        if not what:
            first = f"{self._named(order.lstrip('-'))}{' DESC' if order.startswith('-') else ''}, " if order else ""
            sql += f" ORDER BY {first}{self.shape.key}"
        return sql + (" LIMIT ?" if limited else "")

    def _clause(self, field: str, operator: str) -> str:
        name = self._named(field)
        if operator in OPERATORS:
            return f"{name} {OPERATORS[operator]} ?"
        if operator in ("IS NULL", "IS NOT NULL"):
            return f"{name} {operator}"
        listed, _, null = operator.partition(" or ")
        if listed not in ("in", "none of"):
            raise TypeError(f"{self.shape.cabinet.name}: no condition {field}__{operator}")
        clause = f"{name} IN ({FROM_LIST[self._column(field).type]})" if listed == "in" else "0"
        return f"({clause} OR {name} IS NULL)" if null else clause

    def _named(self, field: str) -> str:
        return quoted(self._column(field).name)

    def _column(self, field: str) -> Column:
        column = self.shape.columns.get(field)
        if column is None:
            raise TypeError(f"{self.shape.cabinet.name}: no field {field}")
        return column
