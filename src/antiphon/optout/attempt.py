"""One attempt: the intent as it stands in the ledger, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from antiphon.terms import Digest, Identifier, Instant


class Outcome(StrEnum):
    """What an attempt came to; every one of them spends."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    BOUNCED = "bounced"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver a notice, request or own opt-out. `members` is a comma list of hex identifiers;
    `settles_at` is set while a mail waits for a bounce; `token` names the attempt in its envelope."""

    intent: int
    act: str
    case: Identifier
    originator: str
    members: str
    channel: str
    host: str
    organisation: str
    prefix: str
    reserve: int
    at: Instant
    window_hours: int
    outcome: Outcome
    status: str
    bytes_out: int
    bytes_in: int
    settles_at: Instant | None
    settled: int | None
    token: str
    message: Digest | None
