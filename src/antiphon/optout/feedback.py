"""The originator's own feedback address as a channel: it asked for complaints in this very message (RFC 9477).

A report there is solicited, and it names one mailing to one recipient by the originator's own identifiers. It is an
alternative for an own opt-out or a request, under the same clock, consents and approval (LAW §6).
"""

from __future__ import annotations

import re
from dataclasses import replace

from antiphon.errors import MalformedInput
from antiphon.formats.cfbl import parse_cfbl_address, parse_feedback_id
from antiphon.formats.dkim import Signature
from antiphon.formats.domain import is_covered_by
from antiphon.formats.message import Message
from antiphon.optout import channel
from antiphon.optout.channel import ChannelRule, Kind, Offer, Proofs
from antiphon.terms import Domain

FIELDS = ("cfbl-address", "cfbl-feedback-id")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
"""Printable ASCII in brackets: it goes into a report as it stands."""


def _both_agreed(p: Proofs) -> bool:
    """RFC 9477 §3.1: From and feedback address are each matched by a valid signature that covers the fields; a mail
    that was signed before its provider added them is the one exception, and then that signature names neither."""
    author, present = p.message.from_domain(), {name for name in FIELDS if p.message.count(name)}
    if author is None or not p.host:
        return False

    def signs(domain: str, signature: Signature) -> bool:
        return is_covered_by(Domain(domain), signature.domain)

    full = [s for s in p.gate.passing if present <= set(s.covers)]
    if is_covered_by(Domain(p.host), author):
        return any(signs(author, s) for s in full)
    agreed = any(signs(author, s) and (s in full or not set(FIELDS) & set(s.covers)) for s in p.gate.passing)
    return agreed and any(signs(p.host, s) for s in full)


RULES: tuple[ChannelRule, ...] = (
    *(rule for rule in channel.RULES if rule.name != "host"),
    ChannelRule(
        "cfbl-signed", "The author's domain and that of the feedback address did not both sign it.", _both_agreed
    ),
)
"""The two signatures take the place of the rule about the host."""


def feedback_offer(proofs: Proofs) -> tuple[Offer, ...]:
    """The feedback address of a message with every reason against it; nothing where there is no such field."""
    address, feedback_id = (proofs.message.all(name) for name in FIELDS)
    if not address:
        return ()
    target, host, xarf, failed = "", "", False, []
    failed += ["one-cfbl-address"] if len(address) > 1 else []
    failed += ["one-cfbl-feedback-id"] if len(feedback_id) > 1 else []
    failed += ["cfbl-feedback-id"] if feedback_id and not feedback_id_of(proofs.message) else []
    try:
        wanted = parse_cfbl_address(address[0].value)
        target, host, xarf = str(wanted.address), str(wanted.address.domain), wanted.report == "xarf"
    except MalformedInput:
        failed.append("cfbl-form")
    if not _MESSAGE_ID.fullmatch(proofs.message.message_id()):
        failed.append("cfbl-message-id")
    proofs = replace(proofs, host=host, form=tuple(failed))
    return (Offer(Kind.CFBL, target, host, "", channel.reasons(proofs, RULES), xarf),)


def feedback_id_of(message: Message) -> str:
    """The originator's own identifier of the message, put together again; empty where there is no proper one."""
    field = message.one("cfbl-feedback-id")
    try:
        return parse_feedback_id(field.value) if field is not None else ""
    except MalformedInput:
        return ""
