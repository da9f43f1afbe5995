"""The frame of the command line: tables for people, `--json` for programs, errors as one sentence with advice."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import click

from antiphon import __version__
from antiphon.cli.table import cell, table
from antiphon.errors import AntiphonError, HomeUnusable, RefusedByLaw

WAYS_IN = """Three ways to begin:

\b
  antiphon demo                      a living world, nothing leaves this machine
  antiphon quickstart ~/Maildir      your own mail, observing only
  antiphon init && antiphon run      a node"""
EPILOG = f"""{WAYS_IN}

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
            for rule in error.rules if isinstance(error, RefusedByLaw) else ():
                click.echo(f"  - {rule}", err=True)
            sys.exit(error.exit_code)
        except BrokenPipeError:
            sys.exit(0)


@click.group(cls=Program, epilog=EPILOG, invoke_without_command=True, context_settings={"max_content_width": 100})
@click.option("--home", type=click.Path(path_type=Path), envvar="ANTIPHON_HOME", help="Where this node lives.")
@click.option("--no-color", is_flag=True, help="No colours; the same as NO_COLOR=1.")
@click.version_option(__version__, prog_name="antiphon")
@click.pass_context
def main(context: click.Context, home: Path | None, no_color: bool) -> None:
    """Antiphon answers each unwanted mailing once, through the channel that its originator published."""
    context.obj = home or default_home()
    if no_color:
        os.environ["NO_COLOR"] = "1"
    if context.invoked_subcommand is None:
        click.echo(
            f"{context.command.help}\n\n{WAYS_IN}\n\nNext: antiphon --help lists all commands.".replace("\b\n", "")
        )


class AfterTheName(click.Group):
    """Takes options behind the name too, where no command follows: `case ID --json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with the options first."""
        if not self.commands.keys() & set(args[1:]):
            args = sorted(args, key=lambda word: not word.startswith("-"))
        return super().parse_args(ctx, args)


def default_home() -> Path:
    """The platform's own place for state."""
    from platformdirs import user_state_path

    return Path(user_state_path("antiphon"))


def call(home: Path, verb: str, **arguments: object) -> Any:  # noqa: ANN401 - what the verb answers
    """One verb: to the running node over its socket, or on the home itself when nothing runs."""
    return asyncio.run(ask(home, {"verb": verb, **arguments}))


async def ask(home: Path, request: dict[str, object]) -> object:
    """One request, to the running node or on the home itself. Raises what the verb refused."""
    async with line(home) as put:
        return await put(str(request["verb"]), **{name: value for name, value in request.items() if name != "verb"})


class Put(Protocol):
    """Puts one verb after the other to a node. Raises what the verb refused."""

    async def __call__(self, verb: str, /, **arguments: object) -> Any:  # noqa: ANN401 - what the verb answers
        """One verb."""


@asynccontextmanager
async def line(home: Path) -> AsyncIterator[Put]:
    """A line to the running node, or to the home itself, which stays locked as long as the line is open."""
    from antiphon.web.control import MOST_LINE

    try:
        reader, writer = await asyncio.open_unix_connection(home / "control.sock", limit=MOST_LINE)
    except (FileNotFoundError, ConnectionRefusedError):
        async with _alone(home) as put:
            yield put
        return

    async def put_node(verb: str, /, **arguments: object) -> object:
        try:
            writer.write(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
            await writer.drain()
            answer = await reader.readline()
        except ConnectionError:
            answer = b""
        if not answer:
            raise HomeUnusable("The node ended before it answered.", advice="Look at its log, then ask again.")
        return _result(json.loads(answer))

    try:
        yield put_node
    finally:
        writer.close()


@asynccontextmanager
async def _alone(home: Path) -> AsyncIterator[Put]:
    from antiphon.backends.home import Home
    from antiphon.backends.shelf import FolderShelf
    from antiphon.node import open_desk
    from antiphon.web.control import Control

    async with open_desk(Home(home)) as (desk, _, _):
        control = Control(desk, asyncio.Event(), FolderShelf)

        async def put(verb: str, /, **arguments: object) -> object:
            return _result(await control.handle({"verb": verb, **arguments}))

        try:
            yield put
        finally:
            if desk.log.agrees:
                await desk.log.anchor()


def _result(answer: dict[str, Any]) -> object:
    if answer["ok"]:
        return answer["result"]
    said = answer["error"]
    refused = RefusedByLaw(said["what"], tuple(said["rules"]), advice=said["advice"])
    refused.exit_code = said.get("exit", 1)
    raise refused


def show(value: object, as_json: bool, columns: Sequence[str] = ()) -> None:
    """A table for people, or JSON for programs."""
    if as_json:
        click.echo(json.dumps(value, indent=2))
    elif isinstance(value, list):
        _list([row for row in value if isinstance(row, dict)], columns)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, list) and item and isinstance(item[0], dict):
                click.echo(f"\n{_title(name)}")
                _list(item, ())
            elif isinstance(item, str) and "\n" in item:
                click.echo(f"\n{_title(name)}\n{item}")
            else:
                click.echo(f"{_title(name):<20} {cell(_yes_or_no(item))}")
    else:
        click.echo(str(value))


def tell(found: Mapping[str, object], sentence: str, as_json: bool) -> None:
    """What was done: the facts as JSON for programs, a sentence for people."""
    if as_json:
        show(dict(found), True)
    elif sentence:
        click.echo(sentence)


def _list(rows: Sequence[dict[str, object]], columns: Sequence[str]) -> None:
    named = columns or tuple(dict.fromkeys(name for row in rows for name in row))
    plain = [{name: _yes_or_no(item) for name, item in row.items()} for row in rows]
    click.echo(table(plain, {name: _title(name) for name in named}) if rows else "nothing")


def _title(name: str) -> str:
    return name.replace("_", " ")


def _yes_or_no(value: object) -> object:
    return ("no", "yes")[value] if isinstance(value, bool) else value


as_json = click.option("--json", "as_json", is_flag=True, help="For programs: JSON on standard output.")


def default_operator_key(home: Path) -> Path:
    """Where this person's key lies: `$ANTIPHON_OPERATOR_KEY`, else beside the home."""
    return Path(os.environ.get("ANTIPHON_OPERATOR_KEY") or home.with_name(f"{home.name}-operator.key"))
