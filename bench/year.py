"""How large a home gets: `make bench`, or `python bench/year.py --days 365 --json`.

A world with a few originators lives so many days of virtual time around one node; they write to every member every few
days, whatever they are told. Every thirty days the files of the home are weighed by part, and the memory of its process
is read. What grew since the sixtieth day, when the first evidence has gone, is put beside the reports that came since.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import apsw

from antiphon.terms import DAY, Instant
from antiphon.world.demo import START, Demo, audit_of
from antiphon.world.party import TEMPERS

CAST = ("compliant", "deaf", "prompt", "unaccountable")
EVERY_DAYS = 30
KEPT_DAYS = 30
"""After which the evidence of a mail has to be gone (LAW §7), but for the hour in which it goes."""
PER = 100_000
COMMAND = [sys.executable, "-m", "antiphon"]
PARTS = {
    "database": "antiphon.db*",
    "spool": "spool/**/*",
    "ledger": "public/ledger/**/*",
    "pages": "public/**/*.html",
    "keys": "keys/*",
}


def weigh(home: Path) -> dict[str, int]:
    """Bytes of the files of each part; `rest` is whatever is in no part."""
    every = {path: path.stat().st_size for path in home.rglob("*") if path.is_file()}
    found = {}
    for part, pattern in PARTS.items():
        found[part] = sum(every.pop(path, 0) for path in home.glob(pattern))
    return {**found, "rest": sum(every.values())}


def memory_kib(home: Path) -> int:
    """Resident memory of the node's process, in KiB."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"run" in words and str(home).encode() in words:
                return int((process / "status").read_text("utf-8").partition("VmRSS:")[2].split()[0])
        except OSError:
            continue
    raise RuntimeError("The node does not run.")


def count(home: Path, now: Instant) -> dict[str, Any]:
    """Rows of the biggest tables, and what is kept of mail that is older than it may be."""
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        for ending in ("", "-wal"):
            shutil.copyfile(home / f"antiphon.db{ending}", Path(folder) / f"antiphon.db{ending}")
        connection = apsw.Connection(str(Path(folder) / "antiphon.db"))

        def one(sql: str, *values: int) -> int:
            return int(connection.execute(sql, values).get or 0)

        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = {name: one(f'SELECT count(*) FROM "{name}"') for name in tables}
        over = now - KEPT_DAYS * DAY - DAY
        return {
            "reports": rows["report"],
            "entries": rows["entry"],
            "rows": dict(sorted(rows.items(), key=lambda row: -row[1])[:8]),
            "free_pages": one("PRAGMA freelist_count"),
            "pages": one("PRAGMA page_count"),
            "stale": one("SELECT count(*) FROM report WHERE fades_at < ?", now - DAY)
            + one("SELECT count(*) FROM original o JOIN report r USING (report) WHERE r.received_at < ?", over)
            + one("SELECT count(*) FROM delivery WHERE received_at < ?", over - 2 * DAY),
        }


async def live(days: int, every: int, seed: int) -> dict[str, Any]:
    """The whole of it."""
    folder, began = Path(tempfile.mkdtemp(prefix="antiphon-")), perf_counter()
    tempers = [temper for temper in TEMPERS if temper.name in CAST]
    demo = Demo(folder, seed=seed, days=days, node_command=COMMAND, tempers=tempers)
    figures = []
    try:
        await demo.prepare()
        for party in demo.parties:
            party.every = every * DAY
        demo.schedule()
        for day in sorted({*range(EVERY_DAYS, days + 1, EVERY_DAYS), days}):
            now = Instant(START + day * DAY)
            await demo.until(now)
            home = demo.child.home
            figures.append({"day": day, "rss_kib": memory_kib(home), "parts": weigh(home), **count(home, now)})
            print(f"day {day}: {figures[-1]['reports']} reports", file=sys.stderr)
        await demo.finish()
        verdict = await audit_of(COMMAND, folder)
    finally:
        await demo.close()
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "seconds": round(perf_counter() - began),
        "consistent": verdict["consistent"],
        "figures": figures,
    }


def told(found: dict[str, Any]) -> str:
    """A table for people, in KiB, and what 100,000 reports more would take."""
    head = "".join(f"{part:>10}" for part in (*PARTS, "rest"))
    lines = [
        f"{found['date']}, {found['machine']}: {found['seconds']} s; consistent: {found['consistent']}; KiB", "",
        f"{'day':>5}{'reports':>9}{'entries':>9}{head}{'memory':>9}{'stale':>7}",
    ]  # fmt: skip
    for row in found["figures"]:
        parts = "".join(f"{size / 1024:>10.0f}" for size in row["parts"].values())
        lines.append(
            f"{row['day']:>5}{row['reports']:>9}{row['entries']:>9}{parts}{row['rss_kib']:>9}{row['stale']:>7}"
        )
    first, last = found["figures"][min(1, len(found["figures"]) - 1)], found["figures"][-1]
    more = last["reports"] - first["reports"]
    if more:
        grown = {part: (size - first["parts"][part]) * PER / more for part, size in last["parts"].items()}
        grown["memory"] = (last["rss_kib"] - first["rss_kib"]) * 1024 * PER / more
        said = ", ".join(f"{part} {size / 1024 / 1024:.0f} MiB" for part, size in grown.items())
        lines += ["", f"{PER:,} reports more, at this rate: {said}"]
    lines += ["", "rows: " + ", ".join(f"{name} {number}" for name, number in last["rows"].items())]
    return "\n".join(lines)


def main() -> None:
    """Measures, and prints a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365, help="of virtual time")
    parser.add_argument("--every", type=int, default=2, help="days between two mails of an originator to a member")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another world")
    parser.add_argument("--json", action="store_true", help="for programs")
    given = parser.parse_args()
    found = asyncio.run(live(given.days, given.every, given.seed))
    print(json.dumps(found, indent=2) if given.json else told(found))


if __name__ == "__main__":
    main()
