"""What a report becomes: accepted, and perhaps spendable. One rule a class, one question a rule (LAW §3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from antiphon.campaign.report import EvidenceClass
from antiphon.terms import HOUR, Instant

SIGNED_WITHIN = 72 * HOUR
"""A mail that was received later than this after it was signed is a replay until shown otherwise."""
CLOCK_SKEW = HOUR
"""A signed time may lie this far ahead of ours."""
PER_DAY = 5
"""Sightings of one member in one case and day."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is known about one report when it is judged. Unknown is False."""

    evidence_class: EvidenceClass
    clicked: bool
    mandate_live: bool
    duplicate: bool
    ours: bool
    robot: str
    gate_passes: bool
    unambiguous: bool
    canonical: bool
    only_to_member: bool
    to_covered: bool
    received_at: Instant
    signed_at: Instant | None
    relayed: bool
    transactional: bool
    confirmed: bool
    originator_known: bool
    today: int
    filed: bool = False


Check = Callable[[Statement], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """A name, the sentence that a person reads when it fails, and the question, true when it holds."""

    name: str
    sentence: str
    check: Check


def _seen(s: Statement) -> bool:
    return s.evidence_class in (EvidenceClass.COMMITTED, EvidenceClass.STORED)


def _time_fits(s: Statement) -> bool:
    if s.signed_at is None:
        return s.clicked and _seen(s)
    return -CLOCK_SKEW <= s.received_at - s.signed_at <= SIGNED_WITHIN


ACCEPTED: tuple[Rule, ...] = (
    Rule("mandate-live", "The mandate for this address is not live.", lambda s: s.mandate_live),
    Rule("by-a-person", "A filter put this into Junk, no person: it is evidence only.", lambda s: not s.filed),
    Rule("not-duplicate", "This message was reported already.", lambda s: not s.duplicate),
    Rule("not-ours", "This is our own mail, or an answer to it.", lambda s: not s.ours),
    Rule("not-a-robot", "A bounce, receipt or machine report is never a report.", lambda s: not s.robot),
)

SPENDABLE: tuple[Rule, ...] = (
    Rule("originator-known", "No passing, aligned signature says who is responsible.", lambda s: s.originator_known),
    Rule("gate-passes", "No signature covers the opt-out fields as the gate demands.", lambda s: s.gate_passes),
    Rule(
        "class-allows",
        "A message that we did not see arrive buys only what its member clicks.",
        lambda s: _seen(s) or s.clicked,
    ),
    Rule("unambiguous", "A header field that must be single stands twice.", lambda s: s.unambiguous),
    Rule("canonical-signature", "A signature value is not in its one canonical form.", lambda s: s.canonical),
    Rule("only-to-member", "To does not name exactly the member's own address.", lambda s: s.only_to_member),
    Rule(
        "to-covered",
        "To is not covered by the signature: the copy may be somebody else's.",
        lambda s: s.to_covered or (s.clicked and _seen(s)),
    ),
    Rule(
        "signed-lately",
        "The mail came more than 72 hours after it was signed, or its signed time is unknown.",
        _time_fits,
    ),
    Rule("not-relayed", "A list relayed this mail: its opt-out is the list's.", lambda s: not s.relayed),
    Rule(
        "not-transactional",
        "This answers the member's own act; it is never acted on unasked.",
        lambda s: not s.transactional or s.confirmed,
    ),
    Rule("five-a-day", "Five mails of this case counted for this member today.", lambda s: s.today < PER_DAY),
)


EVIDENCE = frozenset({"mandate-live", "by-a-person"})
"""What only one of these rules refuses is shown and grouped all the same (LAW §3)."""


def refusals(rules: tuple[Rule, ...], statement: Statement) -> tuple[str, ...]:
    """The names of all rules that fail, the deciding one first."""
    return tuple(rule.name for rule in rules if not rule.check(statement))
