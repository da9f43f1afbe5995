"""A small drill of all doors under `kill -9`: real node, real sockets; and a node that it has to find out."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Any

import pytest

from antiphon.drill.gates import DELIVERED, REPORTED, GateFigures, gates_drill
from tests.drill.test_crash import ACKNOWLEDGES_FIRST, MAIN

GOOD = (sys.executable, "-m", "antiphon")


def drill(*command: str) -> GateFigures:
    """Two kills."""
    return asyncio.run(gates_drill(lambda _: None, kills=2, seed=3, node_command=command))


def test_what_any_door_acknowledged_is_there_once() -> None:
    """LMTP, milter, SMTP, HTTP and pipe; whoever had no answer came again."""
    figures = drill(*GOOD)
    assert figures.holds, figures
    assert set(figures.acknowledged) == {*DELIVERED, *REPORTED}


def test_a_door_that_acknowledges_first_is_found_out() -> None:
    """Mail that is not on disk when its reply leaves is gone after the kill."""
    figures = drill(sys.executable, "-c", ACKNOWLEDGES_FIRST + MAIN)
    assert figures.lost["lmtp"] > 0
    assert not figures.holds


SOUND = GateFigures(1, {"lmtp": 2, "http": 3}, {"lmtp": 1, "http": 0}, {"lmtp": 0, "http": 0}, 0)


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"kills": 0}, False),
        ({"acknowledged": {"lmtp": 2, "http": 0}}, False),
        ({"unanswered": {"lmtp": 0, "http": 0}}, False),
        ({"lost": {"lmtp": 0, "http": 1}}, False),
        ({"twice": 1}, False),
    ],
)
def test_one_figure_that_is_wrong_does_not_hold(changed: dict[str, Any], holds: bool) -> None:
    """One mail lost, one kept twice, a door that took nothing, or no kill that anybody noticed."""
    assert replace(SOUND, **changed).holds is holds
