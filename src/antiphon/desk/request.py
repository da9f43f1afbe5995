"""From an idea to an attempt: where it leads, which sightings pay, the permit, the socket, the outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace

from antiphon.campaign.report import Report
from antiphon.campaign.sighting import Sighting
from antiphon.desk.desk import Desk
from antiphon.desk.letter import letter_for
from antiphon.desk.locate import locate
from antiphon.desk.look import WAIT_AGAIN, Idea, advance, rest
from antiphon.desk.mint import Destination, Wish, mint
from antiphon.desk.pair import approved_hosts, note_hosts
from antiphon.desk.settle import settle
from antiphon.desk.withdraw import stop_case
from antiphon.errors import AlreadyTaken, RefusedByLaw
from antiphon.ledger.allowance import CLICKED, MAIL_OVERHEAD, ONE_CLICK_RESERVE, Act, Permit
from antiphon.ledger.entry import ChannelKind
from antiphon.optout.approval import draft_reports
from antiphon.optout.channel import CHANNELS, Kind, Offer, proven, with_hosts
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.optout.pacing import Budget, keys
from antiphon.ports import Exchange, Letter, Transaction
from antiphon.terms import Identifier, Instant


@dataclass(frozen=True, slots=True)
class Attemptable:
    """One attempt worked out: the message whose channel is used, its offer, and all sightings that pay."""

    idea: Idea
    offer: Offer
    payers: tuple[Sighting, ...]
    reserve: int
    letter: bytes = b""


async def look(desk: Desk, name: Identifier) -> None:
    """Takes the due steps of one case and makes the attempts that are lawful now, one after the other."""
    ideas = await desk.store.write(lambda tx: advance(tx, desk, name))
    paced: Instant | None = None
    for idea in ideas:
        paced = await _pursue(desk, idea) or paced
    await desk.store.write(lambda tx: rest(tx, desk, name, paced))


async def _pursue(desk: Desk, idea: Idea) -> Instant | None:
    """Tries what an idea offers; returns when to come back if something that passes stood in the way."""
    async for work in _worked_out(desk, idea):
        to, stop = await locate(
            desk,
            idea.case,
            CHANNELS[work.offer.kind],
            target=work.offer.target,
            host=work.offer.host,
            reserve=work.reserve,
            usable=work.offer.usable,
            clicked=idea.act in CLICKED,
        )
        if stop.stopped:
            await stop_case(desk, idea.case.case, to.host, who="the host's own DNS record")
            return None
        if not stop.absent:
            return Instant(desk.clock.now() + WAIT_AGAIN)
        opens = await desk.store.read(lambda tx, to=to: _opens_at(tx, desk, to))  # type: ignore[misc]  # bound now
        if opens is not None:
            return opens
        try:
            await _attempt(desk, work, to)
        except (RefusedByLaw, AlreadyTaken):
            # Not lawful now, or another worker was first: nothing was spent, and the next look says why.
            return None
    return None


def _opens_at(tx: Transaction, desk: Desk, to: Destination) -> Instant | None:
    now = desk.clock.now()
    budgets = [b for key in keys(to.host, to.organisation, to.prefix) if (b := tx.get(Budget, key)) is not None]
    closed = [budget.opens_at(now) for budget in budgets if not budget.allows(now)]
    return max(closed, default=None)


async def _attempt(desk: Desk, work: Attemptable, to: Destination) -> None:
    idea = work.idea
    members = {sighting.member for sighting in work.payers}
    if idea.draft is not None:
        draft = idea.draft
        members = await desk.store.read(
            lambda tx: {r.member for name in draft_reports(draft) if (r := tx.get(Report, name)) is not None}
        )
        to = replace(to, message=draft.digest)
    to = replace(to, token="" if to.kind is ChannelKind.ONE_CLICK else desk.chance.draw(10).hex())
    wish = Wish(
        act=idea.act,
        case=idea.case.case,
        to=to,
        reports=tuple(sighting.report for sighting in work.payers),
        approval=idea.approval.entry if idea.approval is not None else None,
        members=tuple(sorted(members)),
    )
    permit = await mint(desk, wish)
    # From here on everything is spent. STOP is looked at once more: a person may have come between.
    exchange = STOPPED if desk.stopped() else await _send(desk, work, to, permit)
    await settle(desk, permit.intent, exchange)


STOPPED = Exchange("failed", "stopped by a person", None, 0, 0, "STOP", False)


async def _send(desk: Desk, work: Attemptable, to: Destination, permit: Permit) -> Exchange:
    permit.open_once(desk.log.anchored)
    if to.kind is ChannelKind.ONE_CLICK:
        return await desk.one_click.post(permit, to.target, to.address, position=str(permit.intent))
    letter = Letter(f"bounce+{to.token}@{desk.house.domain}", to.target, to.exchanger, to.address, work.letter)
    return await desk.postman.send(permit, letter)


async def _worked_out(desk: Desk, idea: Idea) -> AsyncIterator[Attemptable]:
    if idea.act is Act.NOTICE and idea.draft is not None:
        reserve = len(idea.draft.message) + MAIL_OVERHEAD
        payers = cover(idea.sightings, reserve)
        offer = Offer(Kind.MAILTO, idea.draft.recipient, idea.draft.recipient.partition("@")[2], "")
        if payers:
            yield Attemptable(idea, offer, payers, reserve, idea.draft.message)
        return
    found = await desk.store.read(lambda tx: _offers(tx, idea))
    if not found:
        await desk.store.write(lambda tx: note_hosts(tx, desk, idea.case, idea.sightings))
    left = [sighting for sighting in idea.sightings if sighting.report in found]
    while left:
        newest, (offer, evidence) = left[0], found[left[0].report]
        letter = letter_for(desk, idea.case, offer, evidence)
        reserve = ONE_CLICK_RESERVE if offer.kind is Kind.ONE_CLICK else len(letter) + MAIL_OVERHEAD
        same = left if idea.act is not Act.REQUEST else _smallest_first(newest, left, reserve)
        payers = cover(same, reserve)
        if not payers:
            return
        yield Attemptable(idea, offer, payers, reserve, letter)
        if idea.act is not Act.REQUEST:
            return
        left = [sighting for sighting in left if sighting not in payers]


def cover(sightings: Iterable[Sighting], reserve: int) -> tuple[Sighting, ...]:
    """The first sightings whose bytes together cover the reserve; none when all of them do not."""
    chosen: list[Sighting] = []
    for sighting in sightings:
        chosen.append(sighting)
        if sum(s.size for s in chosen) >= reserve:
            return tuple(chosen)
    return ()


def _smallest_first(newest: Sighting, left: list[Sighting], reserve: int) -> list[Sighting]:
    """One request per sighting: a mail that covers itself pays alone; small ones join, the newest's channel first."""
    if newest.size >= reserve:
        return [newest]
    return [newest, *(s for s in left if s is not newest and s.size < reserve)]


def _offers(tx: Transaction, idea: Idea) -> dict[Identifier, tuple[Offer, Evidence]]:
    """For each sighting the channel that its own message offers with every proof, and that message, by report."""
    case = idea.case
    peers = campaign_urls(tx, case.case)
    found: dict[Identifier, tuple[Offer, Evidence]] = {}
    for sighting in idea.sightings:
        report = tx.get(Report, sighting.report)
        if report is None:
            continue
        evidence = parse_evidence(report.evidence)
        own = with_hosts(evidence.offers, evidence.signer, approved_hosts(tx, evidence.signer))
        shown = proven(own, sighting.member, peers, clicked=sighting.clicked)
        offer = next((offer for offer in shown if offer.usable), None)
        if offer is not None:
            found[sighting.report] = offer, evidence
    return found


def campaign_urls(tx: Transaction, case: Identifier) -> tuple[tuple[bytes, str], ...]:
    """One-click URLs of this case's recent mail with their members: what is equal for two people is no opt-out."""
    recent = tx.find(Sighting, case=case, order="-received_at", limit=20)
    reports = [r for s in recent if (r := tx.get(Report, s.report)) is not None]
    return tuple((bytes(r.member), parse_evidence(r.evidence).one_click_url) for r in reports)
