"""The short way for reports: HTTP/1.1 as a member's program speaks it, past the layers of the application.

A connection that begins with a report has this in place of the server's own protocol: one look at the head, one write
of the answer. The answer is the API's. Whatever is not such a request in its plainest form goes on to the server from
its first byte, and whatever follows on that connection with it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from uvicorn.server import ServerState

from antiphon.formats.handed import MESSAGE_BYTES
from antiphon.web.admission import END, LOOK_BYTES
from antiphon.web.api import BASE, Body, Refused, whole

LINE = f"POST {BASE}/reports HTTP/1.1\r\n".encode()
IDLE_SECONDS = 5.0
"""Between an answer and the next request, as the server has it."""
AHEAD_BYTES = 64 * 1024
"""Read of what follows a request that is still being answered."""
NOT_PLAIN = frozenset({"transfer-encoding", "expect", "upgrade", "trailer", "te"})
STAYS = {"": True, "keep-alive": True, "close": False}

_FIELD = rb"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}):[ \t]*([!-~](?:[ -~\t]*[!-~])?|)[ \t]*\r\n"
_FIELDS, _EACH = re.compile(rb"(?:" + _FIELD + rb")+"), re.compile(_FIELD)

Report = Callable[[Mapping[str, str], Body], Awaitable[Response]]


def plain_head(head: bytes) -> dict[str, str] | None:
    """The fields of a request, by their names in lower case, from what stands between its first line and its body; None
    where that is not plain: a length in figures, nothing said twice, no coding, no expectation (RFC 9112 §5, §6)."""
    if not _FIELDS.fullmatch(head):
        return None
    found = _EACH.findall(head)
    fields = {name.decode("ascii").lower(): value.decode("ascii") for name, value in found}
    length = fields.get("content-length", "")
    if len(fields) != len(found) or not NOT_PLAIN.isdisjoint(fields) or "host" not in fields:
        return None
    if not length.isdecimal() or len(length) > len(str(MESSAGE_BYTES)) or int(length) > MESSAGE_BYTES:
        return None
    return fields if fields.get("connection", "").lower() in STAYS else None


class Lane(asyncio.Protocol):
    """One connection. `begun` was read already; `server` makes the protocol that goes on from such bytes, and `gone` is
    called when it is over, unless that protocol does."""

    def __init__(
        self,
        begun: bytes,
        gone: Callable[[], None],
        report: Report,
        *,
        server: Callable[[bytes], asyncio.Protocol],
        state: ServerState,
    ) -> None:
        self._here, self._gone, self._report, self._server, self._state = bytearray(begun), gone, report, server, state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._more: asyncio.Future[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._left = 0
        self._stays, self._drops = True, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Goes on where the entrance stopped."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)
        self._next()

    def data_received(self, data: bytes) -> None:
        """More of a body, or the next request."""
        self._here += data
        if self._drops:
            self._drop()
        elif self._more is not None:
            if len(self._here) >= self._left and not self._more.done():
                self._more.set_result(None)
        elif self._task is None:
            self._next()
        elif len(self._here) - self._left > AHEAD_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leaves its room to another. A message that is all here is still kept."""
        self._transport = None
        self._rest()
        if self._more is not None and not self._more.done():
            self._more.set_exception(Refused(400, "The message ended in the middle."))
        self._gone()

    def shutdown(self) -> None:
        """What the server calls when it ends: an answer under way is given."""
        self._stays = False
        if self._task is None and self._transport is not None:
            self._transport.close()

    @property
    def _connections(self) -> set[Any]:
        """Those that the server waits for when it ends."""
        return self._state.connections

    def _rest(self) -> None:
        self._connections.discard(self)
        if self._idle is not None:
            self._idle.cancel()

    def _next(self) -> None:
        """The next request, if there is one and it is plain; if not, the server has the connection."""
        if self._idle is not None:
            self._idle.cancel()
        assert self._transport is not None
        if not self._here:
            self._idle = self._loop.call_later(IDLE_SECONDS, self._transport.close)
            return
        end = self._here.find(END, 0, LOOK_BYTES)
        plain = self._here.startswith(LINE) and end >= len(LINE)
        fields = plain_head(bytes(self._here[len(LINE) : end + 2])) if plain else None
        if fields is None:
            self._hand_over(self._transport)
            return
        del self._here[: end + len(END)]
        self._left = int(fields["content-length"])
        self._stays = STAYS[fields.get("connection", "").lower()]
        self._task = self._loop.create_task(self._answer(fields))

    def _hand_over(self, transport: asyncio.Transport) -> None:
        self._rest()
        transport.resume_reading()
        protocol = self._server(bytes(self._here))
        transport.set_protocol(protocol)
        protocol.connection_made(transport)

    async def _body(self) -> bytes:
        """The body of the request under way. Raises Refused where it is empty, or ends in the middle."""
        if len(self._here) < self._left:
            self._more = self._loop.create_future()
            await self._more
            self._more = None
        raw = bytes(self._here[: self._left])
        del self._here[: self._left]
        self._left = 0
        return whole(raw)

    async def _answer(self, fields: Mapping[str, str]) -> None:
        try:
            response = await self._report(fields, self._body)
        except BaseException:
            if self._transport is not None:
                self._transport.abort()
            raise
        finally:
            self._task = None
        if self._transport is None:
            return
        self._transport.write(self._said(response))
        self._transport.resume_reading()
        if self._left:
            self._idle = self._loop.call_later(IDLE_SECONDS, self._transport.close)
        self._drop()

    def _drop(self) -> None:
        """A body that was refused unread is thrown away first: hung up on now, its sender might not read the answer."""
        dropped = min(self._left, len(self._here))
        del self._here[:dropped]
        self._left -= dropped
        self._drops = self._left > 0
        if self._drops or self._transport is None:
            return
        if self._stays:
            self._next()
        else:
            self._transport.close()

    def _said(self, response: Response) -> bytes:
        lines = [b"HTTP/1.1 %d %s" % (response.status_code, PHRASES[response.status_code])]
        lines += [b"%s: %s" % field for field in (*self._state.default_headers, *response.raw_headers)]
        if not self._stays:
            lines.append(b"connection: close")
        return b"\r\n".join((*lines, b"", bytes(response.body)))


PHRASES = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}
