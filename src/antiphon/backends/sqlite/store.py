"""Writes that share a sync, and reads on snapshots of the WAL, all in the thread of the event loop.

A writer thread was measured and left out: beside a busy loop it waits for the interpreter after every statement, and
a write took 35 ms where it takes 1 here. The price: while the disk syncs, the loop stands still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NoReturn, Self, TypeVar, cast

import apsw

from antiphon.backends.sqlite.file import check_library, connect, copy, schema_version
from antiphon.backends.sqlite.question import Questions
from antiphon.errors import AlreadyTaken, HomeUnusable, StorageFailed
from antiphon.ports import Cabinet, Transaction, Value

R = TypeVar("R")
T = TypeVar("T")

CHECKPOINT_PAGES = 1000
"""The WAL is carried into the database when it holds so many pages, after the writers have their answer."""

BUSY_MILLISECONDS = 250
"""How long a stranger with the file open, say a person with `sqlite3`, may hold a write up before it fails."""

CLOSED = "The store is closed."

TAKEN = (apsw.SQLITE_CONSTRAINT_PRIMARYKEY, apsw.SQLITE_CONSTRAINT_UNIQUE)

PRAGMAS = """
    PRAGMA synchronous = EXTRA; -- for a WAL the same as FULL; for the step to it, the journal's end is synced too
    PRAGMA journal_mode = WAL;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
"""

Outcome = tuple[Any, BaseException | None]
Waiting = asyncio.Future[Outcome]


class SqliteStore:
    """The `Store` on a file that `migrate` has prepared; it belongs to one event loop. After a failed commit, sync or
    checkpoint it takes no more writes: what a disk says after it lost a sync is worth nothing. A caller that is
    cancelled while it waits does not take its write back. Raises HomeUnusable where the tables are not those of the
    cabinets."""

    def __init__(self, path: str, cabinets: Sequence[Cabinet], *, vfs: str | None = None) -> None:
        check_library()
        self._path, self._vfs = path, vfs
        self._questions = {cabinet.kind: Questions(cabinet) for cabinet in cabinets}
        self._writer, self._reader = self._open(), self._open()
        try:
            self._reader.execute("PRAGMA query_only = ON")
            self._check_tables()
        except apsw.Error as error:
            raise _unusable(path, error) from error
        self._writer.set_wal_hook(self._note_pages)
        self._pages = 0
        self.checkpoint_pages = CHECKPOINT_PAGES
        self._broken = ""
        self._group: list[tuple[Waiting, Outcome]] = []

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """As the port says. All writes of one turn of the loop share a commit, each in its own savepoint: the error
        of one hurts no other."""
        if self._broken:
            raise _refusal(self._broken)
        loop = asyncio.get_running_loop()
        waiting: Waiting = loop.create_future()
        if not self._group:
            self._begin()
            loop.call_soon(self._commit)
        try:
            self._group.append((waiting, self._one(work)))
        except apsw.Error as error:
            self._group.append((waiting, (None, None)))
            self._fail(error)
        value, failure = await waiting
        if failure is not None:
            raise failure
        return cast(T, value)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """As the port says; runs at once. While writes wait for their commit they are seen by nobody; else the writer's
        connection answers, which has in its cache what it wrote."""
        connection = self._reader if self._group or self._broken else self._writer
        transaction = _SqliteTransaction(connection, self._questions, changing=False)
        try:
            connection.execute("BEGIN")
            return work(transaction)
        except apsw.Error as error:
            raise _refusal(f"The database could not be read: {error}.") from error
        finally:
            transaction.end()
            with suppress(apsw.Error):
                connection.execute("ROLLBACK")

    async def backup(self, path: str) -> None:
        """As the port says. Raises StorageFailed where it can not be written, or something is there already."""
        await asyncio.to_thread(copy, self._path, path)

    async def close(self) -> None:
        """As the port says; a second close does nothing."""
        if self._broken != CLOSED:
            self._commit()
            self._broken = CLOSED
            for connection in (self._reader, self._writer):
                with suppress(apsw.Error):  # the checkpoint of the last one may fail: the WAL alone is enough
                    connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<SqliteStore {self._path} {self._broken or 'open'}>"

    def _open(self) -> apsw.Connection:
        try:
            connection = connect(self._path, vfs=self._vfs)
            connection.set_busy_timeout(BUSY_MILLISECONDS)
            connection.execute(PRAGMAS).fetchall()
        except apsw.Error as error:
            raise _unusable(self._path, error) from error
        return connection

    def _check_tables(self) -> None:
        for question in self._questions.values():
            shape = question.shape
            rows = self._reader.execute("SELECT name FROM pragma_table_info(?)", (shape.cabinet.name,)).fetchall()
            if {name for (name,) in rows} != shape.columns.keys():
                raise HomeUnusable(
                    f"The table {shape.cabinet.name} of schema {schema_version(self._path)} in {self._path} "
                    "does not fit this program.",
                    advice="Run the program that wrote it, or restore a backup.",
                )

    def _note_pages(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def _begin(self) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except apsw.BusyError as error:
            raise _refusal(f"The database is held by another program: {error}.") from error
        except apsw.Error as error:
            self._fail(error)
            raise _refusal(self._broken) from error

    def _one(self, work: Callable[[Transaction], Any]) -> Outcome:
        outcome: Outcome
        transaction = _SqliteTransaction(self._writer, self._questions, changing=True)
        self._writer.execute("SAVEPOINT one")
        try:
            outcome = work(transaction), None
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is undone first and then goes to the caller
            outcome = None, error
        finally:
            transaction.end()
        if transaction.failure:
            raise transaction.failure
        if outcome[1] is not None:
            self._writer.execute("ROLLBACK TO one")
        self._writer.execute("RELEASE one")
        return outcome

    def _commit(self) -> None:
        """The order is the law: nobody is answered before the shared commit is on the disk, and when that fails
        nobody is told that anything happened. The checkpoint comes last: the WAL alone is enough."""
        if not self._group:
            return
        try:
            self._writer.execute("COMMIT")
            group, self._group = self._group, []
            for waiting, outcome in group:
                _deliver(waiting, outcome)
            if self._pages >= self.checkpoint_pages:
                self._pages = 0
                self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            self._fail(error)

    def _fail(self, error: apsw.Error) -> None:
        self._broken = f"The database could not be written: {error}."
        with suppress(apsw.Error):
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        group, self._group = self._group, []
        for waiting, _ in group:
            _deliver(waiting, (None, _refusal(self._broken)))


class _SqliteTransaction:
    """The `Transaction` of one write or read; of no use after it. What it got by key it knows until it changes a record
    of that kind itself: nobody else can, since all of it is one snapshot."""

    __slots__ = ("_changing", "_execute", "_got", "_questions", "failure")

    def __init__(self, connection: apsw.Connection, questions: dict[type, Questions], *, changing: bool) -> None:
        self._execute: Callable[..., Any] = connection.cursor().execute
        self._questions = questions
        self._changing = changing
        self._got: dict[type, dict[tuple[Value, ...], object]] = {}
        self.failure: apsw.Error | None = None

    def get(self, kind: type[R], *key: Value) -> R | None:
        got = self._got.get(kind)
        if got is None:
            got = self._got[kind] = {}
        elif key in got:
            return cast("R | None", got[key])
        question = self._question(kind)
        rows = self._run(question.get, key)
        got[key] = question.shape.make(rows[0]) if rows else None
        return cast("R | None", got[key])

    def find(self, kind: type[R], *, order: str = "", limit: int = 0, **where: Value | Sequence[Value]) -> list[R]:
        question = self._question(kind)
        rows = self._run(*question.ask("", where, order, limit))
        make = question.shape.make
        return cast("list[R]", [make(row) for row in rows])

    def count(self, kind: type[R], **where: Value | Sequence[Value]) -> int:
        return cast(int, self._run(*self._question(kind).ask("*", where))[0][0])

    def least(self, kind: type[R], field: str, **where: Value | Sequence[Value]) -> int | None:
        return cast("int | None", self._run(*self._question(kind).ask(field, where))[0][0])

    def add(self, record: object) -> None:
        question = self._question(type(record))
        self._change(type(record), question.add, question.shape.take(record))

    def put(self, record: object) -> None:
        question = self._question(type(record))
        self._change(type(record), question.put, question.shape.take(record))

    def drop(self, kind: type[R], *key: Value) -> None:
        self._change(kind, self._question(kind).drop, key)

    def end(self) -> None:
        """A transaction that got away would write outside of any: from here on it refuses."""
        self._execute = _over
        self._got = {}

    def _question(self, kind: type) -> Questions:
        question = self._questions.get(kind)
        if question is None:
            raise TypeError(f"no cabinet holds a {kind.__name__}")
        return question

    def _change(self, kind: type, sql: str, values: Iterable[Any]) -> None:
        if not self._changing:
            raise TypeError("a read must not change anything")
        self._got.pop(kind, None)
        self._run(sql, values)

    def _run(self, sql: str, values: Iterable[Any]) -> list[Any]:
        try:
            return cast("list[Any]", self._execute(sql, values).fetchall())
        except apsw.ConstraintError as error:
            if getattr(error, "extendedresult", 0) in TAKEN:
                raise AlreadyTaken(f"Already there: {str(error).partition(': ')[2]}.") from None
            raise TypeError(f"no value for this field: {error}") from error
        except apsw.Error as error:
            self.failure = error
            raise _refusal(f"The database could not be read or written: {error}.") from error


def _over(*_: object) -> NoReturn:
    raise RuntimeError("this transaction is over")


def _unusable(path: str, error: apsw.Error) -> HomeUnusable:
    return HomeUnusable(f"The database {path} can not be opened: {error}.", advice="Restore a backup.")


def _refusal(what: str) -> StorageFailed:
    return StorageFailed(what, advice="See that the disk has space and is sound, then start again.")


def _deliver(waiting: Waiting, outcome: Outcome) -> None:
    if not waiting.done():
        waiting.set_result(outcome)
