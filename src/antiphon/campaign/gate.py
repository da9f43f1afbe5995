"""THE GATE (LAW §4): what must be signed, how and by what key, before anything may be asked of anybody.

A stock verifier says *valid* for a second List-Unsubscribe set above the signed one, for one that is
not signed at all, and for a body that was added to. The gate says no, and names every reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.formats.dkim import Result, Signature, is_aligned
from antiphon.formats.domain import Rule, failures
from antiphon.formats.message import Message
from antiphon.terms import Domain, Instant

RSA_BITS = 2048
RSA_BITS_BY_PERSON = 1024

ONCE = ("from", "date", "message-id", "to", "list-unsubscribe", "list-unsubscribe-post", "cfbl-address")


def _at_most_one(name: str) -> Rule[Message]:
    return Rule(f"one-{name}", f"Is there at most one {name}?", lambda message: message.count(name) <= 1)


UNAMBIGUOUS: tuple[Rule[Message], ...] = tuple(_at_most_one(name) for name in ONCE)
"""Header fields that a sighting may hold once at most (LAW §3)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One signature at the gate. `by_person`: a member clicked; `witnessed`: the report is of class A or B."""

    message: Message
    signature: Signature | None
    received_at: Instant
    by_person: bool
    witnessed: bool

    def covers(self, name: str) -> bool:
        """Signed, and the one instance of its name, so that the value used is the value signed."""
        return self.signature is None or (name in self.signature.covers and self.message.count(name) == 1)

    @property
    def signed_at(self) -> Instant | None:
        """From a signed Date, else from t=."""
        if self.signature is None:
            return None
        dated = self.message.date_at() if self.covers("date") else None
        return self.signature.signed_at if dated is None else dated

    @property
    def clicked(self) -> bool:
        """Only a member's click on witnessed mail does without a signed To and time."""
        return self.by_person and self.witnessed

    @property
    def judged(self) -> Signature:
        """The signature whose key is known; one of which all is well where there is none to judge."""
        known = self.signature if self.signature and self.signature.key_bits else None
        return known or Signature(Domain(""), "", "", (), Result.PASS, "", key_bits=RSA_BITS)


def _strong_enough(candidate: Candidate) -> bool:
    key = candidate.judged
    return key.algorithm == "ed25519-sha256" or key.key_bits >= (
        RSA_BITS_BY_PERSON if candidate.by_person else RSA_BITS
    )


GATE: tuple[Rule[Candidate], ...] = (
    Rule("one-list-unsubscribe", "Exactly one List-Unsubscribe?", lambda c: c.message.count("list-unsubscribe") == 1),
    Rule(
        "one-list-unsubscribe-post",
        "Exactly one List-Unsubscribe-Post?",
        lambda c: c.message.count("list-unsubscribe-post") == 1,
    ),
    Rule("signature-passes", "Does a signature verify?", lambda c: c.signature is not None and c.signature.passes),
    Rule(
        "both-covered",
        "Does the same signature cover both fields (RFC 8058 §4)?",
        lambda c: c.signature is None or {"list-unsubscribe", "list-unsubscribe-post"} <= set(c.signature.covers),
    ),
    Rule("from-covered", "Is the one From signed?", lambda c: c.covers("from")),
    Rule("to-covered", "Is the one To signed?", lambda c: c.clicked or c.covers("to")),
    Rule(
        "time-covered",
        "Is its time known from a signed Date or from t=?",
        lambda c: c.clicked or c.signature is None or c.signed_at is not None,
    ),
    Rule("no-length-tag", "Is the whole body signed (no l=)?", lambda c: not (c.signature and c.signature.has_length)),
    Rule("no-sha1", "Is it not rsa-sha1?", lambda c: c.signature is None or c.signature.algorithm != "rsa-sha1"),
    Rule("key-size", "Is the key long enough?", _strong_enough),
    Rule("key-not-testing", "Is the key not in testing (t=y)?", lambda c: not c.judged.key_testing),
    Rule("key-for-email", "Does the key serve e-mail (s=)?", lambda c: c.judged.key_service_ok),
    Rule(
        "not-expired",
        "Was x= not past at delivery?",
        lambda c: c.signature is None or c.signature.expires_at is None or c.signature.expires_at >= c.received_at,
    ),
)
"""The gate (LAW §4). No signature, no request: each rule closes a way to be used against a stranger."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What the gate says. `reasons` are all failed rules of the best signature; `passing` those that pass all."""

    passes: bool
    reasons: tuple[str, ...]
    signature: Signature | None
    list_unsubscribe: str
    signed_at: Instant | None
    passing: tuple[Signature, ...] = ()


def gate(
    message: Message,
    signatures: tuple[Signature, ...],
    *,
    received_at: Instant,
    by_person: bool,
    witnessed: bool = False,
) -> Gate:
    """Whether anything at all may be asked of the originator of this message (LAW §4).

    The best signature is one that passes all rules, else the one that fails fewest; From-aligned ones
    come first among equals. Never raises.
    """
    formed: list[Signature | None] = [s for s in signatures if s.result is not Result.MALFORMED]
    candidates = [Candidate(message, s, received_at, by_person, witnessed) for s in formed or [None]]
    judged = [(failures(GATE, c), c) for c in candidates]
    judged.sort(key=lambda j: (len(j[0]), j[1].signature is None or not is_aligned(message, j[1].signature)))
    reasons, best = judged[0]
    offered = message.one("list-unsubscribe")
    passing = tuple(c.signature for failed, c in judged if not failed and c.signature)
    return Gate(not reasons, reasons, best.signature, offered.value if offered else "", best.signed_at, passing)
