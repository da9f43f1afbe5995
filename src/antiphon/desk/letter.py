"""What leaves by mail for one member: an opt-out through the header's address, or a feedback report. Our own texts."""

from __future__ import annotations

from email.utils import format_datetime

from antiphon import __version__
from antiphon.desk.desk import Desk
from antiphon.desk.handover import Handover, xarf_of
from antiphon.desk.notify import LOOP_FIELD, loop_token, reply_address
from antiphon.formats.arf import Feedback, print_as_xarf, print_feedback
from antiphon.optout.case import Case
from antiphon.optout.channel import Kind, Offer
from antiphon.optout.evidence import Evidence
from antiphon.optout.wording import DESK, FEEDBACK, FEEDBACK_SUBJECT, OPT_OUT, OPT_OUT_SUBJECT
from antiphon.terms import HOUR, Instant, to_datetime

EXPIRES = 72 * HOUR
"""When our signature under such a mail ends (LAW §4)."""


def letter_for(desk: Desk, case: Case, offer: Offer, evidence: Evidence, *, seen: Handover | None = None) -> bytes:
    """The signed mail for a channel that is one, complete; nothing for a channel that is a POST. `seen` is how the mail
    came here, for a feedback address that asks for XARF."""
    if offer.kind is Kind.ONE_CLICK:
        return b""
    now = desk.clock.now()
    subject = FEEDBACK_SUBJECT if offer.kind is Kind.CFBL else offer.subject or OPT_OUT_SUBJECT
    header = [("To", offer.target), ("Subject", subject), *_header(desk, case, now)]
    mail = _feedback(desk, header, offer, evidence, seen=seen) if offer.kind is Kind.CFBL else _opt_out(desk, header)
    return desk.mail_signer.sign(mail, now, expires_at=Instant(now + EXPIRES))


def _header(desk: Desk, case: Case, now: Instant) -> list[tuple[str, str]]:
    """What all of them have; an answer goes where answers to notices go, and `stop` in it is heeded."""
    message_id = f"<{desk.chance.draw(16).hex()}@{desk.house.domain}>"
    return [
        ("From", f"{desk.house.name} <desk@{desk.house.domain}>"),
        ("Reply-To", reply_address(desk, case)),
        ("Date", format_datetime(to_datetime(now).replace(microsecond=0))),
        ("Message-ID", message_id),
        (LOOP_FIELD, loop_token(desk, message_id)),
    ]


def _desk_line(desk: Desk) -> str:
    """Where the sender desk is, for whoever has no link of a notice; nothing before the node has a public place."""
    return DESK.format(url=f"{desk.house.public_url.rstrip('/')}/desk/") if desk.house.public_url else ""


def _opt_out(desk: Desk, header: list[tuple[str, str]]) -> bytes:
    """Our own fixed text (RFC 6068 §7): from the header come one recipient and perhaps a known subject."""
    lines = [f"{name}: {value}" for name, value in header]
    lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=us-ascii", ""]
    lines += [*OPT_OUT.format(node=desk.house.domain, desk=_desk_line(desk)).splitlines(), ""]
    return "\r\n".join(lines).encode("ascii")


def _feedback(
    desk: Desk, header: list[tuple[str, str]], offer: Offer, evidence: Evidence, *, seen: Handover | None
) -> bytes:
    """The least that a report may hold (RFC 9477 §3.5): the originator's own Message-ID and CFBL-Feedback-ID. No
    address, no body, no other field: what was left out can not name anybody. XARF where that was asked for and its
    facts are known (RFC 9477 §3.5.1): these add who handed the mail over, and when."""
    reported = f"Message-ID: {evidence.message_id}\r\n"
    if evidence.feedback_id:
        reported += f"CFBL-Feedback-ID: {evidence.feedback_id}\r\n"
    machine = (("feedback-type", "abuse"), ("user-agent", f"Antiphon/{__version__}"), ("version", "1"))
    text = FEEDBACK.format(node=desk.house.domain, desk=_desk_line(desk))
    told = Feedback(machine, text, reported.encode("ascii"), whole=False)
    marked, boundary = [*header, ("Auto-Submitted", "auto-generated")], f"=_{desk.chance.draw(12).hex()}"
    key = desk.house.derived(f"redaction/{offer.target}")
    document = b""
    if offer.xarf and seen is not None:
        document = xarf_of(desk, seen, told.reported, key=key, message_id=evidence.message_id)
    return print_as_xarf(marked, told, document, boundary) if document else print_feedback(marked, told, boundary)
