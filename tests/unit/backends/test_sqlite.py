"""The store on a file: durability, what it does when the disk fails, versions and snapshots, copies."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from antiphon.backends.sqlite import SqliteStore, migrate, restore, restore_check, schema_sql, schema_version
from antiphon.drill.disk import Disk, Fault, Machine
from antiphon.errors import HomeUnusable, StorageFailed, UnreadableFile
from antiphon.ports import Cabinet


@dataclass(frozen=True, slots=True)
class Note:
    """A record."""

    number: int
    body: bytes


CABINETS = (Cabinet(Note, "note", ("number",)),)
FIRST = schema_sql(CABINETS)
SECOND = 'CREATE TABLE "later" ("number" INTEGER NOT NULL PRIMARY KEY) STRICT;'

WRITE_AND_DIE = """
import asyncio, os, signal, sys
sys.path.insert(0, sys.argv[2])
from tests.unit.backends.test_sqlite import CABINETS, Note, SqliteStore
async def main():
    store = SqliteStore(sys.argv[1], CABINETS)
    for number in range(50):
        await store.write(lambda t: t.add(Note(number, bytes(500))))
        print(number, flush=True)
    await asyncio.wait([asyncio.ensure_future(store.write(lambda t: os.kill(os.getpid(), signal.SIGKILL)))])
asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database of the first schema."""
    path = str(tmp_path / "a.db")
    migrate(path, [FIRST], tmp_path / "snapshots")
    return path


@pytest.fixture
async def store(path: str) -> AsyncIterator[SqliteStore]:
    """An open store on it."""
    async with SqliteStore(path, CABINETS) as store:
        yield store


async def test_the_file_is_for_its_owner_and_every_commit_is_synced(store: SqliteStore, path: str) -> None:
    """Mode 600, also of the WAL; synchronous is at least FULL in both connections; the library is a sound one."""
    await store.write(lambda t: t.add(Note(1, b"")))
    assert {os.stat(each).st_mode & 0o777 for each in (path, f"{path}-wal")} == {0o600}
    assert store._writer.pragma("synchronous") >= 2
    assert store._writer.pragma("journal_mode") == "wal"


def test_what_was_acknowledged_outlives_the_process(path: str) -> None:
    """Killed in the middle of a write, the next process finds every write that had returned and nothing of the last."""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", WRITE_AND_DIE, path, root], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(done.stdout.split()) == 50
    assert asyncio.run(left(path)) == 50


async def test_a_caller_that_gives_up_leaves_the_store_usable(store: SqliteStore) -> None:
    """Cancelled while it waits for the disk, its change is made all the same, and others go on."""
    task = asyncio.create_task(store.write(lambda t: t.add(Note(1, b""))))
    await asyncio.sleep(0)
    task.cancel()
    await store.write(lambda t: t.add(Note(2, b"")))
    assert task.cancelled()
    assert await store.read(lambda t: t.count(Note)) == 2


async def test_an_interrupt_within_a_write_undoes_it(store: SqliteStore) -> None:
    """Also what is no ordinary error leaves nothing half done."""

    def work(transaction: object) -> None:
        transaction.add(Note(1, b""))  # type: ignore[attr-defined]  # the port's Transaction
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await store.write(work)
    assert await store.read(lambda t: t.count(Note)) == 0


@pytest.mark.parametrize("swallow", [False, True])
async def test_a_failing_disk_ends_the_writing_and_fails_all_that_waited(path: str, swallow: bool) -> None:
    """All in the group get StorageFailed, also when a work hides it; nothing more is written; reads go on."""
    disk = Disk(f"failing-{swallow}", Machine(Fault.ERROR, fail_at=10**9, seed=1))
    store = SqliteStore(path, CABINETS, vfs=disk.name)
    await store.write(lambda t: t.add(Note(0, b"")))
    disk.machine.fail_at = disk.machine.calls + 1

    def big(transaction: object) -> None:
        try:
            for number in range(100, 2000 if swallow else 101):
                transaction.add(Note(number, bytes(4000)))  # type: ignore[attr-defined]  # the port's Transaction
        except StorageFailed:
            assert swallow

    if swallow:
        store._writer.execute("PRAGMA cache_size = 10; PRAGMA cache_spill = ON").fetchall()
    waiting = [store.write(lambda t: t.add(Note(1, b""))), store.write(big), store.write(lambda t: t.add(Note(2, b"")))]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [StorageFailed] * 3
    calls = disk.machine.calls
    with pytest.raises(StorageFailed, match="could not be written"):
        await store.write(lambda t: t.add(Note(3, b"")))
    assert disk.machine.calls == calls
    assert "could not be written" in repr(store)
    assert await store.read(lambda t: t.find(Note)) == [Note(0, b"")]
    await store.close()
    disk.unregister()
    async with SqliteStore(path, CABINETS) as again:
        found = await again.read(lambda t: [note.number for note in t.find(Note)])
        assert found in ([0], sorted([0, 1, 2, *([] if swallow else [100])]))


async def test_a_file_that_another_program_holds_is_a_passing_failure(store: SqliteStore, path: str) -> None:
    """Somebody with an open transaction delays a write, then fails it; when they are gone all is well."""
    with closing(apsw.Connection(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="held by another program"):
            await store.write(lambda t: t.add(Note(1, b"")))
        other.execute("ROLLBACK")
    await store.write(lambda t: t.add(Note(1, b"")))


async def test_the_wal_is_carried_over_while_the_store_runs(store: SqliteStore, path: str) -> None:
    """After the set number of pages the database file grows and the WAL begins again."""
    store.checkpoint_pages = 20
    before = size(path)
    for number in range(60):
        await store.write(lambda t, n=number: t.add(Note(n, bytes(4000))))
    assert size(path) > before + 100_000
    assert size(f"{path}-wal") < 40 * 4200


def test_tables_of_another_program_are_refused(tmp_path: Path) -> None:
    """A schema that lacks a field, or a table, is said before anything is read."""
    for script in ('CREATE TABLE "note" ("number" INTEGER)', "CREATE TABLE x (y)"):
        other = tmp_path / f"{len(script)}.db"
        migrate(str(other), [script], tmp_path)
        with pytest.raises(HomeUnusable, match="does not fit"):
            SqliteStore(str(other), CABINETS)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Text, another program's database, a folder, a missing file: a sentence, and the file stays as it was."""
    text, foreign = tmp_path / "text", tmp_path / "foreign"
    text.write_text("x" * 200)
    with closing(apsw.Connection(str(foreign))) as connection:
        connection.execute("CREATE TABLE x (y)")
    for file in (text, foreign):
        before = digest(file)
        with pytest.raises(UnreadableFile):
            migrate(str(file), [FIRST], tmp_path)
        assert digest(file) == before
    with pytest.raises(UnreadableFile):
        schema_version(tmp_path)
    with pytest.raises(HomeUnusable):
        SqliteStore(str(text), CABINETS)
    with pytest.raises(HomeUnusable):
        SqliteStore(str(tmp_path / "missing"), CABINETS)


async def left(path: str) -> int:
    """How many notes a new store finds."""
    async with SqliteStore(path, CABINETS) as store:
        return await store.read(lambda t: t.count(Note))


def size(path: str) -> int:
    """A file's bytes."""
    return os.path.getsize(path)


def files(folder: Path) -> list[Path]:
    """All that lies below a folder."""
    return sorted(folder.rglob("*"))


def digest(file: Path) -> str:
    """A file's SHA-256."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def test_a_migration_snapshots_first_and_names_the_copy(path: str, tmp_path: Path) -> None:
    """The snapshot is the old database, for its owner only; a second one takes another name."""
    async with SqliteStore(path, CABINETS) as store:
        await store.write(lambda t: t.add(Note(1, b"x")))
    kept = tmp_path / "old.db"
    shutil.copyfile(path, kept)
    snapshot = migrate(path, [FIRST, SECOND], tmp_path / "snapshots")
    assert snapshot is not None
    assert schema_version(path) == 2
    assert migrate(path, [FIRST, SECOND], tmp_path / "snapshots") is None
    assert restore_check(str(snapshot), CABINETS).records == {"note": 1}
    assert snapshot.stat().st_mode & 0o777 == 0o600
    again = migrate(str(kept), [FIRST, SECOND], tmp_path / "snapshots")
    assert again is not None
    assert again != snapshot
    async with SqliteStore(path, CABINETS) as store:
        assert await store.read(lambda t: t.find(Note)) == [Note(1, b"x")]


def test_without_a_snapshot_there_is_no_migration(path: str, tmp_path: Path) -> None:
    """Where the copy can not be written the database stays as it is, and the sentence says why."""
    (tmp_path / "file").touch()
    before = digest(Path(path))
    with pytest.raises(HomeUnusable, match="snapshot failed"):
        migrate(path, [FIRST, SECOND], tmp_path / "file")
    assert digest(Path(path)) == before


def test_a_migration_that_fails_changes_nothing(path: str, tmp_path: Path) -> None:
    """A mistake in the second half undoes the first; the snapshot is named."""
    with pytest.raises(StorageFailed, match=r"stays at schema 1.*snapshot"):
        migrate(path, [FIRST, SECOND + "CREATE TABLE note (x);"], tmp_path / "snapshots")
    assert schema_version(path) == 1
    migrate(path, [FIRST, SECOND], tmp_path / "snapshots")


async def test_an_older_program_writes_nothing_and_names_versions_and_snapshot(path: str, tmp_path: Path) -> None:
    """Not a byte of the file changes, no file is born, and the way back is in the sentence."""
    snapshot = migrate(path, [FIRST, SECOND], tmp_path / "snapshots")
    async with SqliteStore(path, CABINETS) as store:
        await store.write(lambda t: t.add(Note(1, b"x")))
    before = digest(Path(path)), files(tmp_path)
    with pytest.raises(HomeUnusable) as caught:
        migrate(path, [FIRST], tmp_path / "snapshots")
    assert "schema 2" in str(caught.value)
    assert "Antiphon 0" in str(caught.value)
    assert "schema 1" in str(caught.value)
    assert str(snapshot) in caught.value.advice
    assert before == (digest(Path(path)), files(tmp_path))
    assert snapshot is not None
    snapshot.unlink()
    with pytest.raises(HomeUnusable) as caught:
        migrate(path, [FIRST], tmp_path / "snapshots")
    assert "restore a backup" in caught.value.advice


async def test_a_copy_made_at_work_is_checked_and_restored(store: SqliteStore, path: str, tmp_path: Path) -> None:
    """The copy holds what was acknowledged, checking it leaves no trace, and it becomes a database again."""
    for number in range(30):
        await store.write(lambda t, n=number: t.add(Note(n, bytes(900))))
    copy, new = tmp_path / "copy", tmp_path / "new"
    await store.backup(str(copy))
    before = digest(copy), files(tmp_path)
    assert restore_check(str(copy), CABINETS).records == {"note": 30}
    assert before == (digest(copy), files(tmp_path))
    assert restore(str(copy), str(new), CABINETS).schema == 1
    async with SqliteStore(str(new), CABINETS) as restored:
        assert await restored.read(lambda t: t.count(Note)) == 30
    with pytest.raises(HomeUnusable, match="already"):
        restore(str(copy), path, CABINETS)


async def test_a_backup_is_not_restored_beside_the_wal_of_another(
    store: SqliteStore, path: str, tmp_path: Path
) -> None:
    """SQLite would play the old WAL over it."""
    copy, new = tmp_path / "copy", tmp_path / "new"
    await store.backup(str(copy))
    shutil.copyfile(f"{path}-wal", f"{new}-wal")
    with pytest.raises(HomeUnusable, match="new-wal"):
        restore(str(copy), str(new), CABINETS)
    assert not new.exists()


async def test_a_copy_that_can_not_be_written_leaves_nothing(store: SqliteStore, tmp_path: Path) -> None:
    """No folder, or a file in the way: StorageFailed and no part of a file."""
    for target in (tmp_path / "missing" / "copy", Path(store._path)):
        with pytest.raises(StorageFailed):
            await store.backup(str(target))
    assert not [each for each in files(tmp_path) if each.suffix == ".part"]


@pytest.mark.parametrize("spoil", ["empty", "missing", "cut", "flipped", "newer", "foreign"])
async def test_a_backup_that_can_not_be_trusted_is_refused(spoil: str, store: SqliteStore, tmp_path: Path) -> None:
    """Any damage, a newer schema or tables that are not ours: one sentence."""
    for number in range(30):
        await store.write(lambda t, n=number: t.add(Note(n, bytes(900))))
    copy = tmp_path / "copy"
    await store.backup(str(copy))
    whole = copy.read_bytes()
    spoiled = {
        "empty": b"",
        "cut": whole[:8192],
        "flipped": whole[:4096] + bytes(4096) + whole[8192:],
        "newer": whole[:60] + (1_000).to_bytes(4) + whole[64:],
        "foreign": whole.replace(b'"body"', b'"bade"'),
    }
    copy.write_bytes(spoiled.get(spoil, b""))
    if spoil == "missing":
        copy.unlink()
    with pytest.raises(UnreadableFile):
        restore_check(str(copy), CABINETS)
