"""Commands about cases: every originator, one case, what was decided, and what has not left yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from antiphon.cli.casefile import told as case_told
from antiphon.cli.frame import AfterTheName, as_json, call, main, show, tell
from antiphon.cli.signing import one_key, signed
from antiphon.cli.table import table, width
from antiphon.cli.waiting import DIGITS
from antiphon.cli.waiting import told as waiting_told
from antiphon.errors import UnreadableFile

WIDE = 100
"""Columns from which a list of cases shows everything."""


@main.command()
@as_json
@click.pass_obj
def cases(home: Path, as_json: bool) -> None:
    """Every originator before this community.

    \b
      antiphon cases
      antiphon cases --json | jq '.[] | select(.state == "requesting")'
    """
    found = call(home, "cases")
    if as_json:
        show(found, True)
        return
    rows = [{**each, "case": each["case"][:DIGITS], "since": each["since"][:10]} for each in found]
    names = ["case", "originator", "state", "reports", "sightings", "attempts"]
    if width() >= WIDE:
        names[3:4] = ["since", "reports", "members"]
    said = "No case yet. The first accepted report that says who answers for it opens one."
    click.echo(table(rows, {name: name for name in names}) if rows else said)


@main.group(cls=AfterTheName, invoke_without_command=True, name="case")
@click.argument("case_id")
@as_json
@click.pass_context
def case_(context: click.Context, case_id: str, as_json: bool) -> None:
    """One case: history, what would be asked, and why not. Then: approve, withdraw, close, resume.

    CASE_ID is the beginning of what `cases` shows, or the originator's name.

    \b
      antiphon case shop.example
      antiphon case 5df26f06 approve --notice
      antiphon case 5df26f06 --json | jq .would
    """
    if context.invoked_subcommand is None:
        found = call(context.obj, "case", case=case_named(context.obj, case_id))
        if as_json:
            show(found, True)
        else:
            click.echo(case_told(found))
    else:
        context.meta["case"] = case_named(context.obj, case_id)


def case_named(home: Path, word: str) -> str:
    """The case that a word means: an originator's name (its newest case), an identifier, or the beginning of one and no
    other. Raises UnreadableFile."""
    return case_among(call(home, "cases"), word)


def case_among(every: Sequence[Mapping[str, object]], word: str) -> str:
    """As `case_named`, among these, the oldest first."""
    found = [c for c in every if c["originator"] == word] or [
        c for c in every if str(c["case"]).startswith(word.lower())
    ]
    if not found or not word or len({c["originator"] for c in found}) > 1:
        said = "begins several cases" if found else "names no case"
        raise UnreadableFile(f"{word!r} {said}.", advice="`antiphon cases` lists them.")
    return str(found[-1]["case"])


@case_.command("approve")
@click.option("--notice", is_flag=True, help="Approve the exact bytes of the notice instead.")
@click.option("--max", "limit", type=int, default=20, help="At most so many requests.")
@click.option("--expires", "days", type=int, default=30, help="For so many days, 30 at most.")
@one_key
@as_json
@click.pass_context
def approve(
    context: click.Context, /, notice: bool, limit: int, days: int, *, keys: tuple[Path, ...], as_json: bool
) -> None:
    """Approve, with your own key. Give --key twice where two people sign together (for more than 100 requests).

    \b
      antiphon case shop.example approve --notice
      antiphon case shop.example approve --max 20 --expires 30
    """
    what = {"scope": "notice"} if notice else {"scope": "standing", "limit": limit, "days": days}
    found = signed(context.obj, "approve", keys, lambda by: {"case": context.meta["case"], "by": by, **what})
    said = "the notice as it was shown" if notice else f"at most {limit} requests in {days} days"
    facts = {"case": context.meta["case"], **what, "entry": found["entry"]}
    tell(facts, f"Approved {said}, by entry {found['entry']}.", as_json)


@case_.command("close")
@click.option("--why", required=True, help="For whoever comes later.")
@as_json
@click.pass_context
def close(context: click.Context, why: str, as_json: bool) -> None:
    """Decide a dispute for the originator: the case ends.

    \b
      antiphon case shop.example close --why "they showed the opt-ins"
    """
    call(context.obj, "resolve", case=context.meta["case"], why=why, resume=False)
    tell({"case": context.meta["case"], "did": "closed"}, "closed", as_json)


@case_.command("resume")
@click.option("--why", required=True, help="For whoever comes later.")
@as_json
@click.pass_context
def resume(context: click.Context, why: str, as_json: bool) -> None:
    """Decide a dispute against the originator: the case goes on where it stood.

    \b
      antiphon case shop.example resume --why "no opt-in was shown"
    """
    call(context.obj, "resolve", case=context.meta["case"], why=why, resume=True)
    tell({"case": context.meta["case"], "did": "resumed"}, "goes on", as_json)


@case_.command("withdraw")
@click.option("--why", required=True, help="For whoever comes later.")
@as_json
@click.pass_context
def withdraw(context: click.Context, why: str, as_json: bool) -> None:
    """Give the case up for good.

    \b
      antiphon case shop.example withdraw --why "they called"
    """
    call(context.obj, "withdraw", case=context.meta["case"], why=why)
    tell({"case": context.meta["case"], "did": "withdrawn"}, "withdrawn", as_json)


@main.command()
@as_json
@click.pass_obj
def held(home: Path, as_json: bool) -> None:
    """What has not left yet, with an undo; and pairs that wait for a person.

    For each mail: what it would ask of whom, why, and when it leaves; or every rule against it, the deciding one first.
    For people, mails of one fate stand together.

    \b
      antiphon held
      antiphon undo 3db0b7bd
    """
    found = call(home, "held")
    if as_json:
        show(found, True)
        return
    if found["reports"]:
        click.echo(waiting_told(found["reports"]))
        click.echo("\n`antiphon undo ID` takes a report back as long as nothing left for it; --json lists every mail.")
    else:
        click.echo("Nothing waits.")
    for kind, columns in WAITING_PAIRS.items():
        if found[kind]:
            click.echo(f"\n{kind} that wait for a person: antiphon pair ID allow|refuse --why TEXT")
            show(found[kind], False, columns)


WAITING_PAIRS = {
    "pairs": ("id", "originator", "domain", "prefix", "ptr", "holder"),
    "hosts": ("id", "originator", "signer", "host"),
}


@main.command()
@click.argument("pair_id", metavar="ID")
@click.argument("verdict", type=click.Choice(["allow", "refuse"]))
@click.option("--why", required=True, help="What you saw: PTR and holder, or whose host it is.")
@as_json
@click.pass_obj
def pair(home: Path, pair_id: str, verdict: str, *, why: str, as_json: bool) -> None:
    """Decide on a pair that waits: a domain at a network, or a host for a signer.

    `antiphon held` shows both: a domain at a network with its PTR and RDAP holder, and a parent or sibling host of a
    signer, for mail with exactly that signature.

    \b
      antiphon pair 0f3a5c7e9b1d allow --why "the holder is their own network"
    """
    call(home, "pair", id=pair_id, allow=verdict == "allow", why=why)
    tell({"pair": pair_id, "verdict": verdict}, verdict, as_json)


@main.command()
@click.argument("report_id", metavar="ID")
@as_json
@click.pass_obj
def undo(home: Path, report_id: str, as_json: bool) -> None:
    """Take a report back, as long as nothing left for it. ID is what `held` shows, or its beginning.

    \b
      antiphon undo 3db0b7bd
    """
    found = call(home, "undo", report=report_id)
    tell({"report": found["report"]}, "taken back", as_json)
