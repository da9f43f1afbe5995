"""One person's clock before one originator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.optout.asking import (
    DEFAULT_WINDOW_HOURS,
    MAIL_SPACING,
    OWN_TRIES,
    SETTLES_AFTER,
    SHORTEST_WINDOW_HOURS,
    TRY_SPACING,
    Phase,
    nobody_asked,
)
from antiphon.terms import DAY, HOUR, Identifier, Instant

NOON = Instant(20_000 * DAY + 12 * HOUR)
CLOCK = nobody_asked(Identifier(bytes(16)), "shop.example")


def test_the_spans_are_those_of_the_law() -> None:
    """16 x 24 hours, never under 72; three tries 24 hours apart; 72 hours for a bounce; mail each 30 days (LAW §5)."""
    assert (DEFAULT_WINDOW_HOURS, SHORTEST_WINDOW_HOURS) == (384, 72)
    assert (OWN_TRIES, TRY_SPACING, SETTLES_AFTER) == (3, 24 * HOUR, 72 * HOUR)
    assert MAIL_SPACING == 30 * DAY


def test_nobody_was_asked_for_at_first() -> None:
    """No try, nothing open, the default window, and every instant lies before the question."""
    assert (CLOCK.tries, CLOCK.last_try_at, CLOCK.unsettled, CLOCK.asked_at, CLOCK.started) == (
        0,
        None,
        None,
        None,
        None,
    )
    assert CLOCK.window_hours == DEFAULT_WINDOW_HOURS
    assert CLOCK.window_end() is None
    assert CLOCK.phase(Instant(NOON + 1_000 * DAY)) is Phase.NOT_ASKED


@pytest.mark.parametrize("hours", [72, 384, 400])
def test_a_window_ends_at_the_close_of_the_day_in_which_its_hours_end(hours: int) -> None:
    """Asked at noon: the close of that UTC day; one microsecond before is inside, the close itself is after."""
    asked = replace(CLOCK, asked_at=NOON, window_hours=hours)
    end = asked.window_end()
    assert end is not None and end % DAY == 0
    assert NOON + hours * HOUR < end <= NOON + hours * HOUR + DAY
    assert asked.phase(NOON) is Phase.INSIDE
    assert asked.phase(Instant(end - 1)) is Phase.INSIDE
    assert asked.phase(end) is Phase.AFTER


def test_hours_that_end_at_midnight_run_on_to_the_next_one() -> None:
    """The first instant of a day belongs to that day, so it is that day's close which ends the window."""
    asked = replace(CLOCK, asked_at=Instant(20_000 * DAY), window_hours=384)
    assert asked.window_end() == 20_017 * DAY
