"""Budgets per destination: host name, organisational domain and address prefix; the strictest wins (LAW §5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from antiphon.terms import HOUR, MINUTE, SECOND, Instant, LedgerDay, ledger_day

INTERVAL = MINUTE
"""One attempt a minute."""
PER_DAY = 1_000
SLOWEST = 24 * HOUR
SLOW_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What one budget key (`host:…`, `organisation:…`, `prefix:…`) still allows, over all cases."""

    key: str
    interval: int
    next_at: Instant
    day: LedgerDay
    used_today: int

    def allows(self, now: Instant) -> bool:
        """Whether one more attempt may start now."""
        return now >= self.next_at and (self.day != ledger_day(now) or self.used_today < PER_DAY)

    def opens_at(self, now: Instant) -> Instant:
        """The next instant at which `allows` may be true."""
        full = self.day == ledger_day(now) and self.used_today >= PER_DAY
        return Instant(max(self.next_at, (self.day + 1) * 24 * HOUR if full else self.next_at))

    def spent(self, now: Instant) -> Budget:
        """After one attempt started now."""
        today = ledger_day(now)
        used = self.used_today + 1 if self.day == today else 1
        return replace(self, day=today, used_today=used, next_at=Instant(now + self.interval))


def fresh(key: str) -> Budget:
    """A key that nothing was sent to yet."""
    return Budget(key, INTERVAL, Instant(0), LedgerDay(0), 0)


def answered(budget: Budget, now: Instant, *, retry_after_seconds: int | None, took_seconds: float) -> Budget:
    """After an answer: `Retry-After` is law (RFC 9110 §10.2.3); a slow answer halves the pace, a quick one
    restores it step by step."""
    interval = budget.interval
    if retry_after_seconds is not None:
        return replace(budget, next_at=Instant(max(budget.next_at, now + retry_after_seconds * SECOND)))
    if took_seconds > SLOW_ANSWER_SECONDS:
        interval = min(interval * 2, SLOWEST)
    else:
        interval = max(interval // 2, INTERVAL)
    return replace(budget, interval=interval)


def keys(host: str, organisation: str, prefix: str) -> tuple[str, str, str]:
    """The three keys of a destination."""
    return f"host:{host}", f"organisation:{organisation}", f"prefix:{prefix}"
