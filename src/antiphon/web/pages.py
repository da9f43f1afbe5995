"""Pages over HTTP: status, the sender desk behind each notice, /metrics and /healthz. No script, no cookie."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from antiphon.desk.answer import WORDS, heed
from antiphon.desk.desk import Desk
from antiphon.optout.case import Case
from antiphon.web import views
from antiphon.web.advice import DIGITS, advice_on
from antiphon.web.frame import POLICY, chip, commands, figures, ladder, page, table, when
from antiphon.web.metrics import Health, exposition, word_of

MOST_FORM = 200
"""Bytes of the form that are read; one word fits."""
ARMED = {
    "observing": ("○", "Observing: nothing leaves", "care"),
    "own": ("●", "Armed for members' own opt-outs", "good"),
    "community": ("●", "Armed", "good"),
}
ANSWERS = {
    "done": ("We have done it", "Thank you. It is noted; whether mail ends is judged by later mail."),
    "dispute": ("This is wrong: pause everything", "Everything about you is paused until a person has decided."),
    "stop": ("Send no more", "Nothing more is sent to you."),
}
FIRST_STEPS = (
    "antiphon quickstart ~/Maildir                     your own mail, observing only",
    "antiphon member add ADDRESS --consent count,token  somebody who reports mail",
    "antiphon demo --serve                             a living world on this machine",
)


class Pages:
    """What a browser sees of one node."""

    def __init__(self, desk: Desk, health: Health) -> None:
        self._desk, self._health = desk, health

    def application(self) -> Starlette:
        """The routes."""
        return Starlette(
            routes=[
                Route("/", self.home),
                Route("/healthz", self.health),
                Route("/healthz/{part}", self.health),
                Route("/metrics", self.metrics),
                Route("/desk/{token}", self.desk, methods=["GET", "POST"]),
            ]
        )

    async def home(self, _: Request) -> Response:
        """The status page: what needs a person, what this node does, and every case."""
        found, lines = await self._desk.store.read(
            lambda tx: (views.status(tx, self._desk), views.cases(tx, self._desk))
        )
        parts = {name: word_of(self._health, name)[1] == "OK\n" for name in self._health}
        body = _state(found, parts) + _needs(found) + _cases(lines) + _begin(found)
        links = [("/healthz", "health"), ("/metrics", "metrics")]
        foot = "Asked of the node at <span>" + when(str(found["now"])).text + "</span>. Reload for the newest."
        return page(self._desk.house.name, "What needs you", body, nav=links, foot=foot)

    async def health(self, request: Request) -> Response:
        """One word, for all or for one part."""
        status, word = word_of(self._health, request.path_params.get("part", ""))
        return PlainTextResponse(word, status_code=status, headers=POLICY)

    async def metrics(self, _: Request) -> Response:
        """Prometheus text format; no label names anybody."""
        said = await self._desk.store.read(lambda tx: exposition(tx, self._desk))
        return PlainTextResponse(said, headers=POLICY, media_type="text/plain; version=0.0.4")

    async def desk(self, request: Request) -> Response:
        """The sender desk: verify, and three words with equal weight. Whoever holds the token may make us do less."""
        token = request.path_params["token"]
        cases = await self._desk.store.read(lambda tx: tx.find(Case, reply_token=token))
        if not cases:
            return self._plain("There is nothing here", "No notice carries this link.", status=404)
        case, said = cases[0], ""
        if request.method == "POST":
            body = (await request.body())[:MOST_FORM].decode("ascii", "replace")
            word = body.partition("word=")[2].partition("&")[0]
            if word not in WORDS:
                return self._plain("Nothing was changed", "The form has three words, and this is none.", status=400)
            await heed(self._desk, case, word, who="the originator, at the desk")
            said = f"<p role='status' class='lead'>{chip('✓', f'Noted: {word}', 'good')} {ANSWERS[word][1]}</p>"
        line = await self._desk.store.read(lambda tx: views.case(tx, self._desk, case.case))
        return page(self._desk.house.name, "Is this mail really ours? Yes.", said + self._asked(case, line))

    def _asked(self, case: Case, line: Mapping[str, Any]) -> str:
        house = self._desk.house
        forms = "".join(
            f"<form method=post><input type=hidden name=word value={word}><button>{escape(ANSWERS[word][0])}</button>"
            "</form>"
            for word in ("done", "dispute", "stop")
        )
        facts = table(
            "What we know",
            ["what", "value"],
            [
                ["originator", case.originator],
                ["state", ladder(line["state"])],
                ["mails reported to us", line["reports"]],
                ["by so many members", line["members"]],
                ["ledger entry of the notice", case.notice_intent],
                ["window ends", when(line["notice_window_end"])],
                ["name in the ledger", case.tag.hex()],
            ],
        )
        return (
            f"<p class='lead'>People whose mailboxes we look after do not want mail of "
            f"<strong>{escape(case.originator)}</strong>. The notice that brought you here asks for that once, on "
            "behalf of all of them.</p>"
            f"{facts}<h2>Your answer</h2><p>Each of the three only makes us do less. You need no account.</p>{forms}"
            "<h2>Check us</h2><p>Everything that we ask stands in a public ledger before it is asked. "
            f"{_ledger_place(house.public_url)}<code>antiphon audit</code>, one file that trusts nothing of this node, "
            "says whether we asked more than we may.</p>"
            "<h2>To get no more from us at all</h2><p>Press <em>Send no more</em>, or publish this record under the "
            "name of the host that would be asked:</p>"
            + commands(['_antiphon.<host>.  TXT  "v=antiphon1; stop"'])
            + f"<h2>Who we are</h2><p>{escape(house.name)}, {escape(house.legal_name)}, "
            f"{escape(house.postal_address)}</p>"
        )

    def _plain(self, title: str, sentence: str, *, status: int) -> HTMLResponse:
        made = page(self._desk.house.name, title, f"<p>{escape(sentence)}</p>")
        made.status_code = status
        return made


def _ledger_place(url: str) -> str:
    if not url:
        return ""
    place = escape(url.rstrip("/") + "/ledger/", quote=True)
    return f"Its files are at <a href='{place}'>{place}</a>. "


def _state(found: Mapping[str, Any], parts: Mapping[str, bool]) -> str:
    armed = ("■", "Stopped by the file STOP", "halt") if found["stopped"] else ARMED[found["armed"]]
    chips = [chip(*armed)]
    chips += [chip("■", f"{name}: not well", "halt") for name, well in parts.items() if not well]
    chips += [chip("▲", f"halted: {halt['scope']} {halt['value']}", "care") for halt in found["halts"]]
    counts = {
        "members": found["members"],
        "mails reported and accepted": found["reports"]["accepted"],
        "attempts ever made": found["attempts"],
        "ledger entries, all published" if found["ledger"]["size"] == found["ledger"]["published"] else (
            f"ledger entries, {found['ledger']['published']:,} published"
        ): found["ledger"]["size"],
    }  # fmt: skip
    return f"<p>{' '.join(chips)}</p>{figures(counts)}"


def _needs(found: Mapping[str, Any]) -> str:
    if not found["needs"]:
        return f"<p class='lead'>{chip('✓', 'Nothing needs you', 'good')}</p>"
    items = []
    for need in found["needs"]:
        advice = advice_on(need)
        since = f" Since {when(need['since'], day=True).text}." if need.get("since") else ""
        items.append(
            f"<li><strong><span aria-hidden='true'>▲</span> {escape(advice.kind)}</strong>: "
            f"{escape(advice.sentence)}{since}{commands(advice.commands)}</li>"
        )
    return f"<p class='lead'>{len(items):,} things wait for a person.</p><ul class='list'>{''.join(items)}</ul>"


def _cases(lines: Sequence[Mapping[str, Any]]) -> str:
    head = ["originator", "state", "since", "reports", "members", "sightings", "attempts", "case"]
    rows = [
        [line["originator"], ladder(line["state"]), when(line["since"], day=True), line["reports"], line["members"],
         line["sightings"], line["attempts"], line["case"][:DIGITS]]
        for line in lines
    ]  # fmt: skip
    if not rows:
        return "<h2>Cases</h2><p>None yet. The first accepted report that says who answers for it opens one.</p>"
    return "<h2>Cases</h2>" + table("Every originator before this community", head, rows)


def _begin(found: Mapping[str, Any]) -> str:
    if found["reports"]["accepted"]:
        return "<h2>Look closer</h2>" + commands(["antiphon case ID", "antiphon held", "antiphon status"])
    return "<h2>How to begin</h2><p>This node has seen no mail yet.</p>" + commands(FIRST_STEPS)


class PageServer:
    """A running web server."""

    def __init__(self, server: uvicorn.Server, task: asyncio.Task[None]) -> None:
        self._server, self._task = server, task

    async def close(self) -> None:
        """Ends after the answers under way."""
        self._server.should_exit = True
        await self._task


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to the node."""

    def install_signal_handlers(self) -> None:
        """None."""


async def serve_pages(desk: Desk, place: tuple[str, int], health: Health, say: Callable[[str], None]) -> PageServer:
    """Serves the pages at a host and port until closed. Raises OSError when the port can not be had."""
    host, _ = place
    door = socket.create_server(place)
    application = Pages(desk, health).application()
    server = _QuietServer(uvicorn.Config(application, log_level="warning", lifespan="off"))
    task = asyncio.ensure_future(server._serve([door]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells in no other way
        await asyncio.sleep(0.01)
    say(f"pages on http://{host}:{door.getsockname()[1]}/")
    return PageServer(server, task)
