"""The inner room of the sender desk, over HTTP: a nonce, a signature, rows, and what the originator says of them.

Whoever has not proved a key gets one answer, whatever was wrong. Nothing here needs a script, an account or a cookie:
the link that a proof gives is the key to the room, for thirty days.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from html import escape
from urllib.parse import parse_qs  # noqa: TID251 - of a form, in which + is a blank

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from antiphon.desk.desk import Desk
from antiphon.desk.exchange import exchange_of
from antiphon.desk.rows import RowFile, challenge, fetch, granted, prove, say
from antiphon.desk.sample import sample_notice
from antiphon.errors import AnchorLost, RefusedByLaw
from antiphon.formats.note import print_vkey
from antiphon.optout.case import Case
from antiphon.optout.rows import MOST_SAID, Grant, HandedRow, RowStatus, text_to_sign
from antiphon.terms import show_instant
from antiphon.web.frame import POLICY, chip, commands, page, table

MOST_FORM = 16 * 1024
MOST_JSON = 4 * 1024 * 1024
MOST_SHOWN = 200
"""Rows on the page; the files have all of them."""
SAID = {RowStatus.REMOVED: "removed", RowStatus.NOT_FOUND: "not in our list", RowStatus.OPTED_IN: "recorded opt-in"}
RSA = "printf %s '{text}' | openssl dgst -sha256 -sign dkim.pem | openssl base64 -A"
ED25519 = "printf %s '{text}' > text; openssl pkeyutl -sign -rawin -inkey dkim.pem -in text | openssl base64 -A"
Enter = Callable[[Request], Awaitable[Case | Response]]


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    """One answer about one row, by a program."""

    row: int
    status: RowStatus
    text: str = ""


class Rows:
    """The routes below one notice's link. `enter` gives the case of a request, or the answer for a wrong link."""

    def __init__(self, desk: Desk, enter: Enter) -> None:
        self._desk, self._enter = desk, enter

    def routes(self) -> list[Route]:
        """Prove, fetch, answer."""
        return [
            Route("/desk/{token}/prove", self.ask, methods=["POST"]),
            Route("/desk/{token}/proved", self.proved, methods=["POST"]),
            Route("/desk/{token}/rows/{secret}", self.room, methods=["GET", "POST"]),
            Route("/desk/{token}/rows/{secret}/answers", self.answers, methods=["POST"]),
            Route("/desk/{token}/rows/{secret}/test.eml", self.sample, methods=["GET"]),
        ]

    async def ask(self, request: Request) -> Response:
        """A nonce to sign, with the line that signs it; as JSON for a program that says so."""
        case = await self._enter(request)
        if isinstance(case, Response):
            return case
        made = await challenge(self._desk, case)
        text = text_to_sign(case.tag, made.nonce).decode("ascii")
        if request.headers.get("accept") == "application/json":
            said = {"nonce": made.nonce, "sign": text, "until": show_instant(made.until)}
            return JSONResponse(said, headers=POLICY)
        return page(self._desk.house.name, "Show that you hold the key", _signing(text, made.nonce))

    async def proved(self, request: Request) -> Response:
        """The way into the room, or the one answer."""
        case = await self._enter(request)
        if isinstance(case, Response):
            return case
        form = await read_form(request)
        try:
            signature = base64.b64decode("".join(form.get("signature", "").split()), validate=True)
        except ValueError:
            signature = b""
        secret = await prove(self._desk, case, form.get("nonce", ""), signature)
        if request.headers.get("accept") == "application/json":
            status, said = (200, {"rows": f"rows/{secret}"}) if secret else (403, {"error": NOT_PROVED})
            return JSONResponse(said, status_code=status, headers=POLICY)
        if secret is None:
            return self._plain("This does not show it", NOT_PROVED, status=403)
        link = f"rows/{secret}"
        return page(
            self._desk.house.name,
            "You hold the key",
            f"<p role='status' class='lead'>{chip('✓', 'Proved', 'good')} For thirty days "
            f"<a href='{link}'>this link</a> opens your rows. Keep it as you keep a password: it is shown once.</p>",
        )

    async def room(self, request: Request) -> Response:
        """What was handed so far; a POST fetches, as page, CSV or JSON, or hears that it has this file already
        (412, RFC 9110 §13.1.2): one that was entered is not entered again."""
        case, grant = await self._grant(request)
        if isinstance(case, Response) or grant is None:
            return case if isinstance(case, Response) else self._plain("There is nothing here", LAPSED, status=404)
        name = self._desk.house.name
        if request.method == "GET":
            return page(name, "Your rows", await self._before(case, request.path_params["secret"]))
        try:
            found = await fetch(self._desk, grant)
        except RefusedByLaw as refused:
            return self._plain("There is nobody to hand over", refused.what, status=409)
        except AnchorLost:
            return self._plain("Not now", "This node has to be looked at first. Try again tomorrow.", status=503)
        named = {**POLICY, "ETag": f'W/"{found.digest.hex()}"', "X-Entry": str(found.entry)}
        if found.digest.hex() in request.headers.get("if-none-match", ""):
            return Response(status_code=412, headers=named)
        match (await read_form(request)).get("as", "page"):
            case "csv":
                named["Content-Disposition"] = "attachment; filename=rows.csv"
                return Response(found.data, media_type="text/csv", headers=named)
            case "json":
                return Response(_json(found), media_type="application/json", headers=named)
        return page(name, "Your rows", _handed(found, request.path_params["secret"]))

    async def answers(self, request: Request) -> Response:
        """What became of rows: one by a form, many as JSON."""
        case, grant = await self._grant(request)
        if isinstance(case, Response) or grant is None:
            return case if isinstance(case, Response) else self._plain("There is nothing here", LAPSED, status=404)
        is_json = request.headers.get("content-type", "").startswith("application/json")
        try:
            heard = await say(self._desk, grant, await (_many(request) if is_json else _one(request)))
        except (RefusedByLaw, ValueError) as error:
            said = error.what if isinstance(error, RefusedByLaw) else "A row has a number and one of three words."
            return self._plain("Nothing was changed", said, status=400)
        if is_json:
            return JSONResponse({"heard": heard}, headers=POLICY)
        said = f"Noted for {heard} row{'' if heard == 1 else 's'}. Whether mail ends is judged by later mail."
        return page(self._desk.house.name, "Thank you", f"<p role='status' class='lead'>{said}</p>")

    async def sample(self, request: Request) -> Response:
        """A signed notice to try things with. It asks for nothing, and is entered nowhere."""
        case, grant = await self._grant(request)
        if isinstance(case, Response) or grant is None:
            return case if isinstance(case, Response) else self._plain("There is nothing here", LAPSED, status=404)
        named = {**POLICY, "Content-Disposition": "attachment; filename=test-notice.eml"}
        return Response(sample_notice(self._desk, case), media_type="message/rfc822", headers=named)

    async def _grant(self, request: Request) -> tuple[Case | Response, Grant | None]:
        case = await self._enter(request)
        if isinstance(case, Response):
            return case, None
        return case, await granted(self._desk, case, request.path_params["secret"])

    async def _before(self, case: Case, secret: str) -> str:
        rows, passed = await self._desk.store.read(
            lambda tx: (tx.find(HandedRow, originator=case.originator), exchange_of(tx, case))
        )
        lines = [[line.day, line.who, line.what, line.entry] for line in passed]
        counts = {status: sum(row.status is status for row in rows) for status in RowStatus}
        so_far = table("So far", ["rows", "how many"], [[SAID.get(s, "handed"), n] for s, n in counts.items() if n])
        return (
            "<p class='lead'>A row is a person who asks for no more of your mail, by the Message-ID and the tokens "
            "that you gave them. No address: you know it, we do not say it.</p>"
            + (so_far if rows else "<p>Nothing was handed to you yet.</p>")
            + "<p>A fetch is entered in the public ledger, and from then on your time runs for everybody in the file. "
            "Each file is whole.</p>"
            + "".join(
                f"<form method=post><input type=hidden name=as value={kind}><button>{word}</button></form>"
                for kind, word in (("page", "Fetch and show"), ("csv", "Fetch as CSV"), ("json", "Fetch as JSON"))
            )
            + "<h2>The exchange so far</h2>"
            + table("What passed between us", ["day", "who", "what", "entry"], lines)
            + "<h2>Try it first</h2><p>A notice of the same form, signed as ours are, with one row that is nobody's. "
            "It is marked as a test; you take it here, since we send you nothing that no mail of yours paid for.</p><p>"
            f"<a href='{escape(secret, quote=True)}/test.eml'>Take a test notice</a></p>" + _checking(self._desk)
        )

    def _plain(self, title: str, sentence: str, *, status: int) -> Response:
        made = page(self._desk.house.name, title, f"<p>{escape(sentence)}</p>")
        made.status_code = status
        return made


NOT_PROVED = (
    "Either this text was not waiting for a signature, or it was not signed by a key that signed mail which was "
    "reported here. Each text is good for one try; go back and ask for another."
)
LAPSED = "No room is open under this link. Show again that you hold the key."


def _checking(desk: Desk) -> str:
    """How an originator checks every request that reached it (LAW §9)."""
    ledger = f"{desk.house.public_url.rstrip('/')}/ledger/"
    line = f"antiphon audit {ledger} --vkey '{print_vkey(desk.log.verifier)}' --openings OPENINGS"
    return (
        "<h2>Check what reached you</h2><p>Each request to you rests on a mail that your key signed. The openings show "
        "which: with them the audit checks your own signature under each, and that the time which you were given was "
        "over.</p>"
        + commands([line])
        + "<p>They are sealed, and two people of this node unlock them together: ask for them by answering the notice. "
        "Without <code>--openings</code> the same line already says whether the ledger is consistent.</p>"
    )


def _signing(text: str, nonce: str) -> str:
    kept = escape(text, quote=True)
    return (
        "<p class='lead'>Sign this text with the private key whose public half signed your mail "
        "(<code>selector._domainkey</code>), and paste what comes out. The key stays with you.</p>"
        + commands([RSA.format(text=kept)])
        + "<p>With an Ed25519 key:</p>"
        + commands([ED25519.format(text=kept)])
        + "<form method=post action=proved>"
        f"<input type=hidden name=nonce value={escape(nonce, quote=True)}><p><label>The signature, in base64<br>"
        "<textarea name=signature rows=6 cols=60 required></textarea></label></p><button>Show it</button></form>"
        "<p class='soft'>The text is good for one try, within a day. Whoever looks after your mail system has this "
        "key: your provider, if it signs for you.</p><h2>You are a provider?</h2><p>Sign with the key that stands "
        "under your customer's domain, <code>selector._domainkey.customer</code>, if you hold it: that signature "
        "answers for the mail. The key of your own domain opens nothing here, however much of this mail it signed too: "
        "it would open every customer's rows to you. Where your customer has no signature of its own, nobody can fetch "
        "rows; answer the notice instead.</p>"
    )


def _handed(found: RowFile, secret: str) -> str:
    shown = table(
        "Rows",
        ["row", "Message-ID", "CFBL-Feedback-ID", "token", "received"],
        [[str(n.row), n.message_id, n.feedback_id, n.token, n.received] for n in found.lines[:MOST_SHOWN]],
    )
    more = len(found.lines) - MOST_SHOWN
    choices = "".join(f"<option value={status.value}>{word}</option>" for status, word in SAID.items())
    return (
        f"<p role='status' class='lead'>{chip('✓', f'{len(found.lines):,} rows', 'good')} Entry {found.entry:,} of the "
        f"ledger names the SHA-256 of this file: <code>{found.digest.hex()}</code>. Your time ends on "
        f"{show_instant(found.window_ends)[:10]}.</p>{shown}"
        + (f"<p>{more:,} more are in the CSV and JSON files.</p>" if more > 0 else "")
        + f"<h2>What became of a row</h2><form method=post action='{escape(secret, quote=True)}/answers'>"
        + "<p><label>Row <input name=row inputmode=numeric required></label> <label>is <select name=status>"
        f"{choices}</select></label></p><p><label>For a recorded opt-in: when and where<br><textarea name=text rows=3 "
        f"cols=60 maxlength={MOST_SAID}></textarea></label></p><button>Say so</button></form>"
    )


def _json(found: RowFile) -> bytes:
    said = {
        "entry": found.entry,
        "sha256": found.digest.hex(),
        "window_ends": show_instant(found.window_ends),
        "rows": [
            {
                "row": line.row,
                "message_id": line.message_id,
                "cfbl_feedback_id": line.feedback_id,
                "token": line.token,
                "received": line.received,
            }
            for line in found.lines
        ],
    }
    return json.dumps(said, indent=1).encode()


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, the first of each; none of one that is too large."""
    try:
        found = parse_qs((await _body(request, MOST_FORM)).decode("ascii", "replace"), max_num_fields=8)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}


async def _body(request: Request, most: int) -> bytes:
    """What was sent, up to a limit. Raises ValueError past it."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise ValueError("too much was sent")
    return body


async def _one(request: Request) -> list[tuple[int, RowStatus, str]]:
    form = await read_form(request)
    return [(int(form.get("row", "")), RowStatus(form.get("status", "")), form.get("text", ""))]


async def _many(request: Request) -> list[tuple[int, RowStatus, str]]:
    try:
        found = msgspec.json.decode(await _body(request, MOST_JSON), type=list[_Answer])
    except msgspec.MsgspecError as error:
        raise ValueError("not understood") from error
    return [(each.row, each.status, each.text) for each in found]
