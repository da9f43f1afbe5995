"""How one mail was handed to our border, in the words that reports have for it; members stay redacted."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import format_datetime

import msgspec

from antiphon.campaign.report import Delivery
from antiphon.desk.arrival import Fetched
from antiphon.desk.desk import Desk
from antiphon.errors import MalformedInput
from antiphon.formats.domain import organisational_domain, parse_address
from antiphon.formats.publicness import is_public
from antiphon.formats.received import address_literal
from antiphon.formats.redaction import redacted
from antiphon.formats.xarf import Spam, print_xarf
from antiphon.terms import Instant, to_datetime


@dataclass(frozen=True, slots=True)
class Handover:
    """Who handed a mail over, and when. `port` is 0 where nobody told it; `mail_from` is the reverse-path, empty where
    it is null, None where nobody told it."""

    address: str
    port: int
    mail_from: str | None
    at: Instant

    def return_path(self, key: bytes) -> str | None:
        """The reverse-path as its one reader may see it: a local part often names the recipient (VERP), a host below
        the organisation too. Empty for a null one, None for one that is unknown or no address."""
        if not self.mail_from:
            return self.mail_from
        address = parse_address(self.mail_from)
        return f"{redacted(key, address.folded)}@{organisational_domain(address.domain)}" if address else None

    def fields(self, key: bytes) -> tuple[tuple[str, str], ...]:
        """What a feedback report should tell (RFC 6650 §5.4): reverse-path, time, address, and port (RFC 6692 §3)."""
        path = self.return_path(key)
        found = [("original-mail-from", f"<{path}>")] if path is not None else []
        found += [("arrival-date", mail_date(self.at)), ("source-ip", address_literal(self.address))]
        return (*found, ("source-port", str(self.port))) if self.port else tuple(found)


def handover_of(delivery: Delivery | None) -> Handover | None:
    """As our MTA told it; None where no public address handed the mail over, or nobody saw it."""
    if delivery is None or not is_public(delivery.peer_address):
        return None
    told = msgspec.json.decode(delivery.evidence, type=Fetched).mail_from if delivery.evidence else None
    return Handover(delivery.peer_address, delivery.peer_port, told, delivery.received_at)


def xarf_of(
    desk: Desk, handover: Handover, reported: bytes, *, key: bytes, message_id: str, rcpt_to: str = ""
) -> bytes:
    """The XARF document about this mail; empty where a fact is missing that its schemas require."""
    spam = Spam(
        report=desk.identifier(), at=handover.at, name=desk.house.name, contact=f"desk@{desk.house.domain}",
        domain=desk.house.domain, address=handover.address, port=handover.port,
        mail_from=handover.return_path(key) or "", rcpt_to=rcpt_to, message_id=message_id, reported=reported,
    )  # fmt: skip
    try:
        return print_xarf(spam)
    except MalformedInput:
        return b""


def mail_date(at: Instant) -> str:
    """An instant as mail has it, in UTC (RFC 6692 §4)."""
    return format_datetime(to_datetime(at).replace(microsecond=0))
