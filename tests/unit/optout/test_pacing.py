"""The pace of a destination: a minute, a thousand a day, slower when it answers slowly, and its own word is law."""

from __future__ import annotations

from dataclasses import replace

from antiphon.optout.pacing import (
    INTERVAL,
    PER_DAY,
    SLOW_ANSWER_SECONDS,
    SLOWEST,
    answered,
    fresh,
    keys,
)
from antiphon.terms import DAY, HOUR, MINUTE, SECOND, Instant, ledger_day

NOON = Instant(20_000 * DAY + 12 * HOUR)


def test_the_measures_are_those_of_the_law() -> None:
    """One a minute, a thousand a day (LAW §5); at the slowest one a day."""
    assert (INTERVAL, PER_DAY, SLOWEST, SLOW_ANSWER_SECONDS) == (60 * SECOND, 1_000, DAY, 5.0)


def test_one_attempt_a_minute() -> None:
    """The next one at the full minute, not a microsecond before."""
    budget = fresh("host:shop.example")
    assert budget.allows(NOON)
    after = budget.spent(NOON)
    assert (after.day, after.used_today) == (ledger_day(NOON), 1)
    assert not after.allows(Instant(NOON + MINUTE - 1))
    assert after.allows(Instant(NOON + MINUTE))
    assert after.opens_at(NOON) == NOON + MINUTE


def test_a_thousand_a_day_and_then_the_next_day() -> None:
    """The thousandth leaves, the next one waits for midnight, where the count begins anew."""
    budget = replace(fresh("host:shop.example"), day=ledger_day(NOON), used_today=PER_DAY - 1)
    assert budget.allows(NOON)
    full = budget.spent(NOON)
    later = Instant(NOON + HOUR)
    assert full.used_today == PER_DAY and not full.allows(later)
    midnight = Instant(20_001 * DAY)
    assert full.opens_at(later) == midnight
    assert not full.allows(Instant(midnight - 1)) and full.allows(midnight)
    assert full.spent(midnight).used_today == 1
    assert full.opens_at(midnight) <= midnight


def test_what_was_used_up_yesterday_holds_nothing_up_today() -> None:
    """The count is that of one ledger day."""
    full = replace(fresh("x"), day=ledger_day(Instant(NOON - DAY)), used_today=PER_DAY)
    assert full.opens_at(NOON) == 0 and full.allows(NOON)


def test_a_later_word_of_the_host_holds_over_midnight() -> None:
    """The later of the two: what it asked for, and the day's end."""
    full = replace(fresh("x"), day=ledger_day(NOON), used_today=PER_DAY, next_at=Instant(20_002 * DAY))
    assert full.opens_at(NOON) == 20_002 * DAY


def test_retry_after_is_law() -> None:
    """To the second, never shortened by a smaller word, and it leaves the interval as it is."""
    budget = fresh("x").spent(NOON)
    asked = answered(budget, NOON, retry_after_seconds=7200, took_seconds=60.0)
    assert asked.next_at == NOON + 7200 * SECOND and asked.interval == INTERVAL
    assert answered(asked, NOON, retry_after_seconds=90, took_seconds=0.1).next_at == asked.next_at
    assert answered(budget, NOON, retry_after_seconds=0, took_seconds=0.1).next_at == budget.next_at


def test_a_slow_answer_halves_the_pace_and_quick_ones_restore_it() -> None:
    """Step by step, within a minute and a day; five seconds are not slow yet."""
    budget = fresh("x")
    slower = answered(budget, NOON, retry_after_seconds=None, took_seconds=SLOW_ANSWER_SECONDS + 0.1)
    assert slower.interval == 2 * MINUTE
    assert answered(budget, NOON, retry_after_seconds=None, took_seconds=SLOW_ANSWER_SECONDS).interval == MINUTE
    for _ in range(20):
        slower = answered(slower, NOON, retry_after_seconds=None, took_seconds=9.0)
    assert slower.interval == SLOWEST
    quicker = answered(slower, NOON, retry_after_seconds=None, took_seconds=0.1)
    assert quicker.interval == SLOWEST // 2
    assert slower.spent(NOON).next_at == NOON + DAY


def test_three_keys_name_a_destination() -> None:
    """Host, organisation and network, so that the same words never meet."""
    assert keys("a.example", "example", "8.8.4.0/24") == ("host:a.example", "organisation:example", "prefix:8.8.4.0/24")
