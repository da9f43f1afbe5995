"""The curve of RFC 6650 §7.5, and how often one contact hears from us at all."""

from __future__ import annotations

from antiphon.complaint.pacing import (
    APART,
    CAP,
    CAP_WITHIN,
    HALTS,
    PROBE_SILENCE,
    QUIET,
    REACTS_WITHIN,
    counted,
    following,
    leaves,
    opens_at,
    worth_it,
)  # fmt: skip
from antiphon.terms import DAY, Instant


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


def test_a_matter_that_was_quiet_begins_anew() -> None:
    """Thirty days without a report."""
    now = Instant(100 * DAY)
    assert counted(57, Instant(now - QUIET + 1), now) == 57
    assert counted(57, Instant(now - QUIET), now) == counted(57, None, now) == 0


def test_only_mail_from_after_its_time_to_act_is_worth_a_report() -> None:
    """Three days; and then as the curve says."""
    now, last = Instant(100 * DAY), Instant(90 * DAY)
    late, early = Instant(last + REACTS_WITHIN), Instant(last + REACTS_WITHIN - 1)
    assert worth_it(3, last, [late], now) and not worth_it(3, last, [early], now)
    assert worth_it(10, last, [early] * 9 + [late], now) and not worth_it(10, last, [early] * 8 + [late], now)
    assert worth_it(0, None, [early], now) and not worth_it(0, None, [], now)


def test_a_contact_has_silence_after_its_first_a_day_between_and_a_cap() -> None:
    """A week, a day, ten in thirty days."""
    first = Instant(100 * DAY)
    assert opens_at([]) == 0 and opens_at([first]) == first + PROBE_SILENCE
    assert opens_at([first, Instant(first + 20 * DAY)]) == first + 20 * DAY + APART
    assert opens_at([first, Instant(first + 20 * DAY)], failed=True) == first + 20 * DAY + HALTS
    sent = [Instant(first + n * 2 * DAY) for n in range(CAP)]
    assert opens_at(sent) == first + CAP_WITHIN and opens_at(sent[1:]) == sent[-1] + APART
