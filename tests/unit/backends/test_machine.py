"""What the machine gives, and what is not taken from it."""

from __future__ import annotations

from antiphon.backends.machine import SteadyClock, SystemClock
from antiphon.terms import DAY, Instant

NOON = Instant(20_000 * DAY)


class Watch:
    """A clock that somebody sets."""

    def __init__(self, at: Instant) -> None:
        self.at = at

    def now(self) -> Instant:
        return self.at


def test_a_clock_that_was_set_back_stands_still_until_it_has_caught_up() -> None:
    """Never before the floor, at the floor and after it the other clock's own time."""
    watch = Watch(Instant(NOON - 1))
    clock = SteadyClock(watch, NOON)
    assert (clock.now(), clock.behind()) == (NOON, True)
    watch.at = NOON
    assert (clock.now(), clock.behind()) == (NOON, False)
    watch.at = Instant(NOON + DAY)
    assert clock.now() == NOON + DAY


def test_the_machines_own_time_does_not_go_back() -> None:
    """Not within a process."""
    clock = SystemClock()
    assert 0 < clock.now() <= clock.now()
