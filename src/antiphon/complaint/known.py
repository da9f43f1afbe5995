"""What is remembered of complaints: contacts, what each was told about, what left, and what came back (LAW §6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from antiphon.terms import Identifier, Instant


class ContactState(StrEnum):
    """`DECLINED` asked for no more, or a person says so; `DEAD` takes no mail. Neither is written to again."""

    OPEN = "open"
    DECLINED = "declined"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class KnownContact:
    """One contact that was written to, or that is not to be: an address, or `@` and a domain for all below it.
    `failures` are those since the last complaint that was taken."""

    contact: str
    state: ContactState
    first_at: Instant | None
    last_at: Instant | None
    failures: int
    why: str
    changed_at: Instant


@dataclass(frozen=True, slots=True)
class Matter:
    """What a contact is told about: one case's mail, and what of it the contact answers for, its `object`: the network
    that handed it over, for a registrar the domain, for an authority its own name. `told` counts the incidents that
    were told, to `contact` last; nothing about it is looked at before `next_at`, and `why` says what stood in the
    way."""

    case: Identifier
    object: str
    contact: str
    told: int
    last_at: Instant | None
    next_at: Instant
    why: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint for which a purse was spent, by its intent in the ledger. `token` names it in envelope and Reply-To;
    `message` are the bytes that left."""

    intent: int
    case: Identifier
    object: str
    contact: str
    rule: int
    incidents: int
    token: str
    message: bytes
    at: Instant


class Harm(StrEnum):
    """What a person can find in a domain's mail beyond that it is unwanted: what its registrar answers for (LAW §6)."""

    PHISHING = "phishing"
    MALWARE = "malware"


@dataclass(frozen=True, slots=True)
class Finding:
    """A person looked at an originator's mail and found one of these, in its name and by its own domain."""

    originator: str
    harm: Harm
    at: Instant
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back to a complaint: `kind` is a word that was heeded, a robot, or `reply`. The text is sealed."""

    intent: int
    number: int
    at: Instant
    kind: str
    sealed: bytes
