"""The page on which a person watches the world while its days pass: what it counted so far, loopback only."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from antiphon.terms import DAY
from antiphon.web.pages import POLICY, page, table
from antiphon.world.demo import START, Demo

REFRESH_SECONDS = 2
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

    def show(self) -> str:
        """The page's body."""
        demo, done = self._demo, self.result
        day = (demo.clock.now() - START) // DAY
        rows = done["originators"] if done else [p.figures(demo.states.get(p.case, "")) for p in demo.parties]
        innocents = [{"name": p.name, "packets": p.tally.packets} for p in demo.innocents]
        controls = done["controls"] if done else []
        return (
            f"<p>Day {day} of {demo.days}. Everything below is counted by the world at its own sockets; "
            f"only the last column is what the node says. "
            f"<a href='http://127.0.0.1:{demo.http}/'>The node's own page</a></p>"
            + table(list(HEAD), [[row[name] for name in ROW] for row in rows])
            + "<h2>Innocents</h2>"
            + table(
                ["name", "packets"], [[i["name"], i["packets"]] for i in (done["innocents"] if done else innocents)]
            )
            + (table(["control: none of these may be zero", "count"], [[c["name"], c["count"]] for c in controls]))
            + f"<h2>The auditor says: {verdict_of(done['audit']) if done else 'not asked yet'}</h2>"
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError):
            while (await reader.readline()).strip():
                pass
            body = bytes(page("A world on this machine", self.show()).body)
            fields = {**POLICY, "Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body))}
            if self.result is None:
                fields["Refresh"] = str(REFRESH_SECONDS)
            lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            writer.write(f"HTTP/1.1 200 OK\r\n{lines}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()


def verdict_of(audit: dict[str, Any]) -> str:
    """The auditor's word, and what it found first if it found anything."""
    word = "lawful" if audit["lawful"] else "consistent" if audit["consistent"] else "NOT consistent"
    offence = f": {audit['offence']}" if audit.get("offence") else ""
    return f"{word}, {audit['entries']} entries{offence}"
