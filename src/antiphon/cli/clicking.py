"""Commands by which a member speaks for itself: an own opt-out, and what is no answer to an act of theirs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import as_json, call, line, main, show, tell
from antiphon.cli.people import originator
from antiphon.cli.table import cell, paragraph
from antiphon.errors import UnreadableFile


@main.command()
@click.argument("reports", nargs=-1, required=True)
@click.option("--member", "address", default="", help="Whose mail it is, where a file is named.")
@click.option("--quick", is_flag=True, help="Ten minutes and the next daily batch, instead of a day or two.")
@click.option("--yes", is_flag=True, help="You have read what it tells whom; do not ask again.")
@as_json
@click.pass_obj
def optout(home: Path, reports: tuple[str, ...], address: str, quick: bool, yes: bool, as_json: bool) -> None:
    """Click on mail of yours: one ordinary opt-out each, held and undoable.

    REPORTS are ids (or their beginnings) from `antiphon held` and `antiphon campaign`, or files with a mail. You are
    shown first who would learn of it. It waits a day or two, and can be undone until it leaves.

    \b
      antiphon optout 3db0b7bd
      antiphon optout mail.eml --member anna@mail.example --quick

    Exit codes: 0 clicked, or you said no; 77 nothing of it can be clicked.
    """
    files = [Path(word) for word in reports if Path(word).is_file()]
    if files and not address:
        raise UnreadableFile(f"Whose mail is {files[0]}?", advice="Give --member ADDRESS.")
    words = [word for word in reports if not Path(word).is_file()]
    wish: dict[str, object] = {
        "reports": words,
        "mails": [file.read_bytes().hex() for file in files],
        "address": address,
    }
    if as_json and not yes:
        show(call(home, "optout-prepare", **wish)["lines"], True)
    else:
        asyncio.run(_clicked(home, wish, quick=quick, yes=yes, as_json=as_json))


async def _clicked(home: Path, wish: dict[str, object], *, quick: bool, yes: bool, as_json: bool) -> None:
    async with line(home) as put:
        prepared = await put("optout-prepare", **wish)
        lines: list[dict[str, Any]] = prepared["lines"]
        for each in lines if not as_json else ():
            _tell(each, quick=quick)
        able = [each for each in lines if not each["rules"]]
        if not able:
            if as_json:
                click.echo(json.dumps({"clicked": [], "refused": lines}, indent=2))
            raise click.exceptions.Exit(77)
        if not yes and not click.confirm(f"\nClick on {'these' if len(able) > 1 else 'this'}?"):
            return
        made = await put("optout", id=prepared["id"], quick=quick)
    if as_json:
        refused = [each for each in lines if each["rules"]]
        click.echo(json.dumps({"clicked": made, "refused": refused}, indent=2))
        return
    for each in made:
        click.echo(f"{each['originator']}: nothing leaves before {each['leaves_after']}; {each['undo']} takes it back.")


def _tell(each: dict[str, Any], *, quick: bool) -> None:
    if each["rules"]:
        click.echo(paragraph(f"{each['why_not']} ({', '.join(each['rules'])})", first=f"{each['report'][:8]}  "))
        return
    click.echo(paragraph(cell(each["subject"]), first=f"{each['report'][:8]}  "))
    age = f"registered {each['registered_at'][:10]}" if each["registered_at"] else "nobody knows since when"
    seen = f", first seen here {each['first_seen_at'][:10]}" if each["first_seen_at"] else ""
    click.echo(paragraph(f"{each['act']} to {each['originator']} ({age}{seen})", indent="          "))
    click.echo(paragraph(f"by {each['kind']}: {each['target']}", indent="          "))
    for sentence in each["tells_if_quick" if quick else "tells"]:
        click.echo(paragraph(sentence, indent="          "))


@originator.command("confirm")
@click.option("--member", "address", required=True, help="Who says so.")
@click.option("--why", default="", help="Your reason; it is recorded.")
@click.option("--take-back", is_flag=True, help="As if it had not been said.")
@as_json
@click.pass_context
def confirm(context: click.Context, /, address: str, why: str, take_back: bool, *, as_json: bool) -> None:
    """Say, as a member, that its mail is no answer to an act of yours.

    Codes, receipts, tickets and the like are never acted on unasked. Where an originator dresses its mailings so, this
    makes its mail count for you, and for this originator only.

    \b
      antiphon originator shop.example confirm --member anna@mail.example --why "I bought nothing there"
    """
    name = context.meta["originator"]
    found = call(context.obj, "confirm", address=address, originator=name, why=why, take_back=take_back)
    said = f"Recorded; {found.get('mails')} mails that came before count from now on."
    if take_back:
        said = f"Taken back; {found['taken_back']} mails count no longer."
    tell({"originator": name, "member": address, **found}, said, as_json)
