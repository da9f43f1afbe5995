"""What the machine gives, and what is not taken from it."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.backends import machine
from antiphon.backends.machine import SteadyClock, SystemClock, half_open_are_kept_out
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


def test_half_open_connections_are_kept_out_unless_the_kernel_says_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 is no; 1, 2 and a kernel that does not say are not."""
    said = tmp_path / "tcp_syncookies"
    monkeypatch.setattr(machine, "SYN_COOKIES", said)
    assert half_open_are_kept_out()
    for value, kept in (("0\n", False), ("1\n", True), ("2\n", True)):
        said.write_text(value, "ascii")
        assert half_open_are_kept_out() is kept


def test_a_process_may_open_all_that_it_is_allowed() -> None:
    """A shell's low limit is a default, not an order."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    program = "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (64, r.getrlimit(r.RLIMIT_NOFILE)[1])); "
    program += (
        "from antiphon.backends.machine import open_all_descriptors as o; o(); print(*r.getrlimit(r.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(most)] * 2
