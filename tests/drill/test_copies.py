"""One race of the drill of copies: real processes before one anchor; and what two anchors would do."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from antiphon.drill.copies import CAST, CopiesFigures, race_copies


def test_of_two_copies_of_a_home_one_goes_on_and_the_others_refuse() -> None:
    """The loser, the loser started again, and a backup stand still; with an anchor each, links are asked twice."""
    command = (sys.executable, "-m", "antiphon")
    figures = asyncio.run(race_copies(races=1, seed=2, node_command=command, progress=lambda _: None, cast=CAST[:1]))
    assert (figures.races, figures.refused, figures.agreed) == (1, 3, 0), figures
    assert (figures.twice, figures.broken, figures.checks, figures.lawful) == (0, 0, 2, True), figures
    assert figures.attempts > 0 and figures.control > 0, figures


def test_figures_that_prove_nothing_do_not_hold() -> None:
    """Each figure alone turns the drill red: one that did not refuse, one that went on beside it, no contest."""
    good = CopiesFigures(races=1, refused=3, attempts=1, checks=1, control=1)
    assert good.holds
    for name in ("agreed", "twice", "broken"):
        assert not replace(good, **{name: 1}).holds, name
    for name in ("races", "refused", "attempts", "control"):
        assert not replace(good, **{name: 0}).holds, name
    assert not replace(good, lawful=False).holds
    assert not replace(good, refused=2).holds
