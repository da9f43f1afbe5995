"""Findings of the doctor that a person knows of: for a reason, until a day, and no worse than they were."""

from __future__ import annotations

import msgspec

from antiphon.desk.desk import Desk
from antiphon.desk.diagnose import Severity
from antiphon.errors import MalformedInput
from antiphon.ports import Setting, Transaction
from antiphon.terms import DAY, Instant

KNOWN = "doctor.known"
MOST_DAYS = 90
MOST_WHY = 200
ORDER = list(Severity)


class Known(msgspec.Struct, frozen=True):
    """One check whose finding is known: a worse one is told again."""

    check: str
    severity: Severity
    why: str
    until: int


def known_of(tx: Transaction, now: Instant) -> dict[str, Known]:
    """What is known now, by check; what is over is none."""
    kept = tx.get(Setting, KNOWN)
    every = msgspec.json.decode(kept.value, type=list[Known]) if kept is not None else []
    return {each.check: each for each in every if each.until > now}


def holds(known: Known, severity: str) -> bool:
    """Whether a finding is no worse than the one that was acknowledged."""
    return ORDER.index(Severity(severity)) <= ORDER.index(known.severity)


async def acknowledge(desk: Desk, check: str, *, severity: str, why: str, days: int) -> Known:
    """Takes a finding as known; `days` 0 takes that back. Raises MalformedInput without a reason, or for too long."""
    if not 0 <= days <= MOST_DAYS:
        raise MalformedInput(f"A finding is acknowledged for 1 to {MOST_DAYS} days; 0 takes it back.")
    if days and not (why.strip() and why.isprintable() and len(why) <= MOST_WHY):
        raise MalformedInput(f"A finding is acknowledged for a reason of at most {MOST_WHY} characters.",
                             advice="Say --why.")  # fmt: skip
    now = desk.clock.now()
    known = Known(check, Severity(severity), why.strip(), now + days * DAY)

    def work(tx: Transaction) -> None:
        every = known_of(tx, now) | {check: known}
        tx.put(Setting(KNOWN, msgspec.json.encode([each for each in every.values() if each.until > now])))

    await desk.store.write(work)
    return known
