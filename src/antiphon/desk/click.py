"""A member's click on its own mail: shown first, held, looked up after the hold, then paid for like all else (LAW §3).

Nothing is asked of DNS while a click is held: whoever signed the mail answers for its keys, and would learn of the
click. The registry is asked for the age of a domain before, since a member has to be shown it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from antiphon.campaign.acceptance import SPENDABLE, refusals
from antiphon.campaign.report import Delivery, EvidenceClass, Original, Report, ReportState, Witness
from antiphon.campaign.sighting import Sighting
from antiphon.desk.admit import Claim, admit, statement_of
from antiphon.desk.arrival import Fetched, fetch
from antiphon.desk.coin import asked_of
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, tell
from antiphon.desk.pair import approved_hosts
from antiphon.desk.standing import infrastructure_among
from antiphon.errors import RefusedByLaw, Unreachable
from antiphon.formats.dkim import KeyStatus, Signature, assume_valid, keys_needed, verify
from antiphon.formats.message import Message, parse_message
from antiphon.optout.asking import Phase
from antiphon.optout.channel import Peer, proven, with_hosts
from antiphon.optout.click import CLICKABLE, CLICKABLE_FOR, Click, Clickable, ClickState, Shown, unclickable
from antiphon.optout.evidence import Evidence, examine, parse_evidence
from antiphon.optout.holding import click_waits
from antiphon.optout.known import KnownOriginator
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import MINUTE, Domain, Identifier, Instant

ASK_DNS_AGAIN = 30 * MINUTE
ACTS = {Phase.NOT_ASKED: "own opt-out", Phase.INSIDE: "nothing", Phase.AFTER: "request"}


def keep_original(tx: Transaction, desk: Desk, mandate: Mandate, report: Report, *, raw: bytes) -> None:
    """Keeps a mail that is no sighting, sealed, as long as a click of its member might make it one."""
    until = Instant(report.received_at + CLICKABLE_FOR)
    offers = parse_evidence(report.evidence).offers
    if report.sighting_reasons and offers and until > desk.clock.now() and mandate.data_key is not None:
        tx.put(Original(report.report, desk.vault.seal(mandate.data_key, raw, report.report), until))


@dataclass(frozen=True, slots=True)
class _Kept:
    """A report with what this home keeps about it."""

    report: Report
    mandate: Mandate
    sighting: Sighting | None
    click: Click | None
    raw: bytes
    fetched: Fetched | None


def _kept(tx: Transaction, desk: Desk, name: Identifier) -> _Kept:
    report = tx.get(Report, name)
    mandate = tx.get(Mandate, report.member) if report is not None else None
    if report is None or mandate is None:
        raise RefusedByLaw("There is no such report.", ("known",), advice="`antiphon campaign ID` lists reports.")
    original, raw = tx.get(Original, name), b""
    if original is not None and mandate.data_key is not None and original.until > desk.clock.now():
        raw = desk.vault.open(mandate.data_key, original.sealed, name)
    delivery = tx.get(Delivery, report.member, report.identity)
    ours = report.evidence_class is not EvidenceClass.UPLOADED
    seen = delivery is not None and (ours or delivery.witness is Witness.WATCHER)
    fetched = msgspec.json.decode(delivery.evidence, type=Fetched) if seen and delivery is not None else None
    return _Kept(report, mandate, tx.get(Sighting, name), tx.get(Click, name), raw, fetched)


def _judged(tx: Transaction, desk: Desk, kept: _Kept, fetched: Fetched | None) -> Evidence:
    """The mail as it is with its member's click. `fetched` None assumes that signatures nobody looked up are valid."""
    if kept.sighting is not None or not kept.raw:
        return parse_evidence(kept.report.evidence)
    message = parse_message(kept.raw)
    signers = [name.partition("._domainkey.")[2] for name in keys_needed(message)]
    return examine(
        message,
        _signatures(message, fetched),
        desk.rules,
        received_at=kept.report.received_at,
        records={Domain(n): text for n, text in fetched.records.items()} if fetched is not None else None,
        by_person=True,
        witnessed=kept.report.evidence_class is not EvidenceClass.UPLOADED,
        infrastructure=infrastructure_among(tx, signers, desk.clock.now()),
    )


def _signatures(message: Message, fetched: Fetched | None) -> tuple[Signature, ...]:
    return verify(message, fetched.keys) if fetched is not None else assume_valid(message)


def _clickable(tx: Transaction, desk: Desk, kept: _Kept, evidence: Evidence) -> Clickable:
    report, now = kept.report, desk.clock.now()
    claim = Claim(evidence, report.evidence_class, report.received_at, clicked=True)
    spendable = refusals(SPENDABLE, statement_of(tx, kept.mandate, claim, now)) if kept.sighting is None else ()
    offers = with_hosts(evidence.offers, evidence.signer, approved_hosts(tx, evidence.signer))
    offers = proven(offers, Peer(report.member, None, ""), (), clicked=True)
    asked = asked_of(tx, report.member, evidence.originator)
    return Clickable(
        accepted=report.state is ReportState.ACCEPTED,
        mandate_live=kept.mandate.live_at(now),
        age=now - report.received_at,
        kept=kept.sighting is not None or bool(kept.raw),
        unspent=kept.sighting is None or kept.sighting.paid is None,
        clicked=kept.click is not None and kept.click.state in (ClickState.HELD, ClickState.TAKEN),
        inside_window=asked.phase(report.received_at) is Phase.INSIDE,
        spendable=spendable,
        offer=next((offer for offer in offers if offer.usable), None),
    )


async def show_click(desk: Desk, report: Identifier) -> Shown:
    """What a click on this report would do, for its member to read first. Raises RefusedByLaw with every rule that
    stands against it."""

    def work(tx: Transaction) -> tuple[Shown, str]:
        kept = _kept(tx, desk, report)
        evidence = _judged(tx, desk, kept, kept.fetched)
        found = _clickable(tx, desk, kept, evidence)
        _refuse(found)
        known = tx.get(KnownOriginator, evidence.originator)
        asked = asked_of(tx, kept.report.member, evidence.originator)
        shown = Shown(
            report=report,
            subject=evidence.subject,
            originator=evidence.originator,
            registered_at=known.registered_at if known is not None else None,
            first_seen_at=known.first_seen_at if known is not None else None,
            kind=found.offer.kind.value if found.offer is not None else "",
            target=found.offer.target if found.offer is not None else "",
            act=ACTS[asked.phase(kept.report.received_at)],
        )
        return shown, evidence.domain

    shown, domain = await desk.store.read(work)
    if shown.registered_at is None:
        try:
            shown = replace(shown, registered_at=await desk.registrar.registered_at(domain))
        except Unreachable:
            return shown
    return shown


def _refuse(found: Clickable) -> None:
    failed = unclickable(found)
    if failed:
        sentence = next((rule.sentence for rule in CLICKABLE if rule.name == failed[0]), CLICKABLE[-1].sentence)
        raise RefusedByLaw(sentence, failed)


async def click(desk: Desk, shown: Sequence[Shown], *, quick: bool = False) -> list[Click]:
    """The member clicks on what it was just shown: every one is held, and can be undone. All or none of them. Raises
    RefusedByLaw."""

    def work(tx: Transaction) -> list[Click]:
        return [_hold(tx, desk, each, quick=quick) for each in shown]

    return await desk.store.write(work)


def _hold(tx: Transaction, desk: Desk, shown: Shown, *, quick: bool) -> Click:
    kept, now = _kept(tx, desk, shown.report), desk.clock.now()
    _refuse(_clickable(tx, desk, kept, _judged(tx, desk, kept, kept.fetched)))
    waits = click_waits(desk.house.derived("click"), shown.report, now, quick=quick)
    made = Click(
        report=shown.report,
        member=kept.report.member,
        case=None,
        at=now,
        hold_until=waits.hold_until,
        leaves_at=waits.leaves_at,
        slow_until=waits.slow_until,
        quick=quick,
        originator=shown.originator,
        registered_at=shown.registered_at,
        target=shown.target,
        state=ClickState.HELD,
        reasons="",
    )
    tx.put(made)
    if kept.report.case is not None:
        # Whose own opt-out waits stands behind no notice: a draft that names this member ends now.
        look_by(tx, kept.report.case, now)
    return made


def undo_click(tx: Transaction, report: Report) -> bool:
    """Takes a click back. True where nothing else is to be taken back: the click was held, on mail that by itself can
    pay for nothing."""
    made = tx.get(Click, report.report)
    if made is None or made.state not in (ClickState.HELD, ClickState.TAKEN):
        return False
    tx.put(replace(made, state=ClickState.UNDONE))
    return made.state is ClickState.HELD and tx.get(Sighting, report.report) is None


async def take_clicks(desk: Desk) -> None:
    """Every click whose hold is over: what nobody saw arrive is looked up now, once, and judged as if it had just been
    reported. Bytes that can pay for nothing any more are dropped."""
    now = desk.clock.now()
    for made in await desk.store.read(lambda tx: tx.find(Click, state=ClickState.HELD, hold_until__le=now)):
        await _take(desk, made)
    if await desk.store.read(lambda tx: tx.count(Original, until__le=now)):
        await desk.store.write(lambda tx: _drop_old(tx, now))


def _drop_old(tx: Transaction, now: Instant) -> None:
    for original in tx.find(Original, until__le=now, order="until"):
        tx.drop(Original, original.report)


async def _take(desk: Desk, made: Click) -> None:
    kept = await desk.store.read(lambda tx: _kept(tx, desk, made.report))
    fetched = kept.fetched
    if fetched is None and kept.sighting is None and kept.raw:
        fetched = await fetch(desk, parse_message(kept.raw), desk.clock.now())
        if any(answer.status is KeyStatus.TEMPORARY for answer in fetched.keys.values()):
            later = Instant(desk.clock.now() + ASK_DNS_AGAIN)
            await desk.store.write(lambda tx: tx.put(replace(made, hold_until=later)))
            return
    await desk.store.write(lambda tx: _apply(tx, desk, made.report, fetched))


def _apply(tx: Transaction, desk: Desk, name: Identifier, fetched: Fetched | None) -> None:
    """The click counts from now on, or is refused with every reason."""
    kept = _kept(tx, desk, name)
    made, report, sighting = kept.click, kept.report, kept.sighting
    if made is None or made.state is not ClickState.HELD:
        return
    desk.log.close_hours(tx, desk.clock.now())
    evidence = _judged(tx, desk, kept, fetched)
    failed = unclickable(replace(_clickable(tx, desk, kept, evidence), clicked=False))
    if failed:
        tx.put(replace(made, state=ClickState.REFUSED, reasons=",".join(failed)))
        return
    report = replace(report, clicked=True)
    if sighting is None:
        report = admit(tx, desk, kept.mandate, replace(report, hold_until=made.slow_until), evidence=evidence)
        tx.drop(Original, name)
    else:
        tx.put(report)
        tx.put(replace(sighting, clicked=True))
    tx.put(replace(made, state=ClickState.TAKEN, case=report.case))
    if report.case is not None:
        tell(tx, report.case, desk.clock.now(), who="a member", what="clicked", why="on mail of its own")
        look_by(tx, report.case, made.leaves_at)
