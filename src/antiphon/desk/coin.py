"""One sighting as the law sees it at one instant, with its member's mandate, clock and click (LAW §2, §3, §5)."""

from __future__ import annotations

from hashlib import sha256
from typing import TypeVar

from antiphon.campaign.report import EvidenceClass, Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.log import RETIRED, number
from antiphon.errors import RefusedByLaw
from antiphon.ledger.allowance import CLICKED, Act, Coin, side_of
from antiphon.ledger.commitment import nullifier
from antiphon.ledger.entry import Handed, NoticeSettled, RequestSettled, parse_entry
from antiphon.ledger.kept import Spent, StoredEntry
from antiphon.optout.asking import Asked, Phase, nobody_asked
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import Case
from antiphon.optout.click import Click, ClickState
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.optout.known import Confirmation, TakenOut, spared
from antiphon.optout.rows import HandedRow, RowStatus
from antiphon.ports import Transaction
from antiphon.registry.mandate import Consent, Mandate
from antiphon.terms import Digest, Identifier, Instant

T = TypeVar("T")


def existing(record: T | None) -> T:
    """The record. Raises RefusedByLaw where it is gone."""
    if record is None:
        raise RefusedByLaw("What this attempt rests on is no longer there.", ("known",))
    return record


def asked_of(tx: Transaction, member: Identifier, originator: str) -> Asked:
    """The clock of one person before one originator."""
    return tx.get(Asked, member, originator) or nobody_asked(member, originator)


def is_spared(tx: Transaction, member: Identifier, originator: str, now: Instant) -> bool:
    """Whether this member took mail of this originator out of Junk, or the originator has a recorded opt-in of it, and
    the member has not said otherwise since."""
    confirmed, row = tx.get(Confirmation, member, originator), tx.get(HandedRow, member, originator)
    opted_in = row.said_at if row is not None and row.status is RowStatus.OPTED_IN else None
    claimed = TakenOut(member, originator, opted_in) if opted_in is not None else None
    return any(spared(word, confirmed, now) for word in (tx.get(TakenOut, member, originator), claimed))


def spend_keys(evidence: Evidence, member: Identifier) -> tuple[Digest, ...]:
    """Every key under which this sighting can be spent: one for each passing signature, one for mailbox and
    message (LAW §2)."""
    mailbox = sha256(b"antiphon/mailbox/1" + member + evidence.identity).digest()
    return (*(nullifier(value) for value in evidence.signature_values), Digest(mailbox))


def coin(tx: Transaction, sighting: Sighting, now: Instant, act: Act) -> Coin:
    """One sighting as the law sees it now, for this act."""
    report = existing(tx.get(Report, sighting.report))
    mandate = existing(tx.get(Mandate, sighting.member))
    asked = asked_of(tx, sighting.member, sighting.originator)
    evidence = parse_evidence(report.evidence)
    purses = spend_keys(evidence, sighting.member)
    side, paid = side_of(act), sighting.complained if act is Act.COMPLAINT else sighting.paid
    signed_after = sighting.signed_at is not None and asked.phase(sighting.signed_at) is Phase.AFTER
    return Coin(
        report=sighting.report,
        member=sighting.member,
        index=sighting.index,
        received_at=sighting.received_at,
        hold_until=_hold_of(tx, sighting, act),
        size=sighting.size,
        # What only a click made spendable buys what its member clicked and nothing else, whoever saw it arrive.
        spendable_class=report.evidence_class is not EvidenceClass.UPLOADED and not sighting.by_click,
        clicked=sighting.clicked,
        to_signed=evidence.to_covered,
        retracted=sighting.state is SightingState.RETRACTED or report.state is not ReportState.ACCEPTED,
        spared=is_spared(tx, sighting.member, sighting.originator, now),
        retired=min(sighting.received_at, report.reported_at) <= number(tx, RETIRED),
        mandate_live=mandate.live_at(now),
        has_token=mandate.allows(Consent.TOKEN),
        may_complain=mandate.allows(Consent.COMPLAIN),
        consents_to_opt_out=mandate.allows(Consent.OPTOUT, sighting.originator),
        asked=asked.asked_at is not None,
        after_window=signed_after
        and asked.phase(sighting.received_at) is Phase.AFTER
        and _started_here(tx, asked, sighting.case, act),
        waiting=asked.unsettled is not None,
        tries=asked.tries,
        last_try_at=asked.last_try_at,
        spent=paid is not None or any(tx.get(Spent, side, key) for key in purses),
        keys=purses,
    )


def _started_here(tx: Transaction, asked: Asked, case: Identifier, act: Act) -> bool:
    """Whether it was in this case that this person was asked for, as every auditor looks for it: a later epoch begins
    anew. A clicked request rests on an own opt-out that was ignored, never on a notice (LAW §5, §9)."""
    stored = tx.get(StoredEntry, asked.started) if asked.started is not None else None
    settled = parse_entry(stored.body) if stored is not None else None
    if isinstance(settled, Handed):
        kept = tx.get(Case, case)
        return act is not Act.CLICKED_REQUEST and kept is not None and settled.case == kept.tag
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
