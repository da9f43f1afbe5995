"""Counts over real mail: which messages offer a channel, and for what reason the others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from antiphon.campaign.gate import gate
from antiphon.errors import MalformedInput
from antiphon.formats.cfbl import parse_cfbl_address
from antiphon.formats.dkim import assume_valid
from antiphon.formats.domain import is_covered_by, organisational_domain
from antiphon.formats.message import Message, parse_message
from antiphon.formats.unsubscribe import one_click
from antiphon.optout import channel, feedback
from antiphon.optout.channel import Kind, Offer
from antiphon.optout.evidence import Evidence, examine
from antiphon.terms import Instant
from tests.unit.optout.test_evidence import RULES

RULE_NAMES = {"personal", *(rule.name for rule in (*channel.RULES, *feedback.RULES))}


def messages(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder, in order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def assumed(message: Message) -> Evidence:
    """The evidence, every well-formed signature assumed valid."""
    at = message.date_at() or Instant(0)
    return examine(message, assume_valid(message), RULES, received_at=at, records=None)


def has_aligned_pair(message: Message) -> bool:
    """An https pair that an aligned signature covers and whose host is at or below d=, counted without the channels:
    by the fields, the gate and the names alone."""
    value, post, author = message.one("list-unsubscribe"), message.one("list-unsubscribe-post"), message.from_domain()
    url = one_click(value.value, post.value)[0] if value and post else None
    at = message.date_at() or Instant(0)
    opinion = gate(message, assume_valid(message), received_at=at, by_person=False)
    if url is None or author is None or RULES.providers.platform(author):
        return False
    return any(
        is_covered_by(url.host, s.domain)
        and organisational_domain(s.domain) == organisational_domain(author)
        and not RULES.providers.signing_as(s.domain)
        for s in opinion.passing
    )


def why(offer: Offer | None) -> str:
    """The deciding reason in a word or two; `on click` where a click would do."""
    if offer is None:
        return "nothing of the kind"
    if offer.on_click:
        return "on click"
    first = offer.reasons[0]
    inside = [r for r in offer.reasons if r not in RULE_NAMES]
    return f"{first}: {inside[0].removeprefix('gate:')}" if first in ("form", "gate") and inside else first


def feedback_address(message: Message) -> list[str]:
    """Each CFBL-Address by how it is read, and what becomes of it; nothing where there is none."""
    found = []
    for field in message.all("cfbl-address"):
        try:
            found.append(f"CFBL-Address, one plain address, report={parse_cfbl_address(field.value).report}")
        except MalformedInput:
            found.append("CFBL-Address in no form of the standard")
    offers = [offer for offer in assumed(message).offers if offer.kind is Kind.CFBL] if found else []
    found += [f"CFBL-Address, outcome {'a report' if offer.usable else why(offer)}" for offer in offers]
    return found


def census(folder: Path) -> Counter[str]:
    """Messages with List-Unsubscribe by channel kind and deciding reason."""
    counts: Counter[str] = Counter()
    for _, raw in messages(folder):
        message = parse_message(raw)
        counts.update(feedback_address(message))
        if not message.count("list-unsubscribe"):
            continue
        counts["with List-Unsubscribe"] += 1
        evidence = assumed(message)
        if message.count("list-unsubscribe") > 1:
            counts["List-Unsubscribe twice"] += 1
        counts["gate passes"] += evidence.gate_passes
        counts["originator known"] += bool(evidence.originator)
        counts["relayed"] += evidence.relayed
        for kind in Kind:
            offer = next((o for o in evidence.offers if o.kind is kind), None)
            counts[f"{kind.value}: {why(offer)}"] += 1
    return counts
