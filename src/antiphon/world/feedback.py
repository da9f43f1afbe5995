"""An originator that asks for feedback reports (RFC 9477) and acts on each: no node has to enrol with it first."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message

from antiphon.formats.dkim import KeyAnswer, KeyStatus, keys_needed, verify
from antiphon.formats.message import parse_message
from antiphon.terms import Instant
from antiphon.world.hosts import Delivery
from antiphon.world.originator import SETTLES, Originator

STRANGER = "u.link-service.example"
"""Where its opt-out links lead: to a provider for which nobody vouches."""


class FeedbackLoop(Originator):
    """Its links prove nothing, its feedback address does; a report takes its recipient off the list."""

    def link(self, token: str) -> str:
        """At a host that did not sign the mail."""
        return f"https://{STRANGER}/u/{token}"

    def fields(self, to: str, now: Instant, token: str) -> list[tuple[str, str]]:
        """With a feedback address, and an identifier that names mailing and recipient."""
        kept = [(name, value) for name, value in super().fields(to, now, token) if name != "List-Unsubscribe"]
        return [
            *kept,
            ("List-Unsubscribe", f"<{self.link(token)}>"),
            ("CFBL-Address", f"fbl@{self.domain}; report=arf"),
            ("CFBL-Feedback-ID", f"issue:{token}"),
        ]

    async def take_mail(self, delivery: Delivery) -> str:
        """Reports come here too. One without a valid signature of its author is not processed (RFC 9477 §3.5)."""
        mail = message_from_bytes(delivery.data)
        if mail.get_content_type() != "multipart/report":
            return await super().take_mail(delivery)
        recipient = self.recipients.get(_feedback_id(mail).removeprefix("issue:"))
        if recipient is not None and self._is_signed(delivery.data):
            now = self.stage.time.now()
            self.removed.setdefault(recipient, now)
            self.ask_until(recipient, Instant(now + SETTLES))
        return "250 2.0.0 taken"

    def _is_signed(self, raw: bytes) -> bool:
        message, names = parse_message(raw), self.stage.network.names
        records = {name: names.text(name) for name in keys_needed(message)}
        keys = {name: KeyAnswer(name, record, KeyStatus.FOUND) for name, record in records.items() if record}
        return any(s.passes and s.domain == message.from_domain() for s in verify(message, keys))


def _feedback_id(mail: Message) -> str:
    """From the header block that is reported."""
    for part in mail.walk():
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            return str(message_from_bytes(payload if isinstance(payload, bytes) else b"")["CFBL-Feedback-ID"])
    return ""
