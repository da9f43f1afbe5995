"""The person's clock: (member, originator) from not asked, over the window, to after it (LAW §5, §9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from antiphon.optout.case import QUIET_AFTER
from antiphon.terms import DAY, HOUR, Identifier, Instant, day_end, ledger_day

DEFAULT_WINDOW_HOURS = 16 * 24
"""10 business days, the longest statutory period (CAN-SPAM), in calendar hours."""
SHORTEST_WINDOW_HOURS = 72
OWN_TRIES = 3
TRY_SPACING = DAY
MAIL_SPACING = 30 * DAY
"""One opt-out by mail for a member and a destination in this span (LAW §4)."""
SETTLES_AFTER = 72 * HOUR
"""A mail counts as accepted when no bounce came within this span after a 2xx to the final dot."""


class Phase(StrEnum):
    """Where this person stands with this originator."""

    NOT_ASKED = "not-asked"
    INSIDE = "inside-window"
    AFTER = "after-window"


@dataclass(frozen=True, slots=True)
class Asked:
    """One person before one originator. `asked_at` is T, the append of the Settled (or Handed) entry `started`;
    `unsettled` names an own opt-out or notice that is still open; `tries` counts own opt-outs."""

    member: Identifier
    originator: str
    tries: int
    last_try_at: Instant | None
    unsettled: int | None
    asked_at: Instant | None
    started: int | None
    window_hours: int

    def window_end(self) -> Instant | None:
        """The close of the ledger day in which the hours of the window end; None while not asked."""
        if self.asked_at is None:
            return None
        return day_end(ledger_day(Instant(self.asked_at + self.window_hours * HOUR)))

    def phase(self, at: Instant) -> Phase:
        """Where an instant lies on this person's clock."""
        end = self.window_end()
        if end is None:
            return Phase.NOT_ASKED
        return Phase.AFTER if at >= end else Phase.INSIDE


class Course(StrEnum):
    """What became of the wish of one person, judged by later mail and never by what was answered."""

    NOT_ASKED = "not-asked"
    ASKED = "asked"
    WRITES_ON = "writes-on"
    QUIET = "quiet"


def course(asked: Asked, last_at: Instant | None, now: Instant) -> Course:
    """From when this person was asked for, and when its last reported mail of this originator was received."""
    end = asked.window_end()
    if end is None:
        return Course.NOT_ASKED
    since = end if last_at is None else max(end, last_at)
    if now - since >= QUIET_AFTER:
        return Course.QUIET
    return Course.WRITES_ON if last_at is not None and last_at >= end else Course.ASKED


def nobody_asked(member: Identifier, originator: str) -> Asked:
    """The clock of a person for whom nothing was ever asked of this originator."""
    return Asked(member, originator, 0, None, None, None, None, DEFAULT_WINDOW_HOURS)
