"""Tickets over the control socket: made, listed, taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from antiphon.desk.desk import Desk
from antiphon.desk.ticket import make_ticket, take_ticket_back, tickets_of
from antiphon.errors import MalformedInput
from antiphon.registry.ticket import Ticket
from antiphon.terms import show_instant

Request = dict[str, object]


def verbs(desk: Desk) -> dict[str, Callable[[Request], Awaitable[object]]]:
    """The verbs by name."""
    return {
        "ticket-make": lambda q: _make(desk, q),
        "ticket-list": lambda q: _list(desk, q),
        "ticket-revoke": lambda q: _revoke(desk, q),
    }


async def _make(desk: Desk, q: Request) -> object:
    days = q.get("days", 90)
    if not isinstance(days, int):
        raise MalformedInput("A ticket is good for a number of days.")
    text, ticket = await make_ticket(desk, str(q.get("address", "")), name=str(q.get("name", "")), days=days)
    return {"ticket": text, **_shown(ticket)}


async def _list(desk: Desk, q: Request) -> object:
    return [_shown(ticket) for ticket in await tickets_of(desk, str(q.get("address", "")))]


async def _revoke(desk: Desk, q: Request) -> object:
    return _shown(await take_ticket_back(desk, str(q.get("id", ""))))


def _shown(ticket: Ticket) -> dict[str, object]:
    return {
        "id": ticket.secret.hex()[:16],
        "name": ticket.name,
        "made_at": show_instant(ticket.made_at),
        "until": show_instant(ticket.until),
        "used_at": show_instant(ticket.used_at) if ticket.used_at is not None else None,
    }
