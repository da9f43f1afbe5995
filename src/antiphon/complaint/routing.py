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
    """One case, as far as routing asks. `over`: quiet, disputed, withdrawn, stopped or closed. `unreachable`: its
    notice could not be delivered. `went_on`: it ignored the notice, and a request did not end the mail either."""

    over: bool
    accountable: bool
    unreachable: bool
    went_on: bool


@dataclass(frozen=True, slots=True)
class Route:
    """One row: its number in the ledger, a sentence, when it holds, and who is told."""

    number: int
    sentence: str
    holds: Callable[[Situation], bool]
    tier: Tier


ASKED_FIRST = 3
"""The row in which a host is told of an originator that was asked before."""
ROUTES: tuple[Route, ...] = (
    Route(1, "The case rests or is over: nobody is told.", lambda s: s.over, Tier.NOBODY),
    Route(
        2,
        "The originator can be asked and has not had its time: it comes first.",
        lambda s: s.accountable and not s.unreachable and not s.went_on,
        Tier.ORIGINATOR,
    ),
    Route(
        ASKED_FIRST,
        "It was asked, had its time and went on, also after a request: its host is told.",
        lambda s: s.accountable and s.went_on,
        Tier.NETWORK,
    ),
    Route(
        4,
        "Its own address takes no mail, so it could not be asked: its host is told.",
        lambda s: s.accountable,
        Tier.NETWORK,
    ),
    Route(5, "It is not accountable and learns nothing from us: its host is told.", lambda s: True, Tier.NETWORK),
)


def route(situation: Situation) -> Route:
    """The first row that holds; the last one always does."""
    return next(row for row in ROUTES if row.holds(situation))
