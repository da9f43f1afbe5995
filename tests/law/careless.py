"""A desk without care: it asks for a permit for whatever it is told, and opens the socket if it gets one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from antiphon.campaign.report import Report
from antiphon.desk.mint import mint
from antiphon.desk.question import Destination, Telling, Wish
from antiphon.desk.settle import settle
from antiphon.ledger.allowance import Act
from antiphon.ledger.entry import ChannelKind
from antiphon.optout.approval import Draft, draft_reports
from antiphon.ports import Letter
from antiphon.terms import Identifier
from tests.law.node import Node
from tests.law.tally import CARRIER, NAMELESS
from tests.law.town import CARRIER_DESK, ORIGINATORS, PEOPLE, Sockets

SHOP = "shop.example"
ANN, BEN = PEOPLE[:2]
PREFIX = "7.7.7.0/24"
COMPLAINT = b"Subject: unwanted mail\r\n\r\n"


@dataclass
class Wanted:
    """One attempt that a careless desk would like to make. `sources` are reports by the name of their mail."""

    act: Act
    sources: list[str]
    domain: str = SHOP
    target: str = ""
    host: str = ""
    approval: int | None = None
    reserve: int = 12 * 1024
    changes: dict[str, object] = field(default_factory=dict)
    rule: int = 5


def attempt(node: Node, wanted: Wanted) -> None:
    """Asks for the permit, opens the socket, settles: nothing in between is asked."""
    said = [node.tally.said[source] for source in wanted.sources]
    case = node.case(wanted.domain)
    assert case is not None
    host = wanted.host or ORIGINATORS[wanted.domain].host
    draft = (node.find(Draft, case=case.case) or [None])[0] if wanted.act is Act.NOTICE else None
    to = Destination(
        kind=ChannelKind.MAIL if draft else ChannelKind.ONE_CLICK,
        target=draft.recipient if draft else wanted.target or said[0].target,
        host=host, organisation=host, address="8.8.4.4", prefix="8.8.4.0/24",
        reserve=len(draft.message) + 8192 if draft else wanted.reserve,
        usable=True, pair_allowed=True, no_stop_published=True, message=draft.digest if draft else None,
    )  # fmt: skip
    reports = {report.source: report for report in node.find(Report)}
    named = {r.report: r.member for r in reports.values()}
    members = {named[r] for r in draft_reports(draft)} if draft else {reports[s].member for s in wanted.sources}
    wish = Wish(
        act=wanted.act,
        case=case.case,
        to=replace(to, **wanted.changes),  # type: ignore[arg-type]  # as named
        reports=tuple(reports[source].report for source in wanted.sources),
        approval=draft.approval if draft else wanted.approval,
        members=tuple(sorted(Identifier(member) for member in members)),
        telling=Telling(CARRIER_DESK, PREFIX, PREFIX, wanted.rule, "x", COMPLAINT)
        if wanted.act is Act.COMPLAINT
        else None,
    )
    sockets = Sockets(node.books, node.store, node.desk.clock)

    async def work() -> None:
        permit = await mint(node.desk, wish)
        if draft or wish.to.kind is ChannelKind.MAIL:
            text = wish.telling.message if wish.telling else b"Subject: unsubscribe\r\n\r\n"
            text = draft.message if draft else text
            letter = Letter("bounce+x@node.example", wish.to.target, host, "8.8.4.4", text)
            exchange = await sockets.send(permit, letter)
        else:
            exchange = await sockets.post(permit, wish.to.target, "8.8.4.4", position="")
        await settle(node.desk, permit.intent, exchange)

    node.run(work())
    node.read()


def of(node: Node, *people: str, domain: str = SHOP) -> list[str]:
    """The newest report of each of these people."""
    newest = {said.person: source for source, said in node.tally.said.items() if said.originator == domain}
    return [newest[person] for person in people]


def request(node: Node, *people: str, **more: object) -> Wanted:
    """A lawful request of one member, as far as nothing is changed."""
    leave = max((e for e, leave in node.tally.leaves.items() if leave.originator == SHOP), default=None)
    wanted = Wanted(Act.REQUEST, of(node, *(people or (ANN,))), approval=leave)
    return replace(wanted, **more)  # type: ignore[arg-type]  # as named


def opt_out(node: Node, *people: str, **more: object) -> Wanted:
    """A lawful own opt-out by standing consent, as far as nothing is changed."""
    return replace(Wanted(Act.OWN_OPT_OUT, of(node, *(people or (ANN,)))), **more)  # type: ignore[arg-type]  # as named


def complaint(node: Node, *people: str, **more: object) -> Wanted:
    """A lawful complaint about the one that can not be asked, as far as nothing is changed."""
    sources = of(node, *(people or (ANN,)), domain=NAMELESS)
    to = {"kind": ChannelKind.MAIL}
    wanted = Wanted(Act.COMPLAINT, sources, domain=NAMELESS, target=CARRIER_DESK, host=CARRIER, changes=to)
    return replace(wanted, **more)  # type: ignore[arg-type]  # as named


def notice(node: Node) -> Wanted:
    """The lawful notice, as far as nothing is changed."""
    return Wanted(Act.NOTICE, of(node, ANN))
