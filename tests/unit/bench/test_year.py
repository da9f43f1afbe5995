"""The bench of a year runs, weighs every file of the home once, and sees what is kept for too long."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import apsw

PROGRAM = Path(__file__).resolve().parents[3] / "bench" / "year.py"
sys.path.insert(0, str(PROGRAM.parent))  # as a script finds it

from year import DAY, PARTS, START, Instant, count, weigh  # noqa: E402 - found only now


def test_a_short_life_is_weighed() -> None:
    """Six days: reports came, each part but the spool has bytes, nothing is stale, and the ledger is consistent."""
    command = [sys.executable, str(PROGRAM), "--days", "6", "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout)
    (row,) = found["figures"]
    assert (found["consistent"], row["stale"], row["day"]) == (True, 0, 6)
    assert row["reports"] > 0 and row["rss_kib"] > 10_000
    assert all(row["parts"][part] > 0 for part in PARTS if part != "spool")


def test_each_file_is_weighed_once(tmp_path: Path) -> None:
    """What is in no part is the rest."""
    sizes = {"antiphon.db": 1, "antiphon.db-wal": 10, "spool/a.seg": 100, "public/ledger/tile/0/0": 1000,
             "public/index.html": 10_000, "keys/log": 100_000, "settings.toml": 1_000_000}  # fmt: skip
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    assert list(weigh(tmp_path).values()) == [11, 100, 1000, 10_000, 100_000, 1_000_000]


def test_what_is_kept_too_long_is_counted(tmp_path: Path) -> None:
    """A report whose evidence should have faded, a mail behind one that came 40 days ago, a delivery of that day."""
    with apsw.Connection(str(tmp_path / "antiphon.db")) as made:
        made.execute(
            "CREATE TABLE report (report, received_at, fades_at); CREATE TABLE original (report);"
            "CREATE TABLE delivery (received_at); CREATE TABLE entry (x)"
        )
        now, old = START + 100 * DAY, START + 60 * DAY
        made.execute("INSERT INTO report VALUES (1, ?, ?), (2, ?, NULL)", (old, old + 30 * DAY, now))
        made.execute("INSERT INTO original VALUES (1), (2)")
        made.execute("INSERT INTO delivery VALUES (?), (?)", (old, now))
    (tmp_path / "antiphon.db-wal").touch()
    assert count(tmp_path, Instant(now))["stale"] == 3
