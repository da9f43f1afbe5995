"""Commands for people: operators, members, cases and what waits for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import as_json, call, main, show
from antiphon.cli.signing import one_key, private_key, signed
from antiphon.cli.table import cell, paragraph
from antiphon.errors import UnreadableFile


@main.group()
def operator() -> None:
    """People with keys, which lie outside the home."""


@operator.command("list")
@as_json
@click.pass_obj
def operator_list(home: Path, as_json: bool) -> None:
    """Every operator key."""
    show(call(home, "status")["operators"], as_json)


@operator.command("add")
@click.argument("name")
@click.option("--new-key", type=click.Path(path_type=Path), required=True, help="The new key's file; made if missing.")
@one_key
@click.pass_obj
def operator_add(home: Path, name: str, new_key: Path, keys: tuple[Path, ...]) -> None:
    """Add an operator; the key counts seven ledger days later.

    Make the key on the new operator's own machine, and keep it there: only its public half goes to the node.
    """
    from antiphon.backends.vault import write_secret
    from antiphon.formats.note import public_key

    if not new_key.exists():
        write_secret(new_key, os.urandom(32).hex().encode())
    public = public_key(private_key(new_key)).hex()
    found = signed(home, "operator", keys, lambda by: {"name": name, "key": public, "by": by[0]})
    click.echo(f"{name} is an operator by entry {found['entry']}; the key counts in seven ledger days.")


@operator.command("revoke")
@click.argument("name")
@one_key
@click.pass_obj
def operator_revoke(home: Path, name: str, keys: tuple[Path, ...]) -> None:
    """Revoke an operator's key, at once."""
    rows = [row for row in call(home, "status")["operators"] if row["name"] == name and not row["revoked"]]
    if len(rows) != 1:
        raise UnreadableFile(
            f"{name!r} names {len(rows)} live operators.", advice="`antiphon operator list` shows them."
        )
    ends = {"name": name, "key": rows[0]["key"], "revoke": True}
    found = signed(home, "operator", keys, lambda by: {**ends, "by": by[0]})
    click.echo(f"{name} is no operator any more, by entry {found['entry']}.")


@main.group()
def member() -> None:
    """Members and their mandates."""


@member.command("add")
@click.argument("address")
@click.option("--consent", default="count", help="count, token, address, optout, complain; commas between.")
@click.option("--by-postmaster", is_flag=True, help="You are its postmaster: for a role or shared mailbox.")
@as_json
@click.pass_obj
def member_add(home: Path, address: str, consent: str, by_postmaster: bool, as_json: bool) -> None:
    """Enrol an address. It is pending until proved, unless its domain is hosted here."""
    show(call(home, "member-add", address=address, consent=consent, by_postmaster=by_postmaster), as_json)


@member.command("list")
@as_json
@click.pass_obj
def member_list(home: Path, as_json: bool) -> None:
    """Every mandate."""
    show(call(home, "members"), as_json)


@member.command("revoke")
@click.argument("address")
@click.option("--erase", is_flag=True, help="Destroy the data key too: mail, salts and openings end.")
@click.pass_obj
def member_revoke(home: Path, address: str, erase: bool) -> None:
    """End a mandate, at once."""
    call(home, "member-revoke", address=address, erase=erase)
    click.echo("revoked")


@main.command()
@as_json
@click.pass_obj
def cases(home: Path, as_json: bool) -> None:
    """Every originator before this community."""
    columns = ("case", "originator", "state", "reports", "members", "sightings", "attempts")
    show(call(home, "cases"), as_json, columns)


@main.group(invoke_without_command=True, name="case")
@click.argument("case_id")
@as_json
@click.pass_context
def case_(context: click.Context, case_id: str, as_json: bool) -> None:
    """One case: history, what would be asked, and why not. Then: approve, withdraw, close, resume."""
    if context.invoked_subcommand is None:
        show(call(context.obj, "case", case=_case_id(context.obj, case_id)), as_json)
    else:
        context.meta["case"] = case_id


def _case_id(home: Path, word: str) -> str:
    found = [c for c in call(home, "cases") if c["case"].startswith(word) or c["originator"] == word]
    if not found:
        raise UnreadableFile(f"{word!r} names no case.", advice="`antiphon cases` lists them.")
    return str(found[-1]["case"])


@case_.command("approve")
@click.option("--notice", is_flag=True, help="Approve the exact bytes of the notice instead.")
@click.option("--max", "limit", type=int, default=20, help="At most so many requests.")
@click.option("--expires", "days", type=int, default=30, help="For so many days, 30 at most.")
@one_key
@click.pass_context
def approve(context: click.Context, notice: bool, limit: int, days: int, keys: tuple[Path, ...]) -> None:
    """Approve, with your own key. Give --key twice where two people sign together (for more than 100 requests)."""
    what = {"scope": "notice"} if notice else {"scope": "standing", "limit": limit, "days": days}
    found = signed(context.obj, "approve", keys, lambda by: {"case": context.meta["case"], "by": by, **what})
    said = "the notice as it was shown" if notice else f"at most {limit} requests in {days} days"
    click.echo(f"Approved {said}, by entry {found['entry']}.")


@case_.command("close")
@click.option("--why", required=True, help="For whoever comes later.")
@click.pass_context
def close(context: click.Context, why: str) -> None:
    """Decide a dispute for the originator: the case ends."""
    call(context.obj, "resolve", case=context.meta["case"], why=why, resume=False)
    click.echo("closed")


@case_.command("resume")
@click.option("--why", required=True, help="For whoever comes later.")
@click.pass_context
def resume(context: click.Context, why: str) -> None:
    """Decide a dispute against the originator: the case goes on where it stood."""
    call(context.obj, "resolve", case=context.meta["case"], why=why, resume=True)
    click.echo("goes on")


@case_.command("withdraw")
@click.option("--why", required=True, help="For whoever comes later.")
@click.pass_context
def withdraw(context: click.Context, why: str) -> None:
    """Give the case up for good."""
    call(context.obj, "withdraw", case=context.meta["case"], why=why)
    click.echo("withdrawn")


@main.group()
@click.argument("domain")
@click.pass_context
def originator(context: click.Context, domain: str) -> None:
    """One originator: vouch for it."""
    context.meta["originator"] = domain


@originator.command("vouch")
@click.option("--why", required=True, help="Your reason; it is recorded.")
@one_key
@click.pass_context
def vouch(context: click.Context, why: str, keys: tuple[Path, ...]) -> None:
    """Stand in for its age, by name."""
    domain = context.meta["originator"]
    found = signed(context.obj, "vouch", keys, lambda by: {"originator": domain, "why": why, "by": by[0]})
    click.echo(f"You vouch for the age of {domain}, by entry {found['entry']}.")


@main.command()
@as_json
@click.pass_obj
def held(home: Path, as_json: bool) -> None:
    """What has not left yet, with an undo; and pairs that wait for a person.

    For each mail: what it would ask of whom, why, and when it leaves; or every rule against it, the deciding one first.
    """
    found = call(home, "held")
    if as_json:
        show(found, True)
        return
    for each in found["reports"]:
        name = paragraph(cell(each["subject"]), first=f"{each['report'][:8]}  ", indent=" " * 10)
        click.echo(f"{name}\n{_told(each)}")
    for kind in ("pairs", "hosts"):
        if found[kind]:
            click.echo(f"\n{kind} that wait for a person: antiphon pair ID allow|refuse --why TEXT")
            show(found[kind], False)


def _told(each: dict[str, Any]) -> str:
    """What one waiting mail would ask, or why it asks nothing."""
    leaves = f", not before {each['leaves_after']}" if each["leaves_after"] else ""
    lines = [f"{each['would']}: {each['of_whom'] or 'nobody'}{leaves}, because {each['why']}"]
    lines += [f"{rule}: {why}" for rule, why in zip(each["rules"], each["why_not"], strict=True)]
    return "\n".join(paragraph(line, indent=" " * 12, first=" " * 10) for line in [*lines, each["undo"]])


@main.command()
@click.argument("pair_id", metavar="ID")
@click.argument("verdict", type=click.Choice(["allow", "refuse"]))
@click.option("--why", required=True, help="What you saw: PTR and holder, or whose host it is.")
@click.pass_obj
def pair(home: Path, pair_id: str, verdict: str, why: str) -> None:
    """Decide on a pair that waits: a domain at a network, or a host for a signer.

    `antiphon held` shows both: a domain at a network with its PTR and RDAP holder, and a parent or sibling host of a
    signer, for mail with exactly that signature.
    """
    call(home, "pair", id=pair_id, allow=verdict == "allow", why=why)
    click.echo(verdict)


@main.command()
@click.argument("report_id")
@click.pass_obj
def undo(home: Path, report_id: str) -> None:
    """Take a report back, as long as nothing left for it."""
    call(home, "undo", report=report_id)
    click.echo("taken back")
