"""Commands that read mail: import, inspect, group."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import as_json, call, default_operator_key, main, show
from antiphon.errors import UnreadableFile


@main.command()
@as_json
@click.pass_obj
def campaigns(home: Path, as_json: bool) -> None:
    """Reported mail by mailing, the biggest first."""
    show(call(home, "campaigns"), as_json, ("campaign", "messages", "title", "last_at"))


@main.command()
@click.argument("campaign_id")
@as_json
@click.pass_obj
def campaign(home: Path, campaign_id: str, as_json: bool) -> None:
    """One campaign, and why its mails belong together."""
    show(call(home, "campaign", campaign=campaign_id), as_json)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--jsonl", is_flag=True, help="One JSON object a line.")
@click.option("--assume-signatures-valid", "assume", is_flag=True, help="A diagnostic for archives: keys are gone.")
def inspect(paths: tuple[Path, ...], jsonl: bool, assume: bool) -> None:
    """What the node sees in messages: signatures, gate, channels, and every reason why not. Needs no home."""
    from antiphon.backends.machine import SystemClock
    from antiphon.intake.folder import FoundProblem, walk
    from antiphon.node import rulebook
    from antiphon.optout.inspection import inspect_message
    from antiphon.settings import Settings

    rules, now = rulebook(Settings()), SystemClock().now()
    for found in walk(paths):
        if isinstance(found, FoundProblem):
            click.echo(f"{found.path}: {found.error}", err=True)
            if jsonl:
                click.echo(
                    json.dumps({"path": found.path, "refusals": ["unreadable"], "why": found.error, "channels": []})
                )
            continue
        view = inspect_message(found.raw, found.path, rules, keys=None if assume else {}, now=now)
        if jsonl:
            click.echo(json.dumps(view))
        else:
            show(view, False)
            click.echo()


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--jsonl", is_flag=True, help="One JSON object a line; the only form, named for programs.")
def group(paths: tuple[Path, ...], jsonl: bool) -> None:
    """Which mailing each message belongs to, and why. Needs no home."""
    from antiphon.campaign.stream import group_messages
    from antiphon.intake.folder import FoundProblem, walk

    def mails() -> Iterator[tuple[str, bytes]]:
        for found in walk(paths):
            if isinstance(found, FoundProblem):
                click.echo(f"{found.path}: {found.error}", err=True)
            else:
                yield found.path, found.raw

    count, began = 0, _monotonic()
    for placed in group_messages(mails(), seed=os.urandom(32)):
        count += 1
        click.echo(json.dumps({"path": placed.path, "campaign": placed.campaign or None, "why": placed.why}))
    click.echo(f"{count} messages, {count / max(_monotonic() - began, 1e-9):.0f} messages/s", err=True)


def _monotonic() -> float:
    from time import perf_counter

    return perf_counter()


@main.command(name="import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--member", "address", required=True, help="Whose mail this is.")
@as_json
@click.pass_obj
def import_(home: Path, paths: tuple[Path, ...], address: str, as_json: bool) -> None:
    """Read mail into the node as evidence. Asks no DNS. Doing it again changes nothing; it can be broken off."""
    show(asyncio.run(read_in(home, paths, address)), as_json)


async def read_in(home: Path, paths: tuple[Path, ...], address: str) -> dict[str, Any]:
    """Every message, one report each; a summary that adds up: messages = accepted + evidence only + refused."""
    from antiphon.backends.home import Home
    from antiphon.desk.receive import take_report
    from antiphon.errors import MalformedInput
    from antiphon.intake.folder import FoundProblem, walk
    from antiphon.node import open_desk
    from antiphon.registry.mandate import Mandate

    counts: dict[str, int] = {"accepted": 0, "evidence-only": 0, "refused": 0, "retracted": 0}
    reasons: dict[str, int] = {}
    sightings = unreadable = 0
    began = _monotonic()
    async with open_desk(Home(home)) as (desk, _, _):
        found = await desk.store.read(lambda tx: tx.find(Mandate, address=address.lower()))
        if not found:
            raise UnreadableFile(f"{address} is not a member.", advice=f"antiphon member add {address}")
        for number, mail in enumerate(walk(paths)):
            if isinstance(mail, FoundProblem):
                unreadable += 1
                click.echo(f"{mail.path}: {mail.error}", err=True)
                continue
            try:
                report = await take_report(desk, found[0], mail.raw, at=desk.clock.now(), source=mail.path)
            except MalformedInput as error:
                counts["refused"] += 1
                reasons["within-limits"] = reasons.get("within-limits", 0) + 1
                click.echo(f"{mail.path}: {error.sentence()}", err=True)
                continue
            counts[report.state.value] += 1
            sightings += report.case is not None and not report.sighting_reasons
            for word in filter(None, report.reasons.split(",")):
                reasons[word] = reasons.get(word, 0) + 1
            if number % 500 == 499:
                click.echo(f"{number + 1} messages read", err=True)
        if desk.log.agrees:
            await desk.log.anchor()
    total = counts["accepted"] + counts["evidence-only"] + counts["refused"]
    return {
        "messages": total,
        "accepted": counts["accepted"],
        "evidence only": counts["evidence-only"],
        "refused": counts["refused"],
        "sightings": sightings,
        "reasons": reasons,
        "not mail": unreadable,
        "messages per second": round(total / max(_monotonic() - began, 1e-9)),
    }


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
    show(asyncio.run(read_in(home, paths, address)), False)
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


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--member", "address", required=True, help="Who clicks.")
@as_json
@click.pass_obj
def optout(home: Path, paths: tuple[Path, ...], address: str, as_json: bool) -> None:
    """The member's own click on these very messages: one ordinary opt-out each, where every proof is there."""
    from antiphon.intake.folder import FoundMessage, walk

    rows = [
        call(home, "report", address=address, raw=found.raw.hex(), source="click", clicked=True)
        for found in walk(paths)
        if isinstance(found, FoundMessage)
    ]
    show(rows, as_json, ("report", "state", "originator", "reasons", "sighting_reasons"))
