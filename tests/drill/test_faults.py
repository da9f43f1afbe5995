"""A seeded sample of the disk drill, and the step to a newer schema on a disk that fails at each call in turn."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from antiphon.backends.sqlite import migrate, restore_check, schema_sql, schema_version
from antiphon.drill.disk import HONEST, Disk, Fault, Machine
from antiphon.drill.faults import CABINETS, StoreFigures, store_faults
from antiphon.errors import StorageFailed

SECOND = """
CREATE TABLE later (number INTEGER NOT NULL PRIMARY KEY, body BLOB NOT NULL) STRICT;
INSERT INTO later SELECT number, body FROM part;
UPDATE part SET mark = mark || '!';
"""


def test_a_sample_of_faults_loses_and_tears_nothing() -> None:
    """Every ninth call fails in every way: what was acknowledged is there, and a disk that lies is found out."""
    said: list[str] = []
    figures = asyncio.run(store_faults(said.append, every=9, seed=4))
    assert figures.holds, figures
    assert figures.acknowledged > 500
    assert len(said) == len(HONEST) + 1


def test_figures_without_their_control_prove_nothing() -> None:
    """A drill in which even the lying disk lost nothing, or that never ran, does not hold."""
    assert StoreFigures(runs=1, control=1).holds
    assert not StoreFigures(runs=1).holds
    assert not StoreFigures(control=1).holds
    assert not StoreFigures(runs=1, control=1, torn=1).holds


@pytest.mark.parametrize("fault", HONEST)
def test_a_step_to_a_newer_schema_is_taken_wholly_or_not_at_all(fault: Fault, tmp_path: Path) -> None:
    """Whatever call fails, the database is at the old schema with its old rows or at the new one with the new."""
    first = schema_sql(CABINETS)
    old = tmp_path / "old.db"
    migrate(str(old), [first], tmp_path)
    with closing(apsw.Connection(str(old))) as connection:
        connection.executemany("INSERT INTO part VALUES (?, 0, ?, zeroblob(3000))", ((n, str(n)) for n in range(12)))
    outcomes = set()
    for fail_at in range(1, 1000, 3):
        path = str(tmp_path / f"{fail_at}.db")
        shutil.copyfile(old, path)
        machine = Machine(fault, fail_at=fail_at, seed=fail_at)
        disk = Disk(f"step-{fault}-{fail_at}", machine)
        try:
            migrate(path, [first, SECOND], tmp_path / "snapshots", vfs=disk.name)
        except StorageFailed as error:
            assert "snapshot" in str(error)
        disk.unregister()
        if not machine.hit:
            break
        if fail_at % 2 or machine.off:
            machine.power_off()
        outcomes.add(rows(path))
        shutil.rmtree(tmp_path / "snapshots")
        migrate(path, [first, SECOND], tmp_path / "snapshots")
        assert schema_version(path) == 2
        shutil.rmtree(tmp_path / "snapshots", ignore_errors=True)
    assert outcomes <= {(1, 0, 0), (2, 12, 12)}
    assert (1, 0, 0) in outcomes


def rows(path: str) -> tuple[int, int, int]:
    """The schema, the rows of the new table, the changed rows of the old."""
    with closing(apsw.Connection(path)) as connection:
        version = connection.pragma("user_version")
        later = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'later'").get
        new = connection.execute("SELECT count(*) FROM later").get if later else 0
        changed = connection.execute("SELECT count(*) FROM part WHERE mark LIKE '%!'").get
        assert connection.pragma("integrity_check") == "ok"
    return version, new, changed


def test_a_check_of_a_copy_finds_any_page_that_was_torn(tmp_path: Path) -> None:
    """The verifier of the drill is no yes-sayer: zeroed pages are damage."""
    path = tmp_path / "a.db"
    migrate(str(path), [schema_sql(CABINETS)], tmp_path)
    restore_check(str(path), CABINETS)
    whole = bytearray(path.read_bytes())
    whole[4096:8192] = bytes(4096)
    path.write_bytes(whole)
    with pytest.raises(Exception, match="damaged"):
        restore_check(str(path), CABINETS)
