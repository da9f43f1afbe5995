"""All that later steps need to know of one message, so that nothing downstream reads the raw mail again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

import msgspec

from antiphon.campaign.gate import UNAMBIGUOUS, Gate, gate
from antiphon.campaign.transactional import TransactionalRules
from antiphon.errors import MalformedInput
from antiphon.formats.dkim import Result, Signature, identities
from antiphon.formats.domain import aligned, failures, organisational_domain, parse_addresses
from antiphon.formats.message import Message
from antiphon.formats.providers import ProviderMap
from antiphon.formats.robot import robot_of
from antiphon.formats.unsubscribe import hosts
from antiphon.optout.channel import Kind, Offer, Proofs, offers_of
from antiphon.optout.feedback import feedback_id_of, feedback_offer
from antiphon.optout.originator import Originator, originator_of
from antiphon.terms import Digest, Domain, Instant

MOST_SUBJECT = 200
MOST_RECIPIENTS = 20


@dataclass(frozen=True, slots=True)
class Proof:
    """One passing signature as an opening needs it."""

    domain: str
    selector: str
    algorithm: str
    key_record: str
    value: bytes
    data_hash: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """One message, judged once. `reasons` are those of the gate; `offers` its channels with what still fails.
    `from_organisation` is only a claim unless `from_aligned`. `signer` is the d= that answers, exactly as it signed;
    `unaligned` are the d= of passing signatures that are not aligned with From."""

    identity: Digest
    message_id: str
    feedback_id: str
    subject: str
    from_organisation: str
    from_aligned: bool
    recipients: tuple[str, ...]
    received_at: Instant
    signed_at: Instant | None
    size: int
    robot: str
    unambiguous: bool
    relayed: bool
    transactional: tuple[str, ...]
    gate_passes: bool
    reasons: tuple[str, ...]
    to_covered: bool
    originator: str
    domain: str
    esp: str
    hosts: tuple[str, ...]
    proofs: tuple[Proof, ...]
    canonical: bool
    offers: tuple[Offer, ...]
    signer: str = ""
    unaligned: tuple[str, ...] = ()

    @property
    def signature_values(self) -> tuple[bytes, ...]:
        """The decoded b= of every passing signature."""
        return tuple(proof.value for proof in self.proofs)

    @property
    def one_click_url(self) -> str:
        """The one-click URL as the header has it; empty without one."""
        return next((offer.target for offer in self.offers if offer.kind is Kind.ONE_CLICK), "")


def forgotten(evidence: Evidence, identity: Digest) -> Evidence:
    """What is left of a piece of evidence whose member is erased: who answered for the mail and when it came. Message
    identity, tokens, links, recipients, texts and signatures are gone; host names may be a recipient's own."""
    return replace(
        evidence, identity=identity, message_id="", feedback_id="", subject="", recipients=(), hosts=(), proofs=(),
        offers=(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The data files that judging a message needs."""

    providers: ProviderMap
    transactional: TransactionalRules


def is_relayed(
    message: Message, signatures: tuple[Signature, ...], records: Mapping[Domain, str | None] | None
) -> bool:
    """List-Id or List-Post without a From-aligned passing signature: its List-Unsubscribe is the list host's."""
    if not message.count("list-id") and not message.count("list-post"):
        return False
    return not _is_signed_by_author(message, signatures, records)


def _is_signed_by_author(
    message: Message, signatures: tuple[Signature, ...], records: Mapping[Domain, str | None] | None
) -> bool:
    author = message.from_domain()
    return author is not None and any(s.passes and aligned(s.domain, author, records) for s in signatures)


def _recipients(message: Message) -> tuple[str, ...]:
    """Who stands in To; an empty text for what is no address, so that it never passes for one alone."""
    mailboxes = (a for f in message.all("to") for a in parse_addresses(f.value))
    return tuple(a.folded if a else "" for a in islice(mailboxes, MOST_RECIPIENTS))


def examine(
    message: Message,
    signatures: tuple[Signature, ...],
    rules: Rulebook,
    *,
    received_at: Instant,
    records: Mapping[Domain, str | None] | None,
    by_person: bool = False,
    witnessed: bool = False,
    infrastructure: frozenset[Domain] = frozenset(),
) -> Evidence:
    """Judges one message with the keys that its signatures were verified with; `infrastructure` are signers that
    behave as a provider's. Raises MalformedInput on a limit."""
    opinion = gate(message, signatures, received_at=received_at, by_person=by_person, witnessed=witnessed)
    relayed = is_relayed(message, signatures, records)
    originator = originator_of(message, opinion, rules.providers, records, infrastructure=infrastructure)
    author, robot, subject = message.from_domain(), robot_of(message), _text(message, "subject")
    return Evidence(
        identity=identities(message, signatures)[0],
        message_id=message.message_id(),
        feedback_id=feedback_id_of(message),
        subject=subject[:MOST_SUBJECT],
        from_organisation=organisational_domain(author) if author else "",
        from_aligned=_is_signed_by_author(message, opinion.passing, records),
        recipients=_recipients(message),
        received_at=received_at,
        signed_at=opinion.signed_at,
        size=len(message.raw),
        robot=robot.value if robot else "", unambiguous=not failures(UNAMBIGUOUS, message), relayed=relayed,
        transactional=rules.transactional.reasons(subject),
        gate_passes=opinion.passes, reasons=opinion.reasons,
        to_covered=any("to" in s.covers for s in opinion.passing) and message.count("to") == 1,
        originator=originator.name if originator else "", domain=originator.domain if originator else "",
        esp=originator.esp if originator else "",
        hosts=hosts(opinion.list_unsubscribe),
        proofs=_proofs(signatures),
        canonical=all(s.canonical for s in signatures if s.result is Result.PASS),
        offers=_offers(message, opinion, originator, rules.providers, relayed=relayed),
        signer=originator.signature.domain if originator and "/" not in originator.name else "",
        unaligned=_unaligned(message, signatures, records),
    )  # fmt: skip


def _offers(
    message: Message, opinion: Gate, originator: Originator | None, providers: ProviderMap, *, relayed: bool
) -> tuple[Offer, ...]:
    """Opt-outs first: a feedback address is the way where they prove too little."""
    proofs = Proofs(message, opinion, originator, providers, relayed, False, "", None, ())
    return (*offers_of(message, opinion, originator, providers, relayed=relayed), *feedback_offer(proofs))


def _unaligned(
    message: Message, signatures: tuple[Signature, ...], records: Mapping[Domain, str | None] | None
) -> tuple[str, ...]:
    """Who signed this mail validly without being its author's organisation."""
    author = message.from_domain()
    if author is None:
        return ()
    return tuple(dict.fromkeys(s.domain for s in signatures if s.passes and not aligned(s.domain, author, records)))


def _text(message: Message, name: str) -> str:
    found = message.one(name)
    return found.text if found else ""


def _proofs(signatures: tuple[Signature, ...]) -> tuple[Proof, ...]:
    passing = (s for s in signatures if s.passes)
    return tuple(Proof(s.domain, s.selector, s.algorithm, s.key_record or "", s.value, s.data_hash) for s in passing)


def print_evidence(evidence: Evidence) -> bytes:
    """For the store; `parse_evidence` reads it back."""
    return msgspec.json.encode(evidence)


@lru_cache(maxsize=4096)  # the cases that are looked at read the same mails of a month again and again
def parse_evidence(data: bytes) -> Evidence:
    """What `print_evidence` wrote. Raises MalformedInput."""
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise MalformedInput("A stored piece of evidence can not be read.") from error


_DECODER = msgspec.json.Decoder(Evidence)
