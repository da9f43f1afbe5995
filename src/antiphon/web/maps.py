"""What Rspamd asks of the node, and tells it: maps of what many report, and what it takes for spam itself.

Whoever has not the key gets one answer, whatever is asked. A map is one file a ledger day, whole, with an ETag.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from antiphon.desk.arrival import spool_mail
from antiphon.desk.desk import Desk
from antiphon.desk.hand_in import member_of
from antiphon.desk.share import Day, day_of_sharing, new_share_key, opens, share_key
from antiphon.desk.watch import FILED
from antiphon.errors import AntiphonError
from antiphon.formats.handed import MESSAGE_BYTES
from antiphon.terms import LedgerDay, day_start, show_instant
from antiphon.web.frame import POLICY

SOURCE = "rspamd"
MOST_RECIPIENTS = 100
NOTHING = "nothing here\n"


class Maps:
    """The routes of one node."""

    def __init__(self, desk: Desk, wake: asyncio.Event) -> None:
        self._desk, self._wake = desk, wake

    def routes(self) -> list[BaseRoute]:
        """For an application of Starlette."""
        return [
            Route("/rspamd/{key}/{name}", self.map, methods=["GET"]),
            Route("/rspamd/{key}/seen", self.seen, methods=["POST"]),
            Route("/rspamd/{rest:path}", self._nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    async def map(self, request: Request) -> Response:
        """One map, or 304 where the asker has it."""
        name = request.path_params["name"]
        if not await opens(self._desk, request.path_params["key"]) or name not in ("originators", "subjects"):
            return await self._nothing(request)
        day = await day_of_sharing(self._desk)
        body = print_map(day, day.originators if name == "originators" else day.subjects)
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        asked = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
        if asked & {tag, "*"}:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="text/plain")

    async def seen(self, request: Request) -> Response:
        """What a filter takes for spam at delivery: evidence only, for each member among the recipients. Durable when
        200 goes out."""
        if not await opens(self._desk, request.path_params["key"]):
            return await self._nothing(request)
        raw = await _body(request)
        if raw is None:
            return Response("too big\n", 413, POLICY)
        try:
            for address in recipients_of(request.headers.get("x-rspamd-rcpt", "")):
                await self._keep(address, raw)
        except AntiphonError:
            return Response("not now\n", 503, POLICY)
        self._wake.set()
        # Rspamd takes no other word for a success.
        return Response("kept\n", 200, POLICY)

    async def _keep(self, address: str, raw: bytes) -> None:
        member = await self._desk.store.read(lambda tx: member_of(tx, self._desk, address))
        if member is not None:
            await spool_mail(self._desk, FILED, member, raw, source=SOURCE)

    async def _nothing(self, _: Request) -> Response:
        return Response(NOTHING, 404, POLICY, "text/plain")


def print_map(day: Day, values: Sequence[str]) -> bytes:
    """One value a line under a line that says whose day it is; a map without values is no empty file."""
    return "\n".join([f"# antiphon {show_instant(day_start(LedgerDay(day.day)))[:10]}", *values, ""]).encode()


def recipients_of(field: str) -> list[str]:
    """The recipients as Rspamd writes them: a JSON list, or one address. Of more than MOST_RECIPIENTS the first."""
    try:
        found = json.loads(field)
    except (ValueError, RecursionError):
        found = [field]
    listed = found if isinstance(found, list) else []
    return [each for each in listed[:MOST_RECIPIENTS] if isinstance(each, str) and "@" in each]


async def _body(request: Request) -> bytes | None:
    """The body; None where it is bigger than any mail that is taken."""
    body = bytearray()
    try:
        async for block in request.stream():
            body += block
            if len(body) > MESSAGE_BYTES:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def verbs(desk: Desk) -> dict[str, Callable[[dict[str, object]], Awaitable[object]]]:
    """Over the control socket: where a filter finds what."""

    async def told(q: dict[str, object]) -> object:
        key = await new_share_key(desk) if q.get("new_key") else await desk.store.read(lambda tx: share_key(tx, desk))
        day = await day_of_sharing(desk)
        return {
            "originators": f"/rspamd/{key}/originators",
            "subjects": f"/rspamd/{key}/subjects",
            "seen": f"/rspamd/{key}/seen",
            "day": show_instant(day_start(LedgerDay(day.day)))[:10],
            "told": {"originators": len(day.originators), "subjects": len(day.subjects)},
        }

    return {"rspamd": told}
