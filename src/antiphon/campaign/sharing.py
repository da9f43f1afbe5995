"""What many mailboxes say together may be told to a filter; what fewer say stays here (LAW §7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

MAILBOXES = 5
DOMAINS = 2


@dataclass(frozen=True, slots=True)
class Saying:
    """That one mailbox reported one mail. `voice` is under whom it counts; empty counts for nothing."""

    voice: bytes
    tenant: str
    originator: str
    subject: str


@dataclass(frozen=True, slots=True)
class Shared:
    """What may leave: originators' domains, and digests of subjects. Both sorted; no counts, no members."""

    originators: tuple[str, ...]
    subjects: tuple[str, ...]


def subject_digest(subject: str) -> str:
    """What a filter computes of the same subject: SHA-256 of its lower-case text in UTF-8, in hexadecimal."""
    return sha256(subject.strip().lower().encode()).hexdigest()


def shareable(sayings: Iterable[Saying]) -> Shared:
    """Each value that at least MAILBOXES voices from at least DOMAINS domains share."""
    by_originator: dict[str, set[tuple[bytes, str]]] = defaultdict(set)
    by_subject: dict[str, set[tuple[bytes, str]]] = defaultdict(set)
    for saying in sayings:
        if saying.voice:
            by_originator[saying.originator].add((saying.voice, saying.tenant))
            if saying.subject.strip():
                by_subject[subject_digest(saying.subject)].add((saying.voice, saying.tenant))
    return Shared(_enough(by_originator), _enough(by_subject))


def _enough(found: dict[str, set[tuple[bytes, str]]]) -> tuple[str, ...]:
    def enough(said: set[tuple[bytes, str]]) -> bool:
        return len({voice for voice, _ in said}) >= MAILBOXES and len({tenant for _, tenant in said}) >= DOMAINS

    return tuple(sorted(value for value, said in found.items() if value and enough(said)))
