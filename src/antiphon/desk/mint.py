"""From sightings to a permit: facts, judgement, spend and intent in one transaction, then the anchor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TypeVar

from antiphon.campaign.report import EvidenceClass, Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.desk import Desk, armed
from antiphon.desk.history import look_by, move, tell
from antiphon.desk.log import PUBLISHED, number
from antiphon.desk.standing import standing_of
from antiphon.errors import RefusedByLaw
from antiphon.ledger.allowance import CLICKED, Act, Coin, Permit, Question, Side, spend
from antiphon.ledger.commitment import hide, nullifier
from antiphon.ledger.entry import (
    Basis,
    ChannelKind,
    NoticeIntended,
    NoticeSettled,
    Purpose,
    RequestIntended,
    RequestSettled,
    SpentLeaf,
    parse_entry,
)
from antiphon.ledger.kept import Spent, StoredEntry
from antiphon.optout.approval import Approval, Draft, draft_reports
from antiphon.optout.asking import Asked, Phase, nobody_asked
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import (
    CLICKED_REQUEST_STATES,
    NOTICE_STATES,
    OWN_OPT_OUT_STATES,
    REQUEST_STATES,
    Case,
    Event,
    Facts,
    State,
)
from antiphon.optout.click import Click, ClickState
from antiphon.optout.destination import Halt, halted
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.optout.originator import unaccountable
from antiphon.optout.pacing import Budget, fresh, keys
from antiphon.ports import Transaction
from antiphon.registry.mandate import Consent, Mandate
from antiphon.terms import Digest, Identifier, Instant, LedgerDay, ledger_day

T = TypeVar("T")

STATES: dict[Act, frozenset[State]] = {
    Act.NOTICE: NOTICE_STATES,
    Act.REQUEST: REQUEST_STATES,
    Act.CLICKED_REQUEST: CLICKED_REQUEST_STATES,
    Act.OWN_OPT_OUT: OWN_OPT_OUT_STATES,
    Act.CLICKED_OPT_OUT: OWN_OPT_OUT_STATES,
}


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


def asked_of(tx: Transaction, member: Identifier, originator: str) -> Asked:
    """The clock of one person before one originator."""
    return tx.get(Asked, member, originator) or nobody_asked(member, originator)


def spend_keys(evidence: Evidence, member: Identifier) -> tuple[Digest, ...]:
    """Every key under which this sighting can be spent: one for each passing signature, one for mailbox and
    message (LAW §2)."""
    mailbox = sha256(b"antiphon/mailbox/1" + member + evidence.identity).digest()
    return (*(nullifier(value) for value in evidence.signature_values), Digest(mailbox))


def coin(tx: Transaction, sighting: Sighting, now: Instant, act: Act) -> Coin:
    """One sighting as the law sees it now, for this act."""
    report = _kept(tx.get(Report, sighting.report))
    mandate = _kept(tx.get(Mandate, sighting.member))
    asked = asked_of(tx, sighting.member, sighting.originator)
    purses = spend_keys(parse_evidence(report.evidence), sighting.member)
    signed_after = sighting.signed_at is not None and asked.phase(sighting.signed_at) is Phase.AFTER
    return Coin(
        report=sighting.report,
        member=sighting.member,
        index=sighting.index,
        received_at=sighting.received_at,
        hold_until=_hold_of(tx, sighting, act),
        size=sighting.size,
        spendable_class=report.evidence_class is not EvidenceClass.UPLOADED,
        clicked=sighting.clicked,
        retracted=sighting.state is SightingState.RETRACTED or report.state is not ReportState.ACCEPTED,
        mandate_live=mandate.live_at(now),
        has_token=mandate.allows(Consent.TOKEN),
        consents_to_opt_out=mandate.allows(Consent.OPTOUT, sighting.originator),
        asked=asked.asked_at is not None,
        after_window=signed_after
        and asked.phase(sighting.received_at) is Phase.AFTER
        and _started_here(tx, asked, sighting.case, act),
        waiting=asked.unsettled is not None,
        tries=asked.tries,
        last_try_at=asked.last_try_at,
        spent=sighting.paid is not None or any(tx.get(Spent, Side.ORIGINATOR, key) for key in purses),
        keys=purses,
    )


def _started_here(tx: Transaction, asked: Asked, case: Identifier, act: Act) -> bool:
    """Whether it was in this case that this person was asked for, as every auditor looks for it: a later epoch begins
    anew. A clicked request rests on an own opt-out that was ignored, never on a notice (LAW §5, §9)."""
    stored = tx.get(StoredEntry, asked.started) if asked.started is not None else None
    settled = parse_entry(stored.body) if stored is not None else None
    attempt = tx.get(Attempt, settled.intent) if isinstance(settled, NoticeSettled | RequestSettled) else None
    if attempt is None or attempt.case != case:
        return False
    return act is not Act.CLICKED_REQUEST or attempt.act != Act.NOTICE


def _hold_of(tx: Transaction, sighting: Sighting, act: Act) -> Instant:
    """Until when a sighting is held: as its click says, where this act rests on one."""
    made = click_of(tx, sighting) if act in CLICKED else None
    return made.held_until(sighting.hold_until, own=act is Act.CLICKED_OPT_OUT) if made else sighting.hold_until


def click_of(tx: Transaction, sighting: Sighting) -> Click | None:
    """The click that counts for a sighting, if there is one."""
    made = tx.get(Click, sighting.report) if sighting.clicked else None
    return made if made is not None and made.state is ClickState.TAKEN else None


def _kept(record: T | None) -> T:
    if record is None:
        raise RefusedByLaw("What this attempt rests on is no longer there.", ("known",))
    return record


@dataclass(frozen=True, slots=True)
class Wish:
    """One attempt that the desk would like to make: what for, where to, and which sightings would pay."""

    act: Act
    case: Identifier
    to: Destination
    reports: tuple[Identifier, ...]
    approval: int | None = None
    members: tuple[Identifier, ...] = ()


def ask(tx: Transaction, desk: Desk, wish: Wish, now: Instant) -> Question:
    """Everything the law asks about this wish, as it is in this transaction."""
    case = _kept(tx.get(Case, wish.case))
    sightings = [_kept(tx.get(Sighting, report)) for report in wish.reports]
    coins = tuple(coin(tx, sighting, now, wish.act) for sighting in sightings)
    budgets = [tx.get(Budget, key) or fresh(key) for key in keys(wish.to.host, wish.to.organisation, wish.to.prefix)]
    stands = halted(
        tx.find(Halt), now, hosts=(wish.to.host, wish.to.organisation), case=case.case.hex(), channel=wish.to.channel
    )
    return Question(
        act=wish.act,
        now=now,
        armed=armed(tx),
        one_click=wish.to.kind is ChannelKind.ONE_CLICK,
        published_size=number(tx, PUBLISHED),
        anchor_agrees=desk.log.agrees,
        halted=stands or desk.stopped(),
        case_allows=case.state in STATES.get(wish.act, frozenset()),
        same_case=all(s.case == case.case for s in sightings),
        accountable=_is_accountable(tx, case, wish, sightings, now=now),
        channel_usable=wish.to.usable,
        pair_allowed=wish.to.pair_allowed,
        no_stop_published=wish.to.no_stop_published,
        approved=_approved(tx, case, wish, ledger_day(now)),
        pace_allows=all(budget.allows(now) for budget in budgets),
        named_stand=wish.act is not Act.NOTICE or _names_stand(tx, case, now),
        click_names=wish.to.kind is not ChannelKind.CFBL,
        reserve=wish.to.reserve,
        coins=coins,
    )


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


def _names_stand(tx: Transaction, case: Case, now: Instant) -> bool:
    draft = tx.get(Draft, case.case)
    return draft is not None and named_stand(tx, draft, case.originator, now)


def named_stand(tx: Transaction, draft: Draft, originator: str, now: Instant) -> bool:
    """Whether everybody in the rows of a notice may still be named: mandate live with token, the report not taken
    back, nobody asked for meanwhile and nobody waiting for another answer."""
    for report_id in draft_reports(draft):
        report = tx.get(Report, report_id)
        mandate = tx.get(Mandate, report.member) if report is not None else None
        if report is None or report.state is not ReportState.ACCEPTED or mandate is None:
            return False
        asked = asked_of(tx, report.member, originator)
        named = mandate.live_at(now) and mandate.allows(Consent.TOKEN)
        if not named or asked.asked_at is not None or asked.unsettled is not None:
            return False
    return True


class _Till:
    """The purses and the ledger of one transaction, as `spend` needs them."""

    def __init__(self, tx: Transaction, desk: Desk, entry: NoticeIntended | RequestIntended, now: Instant) -> None:
        self._tx, self._desk, self._entry, self._now = tx, desk, entry, now

    def take(self, side: Side, key: Digest, intent: int) -> None:
        self._tx.add(Spent(side.value, key, intent))

    def append(self) -> int:
        return self._desk.log.append(self._tx, self._entry, self._now)


async def mint(desk: Desk, wish: Wish) -> Permit:
    """Judges and spends in one transaction, then waits until the anchor holds the intent.

    Raises RefusedByLaw with every rule that failed, or AlreadyTaken when somebody else spent first; then nothing has
    changed. When this returns, the attempt is spent whatever happens next: a crash here loses it, which is lawful; a
    crash after the socket opened without this order would not be.
    """

    def work(tx: Transaction) -> Permit:
        now = desk.clock.now()
        desk.log.close_hours(tx, now)
        question = ask(tx, desk, wish, now)
        permit = spend(question, _Till(tx, desk, _entry(tx, desk, wish, now), now))
        _record(tx, desk, wish, permit, now)
        return permit

    permit = await desk.store.write(work)
    await desk.log.anchor()
    return permit


def _entry(tx: Transaction, desk: Desk, wish: Wish, now: Instant) -> NoticeIntended | RequestIntended:
    case, to = _kept(tx.get(Case, wish.case)), wish.to
    leaves: list[SpentLeaf] = []
    nullifiers: set[Digest] = set()
    for report_id in wish.reports:
        sighting = _kept(tx.get(Sighting, report_id))
        mandate = _kept(tx.get(Mandate, sighting.member))
        if mandate.data_key is None or sighting.index is None:
            raise RefusedByLaw("A sighting is not in the ledger, or its member was erased.", ("committed",))
        salt1 = desk.vault.open(mandate.data_key, sighting.salts, sighting.report)[:32]
        leaves.append(SpentLeaf(sighting.index, salt1, LedgerDay(sighting.day), sighting.c2))
        evidence = parse_evidence(_kept(tx.get(Report, report_id)).evidence)
        nullifiers |= {nullifier(value) for value in evidence.signature_values}
    places = {
        "host": hide(case.salt, to.host),
        "organisation": hide(case.salt, to.organisation),
        "prefix": hide(case.salt, to.prefix),
    }
    common = {
        "day": ledger_day(now),
        "case": case.tag,
        "leaves": tuple(sorted(leaves, key=lambda spent: spent.index)),
        "nullifiers": tuple(sorted(nullifiers)),
        "channel": to.kind,
        "reserve_bytes": to.reserve,
        **places,
    }
    if wish.act is Act.NOTICE:
        return NoticeIntended(
            approval=wish.approval or 0,
            message=_kept(to.message),
            try_number=case.notice_tries + 1,
            window_hours=desk.house.window_hours,
            **common,  # type: ignore[arg-type]  # one dict for two shapes; the encoder checks every field
        )
    own = wish.act in (Act.OWN_OPT_OUT, Act.CLICKED_OPT_OUT)
    return RequestIntended(
        approval=wish.approval,
        purpose=Purpose.OWN_OPT_OUT if own else Purpose.REQUEST,
        basis=BASIS[wish.act],
        window_hours=desk.house.window_hours if own else None,
        **common,  # type: ignore[arg-type]  # as above
    )


BASIS = {
    Act.REQUEST: Basis.APPROVAL,
    Act.CLICKED_REQUEST: Basis.CLICK,
    Act.CLICKED_OPT_OUT: Basis.CLICK,
    Act.OWN_OPT_OUT: Basis.CONSENT,
}


def _record(tx: Transaction, desk: Desk, wish: Wish, permit: Permit, now: Instant) -> None:
    """What follows from the intent, in the same transaction: who waits, what is used up, how far the case went."""
    case, to = _kept(tx.get(Case, wish.case)), wish.to
    members = wish.members
    for report in wish.reports:
        tx.put(replace(_kept(tx.get(Sighting, report)), paid=permit.intent))
    for key in keys(to.host, to.organisation, to.prefix):
        tx.put((tx.get(Budget, key) or fresh(key)).spent(now))
    if wish.approval is not None:
        approval = _kept(tx.get(Approval, wish.approval))
        tx.put(replace(approval, used=approval.used + 1))
    if wish.act in (Act.OWN_OPT_OUT, Act.CLICKED_OPT_OUT):
        asked = asked_of(tx, members[0], case.originator)
        tx.put(replace(asked, tries=asked.tries + 1, last_try_at=now, unsettled=permit.intent))
    if wish.act is Act.NOTICE:
        for member in members:
            tx.put(replace(asked_of(tx, member, case.originator), unsettled=permit.intent))
        case = move(tx, case, Event.NOTICE_LEFT, Facts(now, independent=len(members)), why="the notice leaves")
        tx.put(replace(case, notice_tries=case.notice_tries + 1, notice_intent=permit.intent))
    attempt = Attempt(
        intent=permit.intent,
        act=wish.act.value,
        case=case.case,
        originator=case.originator,
        members=",".join(member.hex() for member in members),
        channel=to.channel,
        host=to.host,
        organisation=to.organisation,
        prefix=to.prefix,
        reserve=to.reserve,
        at=now,
        window_hours=desk.house.window_hours,
        outcome=Outcome.OPEN,
        status="",
        bytes_out=0,
        bytes_in=0,
        settles_at=None,
        settled=None,
        token=to.token,
        message=to.message,
    )
    tx.add(attempt)
    tell(tx, case.case, now, who="node", what=wish.act.value, why=f"entry {permit.intent} to {to.host}")
    look_by(tx, case.case, now)
