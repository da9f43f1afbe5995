"""Mails for the tests of grouping: each is one text, changed in what a test is about."""

from __future__ import annotations

from antiphon.campaign.fingerprint import Fingerprint, account_keys, claimed_signers, fingerprint
from antiphon.formats.message import parse_message
from antiphon.terms import DAY, HOUR, Identifier, Instant

SEED = b"a seed that only this node knows"
NOON = Instant(20_000 * DAY)

OFFER = (
    "Dear customer, our warehouse closes at the end of this month and every garden chair, wooden table, copper lantern"
    " and striped parasol must find a new home before winter comes. Choose two pieces, pay for one, and the courier"
    " brings them to your terrace without any further charge. Stock is limited, so visit the orchard store today and"
    " enter the voucher that you find below this paragraph."
)
STRANGER = (
    "Minutes of the harbour committee: the treasurer presented accounts for spring, the dredging of the northern basin"
    " was postponed until autumn, volunteers repaired both jetties, and members asked whether mooring fees could be"
    " collected by standing order. The chairman thanked everybody and closed the meeting shortly after nine."
)


def mail(
    text: str = OFFER,
    *,
    subject: str = "Garden furniture clearance this week",
    author: str = "offers@orchard.example",
    link: str = "https://orchard.example/v/1",
    more: str = "",
    kind: str = "text/plain",
) -> bytes:
    """One mail; `more` are further header lines."""
    body = f"{text}\r\n{link}\r\n" if link else f"{text}\r\n"
    return (
        f"From: {author}\r\nTo: member@host.example\r\nSubject: {subject}\r\n{more}"
        f"Content-Type: {kind}; charset=utf-8\r\n\r\n{body}"
    ).encode()


def print_of(raw: bytes) -> Fingerprint:
    """Its fingerprint under SEED."""
    message = parse_message(raw)
    return fingerprint(message, seed=SEED, signers=claimed_signers(message), account_keys=account_keys(message))


def fresh(number: int) -> Identifier:
    """A name for a new campaign."""
    return Identifier(number.to_bytes(16, "big"))


def hour(number: int) -> Instant:
    """So many hours after NOON."""
    return Instant(NOON + number * HOUR)
