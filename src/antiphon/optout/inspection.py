"""What the node sees in one message, as `inspect` prints it: evidence, gate, channels, and every reason why not."""

from __future__ import annotations

from hashlib import sha256

from antiphon.campaign.acceptance import CLOCK_SKEW, SIGNED_WITHIN
from antiphon.campaign.gate import gate
from antiphon.errors import MalformedInput
from antiphon.formats.dkim import assume_valid, verify
from antiphon.formats.message import parse_message
from antiphon.optout.channel import Offer
from antiphon.optout.evidence import Evidence, Rulebook, examine
from antiphon.terms import Instant, show_instant

View = dict[str, object]


def inspect_message(raw: bytes, path: str, rules: Rulebook, *, assume: bool, now: Instant) -> View:
    """One message without a home and without DNS; `assume` counts every well-formed signature as passed. A message
    past our limits is a line too: its refusals say which."""
    view: View = {"path": path, "digest": sha256(raw).hexdigest()}
    try:
        message = parse_message(raw)
        signatures = assume_valid(message) if assume else verify(message, {})
        received_at = message.date_at() or now
        evidence = examine(message, signatures, rules, received_at=received_at, records=None if assume else {})
        opinion = gate(message, signatures, received_at=received_at, by_person=False)
    except MalformedInput as error:
        return {**view, "refusals": ["within-limits"], "why": error.what, "channels": [], "signatures": []}
    author = message.from_domain()
    return {
        **view,
        "identity": evidence.identity.hex(),
        "from": author or "",
        "subject": evidence.subject,
        "signatures": [
            {"domain": s.domain, "selector": s.selector, "covers": list(s.covers), "result": s.result.value,
             "reason": s.reason}
            for s in signatures
        ],
        "gate": {"passes": opinion.passes, "reasons": list(opinion.reasons)},
        "relayed": evidence.relayed,
        "transactional": list(evidence.transactional),
        "channels": [_channel(offer) for offer in evidence.offers],
        "originator": evidence.originator,
        "accountable": False,
        "refusals": list(refusals(evidence)),
        "evidence": {"size": evidence.size, "hosts": list(evidence.hosts), "message_id": evidence.message_id,
                     "signed_at": show_instant(evidence.signed_at) if evidence.signed_at is not None else None},
    }  # fmt: skip


def _channel(offer: Offer) -> View:
    return {
        "kind": offer.kind.value,
        "destination": offer.target,
        "usable": offer.usable,
        "on_click": offer.on_click,
        "reasons": list(offer.reasons),
    }


def refusals(evidence: Evidence) -> tuple[str, ...]:
    """What bars this message from being a sighting, as far as the message alone tells; the deciding one first."""
    late = evidence.signed_at is None or not (
        -CLOCK_SKEW <= evidence.received_at - evidence.signed_at <= SIGNED_WITHIN
    )
    asked = (
        ("not-a-robot", not evidence.robot),
        ("originator-known", bool(evidence.originator)),
        ("gate-passes", evidence.gate_passes),
        ("unambiguous", evidence.unambiguous),
        ("canonical-signature", evidence.canonical),
        ("only-to-member", len(evidence.recipients) == 1),
        ("to-covered", evidence.to_covered),
        ("signed-lately", not late),
        ("not-relayed", not evidence.relayed),
        ("not-transactional", not evidence.transactional),
    )
    return tuple(name for name, holds in asked if not holds)
