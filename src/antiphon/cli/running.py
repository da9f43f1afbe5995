"""Commands that make, run, arm and publish a node."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import click

from antiphon.cli.frame import as_json, call, default_operator_key, main, show
from antiphon.errors import UnreadableFile


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
    key = operator_key or default_operator_key(home)
    initialise(place, settings, operator_key=key, operator_name=operator_name)
    click.echo(f"A home in {home}. It observes.\nYour operator key is {key}: keep it apart from the home.")


@main.command()
@click.option("--log", type=click.Choice(["json", "text"]), help="Default: text on a terminal, else JSON, a line each.")
@click.pass_obj
def run(home: Path, log: str | None) -> None:
    """Run the node until it is stopped. It observes until it is armed.

    Its log goes to standard error and names nobody: doors, and each ledger entry as it is committed.
    """
    from antiphon import node
    from antiphon.backends.home import Home
    from antiphon.backends.journal import Journal

    as_json = log == "json" or (log is None and not sys.stderr.isatty())
    asyncio.run(node.run(Home(home), Journal(sys.stderr, as_json=as_json)))


@main.command()
@as_json
@click.pass_obj
def status(home: Path, as_json: bool) -> None:
    """What this node does, and what needs a person."""
    found = call(home, "status")
    if not as_json:
        del found["dkim_records"]
        for operator in found["operators"]:
            del operator["key"]
    show(found, as_json)


@main.command()
@click.argument("level", type=click.Choice(["own", "community"]))
@click.pass_obj
def arm(home: Path, level: str) -> None:
    """Let attempts out, after live checks: `own` for members' own opt-outs, `community` for everything."""
    show(call(home, "arm", level=level), False)


SCOPES = {"host": "Only this host.", "case": "Only this case.", "channel": "Only this kind of channel."}


def _scopes(command: Callable[..., None]) -> Callable[..., None]:
    for name, text in reversed(SCOPES.items()):
        command = click.option(f"--{name}", name, help=text)(command)
    return command


@main.command()
@_scopes
@click.option("--why", default="", help="For whoever comes later.")
@click.pass_obj
def disarm(home: Path, /, why: str, **scopes: str | None) -> None:
    """Stop everything, or one host, case or kind of channel: at once."""
    for scope, value in [(s, v) for s, v in scopes.items() if v] or [("everything", "")]:
        call(home, "disarm", scope=scope, value=value, why=why)
        click.echo(f"stopped: {scope} {value}".strip())


@main.command()
@_scopes
@click.pass_obj
def resume(home: Path, /, **scopes: str | None) -> None:
    """Let one host, case or kind of channel go on that was stopped; `status` says why it was. `arm` lets all go on."""
    chosen = [(scope, value) for scope, value in scopes.items() if value]
    if not chosen:
        raise click.UsageError("Name what goes on: --host H, --case ID or --channel KIND.")
    for scope, value in chosen:
        call(home, "resume", scope=scope, value=value)
        click.echo(f"goes on: {scope} {value}")


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
    from antiphon.world.showing import demo_command

    sys.exit(demo_command(seed=seed, days=days, keep=keep, serve=serve, as_json=as_json))


@main.command()
@click.option("--kills", default=300, help="How often the node is killed.")
@click.option("--days", default=40, help="How many days of virtual time.")
@click.option("--seed", default=1, help="Another seed, other instants.")
@as_json
def drill(kills: int, days: int, seed: int, as_json: bool) -> None:
    """Turn on our own node, on loopback: `kill -9` at random instants of a running world. Ends with figures."""
    from dataclasses import asdict

    from antiphon.drill.crash import kill_drill

    command = [sys.executable, "-m", "antiphon"]
    figures = asyncio.run(
        kill_drill(kills=kills, days=days, seed=seed, node_command=command, progress=lambda t: click.echo(t, err=True))
    )
    show(asdict(figures) | {"holds": figures.holds}, as_json)
    sys.exit(0 if figures.holds else 1)
