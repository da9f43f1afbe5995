"""Commands about mail: campaigns, group, and the member's own click."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import as_json, call, main, show, tell
from antiphon.cli.table import cell, paragraph, table


@main.command()
@as_json
@click.pass_obj
def campaigns(home: Path, as_json: bool) -> None:
    """Reported mail by mailing, the biggest first.

    \b
      antiphon campaigns
    """
    found = call(home, "campaigns")
    if as_json:
        show(found, True)
        return
    rows = [{**each, "id": each["campaign"][:ID_SHOWN], "first": each["first_at"][:10]} for each in found]
    columns = {"id": "campaign", "messages": "mails", "first": "first seen", "title": "subject of the first"}
    click.echo(
        table(rows, columns) if rows else "No campaign yet. `antiphon import` and `antiphon quickstart` read mail."
    )


ID_SHOWN = 8
"""Digits of an identifier that a person is shown, and may type."""
MAILS_SHOWN = 20


@main.command()
@click.argument("campaign_id", metavar="ID")
@as_json
@click.pass_obj
def campaign(home: Path, campaign_id: str, as_json: bool) -> None:
    """One campaign, and why its mails belong together. ID is what `campaigns` shows, or its beginning.

    \b
      antiphon campaign 4c419f78
    """
    found = call(home, "campaign", campaign=campaign_id)
    if as_json:
        show(found, True)
        return
    head = {
        "campaign": found["campaign"],
        "subject": found["title"],
        "mails": found["messages"],
        "seen": f"{found['first_at'][:10]} .. {found['last_at'][:10]}",
        "originators": found["originators"] or "nobody answers for it",
    }
    for name, value in head.items():
        click.echo(paragraph(cell(value), first=f"{name:<13}", indent=" " * 13))
    click.echo("\nWhy they belong together")
    for reason in found["why"]:
        click.echo(paragraph(reason["why"], first=f"{reason['mails']:>7,}  ", indent=" " * 9))
    columns = {"received_at": "received", "originator": "originator", "subject": "subject", "source": "from"}
    mails = [{**each, "received_at": each["received_at"][:10]} for each in found["mails"][:MAILS_SHOWN]]
    click.echo(f"\n{table(mails, columns)}")
    if len(found["mails"]) > MAILS_SHOWN:
        click.echo(f"... and {len(found['mails']) - MAILS_SHOWN:,} more: antiphon campaign {campaign_id} --json")


@main.command()
@click.argument("campaign_id", metavar="ID")
@click.argument("others", metavar="OTHER...", nargs=-1, required=True)
@click.option("--never", is_flag=True, help="They are never one, whatever mail belongs to both.")
@click.option(
    "--split", is_flag=True, help="OTHER are mails of ID: they, and what has their text, are another campaign."
)
@click.option("--yes", is_flag=True, help="You have seen what a split does: do it.")
@as_json
@click.pass_obj
def regroup(
    home: Path, campaign_id: str, others: tuple[str, ...], *, never: bool, split: bool, yes: bool, as_json: bool
) -> None:
    """Two campaigns are one; or never; or one is two. Your word is remembered, and wins over all evidence.

    A split shows first which mails would leave, and changes nothing until you say --yes. To take it back, make the
    two one again.

    \b
      antiphon regroup 3f9a1c2b 77d0e4aa
      antiphon regroup 3f9a1c2b 77d0e4aa --never
      antiphon regroup 3f9a1c2b --split 5be01d77 90aa12c4
    """
    if split and not never:
        _tell_split(call(home, "campaign-split", campaign=campaign_id, mails=list(others), really=yes), as_json)
        return
    if split or len(others) > 1:
        raise click.UsageError("One OTHER, and one of merge, --never and --split.")
    found = call(home, "campaign-part" if never else "campaign-join", campaign=campaign_id, other=others[0])
    short = str(found["campaign"])[:ID_SHOWN]
    tell(found, "They stay two campaigns." if never else f"They are one campaign: {short}.", as_json)


def _tell_split(found: dict[str, Any], as_json: bool) -> None:
    """What a split does, or did."""
    if as_json:
        show(found, True)
        return
    leaving, old = found["leaving"], found["campaign"][:ID_SHOWN]
    rows = [
        {
            **each,
            "id": each["report"][:ID_SHOWN],
            "received": each["received_at"][:10],
            "why": "named" if each["named"] else "has the text of a named one",
        }
        for each in leaving[:MAILS_SHOWN]
    ]
    columns = {"id": "mail", "received": "received", "originator": "originator", "subject": "subject", "why": "why"}
    click.echo(table(rows, columns))
    if len(leaving) > MAILS_SHOWN:
        click.echo(f"... and {len(leaving) - MAILS_SHOWN:,} more")
    if not found["finds_its_way"]:
        click.echo("No text of these is remembered any more: no later mail will find its way to them.")
    many = f"{len(leaving):,} {'mail' if len(leaving) == 1 else 'mails'}"
    if found["part"]:
        click.echo(f"{many} left {old} for {found['part'][:ID_SHOWN]}; {found['staying']:,} stayed. They stay two.")
    else:
        click.echo(f"{many} would leave {old}; {found['staying']:,} would stay. Nothing was changed: --yes does it.")


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--jsonl", is_flag=True, help="One JSON object a line; the only form, named for programs.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, help="Processes that read mail; the answer is the same.")
def group(paths: tuple[Path, ...], jsonl: bool, jobs: int) -> None:
    """Which mailing each message belongs to, and why. Needs no home.

    \b
      antiphon group ~/Maildir > groups.jsonl
      antiphon group --jobs 2 ~/Maildir > groups.jsonl
    """
    from antiphon.campaign.stream import group_messages
    from antiphon.cli.hands import in_order
    from antiphon.cli.tally import Tally
    from antiphon.intake.folder import FoundProblem, walk

    def mails() -> Iterator[tuple[str, bytes]]:
        for found in walk(paths):
            if isinstance(found, FoundProblem):
                troubles.trouble(found)
                click.echo(f"{found.path}: {found.error}", err=True)
            else:
                yield found.path, found.raw

    gc.freeze()  # what was imported stays: to walk it again and again costs a tenth of the time
    count, began, troubles = 0, _monotonic(), Tally()
    each = partial(in_order, jobs=jobs) if jobs > 1 else map
    for placed in group_messages(mails(), seed=os.urandom(32), each=each):
        count += 1
        click.echo(json.dumps({"path": placed.path, "campaign": placed.campaign or None, "why": placed.why}))
    click.echo(f"{count} messages, {count / max(_monotonic() - began, 1e-9):.0f} messages/s", err=True)
    sys.exit(troubles.code)


def _monotonic() -> float:
    from time import perf_counter

    return perf_counter()
