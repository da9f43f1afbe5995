"""Who is told, in which order, one tier at a time (LAW §6): the originator, if it can be asked, before its host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """Who a complaint goes to; `NOBODY` where none goes."""

    NOBODY = "nobody"
    ORIGINATOR = "originator"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Situation:
    """One case, as far as routing asks. `over`: quiet, disputed, withdrawn, stopped or closed. `had_its_time`: it was
    asked and went on after the window, or could not be reached."""

    over: bool
    accountable: bool
    had_its_time: bool


@dataclass(frozen=True, slots=True)
class Route:
    """One row: its number in the ledger, a sentence, when it holds, and who is told."""

    number: int
    sentence: str
    holds: Callable[[Situation], bool]
    tier: Tier


ROUTES: tuple[Route, ...] = (
    Route(1, "The case rests or is over: nobody is told.", lambda s: s.over, Tier.NOBODY),
    Route(
        2,
        "The originator can be asked and has not had its time: it comes first.",
        lambda s: s.accountable and not s.had_its_time,
        Tier.ORIGINATOR,
    ),
    Route(3, "The host of the address that handed the mail over is told.", lambda s: True, Tier.NETWORK),
)


def route(situation: Situation) -> Route:
    """The first row that holds; the last one always does."""
    return next(row for row in ROUTES if row.holds(situation))
