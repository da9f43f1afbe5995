"""Commands for tickets, with which members' own programs hand reports in over HTTP."""

from __future__ import annotations

from pathlib import Path

import click

from antiphon.cli.frame import as_json, call, main, show, tell


@main.group()
def ticket() -> None:
    """Tickets: leave for a member's program to hand reports in over HTTP.

    \b
      antiphon ticket make anna@mail.example --name thunderbird
      antiphon ticket list anna@mail.example
    """


@ticket.command("make")
@click.argument("address")
@click.option("--name", required=True, help="What will use it.")
@click.option("--days", default=90, show_default=True, help="How long it is good, at most 366.")
@as_json
@click.pass_obj
def ticket_make(home: Path, address: str, name: str, days: int, as_json: bool) -> None:
    """Make a ticket. It is shown once, and kept nowhere but by its digest.

    \b
      antiphon ticket make anna@mail.example --name thunderbird
      antiphon ticket make anna@mail.example --name phone --days 30 --json
    """
    found = call(home, "ticket-make", address=address, name=name, days=days)
    tell(found, f"{found['ticket']}\nGood until {found['until'][:10]}; it is shown this once.", as_json)


@ticket.command("list")
@click.argument("address")
@as_json
@click.pass_obj
def ticket_list(home: Path, address: str, as_json: bool) -> None:
    """Every ticket of a member, and when it was last used.

    \b
      antiphon ticket list anna@mail.example
    """
    show(call(home, "ticket-list", address=address), as_json)


@ticket.command("revoke")
@click.argument("ticket_id", metavar="ID")
@as_json
@click.pass_obj
def ticket_revoke(home: Path, ticket_id: str, as_json: bool) -> None:
    """End a ticket, at once. ID is what `list` shows, or its beginning.

    \b
      antiphon ticket revoke 1f3a
    """
    found = call(home, "ticket-revoke", id=ticket_id)
    tell(found, f"The ticket {found['id']} ({found['name']}) ends now.", as_json)
