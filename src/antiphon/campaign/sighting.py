"""A verified, spendable report: one unwanted message reached one mailbox, and who signed it is certain (LAW §2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from antiphon.terms import Digest, Identifier, Instant


class SightingState(StrEnum):
    """`WAITING` for its batch, `COMMITTED` in the ledger, `RETRACTED` by the person; spends are counted apart."""

    WAITING = "waiting"
    COMMITTED = "committed"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Sighting:
    """The currency. `salts` (salt1 and salt2, 64 bytes) are sealed under the member's key, so that erasure takes
    them too; `by_click`: only its member's click made it spendable; `paid` and `complained` name the intents that spent
    the two purses."""

    report: Identifier
    member: Identifier
    case: Identifier
    originator: str
    identity: Digest
    received_at: Instant
    signed_at: Instant | None
    size: int
    hosts: str
    clicked: bool
    by_click: bool
    hold_until: Instant
    day: int
    salts: bytes
    c2: Digest
    leaf: Digest
    state: SightingState
    index: int | None
    paid: int | None
    complained: int | None
