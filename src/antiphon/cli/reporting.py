"""The command that hands one message in: for mail stores, mail transports and mail programs on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from antiphon.cli.frame import main


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="--member ADDRESS [--event EVENT] [--folder F]")
@click.pass_obj
def report(home: Path, arguments: tuple[str, ...]) -> None:
    """Hand in one message that a member reports: --member ADDRESS < message.

    EVENT is what happened: `reported` (the default: a person hands it in), or what only the mail store knows: `junked`,
    `retracted` (moved out of Junk), `delivered`. F is the node's folder for reports, else ANTIPHON_REPORTS, else
    HOME/reports.

    When this ends with 0 the message is durable, also where the node is down: then it lies sealed in that folder until
    the node is back. 75 means that it could not be kept, and that the same may be tried later.

    \b
      antiphon report --member anna@mail.example < message.eml
    """
    from antiphon.intake.pipe import main as pipe

    given = list(arguments)
    if not any(word.partition("=")[0] == "--folder" for word in given) and "ANTIPHON_REPORTS" not in os.environ:
        given += ["--folder", str(home / "reports")]
    sys.exit(pipe(given))
