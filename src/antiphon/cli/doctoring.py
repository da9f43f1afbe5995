"""The doctor: what may be wrong, and what to type; probes through the doors; the node's own DNS records."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli.frame import as_json, call, line, main, tell
from antiphon.cli.table import paragraph
from antiphon.errors import AntiphonError, BrokenSettings, MalformedInput

if TYPE_CHECKING:
    from antiphon.cli.premises import Place
    from antiphon.desk.diagnose import Finding

EXIT = {"note": 0, "warning": 1, "error": 3}
PROBE_SECONDS = 20.0
STRING = 255
Found = Mapping[str, object]


@main.command()
@click.option("--probe", is_flag=True, help="Send a marked message through each door to the end of the chain.")
@click.option("--zone", is_flag=True, help="Print the node's DNS records as lines of a zone file.")
@click.option(
    "--propose",
    type=click.Choice(["postfix", "dovecot", "rspamd", "exim"]),
    help="Print what this server's files lack, as a diff.",
)
@click.option(
    "--etc", type=click.Path(path_type=Path), default="/etc", show_default=True, help="Where those files lie."
)
@as_json
@click.pass_obj
def doctor(home: Path, /, *, probe: bool, zone: bool, propose: str | None, etc: Path, as_json: bool) -> None:
    """What may be wrong with this node and around it, and what to type.

    Looks at the home, its keys, the anchor, clock, disk, doors, DNS, DKIM keys, reverse DNS, and at Postfix and Dovecot
    beside it. Each finding has a trigger, an effect, a severity and a fix. A probe is a message that nobody reads: it
    shows that a door works to the end of the chain, and can become no report and no entry of the ledger. A watched
    mailbox has none, since nothing is ever written into a member's: those that can not be looked at are told instead.
    `--propose` looks at the files of one mail server here and prints the lines that they lack; it writes nothing, and
    leaves alone what somebody changed in lines of ours.

    \b
      antiphon doctor
      antiphon doctor --probe --json
      antiphon doctor --zone >> zone.db
      antiphon doctor --propose postfix > postfix.diff; patch -p1 -d / < postfix.diff

    A finding that you know of can rest: `antiphon acknowledge`. What one look outside finds is looked for twice.

    Exit codes: 0 nothing, or notes, or what is acknowledged; 1 a warning, or something to propose; 3 an error.
    """
    if propose:
        sys.exit(_propose(home, propose, etc))
    if zone:
        asyncio.run(_zone(home))
        return
    found = asyncio.run(findings_of(home, probe=probe))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _show(found)
        if probe and not any(str(each["check"]).startswith(("probe-", "running")) for each in found):
            click.echo("Probes came through every door.")
    sys.exit(max((EXIT[str(each["severity"])] for each in found if not each["acknowledged"]), default=0))


def _show(found: list[Found]) -> None:
    for each in found:
        if each["acknowledged"]:
            known = f"{each['check']} ({each['severity']}), until {str(each['until'])[:10]}: {each['acknowledged']}"
            click.echo(paragraph(known, first="known    ", indent=" " * 9))
            continue
        click.echo(paragraph(str(each["trigger"]), first=f"{each['severity']:<9}", indent=" " * 9))
        click.echo(paragraph(str(each["effect"]), first=" " * 9, indent=" " * 9))
        click.echo(paragraph(str(each["fix"]), first="         > ", indent=" " * 11))
    click.echo("Nothing is wrong." if not found else f"\n{len(found)} findings.")


def _propose(home: Path, server: str, etc: Path) -> int:
    """Prints the diff; 1 where there is one."""
    from antiphon.backends.home import Home
    from antiphon.cli.premises import doors_of
    from antiphon.cli.proposing import SERVERS, Here, propose
    from antiphon.settings import load_settings

    place = Home(home)
    settings = load_settings(place.settings)

    def urls() -> dict[str, str]:
        if not settings.doors.http:
            raise BrokenSettings("The node has no HTTP door.", advice="Set http below [doors].")
        found = call(home, "rspamd", new_key=False)
        return {name: f"http://{settings.doors.http}{found[name]}" for name in ("originators", "subjects", "seen")}

    program = shutil.which("antiphon") or str(Path(sys.argv[0]).absolute())
    reports = str(doors_of(place, settings)["reports"])
    diff = propose(server, Here(etc.absolute(), settings.doors.milter, reports, program, urls))
    click.echo(diff, nl=False)
    said = f"Look at it, then: patch -p1 -d / < it; {SERVERS[server].then}" if diff else "Nothing is lacking."
    click.echo(said, err=True)
    return 1 if diff else 0


async def findings_of(home: Path, *, probe: bool) -> list[Found]:
    """Every finding, the worst first, those that rest last."""
    from antiphon.backends.home import Home
    from antiphon.cli.premises import doors_of, look_around, shut_doors
    from antiphon.desk.diagnose import Finding, Severity
    from antiphon.settings import load_settings

    place = Home(home)
    running = await _runs(place.control)
    try:
        settings = load_settings(place.settings)
    except AntiphonError as error:
        broken = Finding("settings", Severity.ERROR, error.what, "The node does not start.", error.advice)
        return [{**asdict(broken), "acknowledged": "", "until": None}]
    found = list(look_around(place, settings, running=running))
    doors = doors_of(place, settings)
    if running:
        found += await shut_doors(doors)
    try:
        if running and probe:
            found += await _probe(home, doors)
        async with line(home) as put:
            rows: list[Found] = await put("doctor", doors=list(doors) if running else [])
            every: list[Found] = await put("acknowledged", findings=[*(asdict(each) for each in found), *rows])
    except AntiphonError as error:
        found.append(Finding("node", Severity.ERROR, error.what, "The node can not be asked.", error.advice))
        every = [{**asdict(each), "acknowledged": "", "until": None} for each in found]
    order = list(EXIT)
    return sorted(every, key=lambda each: (bool(each["acknowledged"]), -order.index(str(each["severity"]))))


@main.command()
@click.argument("check")
@click.option("--why", default="", help="Your reason; whoever comes later reads it.")
@click.option("--days", default=30, show_default=True, help="For how long, at most 90; 0 takes it back.")
@as_json
@click.pass_obj
def acknowledge(home: Path, check: str, *, why: str, days: int, as_json: bool) -> None:
    """Let a finding of the doctor rest, for a reason and until a day. A worse one of the same CHECK is told again.

    CHECK is the name that `antiphon doctor --json` gives it.

    \b
      antiphon acknowledge reverse-dns --why "the provider sets it on Monday" --days 7
      antiphon acknowledge reverse-dns --days 0
    """
    rows = [each for each in asyncio.run(findings_of(home, probe=False)) if each["check"] == check]
    if not rows and days:
        raise MalformedInput(f"The doctor finds nothing of {check!r} now.", advice="`antiphon doctor --json` names it.")
    severity = str(rows[0]["severity"]) if rows else "note"
    found = call(home, "acknowledge", check=check, severity=severity, why=why, days=days)
    said = f"Rests until {found['until'][:10]}." if days else "Is told again."
    tell(found, said, as_json)


async def _runs(control: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(control)
    except OSError:
        return False
    writer.close()
    return True


async def _probe(home: Path, doors: Mapping[str, Place]) -> list[Finding]:
    from antiphon.desk.diagnose import Finding, Severity
    from antiphon.intake.probe import knock

    found: list[Finding] = []
    async with line(home) as put:
        for name, place in doors.items():
            before = (await put("probes"))[name]
            fix = f"Look at the node's log; is doors.{name} in settings.toml what it should be?"
            try:
                await knock(name, place, (await put("probe", door=name))["recipient"])
                async with asyncio.timeout(PROBE_SECONDS):
                    while (await put("probes"))[name] == before:  # noqa: ASYNC110 - the node is another process
                        await asyncio.sleep(0.1)
            except AntiphonError as error:
                effect = "What comes this way does not reach the end of the chain."
                found.append(Finding(f"probe-{name}", Severity.ERROR, error.what, effect, fix))
            except TimeoutError:
                said = f"The {name} door took the probe, and it did not come to the end of the chain."
                found.append(Finding(f"probe-{name}", Severity.ERROR, said, "Mail waits in the spool.", fix))
    return found


async def _zone(home: Path) -> None:
    async with line(home) as put:
        records: dict[str, str] = (await put("status"))["dkim_records"]
    for name, value in records.items():
        strings = " ".join(f'"{value[at : at + STRING]}"' for at in range(0, len(value), STRING))
        click.echo(f"{name}. 3600 IN TXT ( {strings} )")
