"""A small replay: real processes, everything once more after a month; and a node that it has to find out."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Any

import pytest

from antiphon.drill.replay import ReplayFigures, replay_drill
from tests.drill.test_crash import MAIN

GOOD = (sys.executable, "-m", "antiphon")
COUNTS_AGAIN = """
from antiphon.campaign import acceptance
from antiphon.desk import admit

admit._stands = lambda *_: False
acceptance.SIGNED_WITHIN = 10**18
"""


def drill(*command: str, later_days: int) -> ReplayFigures:
    """Twelve days of mail: notices and members' own opt-outs."""
    return asyncio.run(
        replay_drill(days=12, seed=3, node_command=command, progress=lambda _: None, later_days=later_days)
    )


def test_what_came_in_once_counts_once() -> None:
    """Mail, forwards and answers, a month later: taken, and nothing comes of it."""
    figures = drill(*GOOD, later_days=30)
    assert figures.holds, figures


def test_a_node_that_counts_again_is_found_out() -> None:
    """Without the rules against duplicates and old signatures there are more sightings."""
    figures = drill(sys.executable, "-c", COUNTS_AGAIN + MAIN, later_days=2)
    assert figures.sightings_after > figures.sightings_before
    assert not figures.holds


SOUND = ReplayFigures(9, 9, 0, 4, 4, 3, 3, 2, 2, True)


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"taken": 0}, False),
        ({"sightings_after": 5}, False),
        ({"attempts_after": 4}, False),
        ({"spent_after": 3}, False),
        ({"spent_before": 0, "spent_after": 0}, False),
        ({"lawful": False}, False),
    ],
)
def test_one_figure_that_is_wrong_does_not_hold(changed: dict[str, Any], holds: bool) -> None:
    """One sighting, attempt or payment more; or nothing to show it by."""
    assert replace(SOUND, **changed).holds is holds
