"""A small overload drill: real node, real sockets; and a door that lets everybody in is found out."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Any

import pytest

from antiphon.drill import overload
from antiphon.drill.crowd import DESTINATION, SOURCES, source
from antiphon.drill.overload import OverloadFigures, Run, overload_drill

COMMAND = (sys.executable, "-m", "antiphon")


def test_members_are_answered_and_nothing_acknowledged_is_lost() -> None:
    """Whoever else stands at the door, each report of a member has its 202 and is there; how fast is the drill's."""
    figures = asyncio.run(overload_drill(lambda _: None, seconds=1.5, node_command=COMMAND, share=0.1))
    assert figures.lost == 0
    assert [run.name for run in figures.runs] == list(overload.RUNS)
    for run in figures.runs:
        assert run.acknowledged == run.reports == int(1.5 * overload.A_SECOND), run
    by_name = {run.name: run for run in figures.runs}
    assert by_name["forged tickets"].crowd_answers.get("202", 0) == 0
    assert by_name["forged tickets"].crowd_answers["503"] > 0, "the crowd was too small to be refused"
    assert by_name["strangers"].crowd_answers["503"] > 0
    assert by_name["20,000 idle"].crowd_at_once > 1_000, "the idle did not stay"
    assert by_name["endless, by mail"].crowd_answers["open"] > 0, "no endless message stayed"


def test_the_crowd_is_of_this_machine() -> None:
    """Each source and the one destination are loopback addresses; the sources are ten thousand."""
    assert len({source(number) for number in range(SOURCES)}) == SOURCES
    assert all(source(number).startswith("127.") for number in range(SOURCES))
    assert DESTINATION.startswith("127.")


QUIET = Run("quiet", 9, 9, 0.01, 0.02, 0.1, 70_000, 0.1, 0, 0, {}, 0.0, {})
CROWDED = Run("strangers", 9, 9, 0.01, 0.2, 0.3, 70_000, 0.1, 100, 50, {}, 0.1, {})


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"acknowledged": 8}, False),
        ({"reports": 0, "acknowledged": 0}, False),
        ({"p99_seconds": 0.2001}, False),
        ({"node_memory_kib": 70_000 + 64 * 1024}, True),
        ({"node_memory_kib": 70_001 + 64 * 1024}, False),
        ({"crowd_opened": 0}, False),
    ],
)
def test_a_figure_past_its_limit_does_not_hold(changed: dict[str, Any], holds: bool) -> None:
    """One member without an answer, one millisecond or one KiB too many, or no crowd at all."""
    crowded = replace(CROWDED, **changed)
    assert OverloadFigures((QUIET, crowded), 0).holds is holds
    by_mail = (replace(QUIET, name="quiet, by mail"), replace(crowded, name="silent, by mail"))
    assert OverloadFigures((replace(QUIET, p99_seconds=9.0), *by_mail), 0).holds is holds
    assert not OverloadFigures((QUIET, CROWDED), 1).holds
