"""The week, for the operator."""

from __future__ import annotations

from pathlib import Path

import click

from antiphon.cli.frame import as_json, call, main, show
from antiphon.cli.table import width


@main.command()
@click.option("--days", default=7, show_default=True, help="Whole ledger days before today, at most 30.")
@as_json
@click.pass_obj
def digest(home: Path, days: int, as_json: bool) -> None:
    """What members reported in a week, who sent it, and what could be asked. Asks nobody, sends nothing.

    Today is not in it, so that it says the same all day. It names originators and mailings, and no member. The node
    mails it each Monday where `on_call.mail` and `on_call.weekly` say so.

    \b
      antiphon digest
      antiphon digest --days 1
    """
    from antiphon.web.digest import told

    found = call(home, "digest", days=days)
    if as_json:
        show(found, True)
    else:
        click.echo(told(found, width()))
