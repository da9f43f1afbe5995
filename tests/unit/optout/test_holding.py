"""The hold: 24 to 52 hours that nobody can guess; a click that is in a hurry waits ten minutes and for the batch."""

from __future__ import annotations

import hmac

from antiphon.optout.holding import CLICKED, LONGEST, SHORTEST, Waits, click_waits, hold_until
from antiphon.terms import DAY, HOUR, MINUTE, Identifier, Instant

SECRET = b"\x02" * 32
NOON = Instant(20_000 * DAY + 12 * HOUR)


def report(number: int) -> Identifier:
    return Identifier(number.to_bytes(16, "big"))


def test_the_spans_are_those_of_the_law() -> None:
    """24 to 52 hours; ten minutes for a click whose member prefers that (LAW §3)."""
    assert (SHORTEST, LONGEST, CLICKED) == (24 * HOUR, 52 * HOUR, 10 * MINUTE)


def test_every_hold_lies_between_the_two_and_they_fill_the_span() -> None:
    """Over a thousand reports none is shorter or longer, and both ends are nearly reached."""
    waits = [hold_until(SECRET, report(number), NOON) - NOON for number in range(1_000)]
    assert 24 * HOUR <= min(waits) < 25 * HOUR
    assert 51 * HOUR < max(waits) < 52 * HOUR


def test_the_same_report_waits_equally_long_and_another_does_not() -> None:
    """From the report and the secret alone: asking twice teaches nothing, and who lacks the secret can not know."""
    first = hold_until(SECRET, report(1), NOON)
    assert hold_until(SECRET, report(1), NOON) == first
    assert hold_until(SECRET, report(2), NOON) != first
    assert hold_until(b"\x03" * 32, report(1), NOON) != first
    assert hold_until(SECRET, report(1), Instant(NOON + HOUR)) == first + HOUR


def test_the_wait_is_drawn_under_a_label_of_its_own() -> None:
    """HMAC-SHA-256(secret, "antiphon/hold/1" || report), its first 8 bytes as a part of 28 hours."""
    drawn = int.from_bytes(hmac.digest(SECRET, b"antiphon/hold/1" + report(7), "sha256")[:8], "big")
    assert hold_until(SECRET, report(7), NOON) == NOON + 24 * HOUR + 28 * HOUR * drawn // 2**64


def test_a_click_waits_as_long_as_any_report() -> None:
    """Unless its member prefers otherwise, nothing leaves before the hold is over."""
    slow = hold_until(SECRET, report(1), NOON)
    assert click_waits(SECRET, report(1), NOON, quick=False) == Waits(slow, slow, slow)


def test_a_click_in_a_hurry_waits_ten_minutes_and_then_for_the_next_batch() -> None:
    """Its own opt-out leaves at the end of the ledger day in which the ten minutes are over; all else is held."""
    slow = hold_until(SECRET, report(1), NOON)
    brief = Instant(NOON + 10 * MINUTE)
    assert click_waits(SECRET, report(1), NOON, quick=True) == Waits(brief, Instant(20_001 * DAY), slow)
    late = Instant(20_001 * DAY - MINUTE)
    assert click_waits(SECRET, report(1), late, quick=True).leaves_at == 20_002 * DAY
