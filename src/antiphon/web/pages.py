"""Pages over HTTP: status, the sender desk behind each notice, /metrics and /healthz. No script, no cookie."""

from __future__ import annotations

import asyncio
import html
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from antiphon.desk.answer import WORDS, heed
from antiphon.desk.desk import Desk
from antiphon.errors import MalformedInput
from antiphon.optout.case import Case
from antiphon.web import views
from antiphon.web.metrics import Health, exposition, word_of

POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:68rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}"
    "td,th{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #8884}button{font:inherit;padding:.4rem 1rem}"
)


def page(title: str, body: str) -> HTMLResponse:
    """One page in the house's plain frame."""
    text = (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(title)}</title><style>{STYLE}</style><h1>{html.escape(title)}</h1>{body}</html>"
    )
    return HTMLResponse(text, headers=POLICY)


def table(head: list[str], rows: list[list[object]]) -> str:
    """A table; every cell is escaped."""
    cells = "".join(f"<th>{html.escape(word)}</th>" for word in head)
    lines = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"


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
        """The status page: what this node does, and what needs a person."""
        found, lines = await self._desk.store.read(
            lambda tx: (views.status(tx, self._desk), views.cases(tx, self._desk))
        )
        waiting = found["needs"]
        needs = (
            [[n["kind"], n.get("originator", ""), n.get("since", "")] for n in waiting]
            if isinstance(waiting, list)
            else []
        )
        head = ["originator", "state", "reports", "members", "sightings", "attempts"]
        rows = [[line[name] for name in head] for line in lines]
        told = f"<p>{html.escape(str(found['armed']))}; ledger of {found['ledger']}; {found['now']}</p>"
        asks = table(["waits for a person", "originator", "since"], needs) if needs else "<p>Nothing needs you.</p>"
        return page(self._desk.house.name, told + asks + "<h2>Cases</h2>" + table(head, rows))

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
            return PlainTextResponse("There is nothing here.\n", status_code=404, headers=POLICY)
        case, said = cases[0], ""
        if request.method == "POST":
            body = (await request.body())[:200].decode("ascii", "replace")
            word = body.partition("word=")[2].partition("&")[0]
            if word not in WORDS:
                raise MalformedInput("The form has three words.")
            heeded = await heed(self._desk, case, word, who="the originator, at the desk")
            said = f"<p><strong>Noted: {heeded}</strong></p>"
        line = await self._desk.store.read(lambda tx: views.case(tx, self._desk, case.case))
        facts = table(
            ["what", "value"],
            [["originator", case.originator], ["name in the ledger", case.tag.hex()], ["state", line["state"]],
             ["ledger entry of the notice", case.notice_intent], ["window ends", line["notice_window_end"]],
             ["node", f"{self._desk.house.name}, {self._desk.house.legal_name}"]],
        )  # fmt: skip
        forms = "".join(
            f"<form method=post style='display:inline'><input type=hidden name=word value={word}>"
            f"<button>{text}</button></form> "
            for word, text in (
                ("done", "We have done it"),
                ("dispute", "This is wrong: pause everything"),
                ("stop", "Send no more"),
            )
        )
        proof = "<p>The proof: the ledger's files stand beside this page; <code>antiphon audit</code> checks them.</p>"
        return page("Is this mail really ours? Yes.", said + facts + proof + forms)


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


async def serve_pages(desk: Desk, place: str, health: Health, say: Callable[[str], None]) -> PageServer:
    """Serves the pages at host:port until closed. Raises OSError when the port can not be had."""
    host, _, port = place.rpartition(":")
    door = socket.create_server((host, int(port)))
    application = Pages(desk, health).application()
    server = _QuietServer(uvicorn.Config(application, log_level="warning", lifespan="off"))
    task = asyncio.ensure_future(server._serve([door]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells in no other way
        await asyncio.sleep(0.01)
    say(f"pages on http://{host}:{door.getsockname()[1]}/")
    return PageServer(server, task)
