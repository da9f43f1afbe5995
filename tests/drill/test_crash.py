"""A seeded sample of the crash drill: real processes, `kill -9` while they work; and a node that it has to find out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from antiphon.drill.crash import CrashFigures, kill_drill

GOOD = (sys.executable, "-m", "antiphon")
MAIN = "\nfrom antiphon.cli import main\nmain(prog_name='antiphon')\n"
ACKNOWLEDGES_FIRST = """
import asyncio
from antiphon.web import door

real, tasks = door.spool_mail, set()

async def late(*words, **more):
    async def work():
        await asyncio.sleep(3600)
        await real(*words, **more)

    tasks.add(asyncio.create_task(work()))
    return 0

door.spool_mail = late
"""


def drill(kills: int, days: int, cast: Sequence[str], command: Sequence[str] = GOOD) -> CrashFigures:
    """One short drill."""
    return asyncio.run(
        kill_drill(kills=kills, days=days, seed=3, node_command=command, progress=lambda _: None, cast=cast)
    )


def test_killing_the_node_loses_nothing_and_sends_nothing_twice() -> None:
    """Six kills at seeded instants: every acknowledged mail kept, no link asked twice, the inequality at each check."""
    figures = drill(6, 34, ("deaf", "prompt", "compliant", "joe-jobber"))
    assert figures.holds, figures
    assert figures.acknowledged > 100
    assert figures.checks == (6 + figures.worlds) * 4


def test_a_node_that_acknowledges_before_it_writes_is_found_out() -> None:
    """The drill is no yes-sayer: what such a node took and forgot is lost, and counted."""
    figures = drill(1, 7, ("deaf",), (sys.executable, "-c", ACKNOWLEDGES_FIRST + MAIN))
    assert figures.acknowledged > 0
    assert figures.lost > 0
    assert not figures.holds
