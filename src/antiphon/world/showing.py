"""The demo as a command: progress while the days pass, then figures for people or programs."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from antiphon.optout.approval import KEY_AGE_DAYS
from antiphon.world.board import HEAD, ROW, Board, verdict_of
from antiphon.world.demo import CONTROL, Demo, run_demo

TELL_DAYS = 10
PIPED_COLUMNS = 120


def demo_command(*, seed: int, days: int, keep: Path | None, serve: bool, as_json: bool) -> int:
    """The command `antiphon demo`: progress on standard error, figures on standard output.

    0 when the ledger is lawful, no innocent was reached and every control counted; else 1. Raises HomeUnusable when
    `keep` holds an earlier run.
    """
    talk = Console(stderr=True)
    boards: list[Board] = []

    async def watch(demo: Demo) -> None:
        if serve:
            demo.watched = True
            boards.append(Board(demo))
            talk.print(f"Watch at {await boards[0].open()}", soft_wrap=True)

    async def stay(demo: Demo, found: dict[str, Any]) -> None:
        boards[0].result = found
        print_result(found, as_json=as_json)
        talk.print("The page and the node stay up until Ctrl-C.")
        await asyncio.Event().wait()

    columns = (TextColumn("day {task.completed:.0f} of {task.total:.0f}"), BarColumn(), TimeElapsedColumn())
    found: dict[str, Any] | None = None
    with Progress(*columns, console=talk, disable=not talk.is_terminal, transient=True) as bar:
        task = bar.add_task("days", total=days)
        talk.print(f"A world on this machine; {days} days pass in a few minutes.")

        def passed(day: int) -> None:
            bar.update(task, completed=day)
            if not talk.is_terminal and day % TELL_DAYS == 0:
                talk.print(f"day {day}")

        with suppress(KeyboardInterrupt):
            found = asyncio.run(
                run_demo(seed=seed, days=days, keep=keep, progress=passed, watch=watch, serve=stay if serve else None)
            )
    if found is None:
        return 0 if boards and boards[0].result and holds(boards[0].result) else 1
    print_result(found, as_json=as_json)
    return 0 if holds(found) else 1


def holds(found: dict[str, Any]) -> bool:
    """Whether the run shows what it is to show: a lawful ledger, innocents left alone, counters that count. In less
    than a week no operator can unlock openings, and a ledger is consistent at best."""
    audit = found["audit"]
    sound = audit["lawful"] or (found["days"] < KEY_AGE_DAYS and audit["consistent"])
    reached = any(innocent["packets"] for innocent in found["innocents"])
    counted = all(c["count"] for c in found["controls"] if c["name"].startswith(CONTROL))
    return bool(sound) and not reached and counted


def print_result(found: dict[str, Any], *, as_json: bool) -> None:
    """The figures as JSON or as tables."""
    if as_json:
        audit = {name: value for name, value in found["audit"].items() if name != "offence" or value}
        print(json.dumps({**found, "audit": audit}, indent=2))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_COLUMNS)
    table = Table(
        title="Counted by the world at its own sockets; the state is the node's word", box=SIMPLE_HEAD, padding=(0, 1)
    )
    for name in HEAD:
        words = name in ("originator", "state")
        table.add_column(name, justify="left" if words else "right", no_wrap=words)
    for row in found["originators"]:
        table.add_row(*(str(row[name]) for name in ROW))
    console.print(table)
    counts = Table("innocents and controls", "count", box=SIMPLE_HEAD, padding=(0, 1))
    for innocent in found["innocents"]:
        counts.add_row(f"packets at {innocent['name']}", str(innocent["packets"]))
    for control in found["controls"]:
        counts.add_row(control["name"], str(control["count"]))
    console.print(counts)
    console.print(f"The auditor says: {verdict_of(found['audit'])}", soft_wrap=True, markup=False)
