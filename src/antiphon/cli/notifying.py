"""Commands for the operator's own on-call."""

from __future__ import annotations

from pathlib import Path

import click

from antiphon.cli.frame import as_json, call, main, show


@main.group()
def notify() -> None:
    """Who of your own house is told that something needs a person: see [on_call] in the settings.

    \b
      antiphon notify show
      antiphon notify test
    """


@notify.command("show")
@as_json
@click.pass_obj
def notify_show(home: Path, as_json: bool) -> None:
    """What would be told now, where, and what stands against it. Sends nothing.

    \b
      antiphon notify show
    """
    show(call(home, "notify-show"), as_json)


@notify.command("test")
@as_json
@click.pass_obj
def notify_test(home: Path, as_json: bool) -> None:
    """Tell it now, once, marked as a test, and show what was told. It takes one of the day's 24 turns.

    \b
      antiphon notify test

    Exit codes: 0 everybody took it; 1 somebody did not; 69 too early; 78 nobody is on call.
    """
    found = call(home, "notify-test")
    show(found, as_json)
    if not all(way["taken"] for way in found["ways"]):
        raise click.exceptions.Exit(1)
