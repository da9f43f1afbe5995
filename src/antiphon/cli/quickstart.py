"""A person's own mail at first sight: what was read, and what would be asked of whom, and why not of the others."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import as_json, call, default_operator_key, main, show
from antiphon.cli.importing import run_import, told
from antiphon.cli.table import paragraph, table, width
from antiphon.cli.tally import NOTHING

MEMBER = "me@my-own-mail.example"
FEW = 10
"""Rows of a table; the rest is counted."""
Row = Mapping[str, Any]


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--member", "address", default=MEMBER, show_default=True, help="Whose mail this is.")
@as_json
@click.pass_obj
def quickstart(home: Path, paths: tuple[Path, ...], *, address: str, as_json: bool) -> None:
    """Your own mail, observing only: campaigns, originators, cases, what would be asked of whom, and why not.

    Makes a home where there is none. No name server is asked and nothing is sent. Run it again with more mail: what
    was read is known, and what is new is told.

    \b
      antiphon quickstart ~/Maildir

    Exit codes: 0 mail was read, 66 there was none; what could not be read is told either way.
    """
    before = _prepare(home, address)
    click.echo("Reading. Nothing leaves this machine.", err=True)
    tally = run_import(home, paths, address)
    found = call(home, "overview")
    fresh = _fresh(before, found)
    if as_json:
        summary = tally.summary(tally.seconds)
        show({"home": str(home), "member": address, "read": summary, "new": fresh, **found, "next": _next(found)}, True)
    elif tally.messages:
        click.echo("\n\n".join([told(tally), *_sections(found, fresh)]))
    sys.exit(0 if tally.messages else NOTHING)


def _prepare(home: Path, address: str) -> Row:
    """A home with this member; what it shows so far."""
    from antiphon.backends.home import Home
    from antiphon.founding import initialise
    from antiphon.settings import load_settings

    place = Home(home)
    if not place.is_home():
        initialise(place, load_settings(place.settings), operator_key=default_operator_key(home), operator_name="me")
    known = {each["address"] for each in call(home, "members")}
    if address.lower() not in known:
        call(home, "member-add", address=address, consent="count")
    seen: Row = call(home, "overview")
    return seen


def _fresh(before: Row, after: Row) -> Row:
    """What this run added: campaigns that grew or are new, originators that are new."""
    had = {each["campaign"]: each["messages"] for each in before["campaigns"]}
    knew = {each["originator"] for each in before["originators"]}
    return {
        "first_run": not before["messages"],
        "messages": after["messages"] - before["messages"],
        "campaigns": [each["campaign"] for each in after["campaigns"] if each["campaign"] not in had],
        "grown": [c["campaign"] for c in after["campaigns"] if c["messages"] > had.get(c["campaign"], c["messages"])],
        "originators": [each["originator"] for each in after["originators"] if each["originator"] not in knew],
    }


def _sections(found: Row, fresh: Row) -> list[str]:
    sections = [] if fresh["first_run"] else [_news(fresh)]
    sections += [_campaigns(found), _originators(found), _cases(found), _would(found), _why_not(found)]
    steps = [paragraph(step, first="  - ", indent="    ") for step in _next(found)]
    return [*sections, "\n".join(["What you can do next", *steps])]


def _news(fresh: Row) -> str:
    if not fresh["messages"]:
        return "Since the last time\n  nothing is new"
    counts = (
        (len(fresh["campaigns"]), "new campaigns"),
        (len(fresh["grown"]), "campaigns that grew"),
        (len(fresh["originators"]), "new originators"),
    )
    said = ", ".join(f"{count:,} {what}" for count, what in counts)
    lines = [f"Since the last time\n  {fresh['messages']:,} messages more, {said}"]
    if fresh["originators"]:
        some = ", ".join(fresh["originators"][:FEW]) + (" ..." if len(fresh["originators"]) > FEW else "")
        lines.append(paragraph(f"New originators: {some}", first="  ", indent="    "))
    return "\n".join(lines)


def _titled(title: str, rows: Sequence[Row], columns: Mapping[str, str], *, more: str = "") -> str:
    shown = "\n".join(f"  {line}" for line in table(rows[:FEW], columns, width() - 2).splitlines())
    left = f"\n  ... and {len(rows) - FEW:,} more: {more}" if len(rows) > FEW else ""
    return f"{title}\n{shown}{left}"


def _campaigns(found: Row) -> str:
    rows = [
        {**each, "id": each["campaign"][:8], "seen": _span(each), "who": each["originators"] or None}
        for each in found["campaigns"]
    ]
    several = sum(each["messages"] > 1 for each in rows)
    title = f"Campaigns: {len(rows):,}, {several:,} of more than one message"
    columns = {"id": "campaign", "messages": "mails", "seen": "seen", "title": "subject of the first"}
    return _titled(title, rows, columns, more="antiphon campaigns") if rows else "Campaigns: none"


def _span(each: Row) -> str:
    first, last = each["first_at"][:10], each["last_at"][:10]
    return first if first == last else f"{first} .. {last}"


def _originators(found: Row) -> str:
    rows = [{**each, "first": each["first_at"][:10]} for each in found["originators"]]
    if not rows:
        return "Originators: nobody signed any of this in a way that says who answers for it"
    columns = {
        "originator": "originator",
        "messages": "mails",
        "campaigns": "campaigns",
        "first": "first seen",
        "esp": "through",
    }
    count = sum(row["messages"] for row in rows)
    title = f"Originators: {len(rows):,} who answer for {count:,} of {found['messages']:,} mails"
    if found["assumed"]:
        title += "\n" + paragraph(
            "as if their signatures still verified: no key was looked up, and this mail counts for nothing", indent="  "
        )
    return _titled(title, rows, columns, more="antiphon quickstart --json")


def _cases(found: Row) -> str:
    opened = sum(not each["would_be"] for each in found["cases"])
    title = f"Cases: {opened:,} open"
    if len(found["cases"]) > opened:
        title += f", {len(found['cases']) - opened:,} would be opened if this mail counted"
    rows = [
        {**each, "members": f"{each['members']} of {each['members_needed']}", "stands": _stands(each)}
        for each in found["cases"]
    ]
    columns = {"originator": "originator", "stands": "state", "messages": "mails", "members": "members for a notice"}
    return _titled(title, rows, columns, more="antiphon quickstart --json") if rows else title


def _stands(each: Row) -> str:
    return f"would be {each['state']}" if each["would_be"] else str(each["state"])


def _would(found: Row) -> str:
    rows = found["would"]
    if not rows:
        return "What would be asked: nothing of anybody"
    count = sum(row["messages"] for row in rows)
    who = len({row["originator"] for row in rows})
    title = f"What would be asked: {who:,} originators, by a channel that {count:,} of these mails offer"
    columns = {"originator": "of", "act": "what", "kind": "by", "host": "at", "messages": "mails"}
    shown = _titled(title, rows, columns, more="antiphon quickstart --json")
    needed = (
        "One opt-out each, and only after you clicked it for that very mail. Before it leaves, the address is proved "
        "to be yours, a day or two pass in which you can undo it, the registry says that the domain is not young, and "
        "this node is armed. A notice for a whole community needs five members."
    )
    return f"{shown}\n{paragraph(needed, indent='  ')}"


def _why_not(found: Row) -> str:
    rows = found["why_not"]
    if not rows:
        return "Why nothing would be asked of the others: there are no others"
    lines = [f"Why nothing would be asked about the other {sum(row['messages'] for row in rows):,}"]
    for row in rows:
        said = f"{row['reason']}: {row['sentence']}"
        lines.append(paragraph(said, first=f"  {row['messages']:>7,}  ", indent=" " * 11))
    return "\n".join(lines)


def _next(found: Row) -> list[str]:
    """Advice for somebody who sees this for the first time."""
    if found["would"]:
        step = (
            "To ask in earnest: `antiphon member add ADDRESS --consent count,token`, prove the address, `antiphon arm "
            "own`, then `antiphon optout`. An opt-out tells its originator that somebody reads at your address."
        )
    else:
        step = "Try newsletters that you once joined. Most junk comes from nobody who could be asked."
    return [
        "`antiphon inspect FILE` shows every verdict on one message with every reason, `antiphon campaign ID` why "
        "mails belong together.",
        step,
        "`antiphon demo` shows the whole ladder in a world on this machine; docs/explanation/law.md has the rules.",
    ]
