"""Campaigns as people see them: which mailings there are, and why their mails belong together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from antiphon.campaign.remembered import Campaign
from antiphon.campaign.report import Report
from antiphon.desk import regroup
from antiphon.desk.desk import Desk
from antiphon.desk.place import StoreIndex
from antiphon.errors import MalformedInput
from antiphon.optout.evidence import parse_evidence
from antiphon.ports import Transaction
from antiphon.terms import Identifier, Instant, show_instant
from antiphon.web.clicks import find_report

ID_DIGITS = 32
MAILS = 1_000
"""Shown of one campaign, the newest."""
View = dict[str, object]


def campaigns(tx: Transaction, _: Desk) -> list[View]:
    """Campaigns, the biggest first."""
    found = sorted(tx.find(Campaign, merged_into=None), key=lambda each: (-each.messages, each.first_at))
    return [_line(each) for each in found]


def _line(each: Campaign) -> View:
    return {
        "campaign": each.id.hex(),
        "messages": each.messages,
        "title": each.title,
        "first_at": show_instant(Instant(each.first_at)),
        "last_at": show_instant(Instant(each.last_at)),
    }


def find_campaign(tx: Transaction, word: str) -> Campaign:
    """The campaign with this identifier, or the only one whose identifier begins so. Raises MalformedInput."""
    try:
        low, high = (bytes.fromhex(word.lower().ljust(ID_DIGITS, digit)) for digit in "0f")
        found = tx.find(Campaign, id__ge=low, id__le=high, limit=2) if word else []
    except ValueError:
        found = []
    if len(found) != 1:
        said = "begins several campaigns" if found else "names no campaign"
        raise MalformedInput(f"{word!r} {said}.", advice="`antiphon campaigns` lists them.")
    return StoreIndex(tx).campaign(found[0].id)


def campaign(tx: Transaction, _: Desk, word: str) -> View:
    """One campaign: who answers for it, why its mails belong together, and the mails."""
    kept = find_campaign(tx, word)
    reports = tx.find(Report, campaign=kept.id, order="-received_at", limit=MAILS)
    originators = Counter(report.originator for report in reports if report.originator)
    return {
        **_line(kept),
        "originators": [name for name, _ in originators.most_common()],
        "why": [{"mails": count, "why": why} for why, count in Counter(r.why for r in reports if r.why).most_common()],
        "mails": [
            {
                "report": report.report.hex(),
                "received_at": show_instant(report.received_at),
                "state": report.state.value,
                "evidence_class": report.evidence_class.value,
                "sighting": report.case is not None and not report.sighting_reasons,
                "originator": report.originator,
                "subject": parse_evidence(report.evidence).subject,
                "source": report.source,
                "why": report.why,
            }
            for report in reports
        ],
    }


def _division(found: regroup.Division, part: str | None, mails: Sequence[Identifier]) -> View:
    return {
        "campaign": found.campaign.id.hex(),
        "part": part,
        "leaving": [
            {
                "report": report.report.hex(),
                "received_at": show_instant(report.received_at),
                "originator": report.originator,
                "subject": parse_evidence(report.evidence).subject,
                "named": report.report in mails,
            }
            for report in found.leaving
        ],
        "staying": found.staying,
        "finds_its_way": bool(found.texts),
    }


def verbs(desk: Desk) -> dict[str, Callable[[View], Awaitable[object]]]:
    """What programs on this machine may ask about campaigns, and a person may say."""

    def named(tx: Transaction, asked: View, name: str) -> bytes:
        return find_campaign(tx, str(asked.get(name, ""))).id

    def join(tx: Transaction, asked: View) -> View:
        return {"campaign": regroup.join(tx, named(tx, asked, "campaign"), named(tx, asked, "other")).hex()}

    def part(tx: Transaction, asked: View) -> View:
        one, other = named(tx, asked, "campaign"), named(tx, asked, "other")
        regroup.part(tx, one, other, desk.clock.now())
        return {"campaign": one.hex(), "other": other.hex()}

    def split(tx: Transaction, asked: View, *, really: bool) -> View:
        one, words = named(tx, asked, "campaign"), [str(word) for word in cast(list[object], asked.get("mails", []))]
        mails = [find_report(tx, word).report for word in words]
        fresh = desk.identifier()
        found = (
            regroup.split(tx, one, mails, fresh=fresh, now=desk.clock.now())
            if really
            else regroup.division(tx, one, mails)
        )
        return _division(found, fresh.hex() if really else None, mails)

    async def divide(asked: View) -> View:
        if asked.get("really"):
            return await desk.store.write(lambda tx: split(tx, asked, really=True))
        return await desk.store.read(lambda tx: split(tx, asked, really=False))

    return {
        "campaign-split": divide,
        "campaigns": lambda asked: desk.store.read(lambda tx: campaigns(tx, desk)),
        "campaign": lambda asked: desk.store.read(lambda tx: campaign(tx, desk, str(asked.get("campaign", "")))),
        "campaign-join": lambda asked: desk.store.write(lambda tx: join(tx, asked)),
        "campaign-part": lambda asked: desk.store.write(lambda tx: part(tx, asked)),
    }
