"""Commands for people: operators, members, cases and what waits for them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import as_json, ask, call, default_operator_key, main, show
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
@click.option("--by", type=int, default=1, help="The ledger entry of the key that signs.")
@click.option("--key", type=click.Path(path_type=Path), help="That key's file.")
@click.pass_obj
def operator_add(home: Path, name: str, new_key: Path, by: int, key: Path | None) -> None:
    """Add an operator; the key counts seven ledger days later."""
    from antiphon.backends.vault import write_secret
    from antiphon.formats.note import public_key

    if not new_key.exists():
        write_secret(new_key, os.urandom(32).hex().encode())
    public = public_key(bytes.fromhex(new_key.read_text("ascii").strip())).hex()
    _signed(home, "operator", key, {"name": name, "key": public, "by": by})


@operator.command("revoke")
@click.argument("name")
@click.option("--key-hex", required=True, help="The public key that ends.")
@click.option("--by", type=int, default=1, help="The ledger entry of the key that signs.")
@click.option("--key", type=click.Path(path_type=Path), help="That key's file.")
@click.pass_obj
def operator_revoke(home: Path, name: str, key_hex: str, by: int, key: Path | None) -> None:
    """Revoke an operator's key, at once."""
    _signed(home, "operator", key, {"name": name, "key": key_hex, "by": by, "revoke": True})


def _signed(home: Path, verb: str, own_key: Path | None, arguments: dict[str, object]) -> None:
    """Prepares, signs here with the operator's key, and submits: the key never goes to the node."""
    from antiphon.formats.note import sign

    private = bytes.fromhex((own_key or default_operator_key(home)).read_text("ascii").strip())

    by = arguments["by"]
    signers = by if isinstance(by, list) else [by]

    async def both() -> object:
        prepared: Any = await ask(home, {"verb": f"{verb}-prepare", **arguments})
        signatures = [
            {"by": index, "signature": sign(private, bytes.fromhex(prepared["sign"])).hex()} for index in signers
        ]
        return await ask(home, {"verb": verb, "id": prepared["id"], "signatures": signatures})

    show(asyncio.run(both()), False)


@main.group()
def member() -> None:
    """Members and their mandates."""


@member.command("add")
@click.argument("address")
@click.option("--consent", default="count", help="count, token, address, optout, complain; commas between.")
@as_json
@click.pass_obj
def member_add(home: Path, address: str, consent: str, as_json: bool) -> None:
    """Enrol an address. It is pending until proved, unless its domain is hosted here."""
    show(call(home, "member-add", address=address, consent=consent), as_json)


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
    """One case: history, what would be asked, and why not. Then: approve, withdraw."""
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
@click.option("--by", type=int, default=1, help="The ledger entry of your key.")
@click.option("--key", type=click.Path(path_type=Path), help="Your key's file.")
@click.pass_context
def approve(context: click.Context, notice: bool, limit: int, days: int, by: int, key: Path | None) -> None:
    """Approve, with your own key."""
    scope = "notice" if notice else "standing"
    extra = {} if notice else {"limit": limit, "days": days}
    _signed(context.obj, "approve", key, {"case": context.meta["case"], "scope": scope, "by": [by], **extra})


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
@click.option("--by", type=int, default=1, help="The ledger entry of your key.")
@click.option("--key", type=click.Path(path_type=Path), help="Your key's file.")
@click.pass_context
def vouch(context: click.Context, why: str, by: int, key: Path | None) -> None:
    """Stand in for its age, by name."""
    _signed(context.obj, "vouch", key, {"originator": context.meta["originator"], "why": why, "by": by})


@main.command()
@as_json
@click.pass_obj
def held(home: Path, as_json: bool) -> None:
    """What has not left yet, with an undo; and address pairs that wait for a person."""
    show(call(home, "held"), as_json)


@main.command()
@click.argument("pair_id")
@click.argument("verdict", type=click.Choice(["allow", "refuse"]))
@click.option("--why", required=True, help="What you saw in PTR and holder.")
@click.pass_obj
def pair(home: Path, pair_id: str, verdict: str, why: str) -> None:
    """Decide on a domain at a network, from its PTR and RDAP holder."""
    call(home, "pair", id=pair_id, allow=verdict == "allow", why=why)
    click.echo(verdict)


@main.command()
@click.argument("report_id")
@click.pass_obj
def undo(home: Path, report_id: str) -> None:
    """Take a report back, as long as nothing left for it."""
    call(home, "undo", report=report_id)
    click.echo("taken back")
