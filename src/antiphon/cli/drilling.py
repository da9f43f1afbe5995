"""The command `antiphon drill`: turns on our own node, on loopback, each ending in a figure."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import as_json, main, show

DRILLS = ("kill", "gates", "disk", "spool", "desk", "copies", "replay", "redaction", "ledger", "hostile", "overload")
DESK_EVERY = 4
"""A life of a whole desk makes a thousand calls, and takes a hundred times as long as one of a spool."""
REDACTION_DAYS = 60
"""Long enough for hosts to be told of originators that never stopped."""
LEDGER_DAYS = 12
"""Long enough for entries of most kinds to be in the ledger that is changed."""


@main.command()
@click.option("--only", type=click.Choice(DRILLS), multiple=True, help="This drill; may be given several times.")
@click.option("--kills", default=300, help="How often the node is killed.")
@click.option("--days", default=40, help="How many days of virtual time each world has.")
@click.option("--every", default=1, help="Let only every so manieth call of a disk fail.")
@click.option("--races", default=8, help="How often copies of one home race.")
@click.option("--changes", default=1000, help="In how many places the published ledger is changed.")
@click.option("--seconds", default=20, help="How long each crowd stands at the door.")
@click.option("--seed", default=1, help="Another seed, other instants and places.")
@as_json
def drill(only: tuple[str, ...], seed: int, as_json: bool, **sizes: int) -> None:
    """Turn on our own node, on loopback. Each drill ends with figures; exit code 1 if one does not hold.

    \b
    kill    `kill -9` at random instants of a running world, real processes; what the world counted at its sockets
            is held against what the dead node left on disk, for every destination at every kill
    gates   mail and reports come in at every door, LMTP, SMTP, HTTP, milter and pipe, while the node is killed; whoever
            had no answer comes again: what was acknowledged is there, and once
    disk    each write and sync of the store fails once in every way: error, full, torn, power off
    spool   each call of the spool's files too, and bits of stored records flip: nothing that was acknowledged is lost,
            nothing that the disk has changed is given out
    desk    mail in at the door, through spool, store and ledger, until it pays: calls of the disk below all of it fail,
            every fourth one, and another seed takes others; then the node is started again
    copies  two nodes on copies of one home, and one from a backup, want to make the same attempts: one may, and the
            others refuse, because the anchor is ahead of them
    replay  all that ever came in at a node's doors comes in once more, thirty days later: no sighting more, no attempt
    redaction  every mail carries words that would give its member away, in every encoding; all that leaves the node is
            looked through, requests, mails, questions to DNS, what is published: none of them may be found
    ledger  a published ledger is changed in one place, again and again; the auditor has to find each change
    hostile mails made to hurt their reader: what each costs, held against an ordinary page; then a node is handed all
            of them while its helper is killed again and again: nothing lost, and others are answered
    overload  ten thousand sources come fifty times as often as members do, 20,000 sockets are idle, mails never end,
            a ticket is stolen: members are answered, in time and memory held against a quiet run. Wants a quiet machine

    \b
      antiphon drill --only kill --kills 30 --seed 7
      antiphon drill --json
    """
    found: dict[str, Any] = {}
    for name in only or DRILLS:
        found[name] = _RUN[name](seed, sizes)
        if not as_json:
            click.echo(name)
            show(found[name], False)
            click.echo()
    if as_json:
        show({"seed": seed, **found}, True)
    sys.exit(0 if all(figures["holds"] for figures in found.values()) else 1)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _command() -> list[str]:
    return [sys.executable, "-m", "antiphon"]


def _kill(seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.crash import kill_drill

    figures = asyncio.run(
        kill_drill(kills=sizes["kills"], days=sizes["days"], seed=seed, node_command=_command(), progress=_say)
    )
    return asdict(figures) | {"holds": figures.holds}


def _gates(seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.gates import gates_drill

    figures = asyncio.run(gates_drill(_say, kills=sizes["kills"], seed=seed, node_command=_command()))
    return asdict(figures) | {"holds": figures.holds}


def _disk(seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.faults import store_faults

    figures = asyncio.run(store_faults(_say, every=sizes["every"], seed=seed))
    return asdict(figures) | {"holds": figures.holds}


def _spool(seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.spooled import spool_faults

    figures = asyncio.run(spool_faults(_say, every=sizes["every"], seed=seed))
    return asdict(figures) | {"holds": figures.holds}


def _desk(seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.desk import desk_faults

    figures = asyncio.run(desk_faults(_say, every=sizes["every"] * DESK_EVERY, seed=seed))
    return asdict(figures) | {"holds": figures.holds}


def _copies(seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.copies import race_copies

    figures = asyncio.run(race_copies(races=sizes["races"], seed=seed, node_command=_command(), progress=_say))
    return asdict(figures) | {"holds": figures.holds}


def _replay(seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.replay import replay_drill

    figures = asyncio.run(replay_drill(days=sizes["days"], seed=seed, node_command=_command(), progress=_say))
    return asdict(figures) | {"holds": figures.holds}


def _redaction(seed: int, _: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.redaction import redaction_drill

    figures = asyncio.run(redaction_drill(days=REDACTION_DAYS, seed=seed, node_command=_command(), progress=_say))
    return asdict(figures) | {"holds": figures.holds}


def _ledger(seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.crash import CAST
    from antiphon.drill.mutations import mutate_ledger
    from antiphon.world.demo import run_demo
    from antiphon.world.party import TEMPERS

    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        cast = [temper for temper in TEMPERS if temper.name in CAST]
        asyncio.run(run_demo(seed=seed, days=LEDGER_DAYS, keep=Path(folder), tempers=cast))
        figures = mutate_ledger(Path(folder) / "ledger", changes=sizes["changes"], seed=seed, progress=_say)
    return asdict(figures) | {"holds": figures.holds}


def _hostile(_: int, __: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.hostile import hostile_drill

    figures = asyncio.run(hostile_drill(_say, node_command=_command()))
    return asdict(figures) | {"holds": figures.holds}


def _overload(_: int, sizes: dict[str, int]) -> dict[str, Any]:
    from antiphon.drill.overload import overload_drill

    figures = asyncio.run(overload_drill(_say, seconds=sizes["seconds"], node_command=_command()))
    return asdict(figures) | {"holds": figures.holds}


_RUN = {
    "kill": _kill,
    "gates": _gates,
    "disk": _disk,
    "spool": _spool,
    "desk": _desk,
    "copies": _copies,
    "replay": _replay,
    "redaction": _redaction,
    "ledger": _ledger,
    "hostile": _hostile,
    "overload": _overload,
}
