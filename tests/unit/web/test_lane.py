"""The short way for reports over real sockets: what is plain is answered there, whatever else goes on to the server."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response
from uvicorn.server import ServerState

from antiphon.formats.handed import MESSAGE_BYTES
from antiphon.web import lane
from antiphon.web.api import Body, Refused
from antiphon.web.lane import AHEAD_BYTES, LINE, Lane, plain_head

HEAD = b"Host: x\r\nAuthorization: Bearer t\r\nContent-Type: message/rfc822\r\n"


def asked(body: bytes, more: bytes = b"") -> bytes:
    """One request in its plainest form."""
    return LINE + HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Other(asyncio.Protocol):
    """The server's protocol: says what it was given."""

    def __init__(self, begun: bytes) -> None:
        self.heard = begun

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"other: " + self.heard)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


class Place:
    """A lane for every connection, and an API that tells the length of what it reads, unless it refuses."""

    def __init__(self, begun: bytes = b"") -> None:
        self._begun = begun
        self.lanes: list[Lane] = []
        self.gone = 0
        self.read: list[int] = []
        self.failed: list[str] = []
        self.refuses = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.state = ServerState()
        self.state.default_headers = [(b"server", b"test")]

    async def report(self, fields: Mapping[str, str], body: Body) -> Response:
        assert (fields["content-type"], fields["authorization"]) == ("message/rfc822", "Bearer t")
        if self.refuses:
            return Response(b"no", 401)
        try:
            raw = await body()
        except Refused as refused:
            self.failed.append(refused.detail)
            return Response(refused.detail.encode(), refused.status)
        await self.gate.wait()
        self.read.append(len(raw))
        return Response(b"%d" % len(raw), 202)

    def begin(self) -> Lane:
        self.lanes.append(Lane(self._begun, self._leave, self.report, server=self._hand_over, state=self.state))
        return self.lanes[-1]

    def _hand_over(self, rest: bytes) -> asyncio.Protocol:
        return Other(rest)

    def _leave(self) -> None:
        self.gone += 1


class Client:
    """Says what it likes, and reads answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    def say(self, said: bytes) -> None:
        self.writer.write(said)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(10):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:-2])
            return int(head[0].split()[1]), fields, await self._reader.readexactly(int(fields["content-length"]))

    async def rest(self) -> bytes:
        async with asyncio.timeout(10):
            return await self._reader.read()

    async def heard(self, size: int) -> bytes:
        async with asyncio.timeout(10):
            return await self._reader.readexactly(size)


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Client]:
    """One connection."""
    server = await asyncio.get_running_loop().create_server(place.begin, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()
        server.close()


async def test_reports_are_answered_one_after_the_other() -> None:
    """On one connection: whole, in pieces, in a group; each with the server's own fields and a length."""
    place = Place(asked(b"first")[:-3])
    async with opened(place) as client:
        client.say(b"rst")
        status, fields, body = await client.answer()
        assert (status, fields["server"], body, "connection" in fields) == (202, "test", b"5", False)
        for piece in (asked(b"in three")[:-5], b"th", b"ree"):
            client.say(piece)
            await asyncio.sleep(0.02)
        assert await client.answer() == (202, {"server": "test", "content-length": "1"}, b"8")
        client.say(asked(b"a") + asked(b"bb") + asked(b"ccc", b"Connection: close\r\n"))
        assert [(await client.answer())[2] for _ in range(2)] == [b"1", b"2"]
        assert (await client.answer())[1]["connection"] == "close"
        assert await client.rest() == b""
    assert place.read == [5, 8, 1, 2, 3]


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        LINE + HEAD,
        LINE + HEAD + b"\r\n",
        LINE + HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na",
        LINE + HEAD + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        LINE + HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        LINE + HEAD + b"Content-Length: +1\r\n\r\na",
        LINE + HEAD + b"Content-Length: %d\r\n\r\na" % (MESSAGE_BYTES + 1),
        LINE + HEAD + b" folded\r\nContent-Length: 1\r\n\r\na",
        LINE + HEAD + b"X: a\nb: c\r\nContent-Length: 1\r\n\r\na",
        LINE + HEAD + b"Connection: upgrade\r\nContent-Length: 1\r\n\r\na",
        LINE + b"Content-Length: 1\r\n\r\na",
        LINE.replace(b"1.1", b"1.0") + HEAD + b"Content-Length: 1\r\n\r\na",
    ],
)
async def test_what_is_not_plain_goes_on_to_the_server(said: bytes) -> None:
    """From its first byte, also behind a report that was answered here, and with all that follows."""
    place = Place()
    async with opened(place) as client:
        client.say(asked(b"first") + said)
        assert (await client.answer())[0] == 202
        assert await client.heard(len(said) + 7) == b"other: " + said
        client.say(b"more")
        assert await client.heard(4) == b"more"
        assert (place.read, place.gone, place.state.connections) == ([5], 0, set())


async def test_a_report_that_is_refused_unread_is_read_to_its_end() -> None:
    """So that the answer arrives; what comes next is understood."""
    place = Place()
    place.refuses = True
    async with opened(place) as client:
        client.say(asked(b"x" * 300_000)[:-200_000])
        assert (await client.answer())[0] == 401
        client.say(b"x" * 200_000)
        place.refuses = False
        client.say(asked(b"next"))
        assert (await client.answer())[2] == b"4"


async def test_who_leaves_in_the_middle_has_left_nothing_behind() -> None:
    """The API hears of it, once; a message that was whole is kept although nobody waits for the answer."""
    place = Place()
    async with opened(place) as client:
        client.say(asked(b"unfinished")[:-1])
        await asyncio.sleep(0.05)
    while not place.gone:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    assert (place.failed, place.read, place.gone) == (["The message ended in the middle."], [], 1)
    place.gate.clear()
    async with opened(place) as client:
        client.say(asked(b"whole"))
        await asyncio.sleep(0.05)
    while place.gone < 2:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
    place.gate.set()
    await asyncio.sleep(0.01)
    assert (place.read, place.gone, place.state.connections) == ([5], 2, set())


async def test_at_the_end_answers_under_way_are_given() -> None:
    """A connection that waits is closed at once; the other after its answer, which says so."""
    place = Place()
    async with opened(place) as idle, opened(place) as busy:
        idle.say(asked(b"a"))
        await idle.answer()
        place.gate.clear()
        busy.say(asked(b"bb"))
        await asyncio.sleep(0.05)
        for each in list(place.state.connections):
            each.shutdown()
        assert await idle.rest() == b""
        place.gate.set()
        assert (await busy.answer())[1:] == ({"server": "test", "content-length": "1", "connection": "close"}, b"2")
        assert await busy.rest() == b""


async def test_who_says_nothing_more_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its answer, and in the midst of a body that was refused."""
    monkeypatch.setattr(lane, "IDLE_SECONDS", 0.05)
    place = Place()
    async with opened(place) as client:
        client.say(asked(b"a"))
        await client.answer()
        assert await client.rest() == b""
    place.refuses = True
    async with opened(place) as client:
        client.say(asked(b"aa")[:-1])
        assert (await client.answer())[0] == 401
        assert await client.rest() == b""


async def test_a_fault_of_ours_is_told_and_leaves_nobody_waiting() -> None:
    """The connection ends."""
    place, told = Place(), []
    place.report = None  # type: ignore[assignment, method-assign]  # the fault
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    async with opened(place) as client:
        client.say(asked(b"a"))
        assert await client.rest() == b""
    gc.collect()
    assert [type(each) for each in told] == [TypeError]


async def test_what_follows_too_early_waits_outside() -> None:
    """As much as is read ahead, and then the socket is left alone until the answer is given."""
    place = Place()
    place.gate.clear()
    async with opened(place) as client:
        client.say(asked(b"a"))
        await asyncio.sleep(0.02)
        client.say(asked(b"b" * (16 * 1024 * 1024 - MESSAGE_BYTES)) * 3)
        await asyncio.sleep(0.1)
        (one,) = place.lanes
        assert len(one._here) < AHEAD_BYTES + 1024 * 1024
        place.gate.set()
        assert [(await client.answer())[0] for _ in range(4)] == [202] * 4


TOKENS = st.sampled_from(
    [b"Host", b"x", b"Content-Length", b"content-length", b"A_b", b"X-1", b"Connection", b"bad name"]
)
VALUES = st.sampled_from([b"x", b"1", b"", b" 5 ", b"a\tb", b"close", b"\xe9", b"a\r\nb: c", b"\x00", b"007"])


@given(st.lists(st.tuples(TOKENS, VALUES), max_size=5))
def test_what_is_plain_is_read_as_the_server_reads_it(pairs: list[tuple[bytes, bytes]]) -> None:
    """The same fields, by the same parser that the server has."""
    said = b"".join(b"%s: %s\r\n" % pair for pair in [(b"Host", b"x"), (b"Content-Length", b"3"), *pairs])
    plain = plain_head(said)
    if plain is None:
        return
    theirs: list[tuple[str, str]] = []

    class Heard:
        def on_header(self, name: bytes, value: bytes) -> None:
            theirs.append((name.decode().lower(), value.decode().strip(" \t")))

    httptools.HttpRequestParser(Heard()).feed_data(LINE + said + b"\r\n")
    assert sorted(theirs) == sorted(plain.items())
