"""Writes that share a sync, and reads on snapshots of the WAL.

Work runs in the thread of the event loop, only the commit with its sync runs in another: a thread that runs Python
beside a busy loop waits for the interpreter after every statement, and was 200 times slower.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NoReturn, Self, TypeVar, cast

import apsw

from antiphon.backends.sqlite.file import check_library, copy, schema_version
from antiphon.backends.sqlite.question import Questions
from antiphon.errors import AlreadyTaken, HomeUnusable, StorageFailed
from antiphon.ports import Cabinet, Transaction, Value

R = TypeVar("R")
T = TypeVar("T")

GROUP = 128
"""At most so many waiting writes run in one go, so that the loop is never held up for long."""

CHECKPOINT_PAGES = 2000
"""The WAL is carried into the database when it holds so many pages, after the writers have their answer."""

BUSY_MILLISECONDS = 250
"""How long a stranger with the file open, say a person with `sqlite3`, may hold a write up before it fails."""

CLOSED = "The store is closed."

TAKEN = (apsw.SQLITE_CONSTRAINT_PRIMARYKEY, apsw.SQLITE_CONSTRAINT_UNIQUE)

PRAGMAS = "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"

Work = Callable[[Transaction], Any]
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
        self._questions = {c.kind: Questions(c, apsw.carray, "SELECT value FROM carray(?)") for c in cabinets}
        self._writer, self._reader = self._open(), self._open()
        self._reader.execute("PRAGMA query_only = ON")
        self._check_tables()
        self._writer.set_wal_hook(self._note_pages)
        self._pages = 0
        self._broken = ""
        self._committing = False
        self._group: list[tuple[Waiting, Outcome]] = []
        self._queue: list[tuple[Waiting, Work]] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """As the port says. Writes that come while a commit is under way share the next one, each in its own
        savepoint: the error of one hurts no other."""
        if self._broken:
            raise _refusal(self._broken)
        value, error = await self._enter(work)
        if error is not None:
            raise error
        return cast(T, value)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """As the port says; runs at once."""
        transaction = _SqliteTransaction(self._reader, self._questions, changing=False)
        try:
            self._reader.execute("BEGIN")
            return work(transaction)
        except (apsw.Error, apsw.ConnectionClosedError) as error:
            raise _refusal(f"The database could not be read: {error}.") from error
        finally:
            transaction.end()
            with suppress(apsw.Error):
                self._reader.execute("ROLLBACK")

    async def backup(self, path: str) -> None:
        """As the port says. Raises StorageFailed where it can not be written, or something is there already."""
        await asyncio.to_thread(copy, self._path, path, vfs=self._vfs)

    async def close(self) -> None:
        """As the port says; a second close does nothing."""
        if self._broken != CLOSED:
            last = None if self._broken else self._enter(lambda _: None)
            self._broken = CLOSED
            if last is not None:
                await last
            await asyncio.to_thread(self._thread.shutdown)
            self._reader.close()
            self._writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<SqliteStore {self._path} {self._broken or 'open'}>"

    def _open(self) -> apsw.Connection:
        try:
            connection = apsw.Connection(self._path, apsw.SQLITE_OPEN_READWRITE, vfs=self._vfs, statementcachesize=500)
            connection.set_busy_timeout(BUSY_MILLISECONDS)
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute(PRAGMAS).fetchall()
        except apsw.Error as error:
            raise HomeUnusable(f"The database {self._path} can not be opened: {error}.") from error
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

    def _enter(self, work: Work) -> Waiting:
        waiting: Waiting = asyncio.get_running_loop().create_future()
        if self._committing or len(self._group) >= GROUP:
            self._queue.append((waiting, work))
        else:
            self._run(waiting, work)
        return waiting

    def _run(self, waiting: Waiting, work: Work) -> None:
        """One write within the group: its own error undoes it alone, a failing disk undoes the group."""
        try:
            if not self._group:
                self._writer.execute("BEGIN IMMEDIATE")
            self._group.append((waiting, self._one(work)))
        except apsw.BusyError as error:
            _deliver(waiting, (None, _refusal(f"The database is held by another program: {error}.")))
        except apsw.Error as error:
            group, self._group = [*self._group, (waiting, (None, None))], []
            self._fail(group, error)
        else:
            if len(self._group) == 1:  # others that are ready in this turn of the loop still come in
                asyncio.get_running_loop().call_soon(self._start_commit)

    def _one(self, work: Work) -> Outcome:
        outcome: Outcome
        transaction = _SqliteTransaction(self._writer, self._questions, changing=True)
        self._writer.execute("SAVEPOINT one")
        try:
            outcome = work(transaction), None
        except Exception as error:  # noqa: BLE001 - whatever it is goes to the caller
            outcome = None, error
        finally:
            transaction.end()
        if transaction.failure:
            raise transaction.failure
        if outcome[1] is not None:
            self._writer.execute("ROLLBACK TO one")
        self._writer.execute("RELEASE one")
        return outcome

    def _start_commit(self) -> None:
        if self._group:
            self._committing = True
            group, self._group = self._group, []
            self._thread.submit(self._commit, asyncio.get_running_loop(), group)

    def _commit(self, loop: asyncio.AbstractEventLoop, group: list[tuple[Waiting, Outcome]]) -> None:
        """In the other thread. The order is the law: nobody is answered before the shared commit is on the disk, and
        when that fails nobody is told that anything happened. The checkpoint comes after: the WAL alone is enough."""
        failure: apsw.Error | None = None
        try:
            self._writer.execute("COMMIT")
            if self._pages >= CHECKPOINT_PAGES:
                loop.call_soon_threadsafe(self._answer, group)
                group, self._pages = [], 0
                self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            failure = error
        with suppress(RuntimeError):  # a loop that is closed by now has nobody who waits
            loop.call_soon_threadsafe(self._committed, group, failure)

    def _committed(self, group: list[tuple[Waiting, Outcome]], failure: apsw.Error | None) -> None:
        self._committing = False
        if failure is None:
            self._answer(group)
        else:
            self._fail(group, failure)
        waiting, self._queue = self._queue[:GROUP], self._queue[GROUP:]
        for each in waiting:
            self._run(*each)

    def _answer(self, group: list[tuple[Waiting, Outcome]]) -> None:
        for waiting, outcome in group:
            _deliver(waiting, outcome)

    def _fail(self, group: list[tuple[Waiting, Outcome]], error: apsw.Error) -> None:
        """Nothing is acknowledged any more; what waits in the queue is refused with the rest."""
        failure = f"The database could not be written: {error}."
        self._broken = self._broken or failure
        if self._writer.in_transaction:
            with suppress(apsw.Error):
                self._writer.execute("ROLLBACK")
        queue, self._queue = self._queue, []
        for waiting in [each for each, _ in group] + [each for each, _ in queue]:
            _deliver(waiting, (None, _refusal(failure)))


class _SqliteTransaction:
    """The `Transaction` of one write or read; of no use after it."""

    __slots__ = ("_changing", "_execute", "_questions", "failure")

    def __init__(self, connection: apsw.Connection, questions: dict[type, Questions], *, changing: bool) -> None:
        self._execute: Callable[..., Any] = connection.execute
        self._questions = questions
        self._changing = changing
        self.failure: apsw.Error | None = None

    def get(self, kind: type[R], *key: Value) -> R | None:
        question = self._question(kind)
        rows = self._run(question.get, key)
        return cast(R, question.shape.make(rows[0])) if rows else None

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
        self._change(question.add, question.shape.take(record))

    def put(self, record: object) -> None:
        question = self._question(type(record))
        self._change(question.put, question.shape.take(record))

    def drop(self, kind: type[R], *key: Value) -> None:
        self._change(self._question(kind).drop, key)

    def end(self) -> None:
        """A transaction that got away would write outside of any: from here on it refuses."""
        self._execute = _over

    def _question(self, kind: type) -> Questions:
        question = self._questions.get(kind)
        if question is None:
            raise TypeError(f"no cabinet holds a {kind.__name__}")
        return question

    def _change(self, sql: str, values: Iterable[Any]) -> None:
        if not self._changing:
            raise TypeError("a read must not change anything")
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


def _refusal(what: str) -> StorageFailed:
    return StorageFailed(what, advice="See that the disk has space and is sound, then start again.")


def _deliver(waiting: Waiting, outcome: Outcome) -> None:
    if not waiting.done():
        waiting.set_result(outcome)
