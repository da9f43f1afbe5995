"""Once a ledger day: what may be told to filters of what members reported (LAW §7), and who may ask for it."""

from __future__ import annotations

import hmac

import msgspec

from antiphon.campaign.report import Report, ReportState
from antiphon.campaign.sharing import Saying, Shared, shareable
from antiphon.desk.desk import Desk
from antiphon.desk.log import keep_number, number
from antiphon.desk.standing import voice_of
from antiphon.ledger.allowance import FRESH
from antiphon.optout.evidence import parse_evidence
from antiphon.ports import Setting, Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Identifier, Instant, LedgerDay, day_start, ledger_day

KEPT = "share.day"
KEY_NUMBER = "share.key"


class Day(msgspec.Struct, frozen=True):
    """What is told all through one ledger day, the same at any time of it."""

    day: int
    originators: tuple[str, ...]
    subjects: tuple[str, ...]


def share_key(tx: Transaction, desk: Desk) -> str:
    """The key with which a filter asks; nothing else opens the maps."""
    return desk.house.derived(f"share {number(tx, KEY_NUMBER)}").hex()[:40]


async def new_share_key(desk: Desk) -> str:
    """Another key; the one before opens nothing from now on."""

    def work(tx: Transaction) -> str:
        keep_number(tx, KEY_NUMBER, number(tx, KEY_NUMBER) + 1)
        return share_key(tx, desk)

    return await desk.store.write(work)


async def opens(desk: Desk, key: str) -> bool:
    """Whether this is the key; takes as long for every wrong one."""
    right = await desk.store.read(lambda tx: share_key(tx, desk))
    return hmac.compare_digest(key.encode("utf-8", "replace"), right.encode())


async def day_of_sharing(desk: Desk) -> Day:
    """What is told today: of reports whose hold was over when the day began, and of no others until the next. What was
    taken back since is missing from tomorrow on."""
    today = ledger_day(desk.clock.now())
    kept = await desk.store.read(lambda tx: _kept(tx, today))
    if kept is not None:
        return kept
    shared = await desk.store.read(lambda tx: _shared(tx, day_start(today)))
    own = {*desk.house.hosted_domains, desk.house.domain}
    day = Day(today, tuple(name for name in shared.originators if name not in own), shared.subjects)
    return await desk.store.write(lambda tx: _begin(tx, day))


def _kept(tx: Transaction, today: LedgerDay) -> Day | None:
    found = tx.get(Setting, KEPT)
    day = msgspec.json.decode(found.value, type=Day) if found is not None else None
    return day if day is not None and day.day == today else None


def _begin(tx: Transaction, day: Day) -> Day:
    if (kept := _kept(tx, LedgerDay(day.day))) is not None:
        return kept
    tx.put(Setting(KEPT, msgspec.json.encode(day)))
    return day


def _shared(tx: Transaction, begin: Instant) -> Shared:
    sayings, mandates = [], dict[Identifier, Mandate | None]()
    for report in tx.find(Report, state=ReportState.ACCEPTED, received_at__ge=begin - FRESH, hold_until__lt=begin):
        if report.member not in mandates:
            mandates[report.member] = tx.get(Mandate, report.member)
        mandate, evidence = mandates[report.member], parse_evidence(report.evidence)
        # Bulk mail that its author signed, and nothing else: no person's letter, no receipt, no shared signer.
        signed = evidence.gate_passes and evidence.from_aligned and evidence.domain == evidence.originator
        offered = any(offer.target for offer in evidence.offers)
        bulk = offered and not evidence.relayed and not evidence.transactional
        if mandate is None or not mandate.live_at(begin) or not signed or not bulk:
            continue
        voice = voice_of(mandate, report.received_at)
        sayings.append(Saying(voice, report.tenant, evidence.from_organisation, evidence.subject))
    return shareable(sayings)
