"""A finding rests for a reason, until a day, and no worse than it was."""

from __future__ import annotations

import pytest

from antiphon.desk.acknowledge import MOST_DAYS, MOST_WHY, acknowledge, holds, known_of
from antiphon.errors import MalformedInput
from antiphon.terms import DAY, Instant
from tests.unit.desk.household import Household


async def test_it_rests_until_its_day_and_others_do_not() -> None:
    """To the microsecond; another check is another matter."""
    home = await Household().open()
    await acknowledge(home.desk, "mx", severity="note", why="on Monday", days=7)
    await acknowledge(home.desk, "dns", severity="error", why="a move", days=1)
    assert (await home.store.read(lambda tx: known_of(tx, home.time.now()))).keys() == {"mx", "dns"}
    at = Instant(home.time.at + 7 * DAY)
    assert (await home.store.read(lambda tx: known_of(tx, Instant(at - 1))))["mx"].why == "on Monday"
    assert await home.store.read(lambda tx: known_of(tx, at)) == {}


async def test_a_worse_finding_is_told_again() -> None:
    """An acknowledged note does not cover the error that it becomes once the node is armed."""
    home = await Household().open()
    known = await acknowledge(home.desk, "mx", severity="warning", why="on Monday", days=7)
    assert holds(known, "note") and holds(known, "warning") and not holds(known, "error")


async def test_it_can_be_taken_back() -> None:
    """At once."""
    home = await Household().open()
    await acknowledge(home.desk, "mx", severity="note", why="on Monday", days=7)
    await acknowledge(home.desk, "mx", severity="note", why="", days=0)
    assert await home.store.read(lambda tx: known_of(tx, home.time.now())) == {}


@pytest.mark.parametrize(
    ("why", "days"), [("", 7), (" ", 7), ("x" * (MOST_WHY + 1), 7), ("a\nb", 7), ("x", MOST_DAYS + 1), ("x", -1)]
)
async def test_without_a_reason_or_for_ever_it_does_not_rest(why: str, days: int) -> None:
    """Each refusal is told."""
    home = await Household().open()
    with pytest.raises(MalformedInput):
        await acknowledge(home.desk, "mx", severity="note", why=why, days=days)
