"""How often one party may come: a burst, then one a span, each for itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.web import pace
from antiphon.web.pace import Pace


def test_a_burst_then_one_a_span() -> None:
    """Three at once, the fourth when the span is over; the wait that is told is enough, and no less is."""
    gate = Pace(2.0, 3)
    assert [gate.wait(b"a", 10.0) for _ in range(3)] == [0, 0, 0]
    assert gate.wait(b"a", 10.0) == 2.0
    assert gate.wait(b"b", 10.0) == 0
    assert gate.wait(b"a", 11.9) > 0
    assert gate.wait(b"a", 12.0) == 0
    assert gate.wait(b"a", 12.0) == 2.0


@given(st.lists(st.floats(0, 5), max_size=60))
def test_never_more_than_the_burst_and_the_pace(steps: list[float]) -> None:
    """Whenever a party comes, what was let in fits the burst and the time that passed."""
    gate, now, let_in = Pace(1.0, 5), 100.0, 0
    for step in steps:
        now += step
        let_in += gate.wait(b"a", now) == 0
        assert let_in <= 5 + (now - 100.0) + 1e-6


def test_the_memory_has_a_limit(monkeypatch) -> None:
    """Who has not come for longest is forgotten first, and so is let in."""
    monkeypatch.setattr(pace, "MOST_PARTIES", 2)
    gate = Pace(10.0, 1)
    for party in (b"a", b"b", b"c"):
        assert gate.wait(party, 0.0) == 0
    assert gate.wait(b"c", 0.0) > 0
    assert gate.wait(b"a", 0.0) == 0


def test_looking_counts_nothing() -> None:
    """How late a party is can be asked as often as one likes; it is what waiting would have said."""
    gate = Pace(2.0, 1)
    assert [gate.late(b"a", 10.0) for _ in range(3)] == [0, 0, 0]
    assert gate.wait(b"a", 10.0) == 0
    assert gate.late(b"a", 10.5) == gate.late(b"a", 10.5) == gate.wait(b"a", 10.5) == 1.5
