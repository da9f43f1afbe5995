"""What the node remembers of an originator, and what happened in its cases."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.terms import Identifier, Instant


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
    blocklisted: bool


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A member says of one originator that its mail is no answer to an act of theirs: what the rules call transactional
    counts from then on like any other (LAW §3). For this member and this originator only."""

    member: Identifier
    originator: str
    at: Instant
    why: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a case's history: who did what, when, and why."""

    case: Identifier
    number: int
    at: Instant
    who: str
    what: str
    why: str
