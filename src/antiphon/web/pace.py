"""How often one party may come: the generic cell rate algorithm, in memory. What it does not know is let in once."""

from __future__ import annotations

from collections import OrderedDict

MOST_PARTIES = 100_000


class Pace:
    """`every_seconds` between two, with `burst` at once; both on the caller's steady clock."""

    def __init__(self, every_seconds: float, burst: int) -> None:
        self._every, self._slack = every_seconds, every_seconds * (burst - 1)
        self._due: OrderedDict[bytes, float] = OrderedDict()

    def late(self, party: bytes, now: float) -> float:
        """0 where it may come now; else the seconds until it may. Counts nothing."""
        return max(self._due.get(party, now) - now - self._slack, 0.0)

    def wait(self, party: bytes, now: float) -> float:
        """The same; where it may come now, this counts."""
        late = self.late(party, now)
        if late:
            return late
        self._due[party] = max(self._due.get(party, now), now) + self._every
        self._due.move_to_end(party)
        if len(self._due) > MOST_PARTIES:
            self._due.popitem(last=False)
        return 0.0
