"""Mails made to hurt their reader: what they cost, and that a node takes them and loses nothing."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Any

import pytest

from antiphon.drill.bombs import BOMBS, MIB
from antiphon.drill.hostile import Cost, HostileFigures, hostile_drill, measured, over_of
from antiphon.formats.message import MAX_MESSAGE

COMMAND = (sys.executable, "-m", "antiphon")
SOME = ("parts within parts", "line ends without LF", "marks that have to be sorted", "opt-out links")


def test_a_node_takes_what_was_made_to_hurt_it() -> None:
    """Each bomb has an answer though its reader is killed behind it, others' reports too, and nothing is lost."""
    figures = asyncio.run(hostile_drill(lambda _: None, node_command=COMMAND, names=SOME))
    assert figures.lost == 0
    assert figures.answers["202"] == figures.handed_in == len(SOME)
    assert figures.others_acknowledged == figures.others_reports == len(SOME)
    assert figures.readers_killed > 0


def test_every_bomb_fits_through_a_door() -> None:
    """A mail that no door takes would show nothing."""
    assert {name for name, make in BOMBS.items() if len(make()) > MAX_MESSAGE} == set()


def test_what_a_mail_costs_is_measured() -> None:
    """Memory that is taken and given back is seen, and so is processor time."""
    cost = measured("a", b"x" * 9, lambda raw: (raw * (5 * MIB)) and None)
    assert cost.size == 9 and cost.memory_kib > 30 * 1024
    assert measured("b", b"", lambda _: None).memory_kib < 30 * 1024


@pytest.mark.parametrize(
    ("cost", "over"),
    [
        (Cost("a", 100, 0.05, 0), False),
        (Cost("a", 100, 0.051, 0), True),
        (Cost("a", 2 * MIB, 0.2, 0), False),
        (Cost("a", 2 * MIB, 0.201, 0), True),
        (Cost("a", 100, 0.01, 32 * 1024), False),
        (Cost("a", 100, 0.01, 32 * 1024 + 1), True),
    ],
)
def test_a_bomb_has_a_share(cost: Cost, over: bool) -> None:
    """Five times an ordinary page's cost a byte, 50 ms where that is more, 32 MiB: at the limit, and one past it."""
    assert over_of([cost], 0.02) == (("a",) if over else ())


SOUND = HostileFigures(2, 0.1, "a", 0.2, 9, (), 2, 2, {"202": 1, "413": 1}, 2, 2, 0)


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"over": ("a",)}, False),
        ({"answers": {"202": 1}}, False),
        ({"answers": {"202": 1, "no answer": 1}}, False),
        ({"others_acknowledged": 1}, False),
        ({"lost": 1}, False),
        ({"readers_killed": 0}, False),
        ({"handed_in": 0, "answers": {}}, False),
    ],
)
def test_one_figure_that_is_wrong_does_not_hold(changed: dict[str, Any], holds: bool) -> None:
    """A bomb too dear, one without an answer, somebody else without one, one report lost, or no reader killed."""
    assert replace(SOUND, **changed).holds is holds
