"""What the store keeps of the ledger: its entries, its complete subtrees, and which purses are spent."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.terms import Digest, Identifier, Instant


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One leaf's bytes, at its place."""

    index: int
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredHash:
    """The hash of a complete subtree of 2**level leaves that starts at place * 2**level."""

    level: int
    place: int
    value: Digest


@dataclass(frozen=True, slots=True)
class Spent:
    """A spend key that paid for an intent; never removed, not even with its member."""

    side: str
    key: Digest
    intent: int


@dataclass(frozen=True, slots=True)
class KeptOpening:
    """The opening of a spent leaf whose evidence has faded, sealed under its member's key until it is of no use."""

    report: Identifier
    member: Identifier
    sealed: bytes
    until: Instant
