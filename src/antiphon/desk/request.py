"""From an idea to an attempt: where it leads, which sightings pay, the permit, the socket, the outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from antiphon.campaign.report import Delivery, Report
from antiphon.campaign.sighting import Sighting
from antiphon.desk.attempt import attempt, opens_at
from antiphon.desk.complain import complain
from antiphon.desk.desk import Desk
from antiphon.desk.handover import Handover, handover_of
from antiphon.desk.letter import letter_for
from antiphon.desk.locate import locate
from antiphon.desk.look import WAIT_AGAIN, Idea, advance, rest
from antiphon.desk.pair import approved_hosts, note_hosts
from antiphon.desk.question import Destination, Wish, foreseen
from antiphon.desk.standing import ask_age
from antiphon.desk.withdraw import stop_case
from antiphon.errors import AlreadyTaken, RefusedByLaw
from antiphon.ledger.allowance import CLICKED, MAIL_OVERHEAD, ONE_CLICK_RESERVE, Act
from antiphon.ledger.entry import ChannelKind
from antiphon.optout.approval import draft_reports
from antiphon.optout.case import Case
from antiphon.optout.channel import CHANNELS, Kind, Offer, Peer, proven, with_hosts
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.ports import Transaction
from antiphon.terms import Identifier, Instant


@dataclass(frozen=True, slots=True)
class Attemptable:
    """One attempt worked out: the message whose channel is used, its offer, all sightings that pay, and the members
    for whom it is made."""

    idea: Idea
    offer: Offer
    payers: tuple[Sighting, ...]
    reserve: int
    members: frozenset[Identifier]
    letter: bytes = b""

    @property
    def kind(self) -> ChannelKind:
        """As the ledger names it."""
        return CHANNELS[self.offer.kind]

    def to(self) -> Destination:
        """Where it would go, before anybody was asked."""
        return foreseen(self.kind, self.offer.host, self.reserve, target=self.offer.target, usable=self.offer.usable)

    def wish(self, to: Destination) -> Wish:
        """What the law is asked."""
        idea = self.idea
        return Wish(
            act=idea.act,
            case=idea.case.case,
            to=replace(to, message=idea.draft.digest) if idea.draft is not None else to,
            reports=tuple(sighting.report for sighting in self.payers),
            approval=idea.approval.entry if idea.approval is not None else None,
            members=tuple(sorted(self.members)),
        )


async def look(desk: Desk, cases: Sequence[Case]) -> None:
    """Takes the due steps of these cases together, then makes the attempts that are lawful, one after the other: each
    is judged again when its turn has come."""
    for case in cases:
        # Now and not when somebody reported: a question to a registry tells no more than that a hold is over.
        await ask_age(desk, case.originator)
    await _ask(desk, [case.case for case in cases])
    for case in cases:
        await complain(desk, case.case)


async def _ask(desk: Desk, names: Sequence[Identifier]) -> None:
    """What goes to the originator itself, which always comes first."""

    def steps(tx: Transaction) -> list[tuple[Identifier, list[Idea]]]:
        found = [(name, advance(tx, desk, name)) for name in names]
        for name, ideas in found:
            if not ideas:
                rest(tx, desk, name, None)
        return found

    for name, ideas in await desk.store.write(steps):
        paced: Instant | None = None
        for idea in ideas:
            paced = await _pursue(desk, idea) or paced
        if ideas:
            await desk.store.write(partial(_rest, desk, name, paced))


def _rest(desk: Desk, name: Identifier, paced: Instant | None, tx: Transaction) -> None:
    rest(tx, desk, name, paced)


async def _pursue(desk: Desk, idea: Idea) -> Instant | None:
    """Tries what an idea offers; returns when to come back if something that passes stood in the way."""
    async for work in _worked_out(desk, idea):
        try:
            # Nobody is asked about a destination, not even DNS, until all that this node knows by itself allows it.
            opens = await opens_at(desk, work.wish(work.to()))
            if opens is not None:
                return opens
            to, stop = await locate(desk, idea.case, work.to(), clicked=idea.act in CLICKED)
            if stop.stopped:
                await stop_case(desk, idea.case.case, to.host, who="the host's own DNS record")
                return None
            if not stop.absent:
                return Instant(desk.clock.now() + WAIT_AGAIN)
            opens = await opens_at(desk, work.wish(to))
            if opens is not None:
                return opens
            token = "" if to.kind is ChannelKind.ONE_CLICK else desk.chance.draw(10).hex()
            await attempt(desk, work.wish(replace(to, token=token)), work.letter)
        except (RefusedByLaw, AlreadyTaken):
            # Not lawful now, or another worker was first: nothing was spent, and the next look says why.
            return None
    return None


async def _worked_out(desk: Desk, idea: Idea) -> AsyncIterator[Attemptable]:
    if idea.act is Act.NOTICE and idea.draft is not None:
        reserve = len(idea.draft.message) + MAIL_OVERHEAD
        payers = cover(idea.sightings, reserve)
        offer = Offer(Kind.MAILTO, idea.draft.recipient, idea.draft.recipient.partition("@")[2], "")
        if payers:
            named = await desk.store.read(lambda tx: _named(tx, idea))
            yield Attemptable(idea, offer, payers, reserve, named, idea.draft.message)
        return
    found = await desk.store.read(lambda tx: _offers(tx, idea))
    if not found:
        await desk.store.write(lambda tx: note_hosts(tx, desk, idea.case, idea.sightings))
    left = [sighting for sighting in idea.sightings if sighting.report in found]
    while left:
        newest, (offer, evidence, seen) = left[0], found[left[0].report]
        letter = letter_for(desk, idea.case, offer, evidence, seen=seen)
        reserve = ONE_CLICK_RESERVE if offer.kind is Kind.ONE_CLICK else len(letter) + MAIL_OVERHEAD
        same = left if idea.act is not Act.REQUEST else _smallest_first(newest, left, reserve)
        payers = cover(same, reserve)
        if not payers:
            return
        yield Attemptable(idea, offer, payers, reserve, frozenset(s.member for s in payers), letter)
        if idea.act is not Act.REQUEST:
            return
        left = [sighting for sighting in left if sighting not in payers]


def _named(tx: Transaction, idea: Idea) -> frozenset[Identifier]:
    """Everybody in the rows of a notice."""
    reports = draft_reports(idea.draft) if idea.draft is not None else ()
    return frozenset(report.member for name in reports if (report := tx.get(Report, name)) is not None)


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


def _offers(tx: Transaction, idea: Idea) -> dict[Identifier, tuple[Offer, Evidence, Handover | None]]:
    """For each sighting the channel that its own message offers with every proof, that message, and how it came here
    where the channel asks for that; by report."""
    case = idea.case
    peers = peers_of(tx, case.case)
    found: dict[Identifier, tuple[Offer, Evidence, Handover | None]] = {}
    for sighting in idea.sightings:
        report = tx.get(Report, sighting.report)
        if report is None:
            continue
        evidence = parse_evidence(report.evidence)
        own = with_hosts(evidence.offers, evidence.signer, approved_hosts(tx, evidence.signer))
        me = Peer(sighting.member, report.campaign, evidence.one_click_url)
        shown = proven(own, me, peers, clicked=sighting.clicked)
        offer = next((offer for offer in shown if offer.usable), None)
        if offer is not None:
            delivery = tx.get(Delivery, sighting.member, sighting.identity) if offer.xarf else None
            found[sighting.report] = offer, evidence, handover_of(delivery)
    return found


def peers_of(tx: Transaction, case: Identifier) -> tuple[Peer, ...]:
    """One-click URLs of this case's recent mail: what is equal for two people is no opt-out."""
    recent = tx.find(Sighting, case=case, order="-received_at", limit=20)
    reports = [r for s in recent if (r := tx.get(Report, s.report)) is not None]
    return tuple(Peer(r.member, r.campaign, parse_evidence(r.evidence).one_click_url) for r in reports)
