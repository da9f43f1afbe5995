"""The command line: tables for people, `--json` for programs, and one sentence with advice when something is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from antiphon import __version__
from antiphon.errors import AntiphonError, HomeUnusable, UnreadableFile

EPILOG = """Three ways to begin:

\b
  antiphon demo                      a living world, nothing leaves this machine
  antiphon quickstart ~/Maildir      your own mail, observing only
  antiphon init && antiphon run      a node

A fresh node observes: nothing leaves until `antiphon arm`. Exit codes: 0 done, 1 not so, 2 wrong usage, 65 bad input,
66 no such file, 69 not reachable, 73 home not usable, 74 storage or anchor failed, 77 law, 78 settings."""


class Program(click.Group):
    """Turns every declared error into one sentence and its exit code; no traceback for what people can mend."""

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - click's own signature
        """Runs the program."""
        try:
            return super().main(*args, **kwargs)
        except AntiphonError as error:
            click.echo(f"antiphon: {error.sentence()}", err=True)
            sys.exit(error.exit_code)
        except BrokenPipeError:
            sys.exit(0)


@click.group(cls=Program, epilog=EPILOG, invoke_without_command=True, context_settings={"max_content_width": 100})
@click.option("--home", type=click.Path(path_type=Path), envvar="ANTIPHON_HOME", help="Where this node lives.")
@click.version_option(__version__, prog_name="antiphon")
@click.pass_context
def main(context: click.Context, home: Path | None) -> None:
    """Antiphon answers each unwanted mailing once, through the channel that its originator published."""
    context.obj = home or _default_home()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _default_home() -> Path:
    from platformdirs import user_state_path

    return Path(user_state_path("antiphon"))


def call(home: Path, verb: str, **arguments: object) -> Any:  # noqa: ANN401 - what the verb answers
    """One verb: to the running node over its socket, or on the home itself when nothing runs."""
    return asyncio.run(_call(home, {"verb": verb, **arguments}))


async def _call(home: Path, request: dict[str, object]) -> object:
    from antiphon.web.control import MOST_LINE

    try:
        reader, writer = await asyncio.open_unix_connection(home / "control.sock", limit=MOST_LINE)
    except (FileNotFoundError, ConnectionRefusedError):
        return _result(await _alone(home, request))
    writer.write(json.dumps(request).encode() + b"\n")
    line = await reader.readline()
    writer.close()
    if not line:
        raise HomeUnusable("The node ended before it answered.", advice="Look at its log, then ask again.")
    return _result(json.loads(line))


async def _alone(home: Path, request: dict[str, object]) -> dict[str, object]:
    from antiphon.backends.home import Home
    from antiphon.backends.shelf import FolderShelf
    from antiphon.node import open_desk
    from antiphon.web.control import Control

    async with open_desk(Home(home)) as (desk, _, _):
        answer = await Control(desk, asyncio.Event(), FolderShelf).handle(request)
        if desk.log.agrees:
            await desk.log.anchor()
        return answer


def _result(answer: dict[str, Any]) -> object:
    if answer["ok"]:
        return answer["result"]
    said = answer["error"]
    error = AntiphonError(said["what"], advice=said["advice"])
    if said["rules"]:
        error.what += f" ({', '.join(said['rules'])})"
    error.exit_code = said.get("exit", 1)
    raise error


def show(value: object, as_json: bool, columns: Sequence[str] = ()) -> None:
    """A table for people, or JSON for programs."""
    if as_json:
        click.echo(json.dumps(value, indent=2))
    elif isinstance(value, list):
        rows: list[dict[str, object]] = [row for row in value if isinstance(row, dict)]
        _table(rows, columns or tuple(rows[0] if rows else ()))
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, list) and item and isinstance(item[0], dict):
                click.echo(f"\n{name}")
                _table(item, tuple(item[0]))
            elif isinstance(item, str) and "\n" in item:
                click.echo(f"\n{name}\n{item}")
            else:
                click.echo(f"{name:<20} {_cell(item)}")
    else:
        click.echo(str(value))


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)


def _table(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
    lines = [[_cell(row.get(name))[:60] for name in columns] for row in rows]
    if not lines:
        click.echo("nothing")
        return
    widths = [max(len(name), *(len(line[at]) for line in lines)) for at, name in enumerate(columns)]
    for line in ([*columns], *lines):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


as_json = click.option("--json", "as_json", is_flag=True, help="For programs: JSON on standard output.")


@main.command()
@click.option("--settings", "settings_file", type=click.Path(path_type=Path), help="Settings to begin with.")
@click.option("--anchor", type=click.Path(path_type=Path), help="A file outside the home for the newest checkpoint.")
@click.option("--operator-key", type=click.Path(path_type=Path), help="The first operator's key; made if missing.")
@click.option("--operator-name", default="operator", help="How that operator is called in histories.")
@click.pass_obj
def init(
    home: Path, settings_file: Path | None, anchor: Path | None, operator_key: Path | None, operator_name: str
) -> None:
    """Make a home: keys, database, ledger and anchor. Running it again changes nothing."""
    import msgspec

    from antiphon.backends.home import Home
    from antiphon.node import initialise
    from antiphon.settings import load_settings

    place = Home(home)
    if place.is_home():
        click.echo(f"{home} is a home already; nothing was changed.")
        return
    if settings_file is not None and not settings_file.exists():
        raise UnreadableFile(f"{settings_file} is not there.")
    settings = load_settings(settings_file or place.settings)
    if anchor is not None:
        settings = msgspec.structs.replace(settings, anchor=str(anchor))
    key = operator_key or _default_operator_key(home)
    initialise(place, settings, operator_key=key, operator_name=operator_name)
    click.echo(f"A home in {home}. It observes.\nYour operator key is {key}: keep it apart from the home.")


def _default_operator_key(home: Path) -> Path:
    return Path(os.environ.get("ANTIPHON_OPERATOR_KEY") or home.with_name(f"{home.name}-operator.key"))


@main.command()
@click.pass_obj
def run(home: Path) -> None:
    """Run the node until it is stopped. It observes until it is armed."""
    from antiphon import node
    from antiphon.backends.home import Home

    asyncio.run(node.run(Home(home), lambda text: click.echo(text, err=True)))


@main.command()
@as_json
@click.pass_obj
def status(home: Path, as_json: bool) -> None:
    """What this node does, and what needs a person."""
    found = call(home, "status")
    if not as_json:
        found.pop("dkim_records")
    show(found, as_json)


@main.command()
@click.argument("level", type=click.Choice(["own", "community"]))
@click.pass_obj
def arm(home: Path, level: str) -> None:
    """Let attempts out, after live checks: `own` for members' own opt-outs, `community` for everything."""
    show(call(home, "arm", level=level), False)


@main.command()
@click.option("--host", help="Only this host.")
@click.option("--case", "case_id", help="Only this case.")
@click.option("--channel", help="Only this kind of channel.")
@click.option("--why", default="", help="For whoever comes later.")
@click.pass_obj
def disarm(home: Path, host: str | None, case_id: str | None, channel: str | None, why: str) -> None:
    """Stop everything, or one host, case or kind of channel: at once."""
    scoped = [(s, v) for s, v in (("host", host), ("case", case_id), ("channel", channel)) if v]
    for scope, value in scoped or [("everything", "")]:
        call(home, "disarm", scope=scope, value=value, why=why)
        click.echo(f"stopped: {scope} {value}".strip())


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

    private = bytes.fromhex((own_key or _default_operator_key(home)).read_text("ascii").strip())

    by = arguments["by"]
    signers = by if isinstance(by, list) else [by]

    async def both() -> object:
        prepared: Any = await _call(home, {"verb": f"{verb}-prepare", **arguments})
        signatures = [
            {"by": index, "signature": sign(private, bytes.fromhex(prepared["sign"])).hex()} for index in signers
        ]
        return await _call(home, {"verb": verb, "id": prepared["id"], "signatures": signatures})

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


@main.group()
def ledger() -> None:
    """The public ledger of this node."""


@ledger.command("publish")
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def ledger_publish(home: Path, folder: Path) -> None:
    """Write the whole ledger as static files."""
    show(call(home, "publish", path=str(folder.absolute())), False)


@ledger.command("openings")
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_obj
def ledger_openings(home: Path, path: Path) -> None:
    """Write the openings of every spend; they name members to originators, so show them to nobody else."""
    show(call(home, "openings", path=str(path.absolute())), False)


@ledger.command("proof")
@click.argument("entry", type=int)
@click.pass_obj
def ledger_proof(home: Path, entry: int) -> None:
    """A proof that an entry is in the ledger, as one file that anybody can check offline."""
    click.echo(call(home, "proof", entry=entry)["proof"], nl=False)


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def audit(arguments: tuple[str, ...]) -> None:
    """Check a published ledger, trusting nothing: PATH|URL [--vkey K] [--since CHECKPOINT] [--openings FILE]."""
    from antiphon.ledger import audit as auditor

    sys.exit(auditor.main(list(arguments)))


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_obj
def backup(home: Path, path: Path) -> None:
    """Write a consistent copy of the database while the node runs."""
    call(home, "backup", path=str(path.absolute()))
    click.echo(f"wrote {path}")


@main.command()
@click.option("--seed", default=1, help="Another seed, another world.")
@click.option("--days", default=90, help="How many days of virtual time.")
@click.option("--keep", type=click.Path(path_type=Path), help="Leave home, ledger and openings here.")
@click.option("--serve", is_flag=True, help="Stay up with the status page.")
@as_json
def demo(seed: int, days: int, keep: Path | None, serve: bool, as_json: bool) -> None:
    """Watch a community answer originators of every temper, in a world on this machine only."""
    from antiphon.world.demo import demo_command

    sys.exit(demo_command(seed=seed, days=days, keep=keep, serve=serve, as_json=as_json))
