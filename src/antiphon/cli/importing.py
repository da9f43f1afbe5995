"""Reading a person's own mail into the node: resumable, some messages a transaction, with a summary that adds up."""

from __future__ import annotations

import asyncio
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli.frame import Put, as_json, line, main, show
from antiphon.cli.progress import Reading
from antiphon.cli.table import paragraph
from antiphon.cli.tally import MOST_TOLD, STATES, Tally

if TYPE_CHECKING:
    from antiphon.intake.folder import FoundMessage, FoundProblem

BATCH_MESSAGES = 64
BATCH_BYTES = 4 * 2**20
"""A batch is handed over when it has so many messages or bytes: one transaction, one sync."""
BROKEN_OFF = 130
"""Exit code after Ctrl-C."""


@main.command(name="import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--member", "address", required=True, help="Whose mail this is.")
@click.option("--online", is_flag=True, help="Look up DKIM keys and DMARC records in DNS; else nothing is asked.")
@as_json
@click.pass_obj
def import_(home: Path, paths: tuple[Path, ...], *, address: str, online: bool, as_json: bool) -> None:
    """Read mail into the node as evidence, which can pay for nothing by itself.

    PATHS are .eml files, mboxes, Maildirs, folders of these, and zip or tar archives. It works with a running node and
    without one. It may be broken off: run the same again and it goes on where it was, since each message is known by
    its place and its content. What a signature is worth is settled when a mail is first read, so decide on --online
    then.

    \b
      antiphon import ~/Maildir junk.mbox --member anna@mail.example

    Exit codes: 0 all was read, 65 something in it could not be read, 66 a path is missing, closed or without mail (the
    rest was taken each time), 69 no name server answers, 77 not a member, 130 broken off.
    """
    tally = run_import(home, paths, address, online=online)
    summary = tally.summary(tally.seconds)
    if as_json:
        show(summary, True)
    else:
        click.echo(told(tally))
    sys.exit(tally.code)


class Counted(Tally):
    """The tally of one run, and how long it took."""

    seconds = 1e-6


def run_import(home: Path, paths: tuple[Path, ...], address: str, *, online: bool = False) -> Counted:
    """Reads all of `paths`; troubles and progress go to standard error. Ends the program with BROKEN_OFF on Ctrl-C."""
    from antiphon.intake.folder import weigh

    tally = Counted()
    with Reading(lambda: weigh(paths)) as reading:
        try:
            asyncio.run(_read_all(home, paths, _Batches(address, online, tally, reading)))
        except KeyboardInterrupt:
            reading.say(f"Broken off after {tally.messages:,} messages, which are kept. Run the same again to go on.")
            sys.exit(BROKEN_OFF)
    tally.seconds = reading.seconds
    return tally


async def _read_all(home: Path, paths: tuple[Path, ...], batches: _Batches) -> None:
    from antiphon.intake.folder import FoundMessage, walk

    async with line(home) as put:
        # Who is no member is told before anything is read.
        await put("imported", address=batches.address, keys=[])
        waiting: list[FoundMessage] = []
        for found in walk(paths, read_bytes=batches.reading.read_bytes):
            if not isinstance(found, FoundMessage):
                batches.trouble(found)
                continue
            waiting.append(found)
            if len(waiting) == BATCH_MESSAGES or sum(len(each.raw) for each in waiting) > BATCH_BYTES:
                await batches.hand_over(put, waiting)
                waiting = []
        if waiting:
            await batches.hand_over(put, waiting)


class _Batches:
    """Hands batches of messages to the node and counts what it says."""

    def __init__(self, address: str, online: bool, tally: Tally, reading: Reading) -> None:
        self.address, self.online, self.tally, self.reading = address, online, tally, reading

    async def hand_over(self, put: Put, messages: list[FoundMessage]) -> None:
        """Asks which of these are known already, and gives the others."""
        known = await put("imported", address=self.address, keys=[each.key.hex() for each in messages])
        fresh = []
        for message, said in zip(messages, known, strict=True):
            if said is not None:
                self.tally.take(said, again=True)
            else:
                fresh.append(message)
        if fresh:
            mails = [
                {"key": each.key.hex(), "path": each.path, "raw": b64encode(each.raw).decode("ascii")} for each in fresh
            ]
            answers = await put("import", address=self.address, online=self.online, mails=mails)
            for message, said in zip(fresh, answers, strict=True):
                self.tally.take(said, again=bool(said["again"]))
                if said["why"]:
                    self.reading.say(f"{message.path}: {said['why']}")
        self.reading.read(len(messages))

    def trouble(self, found: FoundProblem) -> None:
        """Told at once, as long as they are few; what to do about it, once for each kind."""
        if self.tally.trouble(found):
            first = self.tally.troubles[found.trouble.value] == 1
            self.reading.say(f"{found.path}: {found.error} {found.trouble.advice if first else ''}".rstrip())
        elif self.tally.troubles[found.trouble.value] == MOST_TOLD + 1:
            self.reading.say(f"More of the same ({TROUBLES[found.trouble.value]}) is only counted.")


def told(tally: Counted) -> str:
    """The summary for people: what adds up, then every reason in a sentence."""
    lines = [f"{tally.messages:,} messages in {tally.seconds:.1f} s, {tally.messages / tally.seconds:,.0f} a second"]
    counts = {state: tally.states[state] for state in STATES} | {"sightings": tally.sightings}
    if tally.again:
        counts["already there"] = tally.again
    meant = {
        "evidence-only": "shown, counted nowhere: nobody proved the address",
        "already there": f"{tally.messages - tally.again:,} are new",
    }
    for name, count in counts.items():
        said = meant.get(name, "") if count else ""
        lines.append(f"  {name.replace('-', ' '):<14}{count:>9,}   {said}".rstrip())
    for title, reasons in (("Why not accepted", tally.reasons), ("Why no sighting", tally.unfit)):
        if reasons:
            lines += ["", title]
        for name, count in reasons.most_common():
            lines.append(paragraph(f"{name}: {sentence_of(name)}", first=f"  {count:>9,}  ", indent=" " * 13))
    if tally.troubles:
        strange = ", ".join(f"{count:,} {TROUBLES[name]}" for name, count in tally.troubles.most_common())
        lines += ["", f"Not read: {strange}"]
    return "\n".join(lines)


TROUBLES = {
    "missing": "missing",
    "closed": "closed to you",
    "broken": "damaged",
    "limit": "past a limit",
    "foreign": "no mail",
}


def sentence_of(name: str) -> str:
    """What a refusal means."""
    from antiphon.campaign.acceptance import ACCEPTED, SPENDABLE

    if name == "within-limits":
        return "It passes a limit of size or structure."
    return next((rule.sentence for rule in (*ACCEPTED, *SPENDABLE) if rule.name == name), "")
