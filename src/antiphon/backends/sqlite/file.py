"""The database as a file: which schema it has, a consistent copy, the step to a newer schema, and a check of a copy."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import apsw

from antiphon import __version__
from antiphon.backends.sqlite.shape import Shape
from antiphon.errors import HomeUnusable, StorageFailed, UnreadableFile
from antiphon.ports import Cabinet

SAFE_LIBRARY = 3_051_003
"""SQLite before 3.51.3 may corrupt a WAL database when two connections write and checkpoint at once."""

MAGIC = b"SQLite format 3\0"
APPLICATION = int.from_bytes(b"ANTI")
"""PRAGMA application_id: tells our database from any other."""


def check_library() -> None:
    """Raises HomeUnusable where the SQLite library has the WAL-reset bug."""
    if apsw.SQLITE_VERSION_NUMBER < SAFE_LIBRARY:
        raise HomeUnusable(
            f"The SQLite library {apsw.sqlite_lib_version()} may corrupt the database.",
            advice="Install apsw 3.51.3 or newer with the SQLite that it brings.",
        )


def connect(path: str, flags: int = apsw.SQLITE_OPEN_READWRITE, vfs: str | None = None) -> apsw.Connection:
    """A connection to a file that is there. A quoted name that no column has is an error in it, never a text.
    Raises apsw.Error."""
    connection = apsw.Connection(path, flags, vfs, statementcachesize=500)
    for kind in (apsw.SQLITE_DBCONFIG_DQS_DML, apsw.SQLITE_DBCONFIG_DQS_DDL):
        connection.config(kind, 0)
    return connection


def shipped() -> tuple[str, ...]:
    """The migrations of this program; the n-th leads to schema n."""
    found = (each for each in files("antiphon.backends.sql").iterdir() if each.name.endswith(".sql"))
    return tuple(each.read_text("utf-8") for each in sorted(found, key=lambda each: each.name))


def schema_version(path: str | os.PathLike[str]) -> int:
    """The schema of a database, 0 if there is none yet, read from its header: even to open it would write.
    Raises UnreadableFile for a file that is not ours."""
    try:
        with open(path, "rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise UnreadableFile(f"{path} can not be read: {error.strerror}.") from error
    if not header:
        return 0
    if header[:16] != MAGIC or int.from_bytes(header[68:72]) != APPLICATION:
        raise UnreadableFile(f"{path} is no Antiphon database.")
    return int.from_bytes(header[60:64])


def copy(path: str, target: str) -> None:
    """A consistent copy of a database in a new file, readable by its owner only, durable when this returns.
    Raises StorageFailed; then there is no file `target`."""
    part = f"{target}.part"
    try:
        if os.path.lexists(target):
            raise FileExistsError(17, "there is something already", target)
        os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        with closing(connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (part,)).fetchall()
        _sync(part)  # VACUUM INTO does not
        os.rename(part, target)
        _sync(os.path.dirname(os.path.abspath(target)))
    except (OSError, apsw.Error) as error:
        with suppress(OSError):
            os.unlink(part)
        raise StorageFailed(f"The copy {target} can not be written: {error}.") from error


def migrate(path: str, migrations: Sequence[str], snapshots: Path, *, vfs: str | None = None) -> Path | None:
    """Brings a database to the newest schema in one transaction, after a snapshot whose path is returned (None where
    there was nothing to save or to do). Raises HomeUnusable, having written nothing, for a schema from a newer
    program, and without a snapshot; StorageFailed where the step fails, and then the old schema stands."""
    found = schema_version(path)
    if found > len(migrations):
        raise _newer(path, found, len(migrations), snapshots)
    if found == len(migrations):
        return None
    snapshot = _snapshot(path, found, len(migrations), snapshots) if found else None
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        with closing(connect(path, vfs=vfs)) as connection:
            # Without a WAL the version in the header, by which an older program judges, is always the true one.
            connection.execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; BEGIN EXCLUSIVE").fetchall()
            for text in migrations[found:]:
                connection.execute(text).fetchall()
            connection.execute(f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {len(migrations)}")
            connection.execute("COMMIT")
    except (OSError, apsw.Error) as error:
        kept = f" The snapshot {snapshot} holds it as it was." if snapshot else ""
        raise StorageFailed(f"The database {path} stays at schema {found}: {error}.{kept}") from error
    return snapshot


@dataclass(frozen=True, slots=True)
class Restorable:
    """What a backup holds: its schema and the records of each cabinet, all of them read."""

    schema: int
    records: dict[str, int]


def restore_check(path: str, cabinets: Iterable[Cabinet]) -> Restorable:
    """Reads a whole backup: its pages, its schema, every record. Raises UnreadableFile for the first that is wrong;
    writes nothing."""
    schema = schema_version(path)
    if not schema:
        raise UnreadableFile(f"{path} is empty or missing.")
    if schema > len(shipped()):
        raise UnreadableFile(f"{path} has schema {schema}; Antiphon {__version__} knows schema {len(shipped())}.")
    records: dict[str, int] = {}
    try:
        with closing(connect(path, apsw.SQLITE_OPEN_READONLY)) as connection:
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchall()[0][0]
            if verdict != "ok":
                raise UnreadableFile(f"{path} is damaged: {verdict}.")
            for shape in map(Shape, cabinets):
                rows = connection.execute(f"SELECT {shape.names} FROM {shape.table}")
                records[shape.cabinet.name] = sum(1 for row in rows if shape.make(row))
    except (apsw.Error, KeyError) as error:
        raise UnreadableFile(f"{path} can not be read as a backup of this program: {error}.") from error
    return Restorable(schema, records)


def restore(backup: str, path: str, cabinets: Iterable[Cabinet]) -> Restorable:
    """Puts a checked backup in the place of a database that is not there. Raises UnreadableFile, HomeUnusable where
    anything is left of another (its WAL would be played over the backup), StorageFailed."""
    held = restore_check(backup, cabinets)
    left = [each for each in (path, f"{path}-wal", f"{path}-journal") if os.path.lexists(each)]
    if left:
        raise HomeUnusable(
            f"{', '.join(left)} is there already.", advice="Move it away first; never one without the other."
        )
    copy(backup, path)
    return held


def _snapshot(path: str, found: int, wanted: int, snapshots: Path) -> Path:
    name = f"schema-{found}-before-{wanted}"
    target, number = snapshots / f"{name}.db", 1
    while target.exists():
        number += 1
        target = snapshots / f"{name}-{number}.db"
    try:
        snapshots.mkdir(mode=0o700, exist_ok=True)
        copy(path, str(target))
    except (OSError, StorageFailed) as error:
        raise HomeUnusable(
            f"Schema {found} is not changed to {wanted}, since the snapshot failed: {error}", advice="Free some space."
        ) from error
    return target


def _newer(path: str, found: int, known: int, snapshots: Path) -> HomeUnusable:
    fitting = [(schema_version(each), str(each)) for each in snapshots.glob("schema-*.db")]
    usable = max((pair for pair in fitting if 0 < pair[0] <= known), default=(0, ""))[1]
    back = f"go back to the snapshot {usable}" if usable else f"restore a backup ({snapshots} holds none that fits)"
    return HomeUnusable(
        f"{path} has schema {found}, written by a newer program; Antiphon {__version__} knows schema {known}.",
        advice=f"Install the newer program again, or {back}.",
    )


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
