"""The demo as a command: progress while the days pass, then figures for people or programs."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from antiphon.world.demo import Demo, run_demo


def demo_command(*, seed: int, days: int, keep: Path | None, serve: bool, as_json: bool) -> int:
    """The command `antiphon demo`: progress on standard error, figures on standard output."""
    from rich.console import Console
    from rich.progress import Progress

    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    talk = Console(stderr=True)

    async def stay(demo: Demo, found: dict[str, Any]) -> None:
        print_result(found, as_json)
        talk.print(f"The status page is at http://127.0.0.1:{demo.http}/ (Ctrl-C ends).")
        await asyncio.Event().wait()

    with Progress(console=talk, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("days", total=days)
        talk.print(f"A world on this machine; {days} days pass in a minute or two.")

        def passed(day: int) -> None:
            bar.update(task, completed=day)
            if not sys.stderr.isatty() and day % 10 == 0:
                talk.print(f"day {day}")

        with suppress(KeyboardInterrupt):
            found = asyncio.run(
                run_demo(seed=seed, days=days, keep=keep, progress=passed, serve=stay if serve else None)
            )
            print_result(found, as_json)
            return 0 if found["audit"]["consistent"] else 1
    return 0


def print_result(found: dict[str, Any], as_json: bool) -> None:
    """The figures as JSON or as tables."""
    from rich.console import Console
    from rich.table import Table

    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table("originator", "mails", "reported", "after window", "notices", "attempts", "bytes in/out", "state")
    for row in found["originators"]:
        table.add_row(row["temper"], *(str(row[n]) for n in ("mails", "sightings", "sightings_after_window", "notices",
                      "attempts_at_destination")), f"{row['bytes_in']}/{row['bytes_out']}", row["state"])  # fmt: skip
    console = Console()
    console.print(table)
    for row in found["innocents"]:
        console.print(f"innocent {row['name']}: {row['packets']} packets")
    for row in found["controls"]:
        console.print(f"control: {row['name']}: {row['count']}")
    verdict = found["audit"]
    word = "lawful" if verdict["lawful"] else "consistent" if verdict["consistent"] else "NOT consistent"
    console.print(f"audit: {word}, {verdict['entries']} entries")
