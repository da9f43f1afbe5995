"""A member's mail at first sight: campaigns, originators, cases, what would be asked of whom, and why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from antiphon.campaign.report import Report, ReportState
from antiphon.desk.desk import Desk
from antiphon.desk.standing import standing_of
from antiphon.optout.case import Case, State
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.optout.obstacle import best_offer, obstacles, sentence_of
from antiphon.optout.originator import STANDING, unaccountable
from antiphon.ports import Transaction
from antiphon.terms import Identifier, Instant, show_instant
from antiphon.web.mailings import campaigns

PAGE = 1_000
"""Reports held in memory at a time."""
VOICES = 5
"""Independent members that a notice needs (LAW §5)."""
SHOWN = (ReportState.ACCEPTED, ReportState.EVIDENCE_ONLY)

View = dict[str, object]


@dataclass(slots=True)
class _Answerable:
    """One originator in this mail. `assumed`: its signatures were taken for valid, since the mandate is pending."""

    domain: str
    esp: str
    first_at: Instant
    last_at: Instant
    messages: int = 0
    assumed: bool = False
    members: set[Identifier] = field(default_factory=set)
    campaigns: set[bytes] = field(default_factory=set)
    channels: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, report: Report, evidence: Evidence) -> None:
        """One more message of it."""
        self.messages += 1
        self.members.add(report.member)
        self.campaigns |= {report.campaign} if report.campaign is not None else set()
        self.first_at, self.last_at = min(self.first_at, report.received_at), max(self.last_at, report.received_at)
        self.assumed |= any(not proof.key_record for proof in evidence.proofs)


class _Mail:
    """All reports of this home, counted."""

    def __init__(self) -> None:
        self.messages = 0
        self.originators: dict[str, _Answerable] = {}
        self.obstacles: Counter[str] = Counter()
        self.in_campaign: dict[bytes, set[str]] = {}

    def add(self, report: Report) -> None:
        """One report."""
        evidence, name = parse_evidence(report.evidence), report.originator
        self.messages += 1
        if report.campaign is not None:
            self.in_campaign.setdefault(report.campaign, set()).update({name} - {""})
        if name:
            at = report.received_at
            fresh = _Answerable(evidence.domain, evidence.esp, at, at)
            self.originators.setdefault(name, fresh).add(report, evidence)
        against, offer = obstacles(evidence), best_offer(evidence)
        if against or offer is None:
            self.obstacles[against[0]] += 1
        else:
            self.originators[name].channels[offer.kind.value, offer.host] += 1


def overview(tx: Transaction, desk: Desk) -> View:
    """Everything in one view; where a mandate is pending, as if the signatures still verified, and marked so."""
    mail, now = _Mail(), desk.clock.now()
    for report in _reports(tx):
        mail.add(report)
    by_size = sorted(mail.originators.items(), key=lambda item: (-item[1].messages, item[0]))
    return {
        "messages": mail.messages,
        "assumed": any(each.assumed for each in mail.originators.values()),
        "campaigns": _campaigns(tx, desk, mail.in_campaign),
        "originators": [_originator(tx, name, each, now) for name, each in by_size],
        "cases": [_case(tx, desk, name, each) for name, each in by_size],
        "would": [line for name, each in by_size for line in _would(name, each)],
        "why_not": [
            {"reason": name, "messages": count, "sentence": sentence_of(name)}
            for name, count in mail.obstacles.most_common()
        ],
    }


def _reports(tx: Transaction) -> Iterator[Report]:
    last = b""
    while page := tx.find(Report, report__gt=last, state__in=SHOWN, order="report", limit=PAGE):
        yield from page
        last = page[-1].report


def _campaigns(tx: Transaction, desk: Desk, by: Mapping[bytes, set[str]]) -> list[View]:
    lines = campaigns(tx, desk)
    return [{**line, "originators": sorted(by.get(bytes.fromhex(str(line["campaign"])), ()))} for line in lines]


def _originator(tx: Transaction, name: str, each: _Answerable, now: Instant) -> View:
    against = unaccountable(standing_of(tx, name, now, clicked=True), now)
    return {
        "originator": name,
        "domain": each.domain,
        "esp": each.esp,
        "messages": each.messages,
        "campaigns": len(each.campaigns),
        "first_at": show_instant(each.first_at),
        "last_at": show_instant(each.last_at),
        "assumed": each.assumed,
        "unaccountable": [{"rule": r.name, "sentence": r.sentence} for r in STANDING if r.name in against],
    }


def _case(tx: Transaction, desk: Desk, name: str, each: _Answerable) -> View:
    """The case as it stands, or as it would be opened if this mail counted."""
    kept = tx.find(Case, community=desk.house.community, originator=name, order="-epoch", limit=1)
    return {
        "case": kept[0].case.hex() if kept else None,
        "originator": name,
        "state": (kept[0].state if kept else State.WATCHING).value,
        "would_be": not kept,
        "messages": each.messages,
        "members": len(each.members),
        "members_needed": VOICES,
    }


def _would(name: str, each: _Answerable) -> list[View]:
    return [
        {
            "originator": name,
            "act": "own opt-out",
            "kind": kind,
            "host": host,
            "messages": count,
            "assumed": each.assumed,
        }
        for (kind, host), count in each.channels.most_common()
    ]
