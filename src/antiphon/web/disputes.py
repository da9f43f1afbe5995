"""The page for whoever holds a domain and has no notice: a text to publish in DNS, and the dispute that it allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from antiphon.desk.desk import Desk
from antiphon.desk.dispute import LASTS_DAYS, dispute_by_name, place_of, text_for
from antiphon.errors import AnchorLost, MalformedInput
from antiphon.terms import Domain
from antiphon.web.frame import chip, commands, page
from antiphon.web.pace import Pace
from antiphon.web.rows import read_form

LOOK_SECONDS, LOOK_BURST = 6.0, 10
"""Look-ups that strangers may cause: ten a minute of all together, whatever they ask about."""
ONE_SECONDS, ONE_BURST = 60.0, 3
"""And one a minute about one domain."""
AGAIN = "60"
PROVED = (
    "The record is there. Whatever this node asks of this domain is paused from now on, until a person has decided; "
    "what was disputed before stays as it was decided. This page says the same where nothing was asked: a notice's own "
    "page tells which it is."
)
NOT_PROVED = (
    "The record was not seen. DNS may need a while; the text is good for {days} days. It has to stand under the name "
    "itself, not behind an alias."
)


class Disputes:
    """Two forms. `lets` says whether one more request of the desk may pass now."""

    def __init__(self, desk: Desk, lets: Callable[[], bool]) -> None:
        self._desk, self._lets = desk, lets
        self._all, self._one = Pace(LOOK_SECONDS, LOOK_BURST), Pace(ONE_SECONDS, ONE_BURST)

    def routes(self) -> list[Route]:
        """The page, and the look-up."""
        return [
            Route("/desk/", self.show, methods=["GET", "POST"]),
            Route("/desk/dispute", self.look, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Which domain; then the record to publish."""
        if not self._lets():
            return self._too_many()
        if request.method == "GET":
            return page(self._desk.house.name, "Do you hold a domain?", _ask())
        domain = await self._domain(request)
        if isinstance(domain, Response):
            return domain
        return page(self._desk.house.name, "Show that you hold the domain", _record(self._desk, domain))

    async def look(self, request: Request) -> Response:
        """Looks the record up; the answer does not depend on what this node knows of the domain."""
        if not self._lets():
            return self._too_many()
        domain = await self._domain(request)
        if isinstance(domain, Response):
            return domain
        now = asyncio.get_running_loop().time()
        if self._one.wait(domain.encode(), now) or self._all.wait(b"", now):
            return self._too_many()
        try:
            is_there = await dispute_by_name(self._desk, domain)
        except AnchorLost:
            return self._plain("Not now", "This node has to be looked at first. Try again tomorrow.", status=503)
        if not is_there:
            return self._plain("This does not show it", NOT_PROVED.format(days=LASTS_DAYS), status=403)
        said = f"<p role='status' class='lead'>{chip('✓', 'Noted', 'good')} {PROVED}</p>"
        return page(self._desk.house.name, "You hold the domain", said)

    async def _domain(self, request: Request) -> Domain | Response:
        try:
            return place_of((await read_form(request)).get("domain", ""))[0]
        except MalformedInput as error:
            return self._plain("Nothing was looked up", f"{error.what} Write it as in example.com.", status=400)

    def _too_many(self) -> Response:
        made = self._plain("Too many at once", "This page is read by people. Try again in a minute.", status=429)
        made.headers["Retry-After"] = AGAIN
        return made

    def _plain(self, title: str, sentence: str, *, status: int) -> Response:
        made = page(self._desk.house.name, title, f"<p>{escape(sentence)}</p>")
        made.status_code = status
        return made


def _ask() -> str:
    return (
        "<p class='lead'>If this node asks something of a domain that you hold, and that is wrong, you can pause it at "
        "once. With a notice of ours, its link is the shorter way. Without one, publish a line in your DNS.</p>"
        "<form method=post><p><label>Your domain<br><input name=domain required maxlength=253></label></p>"
        "<button>Show me the line</button></form>"
        "<p class='soft'>A record in DNS pauses; it opens no rows. Those need the key that signed your mail.</p>"
    )


def _record(desk: Desk, domain: Domain) -> str:
    _, place = place_of(domain)
    return (
        "<p class='lead'>Publish this record, then have it looked up. Take it away when you are done.</p>"
        + commands([f'{place}.  TXT  "{text_for(desk, domain)}"'])
        + f"<form method=post action=dispute><input type=hidden name=domain value='{escape(domain, quote=True)}'>"
        "<button>It is published: this is wrong, pause everything</button></form>"
        f"<p class='soft'>The text is good for {LASTS_DAYS} days. A node pauses once; a person decides within ten "
        "business days, and where nobody does, nothing more is asked.</p>"
    )
