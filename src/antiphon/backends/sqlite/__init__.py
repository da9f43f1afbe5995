"""The store on one machine: SQLite in WAL mode, one writer, one shared sync for all writes that wait."""

from antiphon.backends.sqlite.file import Restorable, copy, migrate, restore, restore_check, schema_version, shipped
from antiphon.backends.sqlite.shape import schema_sql
from antiphon.backends.sqlite.store import SqliteStore

__all__ = [
    "Restorable",
    "SqliteStore",
    "copy",
    "migrate",
    "restore",
    "restore_check",
    "schema_sql",
    "schema_version",
    "shipped",
]
