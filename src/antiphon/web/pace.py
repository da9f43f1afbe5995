"""How often one party may come: the generic cell rate algorithm, in memory. What it does not know is let in once."""

from __future__ import annotations

from collections import OrderedDict

MOST_PARTIES = 100_000


class Pace:
    """`every_seconds` between two, with `burst` at once; both on the caller's steady clock."""

    def __init__(self, every_seconds: float, burst: int) -> None:
        self._every, self._slack = every_seconds, every_seconds * (burst - 1)
        self._due: OrderedDict[bytes, float] = OrderedDict()

    def wait(self, party: bytes, now: float) -> float:
        """0 where it may come now, which then counts; else the seconds until it may."""
        due = max(self._due.get(party, now), now)
        if due - now > self._slack:
            return due - now - self._slack
        self._due[party] = due + self._every
        self._due.move_to_end(party)
        if len(self._due) > MOST_PARTIES:
            self._due.popitem(last=False)
        return 0.0
