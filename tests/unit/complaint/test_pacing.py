"""The curve of RFC 6650 §7.5."""

from __future__ import annotations

from antiphon.complaint.pacing import following, leaves


def test_the_first_ten_each_then_ever_fewer() -> None:
    """Ten to 10, nine more to 100, nine more to 1,000: 28 reports for a thousand incidents."""
    told = [incident for incident in range(1, 1001) if leaves(incident)]
    assert told == [*range(1, 11), *range(20, 101, 10), *range(200, 1001, 100)]
    assert not leaves(0) and not leaves(-10)
    assert leaves(20_000) and not leaves(20_500)


def test_the_next_number_is_the_next_that_leaves() -> None:
    """For every number up to some thousands."""
    for incident in range(3000):
        assert following(incident) == next(n for n in range(incident + 1, 10_000) if leaves(n))
