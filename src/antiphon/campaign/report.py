"""A member's statement about one message, and what the node knew of that message when it came (LAW §3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from antiphon.terms import Digest, Identifier, Instant


class EvidenceClass(StrEnum):
    """How well we know that this message reached this mailbox."""

    COMMITTED = "A"
    STORED = "B"
    UPLOADED = "C"


class ReportState(StrEnum):
    """What became of a report."""

    ACCEPTED = "accepted"
    EVIDENCE_ONLY = "evidence-only"
    REFUSED = "refused"
    RETRACTED = "retracted"


class Witness(StrEnum):
    """Who saw a message arrive: the operator's own `MTA`, which told the node before it answered for the mail; the
    mail `STORE`, whose log says that it put it into the mailbox; or a `WATCHER`, that found it in a mailbox elsewhere.
    The first says most."""

    MTA = "mta"
    STORE = "store"
    WATCHER = "watcher"


NO_HOUR = -1
"""What no MTA saw is in no hour's tree: those hold what an MTA committed (LAW §9)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """This house saw this message arrive: the verdict and the keys are those of that moment. One row for each identity
    under which the message may be recognised later. `salt` is sealed under the member's key; `leaf` is the hash that
    stands in the hour's tree, which opens to nothing without it."""

    member: Identifier
    identity: Digest
    delivery: Identifier
    witness: Witness
    received_at: Instant
    hour: int
    position: int
    salt: bytes
    leaf: Digest
    evidence: bytes
    peer_address: str
    peer_port: int
    committed: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """One statement about one received message. `reasons` are the refusals, the deciding one first, comma
    separated; `evidence` is `optout.evidence` printed. Little is left of it after `fades_at`; None: it has faded.
    `text` names the remembered text of its campaign that the message was most like, for a person who splits it."""

    report: Identifier
    community: Identifier
    operator: Identifier
    tenant: str
    member: Identifier
    identity: Digest
    evidence_class: EvidenceClass
    state: ReportState
    reasons: str
    sighting_reasons: str
    originator: str
    case: Identifier | None
    campaign: bytes | None
    why: str
    received_at: Instant
    reported_at: Instant
    hold_until: Instant
    size: int
    clicked: bool
    source: str
    evidence: bytes
    fades_at: Instant | None = None
    text: bytes | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """One message of a member's archive that was read in, and what became of it, so that a run that was broken off
    goes on where it ended. `key` is keyed by this house; `reasons` and `sighting_reasons` are those of the report."""

    member: Identifier
    key: Digest
    state: ReportState
    reasons: str
    sighting_reasons: str
    sighting: bool


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes of a reported mail that is no sighting and that a click of its member might make one: sealed under the
    member's key, and kept no longer than such a mail could pay."""

    report: Identifier
    sealed: bytes
    until: Instant


@dataclass(frozen=True, slots=True)
class Submission:
    """A report that came over HTTP, and what became of it, for the program that handed it in. `digest` is of the
    message and keyed by this house; `report` is None where nothing of it was kept."""

    submission: Identifier
    member: Identifier
    digest: Digest
    at: Instant
    report: Identifier | None
    state: ReportState
    reasons: str
