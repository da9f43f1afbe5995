"""Whether an originator can be asked at all, from what this node remembers of it (LAW §4)."""

from __future__ import annotations

from dataclasses import replace

from antiphon.campaign.report import Report
from antiphon.desk.desk import Desk
from antiphon.errors import Unreachable
from antiphon.optout.case import Case
from antiphon.optout.known import KnownOriginator
from antiphon.optout.originator import Standing, unaccountable
from antiphon.ports import Transaction
from antiphon.terms import DAY, Instant

YOUNG = 90 * DAY
FAMILY = 3
FAMILY_WITHIN = 30 * DAY
ASK_AGAIN = 7 * DAY


def standing_of(tx: Transaction, originator: str, now: Instant, *, clicked: bool = False) -> Standing:
    """Age and name of an originator as known now; one that was never seen has nothing."""
    known = tx.get(KnownOriginator, originator)
    if known is None:
        return Standing(None, None, False, False, False, clicked)
    return Standing(
        registered_at=known.registered_at,
        first_seen_at=known.first_seen_at,
        vouched=known.vouched is not None,
        blocklisted=known.blocklisted,
        rotating=_rotating(tx, known, now),
        clicked=clicked,
    )


def is_accountable(tx: Transaction, originator: str, now: Instant, *, clicked: bool = False) -> bool:
    """Every rule of standing holds; the gate is judged with the sighting."""
    return not unaccountable(standing_of(tx, originator, now, clicked=clicked), now)


def _is_young(known: KnownOriginator, now: Instant) -> bool:
    return known.registered_at is None or now - known.registered_at < YOUNG


def _rotating(tx: Transaction, known: KnownOriginator, now: Instant) -> bool:
    """Three or more young domains within 30 days that share a campaign."""
    if not _is_young(known, now):
        return False
    cases = tx.find(Case, originator=known.originator)
    campaigns = {r.campaign for c in cases for r in tx.find(Report, case=c.case) if r.campaign is not None}
    family = {known.domain}
    for campaign in campaigns:
        for report in tx.find(Report, campaign=campaign, received_at__ge=now - FAMILY_WITHIN):
            other = tx.get(KnownOriginator, report.originator)
            if other is not None and _is_young(other, now):
                family.add(other.domain)
    return len(family) >= FAMILY


async def ask_age(desk: Desk, originator: str) -> None:
    """Asks RDAP when an originator was registered, once a week until it is known. Tells the registry a domain name,
    never why."""
    now = desk.clock.now()
    known = await desk.store.read(lambda tx: tx.get(KnownOriginator, originator))
    if known is None or known.registered_at is not None:
        return
    if known.asked_rdap_at is not None and now - known.asked_rdap_at < ASK_AGAIN:
        return
    try:
        registered = await desk.registrar.registered_at(known.domain)
    except Unreachable:
        return

    def work(tx: Transaction) -> None:
        kept = tx.get(KnownOriginator, originator)
        if kept is not None:
            tx.put(replace(kept, registered_at=registered, asked_rdap_at=now))

    await desk.store.write(work)
