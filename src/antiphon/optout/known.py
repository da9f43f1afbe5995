"""What the node remembers of an originator, and what happened in its cases."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.terms import DAY, Identifier, Instant


@dataclass(frozen=True, slots=True)
class KnownOriginator:
    """Age and vouching. `registered_at` stays None while RDAP was not asked or does not know: unknown is not old."""

    originator: str
    domain: str
    esp: str
    first_seen_at: Instant
    registered_at: Instant | None
    asked_rdap_at: Instant | None
    vouched: int | None
    vouched_why: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """An originator on the blocklist: a person said that it must never learn anything from us (LAW §4)."""

    originator: str
    at: Instant
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A member says of one originator that its mail is no answer to an act of theirs: what the rules call transactional
    counts from then on like any other (LAW §3). For this member and this originator only."""

    member: Identifier
    originator: str
    at: Instant
    why: str


TAKEN_OUT_FOR = 365 * DAY
"""How long an originator is spared in a mailbox that took mail of it out of Junk."""


@dataclass(frozen=True, slots=True)
class TakenOut:
    """A member took mail of one originator out of Junk, last at this instant. For a year its mail counts as an answer
    to an act of theirs, whatever else is reported of it, unless they confirm later that it is none (LAW §3)."""

    member: Identifier
    originator: str
    at: Instant


def spared(taken: TakenOut | None, confirmed: Confirmation | None, now: Instant) -> bool:
    """Whether a member's last word on an originator is that its mail belongs in the inbox."""
    if taken is None or now - taken.at > TAKEN_OUT_FOR:
        return False
    return confirmed is None or confirmed.at <= taken.at


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a case's history: who did what, when, and why."""

    case: Identifier
    number: int
    at: Instant
    who: str
    what: str
    why: str
