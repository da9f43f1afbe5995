"""What the node sees in messages, for people and for programs; one message in memory at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import main
from antiphon.cli.table import cell, paragraph
from antiphon.cli.tally import Tally

NAMES = 13
"""Columns of the names on the left."""


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--jsonl", is_flag=True, help="One JSON object a line, one for each message or file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, or an array of them for several messages.")
@click.option("--assume-signatures-valid", "assume", is_flag=True, help="A diagnostic for archives: keys are gone.")
def inspect(paths: tuple[Path, ...], *, jsonl: bool, as_json: bool, assume: bool) -> None:
    """What the node sees in messages: signatures, gate, channels, and every reason why not.

    Needs no home and asks nobody, so that no signature can verify: where keys matter, --assume-signatures-valid shows
    what would follow if each well-formed one did. `usable` is never said of one message alone; `on_click`: your click
    on the shown address would do. docs/reference/rules.md explains every name of a reason.

    \b
      antiphon inspect mail.eml
      antiphon inspect --assume-signatures-valid --jsonl junk.mbox | jq -r .refusals[0]

    Exit codes: 0 all was read, 65 something could not be read, 66 a path is missing, closed or without mail.
    """
    tally = Tally()
    views = _views(paths, tally, assume=assume)
    if jsonl:
        for view in views:
            click.echo(json.dumps(view))
    elif as_json:
        for piece in _pieces(views):
            click.echo(piece, nl=False)
    else:
        for view in views:
            click.echo(f"{told(view)}\n")
    sys.exit(tally.code)


def _views(paths: Sequence[Path], tally: Tally, *, assume: bool) -> Iterator[Mapping[str, Any]]:
    from antiphon.backends.machine import SystemClock
    from antiphon.intake.folder import FoundMessage, walk
    from antiphon.node import rulebook
    from antiphon.optout.inspection import inspect_message, not_inspected
    from antiphon.settings import Settings

    rules, now = rulebook(Settings()), SystemClock().now()
    for found in walk(paths):
        if isinstance(found, FoundMessage):
            yield inspect_message(found.raw, found.path, rules, keys=None if assume else {}, now=now)
        else:
            tally.trouble(found)
            click.echo(f"{found.path}: {found.error} {found.trouble.advice}", err=True)
            yield not_inspected(found.path)


def _pieces(views: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    """One object, or an array written as it grows."""
    first, second = next(views), next(views, None)
    if second is None:
        yield f"{json.dumps(first, indent=2)}\n"
        return
    yield f"[\n{json.dumps(first)}"
    for view in chain((second,), views):
        yield f",\n{json.dumps(view)}"
    yield "\n]\n"


def told(view: Mapping[str, Any]) -> str:
    """One message for people: each verdict in a line, each reason in words."""
    if view["digest"] is None:
        return f"{cell(view['path'])}\n{_line('refused', 'unreadable')}"
    lines = [cell(view["path"]), _line("from", view["from"] or "no single address")]
    for signature in view["signatures"]:
        result = f"{signature['result']} ({signature['reason']})" if signature["reason"] else signature["result"]
        covers = f"; signs {', '.join(signature['covers'])}" if signature["covers"] else ""
        lines.append(_line("signature", f"{signature['domain'] or '-'} {signature['selector']}: {result}{covers}"))
    if not view["signatures"]:
        lines.append(_line("signature", "none"))
    gate = view["gate"]
    lines.append(_line("gate", "passes" if gate["passes"] else f"closed: {', '.join(gate['reasons']) or '-'}"))
    standing = "" if view["accountable"] else " (not known to be accountable: no registry was asked for its age)"
    lines.append(
        _line("originator", f"{view['originator']}{standing}" if view["originator"] else "nobody answers for it")
    )
    for channel in view["channels"]:
        lines += _channel(channel)
    if not view["channels"]:
        lines.append(_line("channel", "none is offered"))
    kinds = [name for name in ("relayed", "transactional") if view[name]]
    lines += [_line("it is", ", ".join(kinds))] if kinds else []
    lines.append(_line("refused", ", ".join(view["refusals"]) or "for nothing in the message itself"))
    return "\n".join(lines)


def _channel(channel: Mapping[str, Any]) -> list[str]:
    verdict = "usable" if channel["usable"] else "on your click" if channel["on_click"] else "no"
    lines = [_line(channel["kind"], f"{verdict}: {channel['destination'] or 'no destination that can be trusted'}")]
    if not channel["on_click"]:
        sentences = {name: _sentence(name) for name in channel["reasons"] if name != "personal"}
        lines += [_line("", f"{name}: {said}") for name, said in sentences.items() if said]
        details = [name for name, said in sentences.items() if not said]
        lines += [_line("", f"in detail: {', '.join(details)}")] if details else []
    return lines


def _sentence(name: str) -> str:
    from antiphon.optout import channel, feedback

    return next((rule.sentence for rule in (*channel.RULES, *feedback.RULES) if rule.name == name), "")


def _line(name: str, text: str) -> str:
    return paragraph(cell(text), first=f"  {name:<{NAMES}}", indent=" " * (NAMES + 2))
