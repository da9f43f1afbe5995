"""Commands that make, run, arm and publish a node."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import click

from antiphon.cli import signing
from antiphon.cli.frame import as_json, call, default_operator_key, main, show, tell
from antiphon.errors import UnreadableFile


@main.command()
@click.option("--settings", "settings_file", type=click.Path(path_type=Path), help="Settings to begin with.")
@click.option("--anchor", type=click.Path(path_type=Path), help="A file outside the home for the newest checkpoint.")
@click.option("--operator-key", type=click.Path(path_type=Path), help="The first operator's key; made if missing.")
@click.option("--operator-name", default="operator", help="How that operator is called in histories.")
@as_json
@click.pass_obj
def init(
    home: Path,
    /,
    settings_file: Path | None,
    anchor: Path | None,
    operator_key: Path | None,
    *,
    operator_name: str,
    as_json: bool,
) -> None:
    """Make a home: keys, database, ledger and anchor. Running it again changes nothing.

    \b
      antiphon init --operator-name ada
      antiphon --home /var/lib/antiphon init --settings first.toml --anchor /mnt/elsewhere/checkpoint

    The settings lie in HOME/settings.toml afterwards, each with its text. Next: `antiphon member add`, `antiphon run`.
    """
    import msgspec

    from antiphon.backends.home import Home
    from antiphon.founding import initialise
    from antiphon.settings import load_settings

    place = Home(home)
    if place.is_home():
        tell({"home": str(home), "made": False}, f"{home} is a home already; nothing was changed.", as_json)
        return
    if settings_file is not None and not settings_file.exists():
        raise UnreadableFile(f"{settings_file} is not there.")
    settings = load_settings(settings_file or place.settings)
    if anchor is not None:
        settings = msgspec.structs.replace(settings, anchor=str(anchor))
    key = operator_key or default_operator_key(home)
    initialise(place, settings, operator_key=key, operator_name=operator_name)
    said = f"A home in {home}. It observes.\nYour operator key is {key}: keep it apart from the home."
    tell({"home": str(home), "made": True, "operator_key": str(key)}, said, as_json)


@main.command()
@click.option("--log", type=click.Choice(["json", "text"]), help="Default: text on a terminal, else JSON, a line each.")
@click.pass_obj
def run(home: Path, log: str | None) -> None:
    """Run the node until it is stopped. It observes until it is armed.

    Its log goes to standard error and names nobody: doors, and each ledger entry as it is committed. Ctrl-C and
    SIGTERM end it after the round in work.

    \b
      antiphon run
      antiphon run --log json 2>> /var/log/antiphon.jsonl
    """
    from antiphon import node
    from antiphon.backends.home import Home
    from antiphon.backends.journal import Journal
    from antiphon.backends.machine import open_all_descriptors

    open_all_descriptors()
    as_json = log == "json" or (log is None and not sys.stderr.isatty())
    asyncio.run(node.run(Home(home), Journal(sys.stderr, as_json=as_json)))


@main.command()
@as_json
@click.pass_obj
def status(home: Path, as_json: bool) -> None:
    """What this node does, and what needs a person.

    \b
      antiphon status
      antiphon status --json | jq .needs
    """
    from antiphon.cli.glance import told

    found = call(home, "status")
    if as_json:
        show(found, True)
    else:
        click.echo(told(found))


@main.command()
@click.argument("level", type=click.Choice(["own", "community"]))
@as_json
@click.pass_obj
def arm(home: Path, level: str, as_json: bool) -> None:
    """Let attempts out, after live checks: `own` for members' own opt-outs, `community` for everything.

    Everything that is missing is listed, and then nothing changes. `antiphon disarm` takes it back at once.

    \b
      antiphon arm own
      antiphon arm community
    """
    said = "members' own opt-outs may leave now" if level == "own" else "everything that the law allows may leave now"
    tell(call(home, "arm", level=level), f"Armed: {said}. `antiphon disarm` stops it at once.", as_json)


SCOPES = {"host": "Only this host.", "case": "Only this case.", "channel": "Only this kind of channel."}


def _scopes(command: Callable[..., None]) -> Callable[..., None]:
    for name, text in reversed(SCOPES.items()):
        command = click.option(f"--{name}", name, help=text)(command)
    return command


@main.command()
@_scopes
@click.option("--why", default="", help="For whoever comes later.")
@as_json
@click.pass_obj
def disarm(home: Path, /, why: str, *, as_json: bool, **scopes: str | None) -> None:
    """Stop everything, or one host, case or kind of channel: at once.

    \b
      antiphon disarm
      antiphon disarm --host u.shop.example --why "they called"

    The same without the program: a file STOP in the home.
    """
    chosen = [(scope, value) for scope, value in scopes.items() if value] or [("everything", "")]
    for scope, value in chosen:
        call(home, "disarm", scope=scope, value=value, why=why)
    stopped = [{"scope": scope, "value": value} for scope, value in chosen]
    tell({"stopped": stopped}, "\n".join(f"stopped: {scope} {value}".strip() for scope, value in chosen), as_json)


@main.command()
@_scopes
@as_json
@click.pass_obj
def resume(home: Path, /, *, as_json: bool, **scopes: str | None) -> None:
    """Let one host, case or kind of channel go on that was stopped; `status` says why it was. `arm` lets all go on.

    \b
      antiphon resume --host u.shop.example
    """
    chosen = [(scope, value) for scope, value in scopes.items() if value]
    if not chosen:
        raise click.UsageError("Name what goes on: --host H, --case ID or --channel KIND.")
    for scope, value in chosen:
        call(home, "resume", scope=scope, value=value)
    resumed = [{"scope": scope, "value": value} for scope, value in chosen]
    tell({"resumed": resumed}, "\n".join(f"goes on: {scope} {value}" for scope, value in chosen), as_json)


@main.group()
def ledger() -> None:
    """The public ledger of this node.

    \b
      antiphon ledger publish /srv/www/ledger
      antiphon audit /srv/www/ledger
    """


@ledger.command("publish")
@click.argument("folder", type=click.Path(path_type=Path))
@as_json
@click.pass_obj
def ledger_publish(home: Path, folder: Path, as_json: bool) -> None:
    """Write the whole ledger as static files, for any web server.

    \b
      antiphon ledger publish /srv/www/ledger
    """
    found = call(home, "publish", path=str(folder.absolute()))
    said = f"{found['size']:,} entries in {folder}. `antiphon audit {folder}` checks them."
    tell({"folder": str(folder), **found}, said, as_json)


@ledger.command("openings")
@click.argument("path", type=click.Path(path_type=Path))
@signing.one_key
@as_json
@click.pass_obj
def ledger_openings(home: Path, path: Path, keys: tuple[Path, ...], as_json: bool) -> None:
    """Write the openings of every spend. Two operators unlock them, each with a key that counts: they name members to
    originators, so show them to nobody else. Where nothing is spent yet, one key will do.

    \b
      antiphon ledger openings openings --key ada.key --key ben.key
      antiphon audit /srv/www/ledger --openings openings
    """
    found = signing.signed(home, "openings", keys, lambda by: {"by": by, "path": str(path.absolute())})
    tell({"path": str(path), **found}, f"{found['bytes']:,} bytes in {path}.", as_json)


@ledger.command("proof")
@click.argument("entry", type=int)
@as_json
@click.pass_obj
def ledger_proof(home: Path, entry: int, as_json: bool) -> None:
    """A proof that an entry is in the ledger, as one file that anybody can check offline.

    \b
      antiphon ledger proof 1221 > 1221.tlog-proof
    """
    found = call(home, "proof", entry=entry)
    if as_json:
        show({"entry": entry, **found}, True)
    else:
        click.echo(found["proof"], nl=False)


@main.command(
    context_settings={"ignore_unknown_options": True},
    options_metavar="PATH|URL [--vkey K] [--since CHECKPOINT] [--openings FILE] [--witness K] [--json]",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="")
def audit(arguments: tuple[str, ...]) -> None:
    """Check a published ledger, trusting nothing of the node that wrote it.

    Prints `consistent`, or `lawful` where the openings are given, and ends with 0; or prints the index and the sentence
    of the first offence and ends with 1.

    \b
      antiphon audit https://antiphon.choir.example/ledger --vkey KEY
      antiphon audit ledger --openings openings --since checkpoint-of-march --json

    \b
      --vkey K            the log's verifier key, which then must be the one that signed
      --since CHECKPOINT  an older one: what it covered must still be there
      --openings FILE     openings of spent leaves
      --witness K         a witness to rely on; may repeat
      --json              print the report as JSON
    """
    from antiphon.ledger import audit as auditor

    sys.exit(auditor.main(list(arguments)))


@main.command()
@click.option("--seed", default=1, help="Another seed, another world.")
@click.option("--days", default=90, help="How many days of virtual time.")
@click.option("--keep", type=click.Path(path_type=Path), help="Leave home, ledger and openings here.")
@click.option("--serve", is_flag=True, help="Stay up with the status page.")
@as_json
def demo(seed: int, days: int, keep: Path | None, serve: bool, as_json: bool) -> None:
    """Watch a community answer originators of every temper, in a world on this machine only.

    Ends with a table of what each originator counted at its own sockets, and the auditor's verdict. Nothing leaves
    this machine, and without --keep nothing stays behind.

    \b
      antiphon demo --serve
      antiphon demo --days 40 --keep run --json > run.json

    Exit codes: 0 the ledger is lawful, no innocent was reached and every control counted; 1 not so.
    """
    from antiphon.world.showing import demo_command

    sys.exit(demo_command(seed=seed, days=days, keep=keep, serve=serve, as_json=as_json))
