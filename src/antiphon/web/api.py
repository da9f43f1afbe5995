"""The HTTP API, version 1: a member's program hands reports in and learns what became of them.

The ticket is checked before the body is read. 202 goes out only when the message is durable in the spool. Every refusal
is a problem document (RFC 9457 §3), and the OpenAPI document is printed from the very table that routes.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from antiphon import __version__
from antiphon.campaign.acceptance import ACCEPTED
from antiphon.desk.arrival import spool_mail
from antiphon.desk.desk import Desk
from antiphon.desk.probe import PREFIX, door_of
from antiphon.desk.submit import SOURCE, Outcome, Submissions
from antiphon.desk.ticket import holder_of
from antiphon.desk.withdraw import undo
from antiphon.errors import AlreadyTaken, AntiphonError, RefusedByLaw
from antiphon.formats.handed import MESSAGE_BYTES, Event
from antiphon.registry.mandate import Mandate
from antiphon.terms import Identifier, show_instant
from antiphon.web.admission import BURST, EVERY_SECONDS
from antiphon.web.eligible import for_member
from antiphon.web.pace import Pace

BASE = "/api/v1"
SUB_PATH = re.compile(r"(?:/[\w.~-]{1,63}){1,8}", re.ASCII)
"""Below which a proxy says that it serves the node, with `X-Forwarded-Prefix`."""
MESSAGE = "message/rfc822"
KEY = re.compile(r"[\x21-\x7e]{1,64}")
NAME = re.compile(r"[0-9a-f]{32}")
LATER_SECONDS = 30
SENTENCES = {rule.name: rule.sentence for rule in ACCEPTED} | {
    "within-limits": "The message is bigger, or has more parts, than is read."
}


class Refusal(msgspec.Struct, frozen=True):
    """One rule that stood against a report."""

    rule: str
    sentence: str


class ReportStatus(msgspec.Struct, frozen=True):
    """What became of a report. `waiting` is not read yet; `held_until` is how long nothing leaves for it, and as long
    DELETE takes it back; `asked_at` and `window_ends` are this member's own clock before the originator."""

    id: str
    state: Annotated[str, msgspec.Meta(description="waiting, accepted, evidence-only, refused or retracted")]
    refusals: list[Refusal]
    originator: str = ""
    campaign: str = ""
    held_until: str | None = None
    course: Annotated[str, msgspec.Meta(description="not-asked, asked, writes-on or quiet: judged by later mail")] = (
        "not-asked"
    )
    asked_at: str | None = None
    window_ends: str | None = None


class Problem(msgspec.Struct, frozen=True):
    """Why a request was refused (RFC 9457 §3.1)."""

    type: str
    title: str
    status: int
    detail: str


class Refused(Exception):
    """An answer other than what was asked for."""

    def __init__(self, status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


TITLES = {
    400: "Not understood", 401: "No ticket", 404: "Not here", 405: "Not this way", 409: "Too late", 413: "Too big",
    415: "Not a message", 422: "Another message", 429: "Too often", 503: "Not now",
}  # fmt: skip
HEADERS = {202: ("Location",), 401: ("WWW-Authenticate",), 415: ("Accept-Post",), 429: ("Retry-After",),
           503: ("Retry-After",)}  # fmt: skip
"""What stands beside the content, by status."""
Answer = Callable[[Request], Awaitable[Response]]
Handler = Callable[["Api", Request], Awaitable[Response]]
Fields = Mapping[str, str]
Body = Callable[[], Awaitable[bytes]]
"""The fields of a request, by their names in lower case; and what reads its body, which raises Refused."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the API: what routes it and what describes it."""

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    success: int
    refusals: tuple[int, ...]
    tells: bool = True


class Api:
    """The API of one node. `turn` is held by whoever changes things; `wake` rings when something was handed in."""

    def __init__(self, desk: Desk, turn: asyncio.Lock, wake: asyncio.Event) -> None:
        self._desk, self._turn, self._wake = desk, turn, wake
        self._submissions = Submissions(desk)
        self._pace = Pace(EVERY_SECONDS, BURST)

    def routes(self) -> list[BaseRoute]:
        """For an application of Starlette."""
        by_path: dict[str, dict[str, Operation]] = {}
        for each in OPERATIONS:
            by_path.setdefault(each.path, {})[each.method] = each
        found: list[BaseRoute] = [Route(f"{BASE}/openapi.json", _AnyMethod(_openapi))]
        found += [Route(BASE + path, _AnyMethod(self._endpoint(of))) for path, of in by_path.items()]
        return [*found, Route(f"{BASE}/{{rest:path}}", _AnyMethod(_nothing))]

    def _endpoint(self, operations: dict[str, Operation]) -> Answer:
        async def answer(request: Request) -> Response:
            operation = operations.get(_method(request))
            if operation is None:
                return _problem(_not_this_way(operations))
            return await _told(operation.handler(self, request))

        return answer

    async def _member(self, fields: Fields) -> Mandate:
        text = _bearer(fields)
        found = await holder_of(self._desk, text) if text else None
        if found is None:
            raise _no_ticket(fields)
        wait = self._pace.wait(found[0].secret, asyncio.get_running_loop().time())
        if wait:
            raise Refused(429, "This ticket comes too often.", (("Retry-After", str(math.ceil(wait))),))
        return found[1]

    async def _probe(self, fields: Fields, body: Body) -> Response:
        """The doctor's own message, to the end of the chain; from anybody else it is kept out like any stranger's."""
        token = _bearer(fields).removeprefix(PREFIX)
        if door_of(self._desk, token) != "http":
            raise _no_ticket(fields)
        _is_message(fields)
        await spool_mail(self._desk, "probe", None, await body(), token=token, source=SOURCE)
        self._wake.set()
        return Response(status_code=202, headers={"Cache-Control": "no-store"})

    async def report(self, fields: Fields, body: Body) -> Response:
        """One message handed in as a report, however it came here: the answer, refusals too."""
        return await _told(self._report(fields, body))

    async def hand_in(self, request: Request) -> Response:
        """POST of one message."""
        return await self._report(request.headers, partial(_body, request))

    async def _report(self, fields: Fields, body: Body) -> Response:
        if _bearer(fields).startswith(PREFIX):
            return await self._probe(fields, body)
        member = await self._member(fields)
        _is_message(fields)
        key = fields.get("idempotency-key")
        if key is not None and not KEY.fullmatch(key):
            raise Refused(400, "An Idempotency-Key has 1 to 64 printable characters without blanks.")
        raw = await body()
        try:
            name, new = await self._submissions.take(member, raw, key or "")
        except AlreadyTaken as error:
            raise Refused(422, error.sentence()) from error
        self._wake.set()
        # Relative to what was asked (RFC 9110 §10.2.2): a proxy may show this node below a path that it does not know.
        place = f"reports/{name.hex()}"
        known = None if new else await self._submissions.outcome(member, name)
        outcome = known or Outcome(name, None, None)
        return _json(status_of(outcome), 202, {"Location": place})

    async def out_of_junk(self, request: Request) -> Response:
        """POST of a message that the member took out of Junk, whichever way it was reported, if it was."""
        member = await self._member(request.headers)
        _is_message(request.headers)
        await spool_mail(self._desk, Event.RETRACTED, member, await _body(request), source=SOURCE)
        self._wake.set()
        return Response(status_code=202, headers={"Cache-Control": "no-store"})

    async def show(self, request: Request) -> Response:
        """GET of one report."""
        return _json(status_of(await self._outcome(request)), 200)

    async def take_back(self, request: Request) -> Response:
        """DELETE of one report."""
        outcome = await self._outcome(request)
        if outcome.report is None:
            raise Refused(409, "It was not read yet, or nothing of it is kept.", (("Retry-After", "2"),))
        try:
            async with self._turn:
                await undo(self._desk, outcome.report.report, who="the member, over HTTP")
        except RefusedByLaw as error:
            raise Refused(409, error.sentence()) from error
        return Response(status_code=204)

    async def _outcome(self, request: Request) -> Outcome:
        member = await self._member(request.headers)
        name = request.path_params["id"]
        found = None
        if NAME.fullmatch(name):
            found = await self._submissions.outcome(member, Identifier(bytes.fromhex(name)))
        if found is None:
            raise Refused(404, "No report of this member has this id.")
        return found


class _AnyMethod:
    """An endpoint that is asked whatever the method is, so that every refusal is ours and reads alike."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._answer(Request(scope, receive, send)))(scope, receive, send)


async def _told(answer: Awaitable[Response]) -> Response:
    """The answer, or the problem that stands against it."""
    try:
        return await answer
    except Refused as refused:
        return _problem(refused)
    except AntiphonError as error:
        return _problem(Refused(503, "Nothing can be kept now.", (("Retry-After", str(LATER_SECONDS)),))
                        if error.temporary else Refused(400, error.sentence()))  # fmt: skip


async def _openapi(request: Request) -> Response:
    below = SUB_PATH.fullmatch(request.headers.get("x-forwarded-prefix", ""))
    document = openapi(below[0] if below else "")
    return _json(document, 200) if _method(request) == "GET" else _problem(_not_this_way(("GET",)))


async def _nothing(_: Request) -> Response:
    return _problem(Refused(404, f"Nothing is here; {BASE}/openapi.json says what there is."))


def _bearer(fields: Fields) -> str:
    scheme, _, text = fields.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _no_ticket(fields: Fields) -> Refused:
    error = ', error="invalid_token"' if fields.get("authorization") else ""
    challenge = f'Bearer realm="antiphon"{error}'
    return Refused(401, "A ticket is needed that is still good.", (("WWW-Authenticate", challenge),))


def _method(request: Request) -> str:
    return "GET" if request.method == "HEAD" else request.method


def _not_this_way(methods: Iterable[str]) -> Refused:
    return Refused(405, "This can not be done here.", (("Allow", ", ".join(sorted(methods))),))


def status_of(outcome: Outcome) -> ReportStatus:
    """As programs read it."""
    name, kept, report = outcome.submission.hex(), outcome.kept, outcome.report
    if kept is None:
        return ReportStatus(name, "waiting", [])
    stored = report.reasons if report is not None else kept.reasons
    rules = for_member(rule for rule in stored.split(",") if rule)
    refusals = [Refusal(rule, SENTENCES.get(rule, rule)) for rule in rules]
    if report is None:
        return ReportStatus(name, kept.state.value, refusals)
    held = show_instant(report.hold_until) if report.state.value == "accepted" else None
    campaign = report.campaign.hex() if report.campaign else ""
    asked, end = outcome.asked, outcome.asked.window_end() if outcome.asked is not None else None
    at = show_instant(asked.asked_at) if asked is not None and asked.asked_at is not None else None
    return ReportStatus(
        name, report.state.value, refusals, report.originator, campaign, held,
        course=outcome.course.value, asked_at=at, window_ends=show_instant(end) if end is not None else None,
    )  # fmt: skip


def _is_message(fields: Fields) -> None:
    kind = fields.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MESSAGE:
        raise Refused(415, f"Send the raw message as {MESSAGE}.", (("Accept-Post", MESSAGE),))


async def _body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > MESSAGE_BYTES:
        raise Refused(413, f"A message has at most {MESSAGE_BYTES} bytes.")
    pieces, size = [], 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > MESSAGE_BYTES:
                raise Refused(413, f"A message has at most {MESSAGE_BYTES} bytes.")
            pieces.append(piece)
    except ClientDisconnect as error:
        raise Refused(400, "The message ended in the middle.") from error
    return whole(b"".join(pieces))


def whole(raw: bytes) -> bytes:
    """The body. Raises Refused where it holds nothing."""
    if not raw.strip():
        raise Refused(400, "There is no message in the body.")
    return raw


def _json(value: object, status: int, headers: dict[str, str] | None = None) -> Response:
    every = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(value), status, every, "application/json")


def _problem(refused: Refused) -> Response:
    said = Problem("about:blank", TITLES[refused.status], refused.status, refused.detail)
    headers = {"Cache-Control": "no-store", **dict(refused.headers)}
    return Response(msgspec.json.encode(said), refused.status, headers, "application/problem+json")


OPERATIONS: tuple[Operation, ...] = (
    Operation("POST", "/reports", "handIn", "Hand one message in as a report; 202 when it is durable.", Api.hand_in,
              202, (400, 413, 415, 422, 503)),
    Operation("GET", "/reports/{id}", "show", "What became of a report.", Api.show, 200, (404,)),
    Operation("DELETE", "/reports/{id}", "takeBack", "Take a report back, as long as nothing left for it.",
              Api.take_back, 204, (404, 409), tells=False),
    Operation("POST", "/retractions", "outOfJunk", "A message was taken out of Junk; 202 when that is durable.",
              Api.out_of_junk, 202, (400, 413, 415, 503), tells=False),
)  # fmt: skip
EVERYWHERE = (401, 429)
OF_ONE = [each for each in OPERATIONS if "{id}" in each.path]
NOT_BLANK = r"[^ \t\n\v\f\r]"
"""What a message has at least."""


def openapi(below: str = "") -> dict[str, object]:
    """The OpenAPI 3.1 document of this API, where a proxy serves it below a path: one of its servers."""
    shapes, place = (ReportStatus, Problem), "#/components/schemas/{name}"
    references, components = msgspec.json.schema_components(shapes, ref_template=place)
    paths: dict[str, dict[str, object]] = {}
    for each in OPERATIONS:
        paths.setdefault(BASE + each.path, {})[each.method.lower()] = _operation(each, references[0], references[1])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Antiphon", "version": __version__, "summary": "Reports of members' programs."},
        **({"servers": [{"url": below}]} if below else {}),
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"ticket": {"type": "http", "scheme": "bearer"}}},
        "security": [{"ticket": []}],
    }


def _operation(each: Operation, status: object, problem: object) -> dict[str, object]:
    text = {"type": "string"}
    said: dict[str, object] = {"description": each.summary}
    if each.tells:
        said["content"] = {"application/json": {"schema": status}}
    if each.tells and each.success in HEADERS:
        said |= {"headers": _headers(each.success), "links": {other.name: _link(other) for other in OF_ONE}}
    responses: dict[str, object] = {str(each.success): said}
    for code in sorted((*each.refusals, *EVERYWHERE)):
        content = {"application/problem+json": {"schema": problem}}
        responses[str(code)] = {"description": TITLES[code], "content": content, "headers": _headers(code)}
    found: dict[str, object] = {"operationId": each.name, "summary": each.summary, "responses": responses}
    if "{id}" in each.path:
        schema = {**text, "pattern": f"^{NAME.pattern}$"}
        found["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": schema}]
    if 422 in each.refusals:
        schema = {**text, "pattern": r"^[!-~]{1,64}$"}
        found["parameters"] = [{"name": "Idempotency-Key", "in": "header", "schema": schema}]
    if each.method == "POST":
        found["requestBody"] = {"required": True, "content": {MESSAGE: {"schema": {**text, "pattern": NOT_BLANK}}}}
    return found


def _headers(code: int) -> dict[str, object]:
    return {name: {"required": True, "schema": {"type": "string"}} for name in HEADERS.get(code, ())}


def _link(to: Operation) -> dict[str, object]:
    """What an answer holds that another operation asks for."""
    return {"operationId": to.name, "parameters": {"id": "$response.body#/id"}}
