"""From a judged report to its case, and to the sighting that can pay in it (LAW §3, §5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from antiphon.campaign.acceptance import SPENDABLE, Statement, refusals
from antiphon.campaign.report import EvidenceClass, Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.coin import asked_of, is_spared
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, tell
from antiphon.errors import AntiphonError
from antiphon.ledger.commitment import case_tag, commit_case, commit_mail, leaf
from antiphon.optout.case import RELAPSE_WITHIN, Case, State
from antiphon.optout.evidence import Evidence, print_evidence
from antiphon.optout.known import Confirmation, KnownOriginator
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Digest, Instant, LedgerDay, full_hour, ledger_day

NEVER = Instant(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a member says of one message, as the rules of reports and sightings see it. `names` are the identities by
    which an earlier report of it is found; none where that question was answered before. `filed`: no person said it, a
    filter put the message into Junk. `at` is when it was said."""

    evidence: Evidence
    evidence_class: EvidenceClass
    received_at: Instant
    clicked: bool
    names: tuple[Digest, ...] = ()
    ours: bool = False
    filed: bool = False
    at: Instant = NEVER


def statement_of(tx: Transaction, mandate: Mandate, claim: Claim, now: Instant) -> Statement:
    """Everything that the rules ask about a claim, as it is in this transaction."""
    evidence = claim.evidence
    earlier = earlier_of(tx, mandate, claim.names)
    cases = tx.find(Case, originator=evidence.originator, order="-epoch", limit=1) if evidence.originator else []
    day, spared = int(ledger_day(claim.received_at)), is_spared(tx, mandate.member, evidence.originator, now)
    return Statement(
        evidence_class=claim.evidence_class,
        clicked=claim.clicked,
        mandate_live=mandate.live_at(now),
        duplicate=any(_stands(tx, r, claim.at) and (claim.filed or not by_filter(r)) for r in earlier),
        ours=claim.ours,
        robot=evidence.robot,
        gate_passes=evidence.gate_passes,
        unambiguous=evidence.unambiguous,
        canonical=evidence.canonical,
        only_to_member=evidence.recipients == (mandate.address,),
        to_covered=evidence.to_covered,
        received_at=claim.received_at,
        signed_at=evidence.signed_at,
        relayed=evidence.relayed,
        transactional=bool(evidence.transactional) or spared,
        confirmed=tx.get(Confirmation, mandate.member, evidence.originator) is not None and not spared,
        originator_known=bool(evidence.originator),
        today=tx.count(Sighting, member=mandate.member, case=cases[0].case, day=day) if cases else 0,
        filed=claim.filed,
    )


def earlier_of(tx: Transaction, mandate: Mandate, names: tuple[Digest, ...]) -> list[Report]:
    """What was said of this message before."""
    return [report for name in names for report in tx.find(Report, member=mandate.member, identity=name)]


def by_filter(report: Report) -> bool:
    """Whether a filter said it, which is no reason not to hear a person."""
    return "by-a-person" in report.reasons.split(",")


def _stands(tx: Transaction, report: Report, at: Instant) -> bool:
    """Whether an earlier report leaves no room for another of the same mail. One that was taken back before it paid
    leaves room for a new act of its member; the old act, told once more, is none."""
    if report.state is not ReportState.RETRACTED:
        return report.state is not ReportState.REFUSED
    sighting = tx.get(Sighting, report.report)
    unspent = sighting is None or (sighting.paid is None and sighting.complained is None)
    return not unspent or at <= report.reported_at


def admit(tx: Transaction, desk: Desk, mandate: Mandate, report: Report, *, evidence: Evidence) -> Report:
    """Judges an accepted report once more, with what is known by now: it keeps this evidence, and becomes a sighting
    when every rule of spendable mail holds. Returns it with all rules that still fail."""
    claim = Claim(evidence, report.evidence_class, report.received_at, report.clicked)
    unfit = refusals(SPENDABLE, statement_of(tx, mandate, claim, desk.clock.now()))
    # Of an upload only the hour in which it was handed in is certain; its Date is its author's own word.
    seen_at = report.reported_at if report.evidence_class is EvidenceClass.UPLOADED else report.received_at
    case = case_of(tx, desk, evidence, seen_at=seen_at) if evidence.originator else None
    report = replace(
        report,
        evidence=print_evidence(evidence),
        originator=evidence.originator,
        sighting_reasons=",".join(unfit),
        case=case.case if case is not None else None,
    )
    tx.put(report)
    if case is not None and not unfit:
        add_sighting(tx, desk, mandate, report, evidence=evidence)
    return report


def case_of(tx: Transaction, desk: Desk, evidence: Evidence, *, seen_at: Instant) -> Case:
    """The case of this originator, opened by its first accepted report; a new epoch after a relapse of more than a
    year."""
    now = desk.clock.now()
    kept = tx.find(Case, community=desk.house.community, originator=evidence.originator, order="-epoch", limit=1)
    old = kept[0] if kept else None
    _note_age(tx, evidence, seen_at)
    if old is not None and not (old.state is State.QUIET and now - old.since > RELAPSE_WITHIN):
        return old
    epoch, salt = (old.epoch + 1 if old is not None else 1), desk.chance.draw(32)
    case = Case(
        case=desk.identifier(),
        community=desk.house.community,
        operator=desk.house.operator,
        originator=evidence.originator,
        domain=evidence.domain,
        esp=evidence.esp,
        epoch=epoch,
        salt=salt,
        tag=case_tag(salt, evidence.originator, epoch),
        state=State.WATCHING,
        before=None,
        since=now,
        opened_at=now,
        look_at=None,
        reply_token=sha256(b"reply" + desk.chance.draw(16)).hexdigest()[:24],
        disputed_at=None,
        notice_tries=0,
        notice_intent=None,
        notice_window_end=None,
        last_sighting_at=None,
    )
    tx.add(case)
    tell(tx, case.case, now, who="node", what="opened", why=f"epoch {epoch}")
    return case


def _note_age(tx: Transaction, evidence: Evidence, seen_at: Instant) -> None:
    """First seen is the oldest arrival that we know of: an archive that is read in later may hold an older one."""
    known = tx.get(KnownOriginator, evidence.originator)
    if known is None:
        tx.add(first_seen(evidence, seen_at))
    elif seen_at < known.first_seen_at:
        tx.put(replace(known, first_seen_at=seen_at))


def first_seen(evidence: Evidence, seen_at: Instant) -> KnownOriginator:
    """What is known of an originator by its first mail."""
    return KnownOriginator(evidence.originator, evidence.domain, evidence.esp, seen_at, None, None, None, "")


def add_sighting(tx: Transaction, desk: Desk, mandate: Mandate, report: Report, *, evidence: Evidence) -> None:
    """The report becomes currency: its leaf waits for the batch, and its case looks at it when the hold is over."""
    case = tx.get(Case, report.case)
    if mandate.data_key is None or case is None:
        raise AntiphonError("A sighting needs a case, and a member whose data key is there.")
    salts = desk.chance.draw(64)
    day = ledger_day(report.received_at)
    c2 = commit_mail(salts[32:], evidence.hosts, evidence.signature_values, evidence.size)
    sighting = Sighting(
        report=report.report,
        member=mandate.member,
        case=case.case,
        originator=case.originator,
        identity=evidence.identity,
        received_at=report.received_at,
        signed_at=evidence.signed_at,
        size=evidence.size,
        hosts=",".join(evidence.hosts),
        clicked=report.clicked,
        by_click=report.clicked,
        hold_until=report.hold_until,
        day=int(day),
        salts=desk.vault.seal(mandate.data_key, salts, report.report),
        c2=c2,
        leaf=leaf(commit_case(salts[:32], case.tag, LedgerDay(day)), c2),
        state=SightingState.WAITING,
        index=None,
        paid=None,
        complained=None,
    )
    tx.add(sighting)
    if asked_of(tx, mandate.member, case.originator).asked_at is not None:
        last = max(case.last_sighting_at or report.received_at, report.received_at)
        tx.put(replace(case, last_sighting_at=last))
        look_by(tx, case.case, desk.clock.now())
    look_by(tx, case.case, full_hour(report.hold_until))
