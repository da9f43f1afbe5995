"""Pages over HTTP: the operator's status, /metrics, /healthz, and the sender desk. No script, no cookie."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from antiphon.desk.desk import Desk
from antiphon.desk.ticket import teller
from antiphon.web import views
from antiphon.web.admission import Admission
from antiphon.web.advice import DIGITS, advice_on
from antiphon.web.api import Api
from antiphon.web.complaints import complaints
from antiphon.web.entrance import Entrance
from antiphon.web.frame import POLICY, chip, commands, figures, ladder, page, table, when
from antiphon.web.lane import LINE, Lane, Report
from antiphon.web.metrics import Health, exposition, word_of
from antiphon.web.senderdesk import SenderDesk
from antiphon.web.sheet import links, sheets

ARMED = {
    "observing": ("○", "Observing: nothing leaves", "care"),
    "own": ("●", "Armed for members' own opt-outs", "good"),
    "community": ("●", "Armed", "good"),
}
MOST_TOLD = 50
FIRST_STEPS = (
    "antiphon quickstart ~/Maildir                     your own mail, observing only",
    "antiphon member add ADDRESS --consent count,token  somebody who reports mail",
    "antiphon demo --serve                             a living world on this machine",
)


class Pages:
    """What a browser sees of one node."""

    def __init__(self, desk: Desk, health: Health, more: Sequence[BaseRoute] = (), *, api: Api | None = None) -> None:
        self._desk, self._health, self._more, self.api = desk, health, more, api

    def application(self) -> Starlette:
        """The routes."""
        return Starlette(
            routes=[
                *(self.api.routes() if self.api is not None else ()),
                *self._more,
                Route("/", self.home),
                Route("/healthz", self.health),
                Route("/healthz/{part}", self.health),
                Route("/metrics", self.metrics),
                *sheets(self._desk),
                *SenderDesk(self._desk).routes(),
            ]
        )

    def admission(self) -> Admission:
        """Who gets through to them when many come."""
        return Admission(teller(self._desk.house))

    async def home(self, _: Request) -> Response:
        """The status page: what needs a person, what this node does, and every case."""
        found, lines, told = await self._desk.store.read(
            lambda tx: (views.status(tx, self._desk), views.cases(tx, self._desk), complaints(tx))
        )
        parts = {name: word_of(self._health, name)[1] == "OK\n" for name in self._health}
        body = _state(found, parts) + _needs(found) + _cases(lines) + _complaints(told) + _begin(found)
        menu = [("healthz", "health"), ("metrics", "metrics")]
        foot = "Asked of the node at <span>" + when(str(found["now"])).text + "</span>. Reload for the newest."
        return page(self._desk.house.name, "What needs you", body, nav=menu, foot=foot)

    async def health(self, request: Request) -> Response:
        """One word, for all or for one part."""
        status, word = word_of(self._health, request.path_params.get("part", ""))
        return PlainTextResponse(word, status_code=status, headers=POLICY)

    async def metrics(self, _: Request) -> Response:
        """Prometheus text format; no label names anybody."""
        said = await self._desk.store.read(lambda tx: exposition(tx, self._desk, self._health))
        return PlainTextResponse(said, headers=POLICY, media_type="text/plain; version=0.0.4")


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
    said = f"<p class='lead'>{len(items):,} things wait for a person.</p><ul class='list'>{''.join(items)}</ul>"
    return said + links("needs")


def _cases(lines: Sequence[Mapping[str, Any]]) -> str:
    head = ["originator", "state", "since", "reports", "members", "sightings", "attempts", "case"]
    rows = [
        [line["originator"], ladder(line["state"]), when(line["since"], day=True), line["reports"], line["members"],
         line["sightings"], line["attempts"], line["case"][:DIGITS]]
        for line in lines
    ]  # fmt: skip
    if not rows:
        return "<h2>Cases</h2><p>None yet. The first accepted report that says who answers for it opens one.</p>"
    return "<h2>Cases</h2>" + table("Every originator before this community", head, rows) + links("cases")


def _complaints(told: Sequence[Mapping[str, Any]]) -> str:
    if not told:
        return ""
    head = ["left", "contact", "about", "mails", "came to", "answers", "entry"]
    rows = [
        [when(line["at"], day=True), line["contact"], line["originator"] or "–", line["incidents"], line["outcome"],
         line["answers"], line["complaint"]]
        for line in told[:MOST_TOLD]
    ]  # fmt: skip
    return "<h2>Complaints</h2>" + table("The newest complaints to hosts", head, rows) + links("complaints")


def _begin(found: Mapping[str, Any]) -> str:
    if found["reports"]["accepted"]:
        return "<h2>Look closer</h2>" + commands(["antiphon case ID", "antiphon held", "antiphon status"])
    return "<h2>How to begin</h2><p>This node has seen no mail yet.</p>" + commands(FIRST_STEPS)


class PageServer:
    """A running web server behind its entrance."""

    def __init__(self, entrance: Entrance, server: uvicorn.Server, task: asyncio.Task[None]) -> None:
        self._entrance, self._server, self._task = entrance, server, task

    async def close(self) -> None:
        """Ends after the answers under way."""
        self._entrance.close()
        self._server.should_exit = True
        await self._task


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to the node."""

    def install_signal_handlers(self) -> None:
        """None."""


class _Begun(HttpToolsProtocol):
    """A connection whose first bytes have been read already."""

    def __init__(self, server: uvicorn.Server, gone: Callable[[], None], begun: bytes) -> None:
        super().__init__(server.config, server.server_state, server.lifespan.state)
        self._begun, self._gone = begun, gone

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own form
        """Goes on where the entrance stopped."""
        super().connection_made(transport)
        self.data_received(self._begun)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leaves its room to another."""
        super().connection_lost(exc)
        self._gone()


async def serve_pages(pages: Pages, place: tuple[str, int], say: Callable[[str], None]) -> PageServer:
    """Serves the pages at a host and port until closed. Raises OSError when the port can not be had."""
    report = pages.api.report if pages.api is not None else None
    return await _serve(pages.application(), pages.admission(), place, say, report=report)


async def serve_desk(desk: Desk, place: tuple[str, int], say: Callable[[str], None]) -> PageServer:
    """Serves the sender desk and nothing else, for a web server that strangers reach. Raises OSError as above."""
    return await _serve(Starlette(routes=SenderDesk(desk).routes()), Admission(lambda _: False), place, say)


async def _serve(
    application: Starlette,
    admission: Admission,
    place: tuple[str, int],
    say: Callable[[str], None],
    *,
    report: Report | None = None,
) -> PageServer:
    server = _QuietServer(uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off"))

    def begin(begun: bytes, gone: Callable[[], None]) -> asyncio.Protocol:
        onward = partial(_Begun, server, gone)
        if report is not None and begun.startswith(LINE):
            return Lane(begun, gone, report, server=onward, state=server.server_state)
        return onward(begun)

    entrance = Entrance(admission, begin)
    port = entrance.open(place)
    task = asyncio.ensure_future(server._serve([]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells in no other way
        await asyncio.sleep(0.01)
    say(f"pages on http://{place[0]}:{port}/")
    return PageServer(entrance, server, task)
