"""The field's words as types. Nothing here does I/O, reads a clock or draws a random number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NewType

Digest = NewType("Digest", bytes)
"""32 bytes, SHA-256."""

Identifier = NewType("Identifier", bytes)
"""16 random bytes."""

Domain = NewType("Domain", str)
"""A host name as lower-case LDH A-labels without a final dot."""

Instant = NewType("Instant", int)
"""Microseconds of UTC since 1970-01-01T00:00:00Z. Aware by definition: there is no local one."""

LedgerDay = NewType("LedgerDay", int)
"""A UTC day, counted from 1970-01-01."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def ledger_day(at: Instant) -> LedgerDay:
    """The UTC day that holds `at`."""
    return LedgerDay(at // DAY)


def day_start(day: LedgerDay) -> Instant:
    """00:00 UTC of `day`."""
    return Instant(day * DAY)


def day_end(day: LedgerDay) -> Instant:
    """The close of `day`: 00:00 UTC of the next."""
    return Instant((day + 1) * DAY)


def full_hour(at: Instant) -> Instant:
    """The first full hour that is not before `at`."""
    return Instant(-(-at // HOUR) * HOUR)


def after(at: Instant, microseconds: int) -> Instant:
    """`at` moved by a span; negative spans move back."""
    return Instant(at + microseconds)


def to_instant(when: datetime) -> Instant:
    """From an aware datetime; a naive one raises ValueError, since nobody knows what it means."""
    if when.tzinfo is None:
        raise ValueError("a naive datetime is no instant")
    return Instant((when.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def to_datetime(at: Instant) -> datetime:
    """As an aware UTC datetime, for people and for libraries."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)


def show_instant(at: Instant) -> str:
    """RFC 3339 in UTC with seconds, as it stands in tables and logs."""
    return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Address:
    """An addr-spec (RFC 5322 §3.4.1): the local part as written, the domain as A-labels."""

    local: str
    domain: Domain

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def folded(self) -> str:
        """The form under which a mailbox is known here: case folded on both sides."""
        return f"{self.local.lower()}@{self.domain}"
