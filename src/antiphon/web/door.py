"""Mail that comes in: whose it is, into the spool, and only then the acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from antiphon.desk.answer import box_of
from antiphon.desk.arrival import spool_mail
from antiphon.desk.desk import Desk
from antiphon.desk.probe import door_of
from antiphon.registry.mandate import Mandate, MandateState

TAKEN = "250 2.0.0 kept"
GONE = "550 5.1.1 no such mailbox"
WATCHED = ("delivery", "probe")
"""The boxes whose mail an MTA tells the milter door of."""


class Enveloped(Protocol):
    """What a mail door hands over."""

    @property
    def peer_address(self) -> str:
        """Who connected."""
        ...

    @property
    def peer_port(self) -> int:
        """From which port."""
        ...

    @property
    def mail_from(self) -> str:
        """The reverse-path; empty where it is null."""
        ...

    @property
    def rcpt_tos(self) -> Sequence[str]:
        """The recipients, one reply each."""
        ...

    @property
    def raw(self) -> bytes:
        """The message, byte for byte."""
        ...


class MailDoor:
    """Sorts recipients: members' own mailboxes, their report addresses, and the node's boxes for answers."""

    def __init__(self, desk: Desk, wake: asyncio.Event) -> None:
        self._desk, self._wake = desk, wake

    async def knows(self, recipient: str) -> bool:
        """Whether mail to this address is taken at all."""
        return await self._box(recipient) is not None

    async def accept(self, envelope: Enveloped) -> list[str]:
        """Durable for each recipient when this returns; one reply line each."""
        replies = []
        for recipient in envelope.rcpt_tos:
            found = await self._box(recipient)
            if found is None:
                replies.append(GONE)
                continue
            box, token, member = found
            peer = (envelope.peer_address, envelope.peer_port)
            sender = envelope.mail_from
            await spool_mail(self._desk, box, member, envelope.raw, token=token, peer=peer, mail_from=sender)
            replies.append(TAKEN)
        self._wake.set()
        return replies

    async def watches(self, recipient: str) -> bool:
        """Whether this is a member's own mailbox, whose mail is committed when an MTA tells of it; or a probe's."""
        found = await self._box(recipient)
        return found is not None and found[0] in WATCHED

    async def commit(self, envelope: Enveloped) -> None:
        """What an MTA told of one mail, durable for each member's mailbox when this returns. Raises StorageFailed."""
        peer = (envelope.peer_address, envelope.peer_port)
        for recipient in dict.fromkeys(recipient.lower() for recipient in envelope.rcpt_tos):
            found = await self._box(recipient)
            if found is not None and found[0] in WATCHED:
                box, token, member = found
                await spool_mail(
                    self._desk, box, member, envelope.raw,
                    token=token, peer=peer, mail_from=envelope.mail_from, source="milter",
                )  # fmt: skip
        self._wake.set()

    async def _box(self, recipient: str) -> tuple[str, str, Mandate | None] | None:
        own = box_of(self._desk, recipient)
        if own is not None and own[0] == "probe" and not door_of(self._desk, own[1]):
            return None  # a stranger's: it would only fill the disk
        if own is not None and own[0] != "report":
            return own[0], own[1], None
        field, value = ("report_token", own[1]) if own is not None else ("address", recipient.lower())
        found = await self._desk.store.read(lambda tx: tx.find(Mandate, limit=0, order="", **{field: value}))
        gone = not found or found[0].state is MandateState.REVOKED or found[0].data_key is None
        if gone:
            return None
        return ("report" if own is not None else "delivery"), (own[1] if own else ""), found[0]
