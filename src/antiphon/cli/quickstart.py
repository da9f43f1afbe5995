"""A person's own mail at first sight: what was read, and what would be asked of whom."""

from __future__ import annotations

from pathlib import Path

import click

from antiphon.cli.frame import call, default_operator_key, main, show
from antiphon.cli.importing import run_import, told


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--member", "address", default="me@my-own-mail.example", help="Whose mail this is.")
@click.pass_obj
def quickstart(home: Path, paths: tuple[Path, ...], address: str) -> None:
    """Your own mail, observing only: campaigns, originators, cases, what would be asked of whom, and why not."""
    from antiphon.backends.home import Home
    from antiphon.node import initialise
    from antiphon.settings import load_settings

    place = Home(home)
    if not place.is_home():
        initialise(place, load_settings(place.settings), operator_key=default_operator_key(home), operator_name="me")
    call(home, "member-add", address=address, consent="count")
    click.echo("Reading; nothing leaves this machine.", err=True)
    click.echo(told(run_import(home, paths, address)))
    click.echo("\nThe biggest campaigns")
    show(call(home, "campaigns")[:15], False, ("campaign", "messages", "title"))
    click.echo("\nWho signed it, and whether it could be asked")
    show(call(home, "originators")[:25], False, ("originator", "esp", "first_seen_at", "unaccountable"))
    lines = call(home, "cases")
    click.echo("\nCases: what would be asked, and why not")
    show(lines[:25], False, ("case", "originator", "state", "reports", "sightings"))
    for line in lines[:3]:
        click.echo(f"\n{line['originator']}")
        show(call(home, "case", case=line["case"])["would"], False, ("act", "note", "lawful_now", "rules"))
    click.echo("\nAs if signatures still verified (the mandate is pending: this counts nowhere and sends nothing)")
    show(call(home, "assumed")[:25], False, ("originator", "mails", "would", "why_not"))
