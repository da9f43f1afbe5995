"""The page behind the link of a notice: is this ours, how to check it alone, three answers, and how to get no more.

It says no more than the notice said; rows lie behind it, for whoever proves the key (`rows.py`). No count, no instant,
nothing that moves when somebody reports a mail: whoever writes to a member and then looks here must see what it saw
before (LAW §5, §8).
"""

from __future__ import annotations

import asyncio
from collections import deque
from html import escape
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from antiphon.desk.answer import WORDS, heed
from antiphon.desk.desk import Desk
from antiphon.formats.message import parse_message
from antiphon.optout.approval import Draft
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import FINAL, Case, State
from antiphon.ports import Transaction
from antiphon.terms import show_instant
from antiphon.web.checking import check_us, proof_at
from antiphon.web.disputes import Disputes
from antiphon.web.frame import POLICY, Markup, chip, commands, page, table
from antiphon.web.hostdesk import HostDesk
from antiphon.web.rows import Rows

MOST_FORM = 200
"""Bytes of the form that are read; one word fits."""
A_MINUTE = 120
"""Requests that are answered in one minute, whoever makes them: people read this page, programs guess at its link."""
ANSWERS = {
    "done": ("We have done it", "Thank you. It is noted; whether mail ends is judged by later mail."),
    "dispute": ("This is wrong: pause everything", "Everything about you is paused until a person has decided."),
    "stop": ("Send no more", "Nothing more is sent to you."),
}
STOP_RECORD = '_antiphon.<host>.  TXT  "v=antiphon1; stop"'
NO_LINK = "No mail of ours carries this link. Who holds a domain can pause what is asked of it without: at /desk/ here."


Found = TypeVar("Found")


class Turnstile:
    """Lets so many through a minute. Instants are those of the event loop."""

    def __init__(self, most: int) -> None:
        self._most, self._passed = most, deque[float]()

    def lets(self, at: float) -> bool:
        """Whether one more may pass now."""
        while self._passed and at - self._passed[0] >= 60:
            self._passed.popleft()
        if len(self._passed) >= self._most:
            return False
        self._passed.append(at)
        return True


class SenderDesk:
    """What an originator sees. Whoever holds the link may make us do less, and nothing else."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turnstile = Turnstile(A_MINUTE)

    def routes(self) -> list[Route]:
        """The page, the file that proves the notice, what lies below, and the page for whoever has no link."""
        return [
            *Disputes(self._desk, self._lets).routes(),
            *HostDesk(self._desk, self._find).routes(),
            Route("/desk/{token}", self.show, methods=["GET", "POST"]),
            Route("/desk/{token}/proof", self.proof, methods=["GET"]),
            *Rows(self._desk, self._case).routes(),
        ]

    async def show(self, request: Request) -> Response:
        """Verify, and three words with equal weight."""
        found = await self._case(request)
        if isinstance(found, Response):
            return found
        case, said = found, ""
        if request.method == "POST":
            body = (await request.body())[:MOST_FORM].decode("ascii", "replace")
            word = body.partition("word=")[2].partition("&")[0]
            if word not in WORDS:
                return self._plain("Nothing was changed", "The form has three words, and this is none.", status=400)
            await heed(self._desk, case, word, who="the originator, at the desk")
            said = f"<p role='status' class='lead'>{chip('✓', f'Noted: {word}', 'good')} {ANSWERS[word][1]}</p>"
            again = await self._desk.store.read(lambda tx: tx.get(Case, found.case))
            case = again if again is not None else found
        notice, text = await self._desk.store.read(lambda tx: (notice_of(tx, case), text_of_notice(tx, case)))
        return page(self._desk.house.name, "Is this mail really ours? Yes.", said + self._body(case, notice, text))

    async def proof(self, request: Request) -> Response:
        """C2SP tlog-proof of the notice's entry, its bytes as `extra`."""
        case = await self._case(request)
        if isinstance(case, Response):
            return case
        found = await self._desk.store.read(lambda tx: proof_at(tx, self._desk, case.notice_intent))
        if found is None:
            return self._plain("There is nothing here", "No notice of this case is published yet.", status=404)
        named = {**POLICY, "Content-Disposition": "attachment; filename=notice.tlog-proof"}
        return PlainTextResponse(found, headers=named)

    def _lets(self) -> bool:
        return self._turnstile.lets(asyncio.get_running_loop().time())

    async def _case(self, request: Request) -> Case | Response:
        return await self._find(request, Case, "reply_token")

    async def _find(self, request: Request, kind: type[Found], name: str) -> Found | Response:
        """What this link is of, or the one answer for every other link."""
        if not self._lets():
            made = self._plain("Too many at once", "This page is read by people. Try again in a minute.", status=429)
            made.headers["Retry-After"] = "60"
            return made
        token = request.path_params["token"]
        found = await self._desk.store.read(lambda tx: tx.find(kind, **{name: token}))
        return found[0] if found else self._plain("There is nothing here", NO_LINK, status=404)

    def _body(self, case: Case, notice: Attempt | None, text: str) -> str:
        house = self._desk.house
        forms = "".join(
            f"<form method=post><input type=hidden name=word value={word}><button>{escape(ANSWERS[word][0])}</button>"
            "</form>"
            for word in ("done", "dispute", "stop")
        )
        return (
            f"<p class='lead'>People whose mailboxes we look after do not want mail of "
            f"<strong>{escape(case.originator)}</strong>. The notice that brought you here asks for that once, on "
            f"behalf of all of them.</p>{_facts(case, notice)}{_told(text)}"
            f"<h2>Your answer</h2><p>Each of the three only makes us do less. You need no account.</p>{forms}"
            "<h2>Who is it about?</h2><p>Show that you hold the key that signed your mail, and you get one row a "
            "person, in the tokens that you gave them, as a file for your list; you can say of each what became "
            "of it.</p>"
            f"<form method=post action='{case.reply_token}/prove'><button>Show that I hold the key</button></form>"
            f"{check_us(self._desk, notice.message if notice else None, f'{case.reply_token}/proof')}"
            "<h2>To get no more from us at all</h2><p>Press <em>Send no more</em>, or publish this record under the "
            "name of the host that would be asked:</p>"
            + commands([STOP_RECORD])
            + "<p>Somebody who holds the domain and has no such link can pause everything at <a href='./'>the sender "
            "desk</a>, by a record in DNS.</p>"
            + f"<h2>Who we are</h2><p>{escape(house.name)}, {escape(house.legal_name)}, "
            f"{escape(house.postal_address)}</p>"
        )

    def _plain(self, title: str, sentence: str, *, status: int) -> HTMLResponse:
        made = page(self._desk.house.name, title, f"<p>{escape(sentence)}</p>")
        made.status_code = status
        return made


def notice_of(tx: Transaction, case: Case) -> Attempt | None:
    """The notice of a case, once one left."""
    return tx.get(Attempt, case.notice_intent) if case.notice_intent is not None else None


def text_of_notice(tx: Transaction, case: Case) -> str:
    """What the notice of a case said to people, once it left; it holds size classes and days, and no row."""
    notice, draft = notice_of(tx, case), tx.get(Draft, case.case)
    if notice is None or draft is None or draft.digest != notice.message:
        return ""
    parts = (part for part in parse_message(draft.message).parts() if part.content_type == "text/plain")
    return next((part.text() for part in parts), "")


def _told(text: str) -> str:
    """As it was sent; days and size classes stand in its first lines."""
    return f"<details><summary>What the notice told you</summary><pre>{escape(text)}</pre></details>" if text else ""


def _facts(case: Case, notice: Attempt | None) -> str:
    """What the originator knows already, by days."""
    end = case.notice_window_end
    return table(
        "What we know",
        ["what", "value"],
        [
            ["originator", case.originator],
            ["the notice left on", show_instant(notice.at)[:10] if notice is not None else "not yet"],
            ["your time ends on", show_instant(end)[:10] if end is not None else "not begun"],
            ["ledger entry of the notice", f"{case.notice_intent:,}" if case.notice_intent is not None else "none"],
            ["name in the ledger", Markup(f"<code>{case.tag.hex()}</code>")],
            ["now", _word(case.state)],
        ],
    )


def _word(state: State) -> str:
    """No more than what the originator did itself; whether its mail goes on, it knows better than we do."""
    if state is State.DISPUTED:
        return "paused, until a person has decided"
    return "ended: nothing more is asked" if state in FINAL else "as the notice says"
