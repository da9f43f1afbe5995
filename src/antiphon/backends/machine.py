"""What the machine itself gives: its time, its random bytes, its nameserver."""

from __future__ import annotations

import ctypes
import os
import resource
import time
from contextlib import suppress
from pathlib import Path

from antiphon.ports import Clock
from antiphon.terms import Instant

CLOCK_UNKEPT = 5
"""TIME_ERROR: nothing keeps the clock."""

SYN_COOKIES = Path("/proc/sys/net/ipv4/tcp_syncookies")
"""Of IPv6, too (Linux, networking/ip-sysctl)."""


class SystemClock:
    """The machine's own time, never going back within a process."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> Instant:
        """Now, in UTC."""
        self._last = max(self._last, time.time_ns() // 1000)  # noqa: TID251 - this is the clock backend
        return Instant(self._last)


class SteadyClock:
    """Another clock, but never before `floor`: a ledger's time does not go back when a machine's clock is set back."""

    def __init__(self, clock: Clock, floor: Instant) -> None:
        self._clock, self._floor = clock, floor

    def now(self) -> Instant:
        """Now; or the floor, where time stands still until the other clock has caught up."""
        return max(self._clock.now(), self._floor)

    def behind(self) -> bool:
        """Whether the other clock stands before the floor."""
        return self._clock.now() < self._floor


class SystemChance:
    """The kernel's random bytes."""

    def draw(self, size: int) -> bytes:
        """Bytes that nobody can guess."""
        return os.urandom(size)


def clock_is_kept() -> bool:
    """Whether the kernel says that something keeps its clock right (adjtimex); true where it can not be asked."""
    try:
        return bool(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) != CLOCK_UNKEPT)
    except (AttributeError, OSError):
        return True


def half_open_are_kept_out() -> bool:
    """Whether the kernel answers with SYN cookies where half-open connections come in crowds; true where it does
    not say. What is half open never reaches a program, so this is all the defence there is."""
    try:
        return SYN_COOKIES.read_text("ascii").strip() != "0"
    except OSError:
        return True


def open_all_descriptors() -> None:
    """Lets this process have as many files and sockets open as it is allowed: a shell's default is less than the doors
    have places."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def system_nameserver() -> tuple[str, int]:
    """The first nameserver that the machine names, else one on the machine itself."""
    try:
        lines = Path("/etc/resolv.conf").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    found = [line.split()[1] for line in lines if line.startswith("nameserver") and len(line.split()) > 1]
    return (found[0] if found else "127.0.0.1"), 53
