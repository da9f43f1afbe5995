"""The one notice of a case: its exact bytes as a draft for a person, and its way out once approved."""

from __future__ import annotations

import base64
import csv
import hmac
import io
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP  # noqa: TID251 - writes our own mail, reads nobody's
from email.utils import format_datetime
from hashlib import sha256

from antiphon.campaign.report import Report, ReportState
from antiphon.campaign.sighting import Sighting
from antiphon.desk.desk import Desk
from antiphon.optout.approval import Draft
from antiphon.optout.case import Case
from antiphon.optout.channel import token_of
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.optout.wording import FEWEST_SHOWN, NoticeFacts, language_for, notice, size_class
from antiphon.ports import Transaction
from antiphon.terms import DAY, Digest, Identifier, Instant, show_instant, to_datetime

LOOP_FIELD = "Antiphon-Loop"
DRAFT_LASTS = 7 * DAY
ROW_FIELDS = ("message_id", "feedback_id", "token", "received")


@dataclass(frozen=True, slots=True)
class Row:
    """What the originator needs to find one recipient in its own list; no address."""

    report: Identifier
    member: Identifier
    message_id: str
    feedback_id: str
    token: str
    received: str


def loop_token(desk: Desk, message_id: str) -> str:
    """Marks all that we send, so that we know it when it comes back (RFC 3834 §2)."""
    drawn = hmac.digest(desk.house.derived("loop"), message_id.encode(), "sha256")[:15]
    return base64.b32encode(drawn).decode().lower()


def is_ours(desk: Desk, message_id: str, references: str, loop: str) -> bool:
    """Whether a mail is our own, or an answer to one of ours."""
    ours = f"@{desk.house.domain}>"
    named = [message_id, *references.split()]
    return (
        ours in message_id
        or any(name.endswith(ours) for name in named)
        or bool(loop and loop in {loop_token(desk, name) for name in named})
    )


def row_of(report: Report, evidence: Evidence) -> Row:
    """The row of one reported mail; the day, never the instant."""
    day = show_instant(report.received_at)[:10]
    token = token_of(evidence.one_click_url)
    return Row(report.report, report.member, evidence.message_id, evidence.feedback_id, token, day)


def print_rows(rows: list[Row]) -> str:
    """`rows.csv`: a header line, then one line a recipient."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(ROW_FIELDS)
    writer.writerows([row.message_id, row.feedback_id, row.token, row.received] for row in rows)
    return out.getvalue()


def make_draft(tx: Transaction, desk: Desk, case: Case, sightings: list[Sighting], *, now: Instant) -> Draft | None:
    """The notice that these sightings (one a member) would carry, signed and complete; None without an address.

    The address is `abuse@` of the From domain (RFC 2142 §4), and only when every mail of the case agrees on it.
    """
    reports = [r for s in sightings if (r := tx.get(Report, s.report)) is not None]
    found = {report.report: parse_evidence(report.evidence) for report in reports}
    domains = {evidence.from_organisation for evidence in found.values()}
    # An unaligned From proves nothing: a customer of a provider could aim a notice at anybody (LAW §5).
    if len(domains) != 1 or "" in domains or not all(evidence.from_aligned for evidence in found.values()):
        return None
    domain = domains.pop()
    recipient = f"abuse@{domain}"
    language = language_for(domain, desk.house.language)
    rows = [row_of(report, found[report.report]) for report in reports]
    text = notice(language, _facts(tx, desk, case, rows, language=language, now=now))
    envelope = (recipient, reply_address(desk, case))
    message = desk.mail_signer.sign(print_notice(desk, envelope, text, rows, now=now), now)
    return Draft(
        case=case.case,
        epoch=case.epoch,
        recipient=recipient,
        language=language,
        message=message,
        digest=Digest(sha256(message).digest()),
        reports=b"".join(row.report for row in rows),
        made_at=now,
        approval=None,
    )


def _facts(tx: Transaction, desk: Desk, case: Case, rows: list[Row], *, language: str, now: Instant) -> NoticeFacts:
    # What is still held is not counted either: the last day would tell when somebody read a mail.
    accepted = tx.find(Report, case=case.case, state=ReportState.ACCEPTED, hold_until__le=now)
    members = {report.member for report in accepted}
    others = len(members - {row.member for row in rows})
    days = sorted(show_instant(report.received_at)[:10] for report in accepted)
    return NoticeFacts(
        node=desk.house.name,
        legal_name=desk.house.legal_name,
        postal_address=desk.house.postal_address,
        originator=case.originator,
        mails=size_class(len(accepted), language),
        mailboxes=size_class(len(members), language),
        first_day=days[0],
        last_day=days[-1],
        others=size_class(others, language) if others >= FEWEST_SHOWN else "",
        window_days=desk.house.window_for(case.originator) // 24,
        desk_url=f"{desk.house.public_url.rstrip('/')}/desk/{case.reply_token}",
        reply_to=reply_address(desk, case),
    )


def reply_address(desk: Desk, case: Case) -> str:
    """Where an answer about this case goes."""
    return f"reply+{case.reply_token}@{desk.house.domain}"


def print_notice(desk: Desk, to: tuple[str, str], text: tuple[str, str], rows: list[Row], *, now: Instant) -> bytes:
    """The unsigned mail: to whom it goes and where an answer does, its subject and body, its rows."""
    (recipient, reply_to), (subject, body) = to, text
    mail = EmailMessage(policy=SMTP.clone(max_line_length=76))
    message_id = f"<{desk.chance.draw(16).hex()}@{desk.house.domain}>"
    mail["From"] = f"{desk.house.name} <desk@{desk.house.domain}>"
    mail["To"] = recipient
    mail["Reply-To"] = reply_to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(to_datetime(now).replace(microsecond=0))
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail[LOOP_FIELD] = loop_token(desk, message_id)
    mail.set_content(body, cte="quoted-printable")
    mail.add_attachment(print_rows(rows), subtype="csv", filename="rows.csv", cte="7bit")
    return mail.as_bytes()
