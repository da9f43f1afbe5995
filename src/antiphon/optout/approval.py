"""A person's signed leave: the exact bytes of a notice, or a standing approval for requests (LAW §5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from antiphon.terms import Digest, Identifier, Instant, LedgerDay

KEY_AGE_DAYS = 7
LONGEST_DAYS = 30
LIMIT_FOR_ONE = 100
"""What one person may approve for one case in entries less than 30 ledger days apart."""


class Scope(StrEnum):
    """What an approval is for."""

    NOTICE = "notice"
    STANDING = "standing"


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """A person's key: the ledger entry that added it, from which its age is counted in ledger days."""

    entry: int
    name: str
    key: bytes
    day: LedgerDay
    revoked: bool

    def counts(self, day: LedgerDay) -> bool:
        """Whether a signature by this key counts on that ledger day."""
        return not self.revoked and day - self.day >= KEY_AGE_DAYS


@dataclass(frozen=True, slots=True)
class Approval:
    """One Approved entry and how much of it is used. `hosts` and `signers` are comma lists, `kinds` a bit mask of
    channel kinds; a notice approval has a message digest and a limit of three tries."""

    entry: int
    case: Identifier
    scope: Scope
    message: Digest | None
    hosts: str
    kinds: int
    limit: int
    used: int
    day: LedgerDay
    expiry_day: LedgerDay
    signers: str

    def live(self, day: LedgerDay) -> bool:
        """Neither expired nor exhausted."""
        return day <= self.expiry_day and self.used < self.limit

    def covers(self, host: str, kind: int) -> bool:
        """Whether this host and this kind of channel were approved."""
        return host in self.hosts.split(",") and bool(self.kinds & kind)


def room_for(signer: int, day: LedgerDay, earlier: tuple[Approval, ...]) -> int:
    """How much of a case this person alone may still approve today: 100 less what the signer gave alone in
    entries less than 30 ledger days old."""
    alone = (a for a in earlier if a.scope is Scope.STANDING and a.signers == str(signer))
    return LIMIT_FOR_ONE - sum(a.limit for a in alone if day - a.day < LONGEST_DAYS)


@dataclass(frozen=True, slots=True)
class Draft:
    """A notice that waits for a person: the exact bytes that would leave, and the reports whose rows it names."""

    case: Identifier
    epoch: int
    recipient: str
    language: str
    message: bytes
    digest: Digest
    reports: bytes
    made_at: Instant
    approval: int | None


def draft_reports(draft: Draft) -> tuple[Identifier, ...]:
    """The reports whose rows a draft names."""
    return tuple(Identifier(draft.reports[at : at + 16]) for at in range(0, len(draft.reports), 16))
