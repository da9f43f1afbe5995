"""A complaint about one case, as it would leave: whom it would reach, its exact bytes, and every reason against it.

Nothing here sends. What is told is made of few facts, never of a copy of the mail: the address that handed it over,
when, in whose name, how many. Texts of the mail stay here unless five mailboxes share them (LAW §7).
"""

from __future__ import annotations

from dataclasses import dataclass
from email.header import Header
from email.utils import format_datetime

from antiphon import __version__
from antiphon.campaign.report import Delivery, Report, ReportState
from antiphon.campaign.sighting import Sighting
from antiphon.complaint import dossier
from antiphon.complaint.contact import Candidate, best
from antiphon.complaint.pacing import leaves
from antiphon.complaint.routing import Route, Situation, Tier, route
from antiphon.desk.contact import look_up
from antiphon.desk.desk import Desk
from antiphon.desk.notify import LOOP_FIELD, loop_token
from antiphon.desk.standing import standing_of
from antiphon.errors import RefusedByLaw
from antiphon.formats.arf import Feedback, print_feedback
from antiphon.formats.publicness import is_public
from antiphon.formats.received import address_literal
from antiphon.formats.redaction import redacted
from antiphon.optout.asking import Asked
from antiphon.optout.case import Case, State
from antiphon.optout.destination import prefix_of
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.optout.originator import unaccountable
from antiphon.optout.wording import FEWEST_SHOWN, language_for
from antiphon.ports import Transaction
from antiphon.registry.mandate import Consent, Mandate
from antiphon.terms import Identifier, Instant, show_instant, to_datetime

OVER = frozenset({State.QUIET, State.DISPUTED, State.WITHDRAWN, State.STOPPED, State.CLOSED})
HAD_ITS_TIME = frozenset({State.IGNORED, State.REQUESTING, State.UNDELIVERABLE})


@dataclass(frozen=True, slots=True)
class Incident:
    """One mail that may be told about: its member agreed, its hold is over, nobody was told of it before."""

    report: Report
    evidence: Evidence
    address: str
    tenant: str
    member_address: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What a complaint about one case rests on. `incidents` were handed over from one network, newest first; `shared`
    are subjects that at least five mailboxes got; `asked_at` and `entry` say since when the originator knows."""

    case: Case
    route: Route
    incidents: tuple[Incident, ...]
    shared: frozenset[str]
    asked_at: Instant | None
    entry: int | None


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint as it would leave. `message` is empty where there is nobody to tell, or nothing."""

    ground: Ground
    candidates: tuple[Candidate, ...]
    message: bytes
    why_not: tuple[str, ...]


async def draft(desk: Desk, name: Identifier) -> Complaint:
    """The complaint that this case would bring about now. Looks contacts up, because a person asked. Raises
    RefusedByLaw for a case that is not there."""
    ground = await desk.store.read(lambda tx: _ground(tx, desk, name))
    why_not = [ground.route.sentence] if ground.route.tier is not Tier.NETWORK else []
    if not ground.incidents:
        why_not.append("No mail of it was handed over by a known public address to a member who agreed to complaints.")
        return Complaint(ground, (), b"", tuple(why_not))
    _, candidates = await look_up(desk, ground.incidents[0].address)
    chosen = best(candidates)
    if chosen is None:
        why_not.append("No contact of that network has two sources that tie it to the holder.")
    if not leaves(len(ground.incidents)):
        why_not.append(f"{len(ground.incidents)} incidents are no number at which a report leaves (RFC 6650 §7.5).")
    message = _print(desk, ground, str(chosen.address)) if chosen is not None else b""
    return Complaint(ground, candidates, message, tuple(why_not))


def _ground(tx: Transaction, desk: Desk, name: Identifier) -> Ground:
    case, now = tx.get(Case, name), desk.clock.now()
    if case is None:
        raise RefusedByLaw("This case is not there.", ("known",), advice="`antiphon cases` lists them.")
    accountable = not unaccountable(standing_of(tx, case.originator, now), now)
    situation = Situation(case.state in OVER, accountable, case.state in HAD_ITS_TIME)
    reports = tx.find(Report, case=name, state=ReportState.ACCEPTED, order="-received_at")
    found = [incident for report in reports if (incident := _incident(tx, report, now)) is not None]
    network = prefix_of(found[0].address) if found else ""
    readers: dict[str, set[Identifier]] = {}
    for report in reports:
        readers.setdefault(parse_evidence(report.evidence).subject, set()).add(report.member)
    clocks = [a for a in tx.find(Asked, originator=case.originator) if a.asked_at is not None]
    first = min(clocks, key=lambda asked: asked.asked_at or 0, default=None)
    return Ground(
        case,
        route(situation),
        tuple(incident for incident in found if prefix_of(incident.address) == network),
        frozenset(subject for subject, members in readers.items() if len(members) >= FEWEST_SHOWN),
        first.asked_at if first is not None else None,
        first.started if first is not None else None,
    )


def _incident(tx: Transaction, report: Report, now: Instant) -> Incident | None:
    mandate, delivery = tx.get(Mandate, report.member), tx.get(Delivery, report.member, report.identity)
    sighting = tx.get(Sighting, report.report)
    if mandate is None or delivery is None or sighting is None or sighting.complained is not None:
        return None
    willing = mandate.live_at(now) and mandate.allows(Consent.COMPLAIN) and now >= report.hold_until
    if not willing or not is_public(delivery.peer_address):
        return None
    evidence = parse_evidence(report.evidence)
    return Incident(report, evidence, delivery.peer_address, mandate.tenant, mandate.address)


def _print(desk: Desk, ground: Ground, contact: str) -> bytes:
    now, key = desk.clock.now(), desk.house.derived(f"redaction/{contact}")
    message_id = f"<{desk.chance.draw(16).hex()}@{desk.house.domain}>"
    reply_to = f"complaint+{redacted(key, ground.case.case.hex())}@{desk.house.domain}"
    language = language_for(contact.rpartition("@")[2], desk.house.language)
    subject, text = dossier.print_dossier(_facts(desk, ground, reply_to), language)
    header = (
        ("From", f"{desk.house.name} <desk@{desk.house.domain}>"),
        ("To", contact),
        ("Reply-To", reply_to),
        ("Subject", " ".join(Header(subject, "utf-8").encode().split()) if not subject.isascii() else subject),
        ("Date", _mail_date(now)),
        ("Message-ID", message_id),
        ("Auto-Submitted", "auto-generated"),
        (LOOP_FIELD, loop_token(desk, message_id)),
    )
    feedback = Feedback(_machine(ground, key), text, _reported(desk, ground, key), whole=False)
    mail = print_feedback(header, feedback, f"=_{desk.chance.draw(12).hex()}")
    return desk.mail_signer.sign(mail, now)


def _facts(desk: Desk, ground: Ground, reply_to: str) -> dossier.Facts:
    days = sorted(show_instant(incident.report.received_at)[:10] for incident in ground.incidents)
    return dossier.Facts(
        node=desk.house.name,
        legal_name=desk.house.legal_name,
        postal_address=desk.house.postal_address,
        address=ground.incidents[0].address,
        originator=ground.case.originator,
        mails=len(ground.incidents),
        mailboxes=len({incident.report.member for incident in ground.incidents}),
        first_day=days[0],
        last_day=days[-1],
        asked_on=show_instant(ground.asked_at)[:10] if ground.asked_at is not None else "",
        entry=ground.entry,
        ledger_url=f"{desk.house.public_url.rstrip('/')}/ledger/",
        reply_to=reply_to,
    )


def _machine(ground: Ground, key: bytes) -> tuple[tuple[str, str], ...]:
    """The part for programs (RFC 5965 §3.1, §3.2), with the newest incident standing for all of them."""
    newest = ground.incidents[0]
    return (
        ("feedback-type", "abuse"),
        ("user-agent", f"Antiphon/{__version__}"),
        ("version", "1"),
        ("arrival-date", _mail_date(newest.report.received_at)),
        ("source-ip", address_literal(newest.address)),
        ("original-rcpt-to", f"<{redacted(key, newest.member_address)}@{newest.tenant}>"),
        ("reported-domain", newest.evidence.from_organisation or newest.evidence.domain),
        ("incidents", str(len(ground.incidents))),
    )


def _reported(desk: Desk, ground: Ground, key: bytes) -> bytes:
    """A header block that says what the host needs to find its customer; identifiers of the mail are words that only
    this contact sees, and names of strangers' hosts are cut to their organisation."""
    newest, evidence = ground.incidents[0], ground.incidents[0].evidence
    author = evidence.from_organisation or evidence.domain
    when = _mail_date(newest.report.received_at)
    lines = [
        f"Received: from [{address_literal(newest.address)}] by {desk.house.domain}; {when}",
        f"From: <{redacted(key, evidence.originator)}@{author}>",
        f"To: <{redacted(key, newest.member_address)}@{newest.tenant}>",
        f"Message-ID: <{redacted(key, evidence.message_id)}@{author}>",
    ]
    if evidence.subject in ground.shared and evidence.subject.isascii() and evidence.subject.isprintable():
        lines.append(f"Subject: {evidence.subject}")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _mail_date(at: Instant) -> str:
    return format_datetime(to_datetime(at).replace(microsecond=0))
