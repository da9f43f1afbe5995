"""The shipped schema and the records agree; the types of fields that a table can keep."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import apsw
import pytest

from antiphon.backends.sqlite import SqliteStore, migrate, restore_check, schema_sql, schema_version, shipped
from antiphon.ports import CABINETS, Cabinet
from antiphon.terms import Identifier


class Mood(StrEnum):
    """A state."""

    CALM = "calm"


@dataclass(frozen=True, slots=True)
class Kept:
    """A record. Its second sentence is not in the schema."""

    key: Identifier
    case: str | None
    mood: Mood
    done: bool


@dataclass(frozen=True, slots=True)
class Loose:
    """A record with a field that no table can keep."""

    key: Identifier
    price: Decimal


def structure(script: str) -> dict[str, object]:
    """What a script makes: of each table the columns, and which of them make each index."""
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute(script).fetchall()
        found: dict[str, object] = {}
        for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            columns = connection.execute('SELECT name, type, "notnull", pk FROM pragma_table_info(?)', (table,))
            indexes = connection.execute('SELECT name, "unique", origin FROM pragma_index_list(?)', (table,)).fetchall()
            parts = "SELECT name FROM pragma_index_info(?)"
            found[table] = (
                columns.fetchall(),
                sorted((*kind, *connection.execute(parts, (name,)).fetchall()) for name, *kind in indexes),
            )
    return found


def test_the_shipped_schema_is_that_of_the_records() -> None:
    """After all migrations every cabinet has its table, with its fields, keys and indexes."""
    stale = "The schema is stale: print schema_sql(CABINETS) into 0001_first.sql, or add a migration."
    assert structure("".join(shipped())) == structure(schema_sql(CABINETS)), stale


def test_a_store_of_the_shipped_schema_keeps_every_cabinet(tmp_path: Path) -> None:
    """The migrations make a database that the store opens and the check of a backup reads."""
    path = str(tmp_path / "a.db")
    assert migrate(path, shipped(), tmp_path) is None
    SqliteStore(path, CABINETS)
    assert restore_check(path, CABINETS).records.keys() == {cabinet.name for cabinet in CABINETS}
    assert schema_version(path) == len(shipped())


def test_a_cabinet_becomes_a_strict_table() -> None:
    """Quoted names, NOT NULL where a field can not be None, and an index that ends with the key."""
    cabinet = Cabinet(Kept, "kept", ("key",), (("case", "mood"),), (("done",),))
    assert schema_sql([cabinet]) == (
        "-- A record.\n"
        'CREATE TABLE "kept" (\n'
        '    "key" BLOB NOT NULL,\n'
        '    "case" TEXT,\n'
        '    "mood" TEXT NOT NULL,\n'
        '    "done" INTEGER NOT NULL,\n'
        '    PRIMARY KEY ("key"),\n'
        '    UNIQUE ("case", "mood")\n'
        ") STRICT;\n"
        'CREATE INDEX "kept_by_done" ON "kept" ("done", "key");\n'
    )


@pytest.mark.parametrize(
    "cabinet",
    [
        Cabinet(Kept, "kept", ()),
        Cabinet(Kept, "kept", ("knot",)),
        Cabinet(Kept, "kept", ("case",)),
        Cabinet(Kept, "kept", ("key",), (("knot",),)),
        Cabinet(Loose, "loose", ("key",)),
    ],
    ids=["no key", "unknown key", "key that may be None", "unknown unique", "unknown type"],
)
def test_a_cabinet_that_no_table_can_be_is_our_mistake(cabinet: Cabinet) -> None:
    """It is said when the program starts, not when a record comes."""
    with pytest.raises(ValueError, match=r"kept|price"):
        schema_sql([cabinet])
