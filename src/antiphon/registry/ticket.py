"""A ticket: leave to hand in reports for one member over HTTP, for one program, until a day."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.terms import Digest, Identifier, Instant


@dataclass(frozen=True, slots=True)
class Ticket:
    """`secret` is the SHA-256 of what the member's program holds, which was shown once and is kept nowhere. `used_at`
    is when it was last used, to the hour."""

    secret: Digest
    member: Identifier
    name: str
    made_at: Instant
    until: Instant
    used_at: Instant | None
