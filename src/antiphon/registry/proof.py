"""What shows that a person holds an address: a mail that it wrote for this purpose and for no other (LAW §3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from antiphon.errors import MalformedInput
from antiphon.formats.dkim import Signature
from antiphon.formats.domain import aligned, parse_addresses
from antiphon.formats.message import Message
from antiphon.formats.robot import robot_of
from antiphon.registry.agreement import agrees
from antiphon.terms import HOUR, Domain, Instant

PROOF_AGE = 72 * HOUR
CLOCK_SKEW = HOUR


@dataclass(frozen=True, slots=True)
class Proving:
    """A mail that came to a proof address, with the signatures of it that pass, and what was expected."""

    message: Message
    signatures: tuple[Signature, ...]
    records: Mapping[Domain, str | None]
    address: str
    proof_address: str
    now: Instant

    def recipients(self) -> tuple[str, ...]:
        """Who stands in To."""
        found = (a for field in self.message.all("to") for a in parse_addresses(field.value))
        return tuple(address.folded if address is not None else "" for address in found)

    def text(self) -> str:
        """The first text part; empty where there is none that can be read."""
        try:
            return next((part.text() for part in self.message.parts() if part.content_type == "text/plain"), "")
        except MalformedInput:
            return ""


@dataclass(frozen=True, slots=True)
class ProofRule:
    """A name, the sentence for people, and the question, true when it holds."""

    name: str
    sentence: str
    check: Callable[[Proving], bool]


def _author(p: Proving) -> bool:
    author = p.message.sole_address("from")
    return author is not None and author.folded == p.address


def _is_sound(p: Proving, signature: Signature) -> bool:
    """Whole body, sound key, aligned with From under both rules, and over the fields that the rules below read."""
    author = p.message.from_domain()
    return (
        signature.passes
        and author is not None
        and aligned(signature.domain, author, p.records)
        and {"from", "to", "date"} <= set(signature.covers)
        and all(p.message.count(name) == 1 for name in ("from", "to", "date"))
        and not signature.has_length
        and signature.algorithm != "rsa-sha1"
        and not signature.key_testing
        and signature.key_service_ok
        and (signature.expires_at is None or signature.expires_at >= p.now)
    )


def _lately(p: Proving) -> bool:
    written = p.message.date_at()
    return written is not None and -CLOCK_SKEW <= p.now - written <= PROOF_AGE


PROOF: tuple[ProofRule, ...] = (
    ProofRule("from-the-address", "It is not from the address that it is to prove.", _author),
    ProofRule(
        "signed",
        "No aligned signature covers From, To and Date and the whole body.",
        lambda p: any(_is_sound(p, signature) for signature in p.signatures),
    ),
    # A copy of some other mail of theirs, or their absence notice, would be signed and aligned as well.
    ProofRule(
        "to-us-alone",
        "It was not written to the proof address alone.",
        lambda p: p.recipients() == (p.proof_address,),
    ),
    ProofRule(
        "written-by-a-person",
        "A mail system wrote it.",
        lambda p: robot_of(p.message) is None and not p.message.count("auto-submitted"),
    ),
    ProofRule("lately", "It was written more than 72 hours ago.", _lately),
    ProofRule("agrees", "It does not say that it agrees to this version of the mandate.", lambda p: agrees(p.text())),
)


BY_ITSELF: tuple[ProofRule, ...] = tuple(rule for rule in PROOF if rule.name != "signed")
"""In a mailbox that is watched a mail to itself shows who holds it: it carries what only its holder was told, and was
found there (LAW §3)."""


def self_faults(proving: Proving, nonce: str) -> tuple[str, ...]:
    """As `faults`, for a mail from the address to itself that has to carry this nonce."""
    said = " ".join([*(field.text for field in proving.message.all("subject")), proving.text()]).lower()
    failed = [rule.name for rule in BY_ITSELF if not rule.check(proving)]
    return tuple(failed if nonce and nonce in said else [*failed, "carries-the-nonce"])


def faults(proving: Proving) -> tuple[str, ...]:
    """Every rule that fails, the deciding one first; empty means that the address is its author's."""
    return tuple(rule.name for rule in PROOF if not rule.check(proving))
