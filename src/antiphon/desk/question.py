"""What the law asks about one wish, as everything stands in this transaction: case, leave, pace, place, sightings."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.campaign.report import Report, ReportState
from antiphon.campaign.sighting import Sighting
from antiphon.complaint.contact import is_listed
from antiphon.complaint.pacing import opens_at
from antiphon.complaint.routing import TOLD_BY_MAIL
from antiphon.desk.coin import asked_of, click_of, coin, existing, is_spared
from antiphon.desk.contact import remembered
from antiphon.desk.desk import Desk, armed
from antiphon.desk.log import PUBLISHED, number
from antiphon.desk.quorum import quorum_of, unspent
from antiphon.desk.rung import rung_of
from antiphon.desk.standing import standing_of
from antiphon.formats.domain import organisational_domain, parse_address
from antiphon.ledger.allowance import Act, Question
from antiphon.ledger.entry import ChannelKind
from antiphon.optout.approval import Approval, Draft, draft_reports
from antiphon.optout.asking import MAIL_SPACING
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import (
    CLICKED_REQUEST_STATES,
    NOTICE_STATES,
    OWN_OPT_OUT_STATES,
    QUORUM,
    REQUEST_STATES,
    Case,
    State,
)
from antiphon.optout.destination import Halt, halted
from antiphon.optout.evidence import parse_evidence
from antiphon.optout.originator import unaccountable
from antiphon.optout.pacing import Budget, fresh, keys
from antiphon.ports import Transaction
from antiphon.registry.mandate import Consent, Mandate
from antiphon.terms import Digest, Domain, Identifier, Instant, LedgerDay, ledger_day

STATES: dict[Act, frozenset[State]] = {
    Act.NOTICE: NOTICE_STATES,
    Act.REQUEST: REQUEST_STATES,
    Act.CLICKED_REQUEST: CLICKED_REQUEST_STATES,
    Act.OWN_OPT_OUT: OWN_OPT_OUT_STATES,
    Act.CLICKED_OPT_OUT: OWN_OPT_OUT_STATES,
}
TAKEN = frozenset({Outcome.OPEN, Outcome.ACCEPTED})
UNSPACED = frozenset({Act.NOTICE, Act.COMPLAINT})
"""Mail that is no member's opt-out."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one attempt would go, after every look-up. Booleans say what was found; unknown is False."""

    kind: ChannelKind
    target: str
    host: str
    organisation: str
    address: str
    prefix: str
    reserve: int
    usable: bool
    pair_allowed: bool
    no_stop_published: bool
    exchanger: str = ""
    message: Digest | None = None
    token: str = ""

    @property
    def channel(self) -> str:
        """The kind in words, as halts name it."""
        return self.kind.name.lower().replace("_", "-")


def foreseen(kind: ChannelKind, host: str, reserve: int, *, target: str = "", usable: bool) -> Destination:
    """A destination before anybody was asked about it: that DNS and people will allow it is assumed. What is not lawful
    even so is never looked up, since a look-up already tells the other side's name servers something (LAW §4)."""
    organisation = organisational_domain(Domain(host)) if host else ""
    return Destination(kind, target, host, organisation, "", "", reserve, usable, True, True)


@dataclass(frozen=True, slots=True)
class Telling:
    """A complaint that is ready: whom it tells of mail out of which network, what of it the contact answers for (its
    `object`), by which row of the routing table, and its bytes."""

    contact: str
    network: str
    object: str
    rule: int
    token: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Wish:
    """One attempt that the desk would like to make: what for, where to, and which sightings would pay. `telling` is
    what a complaint says, and to whom."""

    act: Act
    case: Identifier
    to: Destination
    reports: tuple[Identifier, ...]
    approval: int | None = None
    members: tuple[Identifier, ...] = ()
    telling: Telling | None = None

    @property
    def channel(self) -> str:
        """The kind in words, as halts name it: a complaint is mail, and a kind of its own."""
        return Act.COMPLAINT.value if self.act is Act.COMPLAINT else self.to.channel


def ask(tx: Transaction, desk: Desk, wish: Wish, now: Instant) -> Question:
    """Everything the law asks about this wish, as it is in this transaction."""
    quorum = wish.act is not Act.NOTICE or has_quorum(tx, existing(tx.get(Case, wish.case)), now)
    return ask_with(tx, desk, wish, now, quorum=quorum)


def ask_with(tx: Transaction, desk: Desk, wish: Wish, now: Instant, *, quorum: bool) -> Question:
    """As `ask`, for whoever asks about many wishes of one case in one transaction and counted its quorum already."""
    case = existing(tx.get(Case, wish.case))
    sightings = [existing(tx.get(Sighting, report)) for report in wish.reports]
    halts, hosts = tx.find(Halt), (wish.to.host, wish.to.organisation)
    channels = {wish.channel, wish.to.channel}
    stands = any(halted(halts, now, hosts=hosts, case=case.case.hex(), channel=channel) for channel in channels)
    return Question(
        act=wish.act,
        now=now,
        armed=armed(tx),
        one_click=wish.to.kind is ChannelKind.ONE_CLICK,
        published_size=number(tx, PUBLISHED),
        anchor_agrees=desk.log.agrees,
        halted=stands or desk.stopped(),
        case_allows=_case_allows(tx, desk, case, wish),
        same_case=all(s.case == case.case for s in sightings),
        accountable=_is_accountable(tx, case, wish, sightings, now=now),
        channel_usable=wish.to.usable and (wish.telling is None or _may_be_told(tx, desk, wish.telling)),
        pair_allowed=wish.to.pair_allowed,
        no_stop_published=wish.to.no_stop_published,
        approved=_approved(tx, case, wish, ledger_day(now)),
        pace_allows=all(budget.allows(now) for budget in budgets(tx, wish.to)) and tells_from(tx, wish) <= now,
        mail_spaced=mail_opens_at(tx, wish, now) <= now,
        named_stand=wish.act is not Act.NOTICE or _names_stand(tx, case, now),
        quorum=quorum,
        click_names=wish.to.kind is not ChannelKind.CFBL,
        reserve=wish.to.reserve,
        coins=tuple(coin(tx, sighting, now, wish.act) for sighting in sightings),
    )


def _case_allows(tx: Transaction, desk: Desk, case: Case, wish: Wish) -> bool:
    """For a complaint the routing table decides, and the very row and object that it will be remembered by."""
    if wish.act is not Act.COMPLAINT or wish.telling is None:
        return wish.act in STATES and case.state in STATES[wish.act]
    rung, told = rung_of(tx, desk, case, wish.telling.network), wish.telling
    return rung.route.tier in TOLD_BY_MAIL and (rung.route.number, rung.object) == (told.rule, told.object)


def _may_be_told(tx: Transaction, desk: Desk, telling: Telling) -> bool:
    """Whether nobody said meanwhile that this contact gets no more; one that is not known yet is assumed to want it."""
    if not telling.contact:
        return True
    kept, address = remembered(tx, desk), parse_address(telling.contact)
    return address is not None and not is_listed(kept.declined | kept.dead, address) and address.domain not in kept.own


def tells_from(tx: Transaction, wish: Wish) -> Instant:
    """From when on this contact, or another of its domain, may hear from us again, whatever about (LAW §6)."""
    if wish.telling is None or not wish.to.host:
        return Instant(0)
    told = tx.find(Attempt, host=wish.to.host, act=Act.COMPLAINT, order="at")
    return opens_at([one.at for one in told], failed=bool(told) and told[-1].outcome not in TAKEN)


def budgets(tx: Transaction, to: Destination) -> list[Budget]:
    """What each key of this destination still allows."""
    return [tx.get(Budget, key) or fresh(key) for key in keys(to.host, to.organisation, to.prefix)]


def mail_opens_at(tx: Transaction, wish: Wish, now: Instant) -> Instant:
    """From when on an opt-out by mail may go there for every one of these members: one in 30 days (LAW §4)."""
    if wish.act in UNSPACED or wish.to.kind is not ChannelKind.MAIL:
        return now
    members = {existing(tx.get(Sighting, report)).member.hex() for report in wish.reports}
    earlier = tx.find(Attempt, host=wish.to.host, channel=wish.to.channel, at__gt=now - MAIL_SPACING)
    own = [a.at for a in earlier if Act(a.act) not in UNSPACED and members & set(a.members.split(","))]
    return Instant(max(own) + MAIL_SPACING) if own else now


def _is_accountable(tx: Transaction, case: Case, wish: Wish, sightings: list[Sighting], *, now: Instant) -> bool:
    """Every rule of standing holds. A member's click stands in for the age of the originator that it was shown, for
    this own opt-out and for nothing else (LAW §4)."""
    clicks = [click_of(tx, sighting) for sighting in sightings]
    clicked = wish.act is Act.CLICKED_OPT_OUT and all(c is not None and c.vouches_for(case.originator) for c in clicks)
    reports = [report for sighting in sightings if (report := tx.get(Report, sighting.report)) is not None]
    signers = {signer for report in reports if (signer := parse_evidence(report.evidence).signer)}
    return not unaccountable(standing_of(tx, case.originator, now, clicked=clicked, signers=signers), now)


def _approved(tx: Transaction, case: Case, wish: Wish, day: LedgerDay) -> bool:
    approval = tx.get(Approval, wish.approval) if wish.approval is not None else None
    if approval is None or approval.case != case.case or not approval.live(day):
        return False
    if wish.act is Act.NOTICE:
        draft = tx.get(Draft, case.case)
        same = draft is not None and draft.digest == approval.message == wish.to.message
        return same and draft is not None and draft.approval == approval.entry
    return approval.covers(wish.to.host, int(wish.to.kind))


def has_quorum(tx: Transaction, case: Case, now: Instant) -> bool:
    """Whether enough members stand behind the first try of a notice; later tries rest on the first."""
    if case.state is not State.PROPOSED:
        return True
    return quorum_of(tx, case, unspent(tx, case, now), now).voices >= QUORUM


def _names_stand(tx: Transaction, case: Case, now: Instant) -> bool:
    draft = tx.get(Draft, case.case)
    return draft is not None and named_stand(tx, draft, case.originator, now)


def named_stand(tx: Transaction, draft: Draft, originator: str, now: Instant) -> bool:
    """Whether everybody in the rows of a notice may still be named: mandate live with token, the report not taken
    back, the originator not spared, nobody asked for meanwhile and nobody waiting for another answer."""
    for report_id in draft_reports(draft):
        report = tx.get(Report, report_id)
        mandate = tx.get(Mandate, report.member) if report is not None else None
        if report is None or report.state is not ReportState.ACCEPTED or mandate is None:
            return False
        asked = asked_of(tx, report.member, originator)
        named = mandate.live_at(now) and mandate.allows(Consent.TOKEN)
        named = named and not is_spared(tx, report.member, originator, now)
        if not named or asked.asked_at is not None or asked.unsettled is not None:
            return False
    return True
