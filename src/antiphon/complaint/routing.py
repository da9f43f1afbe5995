"""Who is told, in which order, one tier at a time (LAW §6): the originator, its host, the registrar, an authority."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """Who a complaint goes to; `NOBODY` where none goes."""

    NOBODY = "nobody"
    ORIGINATOR = "originator"
    NETWORK = "network"
    REGISTRAR = "registrar"
    AUTHORITY = "authority"


TOLD_BY_MAIL = frozenset({Tier.NETWORK, Tier.REGISTRAR, Tier.AUTHORITY})
"""Who gets a complaint out of the purse of the network side; the originator is asked through its own channels."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One case and one network that its mail came from, as far as routing asks. `over`: quiet, disputed, withdrawn,
    stopped or closed. `unreachable`: its notice could not be delivered. `went_on`: it ignored the notice, and a request
    did not end the mail either. `host_had_time`: a person found phishing or malware in it, the host took our complaint,
    and its time to act is over; `registrar_had_time`: so did the registrar. `chosen`: the operator opted in to an
    authority that takes such mail."""

    over: bool
    accountable: bool
    unreachable: bool
    went_on: bool
    host_had_time: bool = False
    registrar_had_time: bool = False
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One row: its number in the ledger, a sentence, when it holds, and who is told."""

    number: int
    sentence: str
    holds: Callable[[Situation], bool]
    tier: Tier


ASKED_FIRST = 3
"""The row in which a host is told of an originator that was asked before."""
REGISTRAR_ROW, AUTHORITY_ROW = 6, 7
HOST_ROWS, REGISTRAR_ROWS = (ASKED_FIRST, 4, 5), (REGISTRAR_ROW,)
ROUTES: tuple[Route, ...] = (
    Route(1, "The case rests or is over: nobody is told.", lambda s: s.over, Tier.NOBODY),
    Route(
        2,
        "The originator can be asked and has not had its time: it comes first.",
        lambda s: s.accountable and not s.unreachable and not s.went_on,
        Tier.ORIGINATOR,
    ),
    Route(
        AUTHORITY_ROW,
        "A person found phishing or malware, host and registrar were told and had their time, and it went on: the "
        "authority that the operator chose is told.",
        lambda s: s.host_had_time and s.registrar_had_time and s.chosen,
        Tier.AUTHORITY,
    ),
    Route(
        REGISTRAR_ROW,
        "A person found phishing or malware, its host was told and had its time, and it went on: the registrar of its "
        "domain is told.",
        lambda s: s.host_had_time,
        Tier.REGISTRAR,
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
