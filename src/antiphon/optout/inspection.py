"""What the node sees in one message, as `antiphon inspect` shows it: every verdict with every reason, no act."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from antiphon.campaign.acceptance import ACCEPTED, SPENDABLE, Statement, refusals
from antiphon.campaign.gate import UNAMBIGUOUS
from antiphon.campaign.report import EvidenceClass
from antiphon.errors import MalformedInput
from antiphon.formats.dkim import KeyAnswer, Signature, assume_valid, verify
from antiphon.formats.domain import failures
from antiphon.formats.message import Message, parse_message
from antiphon.optout.channel import Offer
from antiphon.optout.evidence import Evidence, Rulebook, examine
from antiphon.optout.originator import Standing, unaccountable
from antiphon.terms import Domain, Instant

UNKNOWN = Standing(None, None, vouched=False, blocklisted=False, rotating=False, clicked=False)
"""Of a stranger: nothing was asked of any registry."""
FIELDS = (
    "path",
    "digest",
    "identity",
    "from",
    "signatures",
    "gate",
    "relayed",
    "transactional",
    "channels",
    "originator",
    "accountable",
    "refusals",
    "evidence",
)
_MOOT_WITHOUT_GATE = frozenset({"originator-known", "to-covered", "signed-lately", "canonical-signature"})
"""What can not be judged once the gate failed, and so is no fault of its own."""


def inspect_message(
    raw: bytes,
    path: str,
    rules: Rulebook,
    *,
    keys: Mapping[str, KeyAnswer] | None,
    received_at: Instant | None = None,
    now: Instant,
    records: Mapping[Domain, str | None] | None = None,
    standing: Standing = UNKNOWN,
) -> dict[str, object]:
    """One message judged as if a member had just reported it; the keys are exactly FIELDS, values are plain JSON.

    `keys` None assumes every well-formed signature valid: a diagnostic for archives whose keys are gone. Without
    `received_at` the message counts as received when its Date says. Never raises: what passes a limit says so in
    `refusals`. The evidence class is always C, since nobody saw this file arrive; `refusals` are the message's own.
    """
    digest = sha256(raw).hexdigest()
    try:
        message = parse_message(raw)
        signatures = assume_valid(message) if keys is None else verify(message, keys)
        at = received_at if received_at is not None else (message.date_at() or now)
        evidence = examine(message, signatures, rules, received_at=at, records=records)
        clicked = examine(message, signatures, rules, received_at=at, records=records, by_person=True)
    except MalformedInput:
        return _empty(path, digest, "within-limits")
    author = message.sole_address("from")
    return {
        "path": path,
        "digest": digest,
        "identity": evidence.identity.hex(),
        "from": str(author) if author else None,
        "signatures": [_signature(signature) for signature in signatures],
        "gate": {"passes": evidence.gate_passes, "reasons": list(evidence.reasons)},
        "relayed": evidence.relayed,
        "transactional": list(evidence.transactional),
        "channels": [
            _channel(offer, after_click) for offer, after_click in zip(evidence.offers, clicked.offers, strict=True)
        ],
        "originator": evidence.originator or None,
        "accountable": bool(evidence.originator) and not unaccountable(standing, now),
        "refusals": list(_refusals(message, evidence, at)),
        "evidence": EvidenceClass.UPLOADED.value,
    }


def not_inspected(path: str) -> dict[str, object]:
    """Of something that could not be read, or is no mail: the same fields, and the one refusal."""
    return _empty(path, None, "unreadable")


def _empty(path: str, digest: str | None, refusal: str) -> dict[str, object]:
    """Of what nothing can be said about, and nothing is asked."""
    return {
        **dict.fromkeys(FIELDS),
        "path": path,
        "digest": digest,
        "signatures": [],
        "gate": {"passes": False, "reasons": []},
        "relayed": False,
        "transactional": [],
        "channels": [],
        "accountable": False,
        "refusals": [refusal],
        "evidence": EvidenceClass.UPLOADED.value,
    }


def _signature(signature: Signature) -> dict[str, object]:
    return {
        "domain": signature.domain,
        "selector": signature.selector,
        "covers": list(signature.covers),
        "result": signature.result.value,
        "reason": signature.reason,
    }


def _channel(offer: Offer, clicked: Offer) -> dict[str, object]:
    """One channel; `clicked` is the same one judged with a person's click, which also allows a shorter key."""
    return {
        "kind": offer.kind.value,
        "destination": offer.target,
        "usable": offer.usable,
        "on_click": clicked.on_click,
        "reasons": list(offer.reasons),
    }


def _refusals(message: Message, evidence: Evidence, received_at: Instant) -> tuple[str, ...]:
    """Every rule that the message fails by itself, one name a fault, the deciding one first.

    `gate-passes` and `unambiguous` stand for their own rules, which are named instead.
    """
    statement = Statement(
        evidence_class=EvidenceClass.COMMITTED,
        clicked=False,
        mandate_live=True,
        duplicate=False,
        ours=False,
        robot=evidence.robot,
        gate_passes=evidence.gate_passes,
        unambiguous=evidence.unambiguous,
        canonical=evidence.canonical,
        only_to_member=len(evidence.recipients) == 1 and bool(evidence.recipients[0]),
        to_covered=evidence.to_covered,
        received_at=received_at,
        signed_at=evidence.signed_at,
        relayed=evidence.relayed,
        transactional=bool(evidence.transactional),
        confirmed=False,
        originator_known=bool(evidence.originator),
        today=0,
    )
    failed = (*refusals(ACCEPTED, statement), *refusals(SPENDABLE, statement))
    moot = frozenset() if evidence.gate_passes else _MOOT_WITHOUT_GATE
    inside = {"gate-passes": evidence.reasons, "unambiguous": failures(UNAMBIGUOUS, message)}
    named = (rule for name in failed if name not in moot for rule in inside.get(name, (name,)))
    return tuple(dict.fromkeys(named))
