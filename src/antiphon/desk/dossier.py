"""The mail that a complaint is: few facts, redacted for its one reader, and how to get no more (LAW §6, §7).

What is told is never a copy of the mail: the address that handed it over, when, in whose name, how many. Texts of the
mail stay here unless five mailboxes share them.
"""

from __future__ import annotations

from email.header import Header

from antiphon import __version__
from antiphon.complaint import dossier
from antiphon.desk.desk import Desk
from antiphon.desk.ground import Ground
from antiphon.desk.handover import Handover, handover_of, mail_date, xarf_of
from antiphon.desk.notify import LOOP_FIELD, loop_token
from antiphon.formats.arf import Feedback, print_as_xarf, print_feedback
from antiphon.formats.received import address_literal
from antiphon.formats.redaction import redacted
from antiphon.optout.wording import language_for
from antiphon.terms import show_instant


def print_complaint(desk: Desk, ground: Ground, contact: str, token: str) -> bytes:
    """The signed mail about these incidents to this contact; answers to it bear the token."""
    now, key = desk.clock.now(), desk.house.derived(f"redaction/{contact}")
    message_id = f"<{desk.chance.draw(16).hex()}@{desk.house.domain}>"
    seen, harm = handover_of(ground.incidents[0].delivery), _harm(ground)
    language = language_for(contact.rpartition("@")[2], desk.house.language)
    subject, text = dossier.print_dossier(_facts(desk, ground, token), language)
    header = (
        ("From", f"{desk.house.name} <desk@{desk.house.domain}>"),
        ("To", contact),
        ("Reply-To", answer_address(desk, token)),
        ("Subject", " ".join(Header(subject, "utf-8").encode().split()) if not subject.isascii() else subject),
        ("Date", mail_date(now)),
        ("Message-ID", message_id),
        ("Auto-Submitted", "auto-generated"),
        (LOOP_FIELD, loop_token(desk, message_id)),
    )
    feedback = Feedback(_machine(desk, ground, key, seen), text, _reported(desk, ground, key), whole=False)
    boundary, document = f"=_{desk.chance.draw(12).hex()}", b""
    if seen is not None and not harm and desk.house.tells_as_xarf(contact):
        to, message_id = _recipient(ground, key), _message_id(ground, key)
        document = xarf_of(desk, seen, feedback.reported, key=key, message_id=message_id, rcpt_to=to)
    as_xarf = print_as_xarf(header, feedback, document, boundary) if document else b""
    return desk.mail_signer.sign(as_xarf or print_feedback(header, feedback, boundary), now)


FEEDBACK_TYPES = {"phishing": "fraud", "malware": "virus"}
"""What RFC 5965 §7.3 calls it."""


def _harm(ground: Ground) -> str:
    """What a person found, where this complaint rests on it; empty for mail that is no more than unwanted."""
    return ground.rung.finding.harm.value if ground.rung.finding is not None else ""


def answer_address(desk: Desk, token: str) -> str:
    """Where an answer to this complaint goes."""
    return f"complaint+{token}@{desk.house.domain}"


def _facts(desk: Desk, ground: Ground, token: str) -> dossier.Facts:
    days = sorted(show_instant(incident.sighting.received_at)[:10] for incident in ground.incidents)
    asked, rung = ground.asked_at if ground.rung.was_asked else None, ground.rung
    public = desk.house.public_url.rstrip("/")
    return dossier.Facts(
        node=desk.house.name,
        legal_name=desk.house.legal_name,
        postal_address=desk.house.postal_address,
        address=ground.address,
        originator=ground.case.originator,
        mails=len(ground.incidents),
        mailboxes=len({incident.sighting.member for incident in ground.incidents}),
        first_day=days[0],
        last_day=days[-1],
        asked_on=show_instant(asked)[:10] if asked is not None else "",
        asked_by=ground.asked_by,
        window_days=ground.window_days,
        done_on=show_instant(ground.done_at)[:10] if ground.done_at is not None else "",
        entry=ground.entry if asked is not None else None,
        ledger_url=f"{public}/ledger/",
        answer_url=f"{public}/desk/complaint/{token}",
        reply_to=answer_address(desk, token),
        reader=rung.route.tier.value if rung.finding is not None else "network",
        harm=_harm(ground),
        found_on=show_instant(rung.finding.at)[:10] if rung.finding is not None else "",
        finding=rung.finding.why if rung.finding is not None else "",
        told_on=show_instant(rung.told.at)[:10] if rung.told is not None else "",
        told=rung.told.intent if rung.told is not None else None,
    )


def _machine(desk: Desk, ground: Ground, key: bytes, seen: Handover | None) -> tuple[tuple[str, str], ...]:
    """The part for programs (RFC 5965 §3.1, §3.2), with the newest incident standing for all of them."""
    newest = ground.incidents[0]
    return (
        ("feedback-type", FEEDBACK_TYPES.get(_harm(ground), "abuse")),
        ("user-agent", f"Antiphon/{__version__}"),
        ("version", "1"),
        ("reporting-mta", f"dns; {desk.house.domain}"),
        *(seen.fields(key) if seen is not None else ()),
        ("original-rcpt-to", f"<{_recipient(ground, key)}>"),
        ("reported-domain", newest.evidence.from_organisation or newest.evidence.domain),
        ("incidents", str(len(ground.incidents))),
    )


def _reported(desk: Desk, ground: Ground, key: bytes) -> bytes:
    """A header block that says what the host needs to find its customer; identifiers of the mail are words that only
    this contact sees, and names of strangers' hosts are cut to their organisation."""
    newest, evidence = ground.incidents[0], ground.incidents[0].evidence
    author = evidence.from_organisation or evidence.domain
    when = mail_date(newest.sighting.received_at)
    lines = [
        f"Received: from [{address_literal(newest.address)}] by {desk.house.domain}; {when}",
        f"From: <{redacted(key, evidence.originator)}@{author}>",
        f"To: <{_recipient(ground, key)}>",
        f"Message-ID: {_message_id(ground, key)}",
    ]
    if ground.shared and evidence.subject.isascii() and evidence.subject.isprintable():
        lines.append(f"Subject: {evidence.subject}")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _recipient(ground: Ground, key: bytes) -> str:
    newest = ground.incidents[0]
    return f"{redacted(key, newest.member_address)}@{newest.tenant}"


def _message_id(ground: Ground, key: bytes) -> str:
    evidence = ground.incidents[0].evidence
    return f"<{redacted(key, evidence.message_id)}@{evidence.from_organisation or evidence.domain}>"
