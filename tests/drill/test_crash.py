"""A seeded sample of the crash drill: real processes, `kill -9` while they work."""

from __future__ import annotations

import asyncio
import sys

from antiphon.drill.crash import kill_drill


def test_killing_the_node_loses_nothing_and_sends_nothing_twice() -> None:
    """Six kills at seeded instants: every acknowledged report kept, the ledger lawful, no attempt twice."""
    command = [sys.executable, "-m", "antiphon"]
    figures = asyncio.run(kill_drill(kills=6, days=34, seed=3, node_command=command, progress=lambda _: None))
    assert figures.kills == 6
    assert figures.kept > 100
    assert (figures.lost, figures.twice, figures.lawful) == (0, 0, True)
