"""The page on which a person watches the world while its days pass: what it counted so far, loopback only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from antiphon.terms import DAY
from antiphon.web.frame import POLICY, Markup, chip, commands, figures, ladder, page, table
from antiphon.world.demo import CONTROL, START, Demo
from antiphon.world.roles import GROUPS

REFRESH_SECONDS = 3
STILL = "/still"
"""The same page without reloading by itself, for who reads slowly or by ear."""
HEAD = ("originator", "mails", "sightings", "after window", "notices", "attempts", "bytes in", "bytes out", "state")
ROW = (
    "temper",
    "mails",
    "sightings",
    "sightings_after_window",
    "notices",
    "attempts_at_destination",
    "bytes_in",
    "bytes_out",
    "state",
)
COLUMNS = (
    "originator", "where it stands", "mails", "after a window", "notices", "attempts at its sockets", "in the ledger",
    "mails and attempts", "bytes to it", "bytes from it",
)  # fmt: skip
BAR_PIXELS, BAR_HIGH = 160, 8
NEXT = (
    "make run MAIL=path/to/mail            your own mail, observing only",
    "antiphon demo --seed 2                another world",
    "antiphon demo --keep run              keeps home, ledger and openings",
    "antiphon audit run/ledger --openings run/openings",
)


class Board:
    """Serves one page; `result` is set when the run is over and the auditor has spoken."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._server: asyncio.Server | None = None
        self.result: dict[str, Any] | None = None

    async def open(self) -> str:
        """Begins to serve; the address of the page."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"

    def close(self) -> None:
        """Ends."""
        if self._server is not None:
            self._server.close()

    def show(self, *, still: bool = False) -> bytes:
        """The page."""
        demo, done = self._demo, self.result
        day = (demo.clock.now() - START) // DAY
        if done:
            rows, innocents, controls = done["originators"], done["innocents"], done["controls"]
        else:
            rows = [party.figures(demo.states.get(party.case, "none")) for party in demo.parties]
            innocents = [{"name": party.name, "packets": party.tally.packets} for party in demo.innocents]
            controls = []
        intents = {party.temper: demo.intents.get(party.case, 0) for party in demo.parties}
        body = _head(rows, innocents, done, day=day, days=demo.days, still=still)
        body += "".join(_groups(rows, intents)) + _innocents(innocents, controls) + _next(done)
        nav = [(f"http://127.0.0.1:{demo.http}/", "the node's own page")]
        foot = "Nothing here leaves this machine: every name, network and mail of this world is made up."
        return bytes(page("Antiphon", "A quarter of a year on this machine", body, nav=nav, foot=foot).body)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError):
            target = ((await reader.readline()).split(b" ") * 2)[1]
            while (await reader.readline()).strip():
                pass
            still = target == STILL.encode()
            body = self.show(still=still)
            fields = {**POLICY, "Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body))}
            if self.result is None and not still:
                fields["Refresh"] = str(REFRESH_SECONDS)
            lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            writer.write(f"HTTP/1.1 200 OK\r\n{lines}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()


Rows = Sequence[Mapping[str, Any]]


def _head(rows: Rows, innocents: Rows, done: Mapping[str, Any] | None, *, day: int, days: int, still: bool) -> str:
    verdict = _verdict_chip(done["audit"]) if done else chip("○", "the auditor is asked when the days are over", "soft")
    packets = sum(innocent["packets"] for innocent in innocents)
    counts = {
        "sightings: mails that members reported, each from who signed it": sum(row["sightings"] for row in rows),
        "attempts, counted at every destination": sum(row["attempts_at_destination"] for row in rows),
        "packets at innocents": packets,
    }
    asked = (
        "" if done else
        "<p class='soft'>This page reloads by itself. " + (
            "<a href='/'>Go on reloading</a>" if still else f"<a href='{STILL}'>Hold it still</a>"
        ) + ".</p>"
    )  # fmt: skip
    return (
        "<p class='lead'>Ten members of a choir report the mail that they do not want. Their node asks each originator "
        "once for all of them; if that is ignored, it answers each further mail with one request, never more. "
        "Everything below is counted by the world, at its own sockets; only <em>where it stands</em> and <em>in the "
        "ledger</em> are the node's word.</p>"
        f"<p><label for='days'>Day {day} of {days}</label>"
        f"<progress id='days' value='{day}' max='{days}'></progress></p>"
        f"<p role='status'>{verdict}</p>{asked}{figures(counts)}"
    )


def _groups(rows: Rows, intents: Mapping[str, int]) -> Iterator[str]:
    by_temper = {row["temper"]: row for row in rows}
    most = max([1, *(row["sightings"] for row in rows)])
    for group in GROUPS:
        lines = [
            _line(by_temper[temper], said, intents.get(temper, 0), most)
            for temper, said in group.roles.items()
            if temper in by_temper
        ]
        if lines:
            yield f"<h2>{group.title}</h2><p>{group.look}</p>{table(group.title, COLUMNS, lines)}"


def _line(row: Mapping[str, Any], said: str, intents: int, most: int) -> list[object]:
    return [
        Markup(f"{escape(row['temper'])}<small>{escape(said)}</small>"),
        ladder(row["state"]) if row["state"] != "none" else Markup("<span class='soft'>no case</span>"),
        row["mails"],
        row["sightings_after_window"],
        row["notices"],
        row["attempts_at_destination"],
        intents,
        _bars(row, most),
        row["bytes_in"],
        row["bytes_out"],
    ]


def _bars(row: Mapping[str, Any], most: int) -> Markup:
    """Sightings above, of these after a window darker; attempts below, on the same scale: never the longer bar."""
    all_, late, sent = (
        row[name] * BAR_PIXELS // most for name in ("sightings", "sightings_after_window", "attempts_at_destination")
    )
    said = (
        f"{row['sightings']} sightings, {row['sightings_after_window']} of them after a window; "
        f"{row['attempts_at_destination']} attempts"
    )
    high, low = BAR_HIGH, BAR_HIGH + 2
    return Markup(
        f"<svg class='bars' width='{BAR_PIXELS}' height='{2 * BAR_HIGH + 2}' role='img' aria-label='{said}'>"
        f"<title>{said}</title><rect class='all' width='{all_}' height='{high}'/>"
        f"<rect class='late' x='{all_ - late}' width='{late}' height='{high}'/>"
        f"<rect class='sent' y='{low}' width='{sent}' height='{high}'/></svg>"
    )


def _innocents(innocents: Rows, controls: Rows) -> str:
    counts = {control["name"]: control["count"] for control in controls}
    rows = [
        [
            each["name"],
            each["packets"],
            counts.get(f"mails naming {each['name']}", "–"),
            counts.get(f"{CONTROL}{each['name']}", "at the end"),
        ]
        for each in innocents
    ]
    head = ["innocent", "packets from the node", "mails that named it", "the same counter, touched on purpose"]
    return (
        "<h2>Innocents</h2><p>They asked for nothing and are named by others. Zero counts only where the counter is "
        "shown to count, so it is touched once on purpose when the days are over.</p>"
        + table("What reached bystanders", head, rows)
    )


def _next(done: Mapping[str, Any] | None) -> str:
    said = "The auditor reads nothing but the published files and the openings, as a program of its own."
    if done:
        said = f"<strong>{escape(verdict_of(done['audit']))}</strong>. {said}"
    return f"<h2>What the auditor says</h2><p>{said}</p><h2>What next</h2>{commands(NEXT)}"


def _verdict_chip(audit: Mapping[str, Any]) -> str:
    if audit["lawful"]:
        return chip("✓", f"The auditor says: lawful, {audit['entries']:,} entries", "good")
    return chip("■", f"The auditor says: {verdict_of(audit)}", "halt")


def verdict_of(audit: Mapping[str, Any]) -> str:
    """The auditor's word, and what it found first if it found anything."""
    word = "lawful" if audit["lawful"] else "consistent" if audit["consistent"] else "NOT consistent"
    offence = f": {audit['offence']}" if audit.get("offence") else ""
    return f"{word}, {audit['entries']} entries{offence}"
