"""A member's own copy of all that is kept about it (LAW §3; GDPR Art. 15, 20): for that member, never for another."""

from __future__ import annotations

from antiphon.campaign.report import Report
from antiphon.campaign.sighting import Sighting
from antiphon.desk.desk import Desk
from antiphon.errors import RefusedByLaw
from antiphon.optout.asking import Asked
from antiphon.optout.click import Click
from antiphon.optout.evidence import parse_evidence
from antiphon.optout.known import Confirmation, TakenOut
from antiphon.optout.rows import HandedRow
from antiphon.ports import Transaction
from antiphon.registry.agreement import VERSION, agreement
from antiphon.registry.mandate import Agreement, Mandate
from antiphon.registry.watch import Watch
from antiphon.terms import Instant, show_instant
from antiphon.web.eligible import for_member

View = dict[str, object]


def copy_of(tx: Transaction, desk: Desk, address: str) -> View:
    """Mandate with its text and the signed mail, every report and what it led to, clicks, confirmations, the mailbox
    that is watched, and what was asked of whom. Raises RefusedByLaw where there is no such member."""
    found = tx.find(Mandate, address=address.strip().lower())
    if not found:
        raise RefusedByLaw(f"{address} is not a member.", ("known",), advice="`antiphon member list` shows them.")
    member = found[0].member
    return {
        "mandate": _mandate(tx, desk, found[0]),
        "reports": [_report(tx, report) for report in tx.find(Report, member=member, order="received_at")],
        "asked": [_asked(asked) for asked in tx.find(Asked, member=member)],
        "clicks": [
            {"at": show_instant(c.at), "originator": c.originator, "where": c.target, "state": c.state.value}
            for c in tx.find(Click, member=member)
        ],
        "watched": _watched(tx.get(Watch, member)),
        "confirmations": [
            {"at": show_instant(c.at), "originator": c.originator, "why": c.why}
            for c in tx.find(Confirmation, member=member)
        ],
        "handed": [
            {"originator": row.originator, "row": row.number, "entry": row.entry, "status": row.status.value}
            for row in tx.find(HandedRow, member=member)
        ],
        "taken_out": [{"at": show_instant(t.at), "originator": t.originator} for t in tx.find(TakenOut, member=member)],
    }


def _mandate(tx: Transaction, desk: Desk, kept: Mandate) -> View:
    signed = tx.get(Agreement, kept.member)
    return {
        "address": kept.address,
        "state": kept.state.value,
        "consents": kept.consents.split(","),
        "only": [name for name in kept.only.split(",") if name],
        "version": kept.text_version,
        "text": agreement(desk.house.language, desk.house.name) if kept.text_version == VERSION else None,
        "given_at": show_instant(kept.given_at),
        "proved_at": _when(kept.proved_at),
        "renewed_at": _when(kept.renewed_at),
        "revoked_at": _when(kept.revoked_at),
        "hosted": kept.hosted,
        "rests_why": kept.rests_why,
        "signed_text": desk.vault.open(kept.data_key, signed.sealed, b"agreement").decode("utf-8", "replace")
        if signed is not None and kept.data_key is not None
        else None,
    }


def _watched(watch: Watch | None) -> View | None:
    """The mailbox elsewhere that is looked at; where its secret is, never what."""
    if watch is None:
        return None
    return {
        "server": f"{watch.server}:{watch.port}",
        "user": watch.user,
        "secret": f"{watch.secret_kind.value}: {watch.secret}",
        "since": show_instant(watch.added_at),
    }


def _report(tx: Transaction, report: Report) -> View:
    evidence, sighting = parse_evidence(report.evidence), tx.get(Sighting, report.report)
    return {
        "report": report.report.hex(),
        "received_at": show_instant(report.received_at),
        "reported_at": show_instant(report.reported_at),
        "originator": report.originator,
        "subject": evidence.subject,
        "message_id": evidence.message_id,
        "class": report.evidence_class.value,
        "state": report.state.value,
        "reasons": [word for word in report.reasons.split(",") if word],
        "sighting_reasons": for_member(word for word in report.sighting_reasons.split(",") if word),
        "paid_for_entry": sighting.paid if sighting is not None else None,
    }


def _asked(asked: Asked) -> View:
    return {
        "originator": asked.originator,
        "asked_at": _when(asked.asked_at),
        "window_ends": _when(asked.window_end()),
        "tries": asked.tries,
    }


def _when(at: Instant | None) -> str | None:
    return show_instant(at) if at is not None else None
