"""Tickets of members: made, shown once, looked up by their digest, taken back (LAW §3: only a member reports)."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2s, sha256

from antiphon.desk.desk import Desk, House
from antiphon.desk.hand_in import member_of
from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate, MandateState
from antiphon.registry.ticket import Ticket
from antiphon.terms import DAY, HOUR, Digest, Instant

PREFIX = "antiphon_"
"""So that a ticket in the wrong place is recognised by people and by programs that look for secrets."""
SECRET_BYTES, MARK_BYTES = 18, 12
"""A ticket's own secret, and behind it the mark by which this node knows it for its own without looking it up: keyed
BLAKE2s (RFC 7693 §2.9), since a door full of strangers works out ten thousand of them a second."""
MOST_DAYS = 366
MOST_NAME = 60


async def make_ticket(desk: Desk, address: str, *, name: str, days: int) -> tuple[str, Ticket]:
    """A new ticket and its text, which is not kept. Raises RefusedByLaw where the address is no member's, and
    MalformedInput for a name or time that is none."""
    if not 1 <= days <= MOST_DAYS:
        raise MalformedInput(f"A ticket is good for 1 to {MOST_DAYS} days.")
    if not name.isprintable() or not 0 < len(name) <= MOST_NAME:
        raise MalformedInput(f"A ticket has a name of at most {MOST_NAME} characters.", advice="Say what will use it.")
    secret = desk.chance.draw(SECRET_BYTES)
    text = PREFIX + urlsafe_b64encode(secret + _mark(desk.house.derived("ticket"), secret)).decode()

    def work(tx: Transaction) -> Ticket:
        member = member_of(tx, desk, address)
        if member is None:
            raise RefusedByLaw(f"{address} is not a member.", ("known",), advice="`antiphon member add` enrols it.")
        now = desk.clock.now()
        ticket = Ticket(_digest(text), member.member, name, now, Instant(now + days * DAY), None)
        tx.add(ticket)
        return ticket

    return text, await desk.store.write(work)


def teller(house: House) -> Callable[[str], bool]:
    """What tells whether this node made a ticket; nothing is looked up, so that it may be over or taken back."""
    key = house.derived("ticket")

    def is_ours(text: str) -> bool:
        if not text.startswith(PREFIX):
            return False
        try:
            found = urlsafe_b64decode(text[len(PREFIX) :].encode("ascii"))
        except ValueError:
            return False
        return hmac.compare_digest(found[SECRET_BYTES:], _mark(key, found[:SECRET_BYTES]))

    return is_ours


async def holder_of(desk: Desk, text: str) -> tuple[Ticket, Mandate] | None:
    """Whose ticket this is; None for one that is unknown, over, or of somebody who has left."""
    if not teller(desk.house)(text):
        return None
    now, secret = desk.clock.now(), _digest(text)

    def look(tx: Transaction) -> tuple[Ticket, Mandate] | None:
        ticket = tx.get(Ticket, secret)
        mandate = tx.get(Mandate, ticket.member) if ticket is not None else None
        if ticket is None or mandate is None or ticket.until <= now:
            return None
        return None if mandate.state is MandateState.REVOKED or mandate.data_key is None else (ticket, mandate)

    found = await desk.store.read(look)
    if found is not None and (found[0].used_at is None or now - found[0].used_at >= HOUR):
        used = replace(found[0], used_at=Instant(now // HOUR * HOUR))
        await desk.store.write(lambda tx: tx.put(used) if tx.get(Ticket, secret) is not None else None)
    return found


async def tickets_of(desk: Desk, address: str) -> list[Ticket]:
    """Every ticket of a member, the newest first."""

    def look(tx: Transaction) -> list[Ticket]:
        member = member_of(tx, desk, address)
        return tx.find(Ticket, member=member.member, order="-made_at") if member is not None else []

    return await desk.store.read(look)


async def take_ticket_back(desk: Desk, beginning: str) -> Ticket:
    """Ends the one ticket whose digest begins so, at once. Raises MalformedInput where none or several do."""

    def work(tx: Transaction) -> Ticket:
        word = beginning.lower()
        found = [ticket for ticket in tx.find(Ticket) if word and ticket.secret.hex().startswith(word)]
        if len(found) != 1:
            said = f"{beginning!r} names no ticket, or several."
            raise MalformedInput(said, advice="`antiphon ticket list` shows them.")
        tx.drop(Ticket, found[0].secret)
        return found[0]

    return await desk.store.write(work)


def _mark(key: bytes, secret: bytes) -> bytes:
    return blake2s(secret, digest_size=MARK_BYTES, key=key).digest()


def _digest(text: str) -> Digest:
    return Digest(sha256(text.encode("utf-8", "replace")).digest())
