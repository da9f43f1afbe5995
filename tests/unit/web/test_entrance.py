"""The web's door over real sockets: who gets through is heard whole, who does not has an answer and costs no room."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from antiphon.web import entrance
from antiphon.web.admission import BURST, LOOK_BYTES, Admission, Verdict
from antiphon.web.entrance import Entrance

OURS = "antiphon_ours"
MEMBER = f"POST / HTTP/1.1\r\nAuthorization: Bearer {OURS}\r\nContent-Length: 4\r\n\r\n".encode()
PAGE = b"GET / HTTP/1.1\r\nHost: node\r\n\r\n"


class Inside(asyncio.Protocol):
    """Answers with how much it heard, when the word `end` came; hangs up on `bye`."""

    def __init__(self, begun: bytes, gone: Callable[[], None]) -> None:
        self.heard, self.gone = begun, gone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        link = transport.get_extra_info("socket")
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "an answer in two pieces waits 40 ms"
        self.look()

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.look()

    def look(self) -> None:
        if self.heard.endswith((b"end", b"\r\n\r\n")):
            self.transport.write(b"heard %d" % len(self.heard))
        if self.heard.endswith(b"bye"):
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone()


class Door:
    """An entrance that is open, and those who come."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.entrance = Entrance(Admission(lambda text: text == OURS), Inside)
        self.port = self.entrance.open(("127.0.0.1", 0))

    async def come(self, said: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(said)
        self.writers.append(writer)
        return reader, writer

    async def close(self) -> None:
        """Everybody leaves, then the door."""
        for writer in self.writers:
            writer.transport.abort()
        self.entrance.close()
        while "inside=0" not in repr(self.entrance):  # noqa: ASYNC110 - nobody tells when the last one has left
            await asyncio.sleep(0.01)


@asynccontextmanager
async def opened() -> AsyncIterator[Door]:
    """A door, closed after everybody has left."""
    found = Door()
    yield found
    await found.close()


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    """Open for one test."""
    async with opened() as found:
        yield found


async def heard(reader: asyncio.StreamReader) -> bytes:
    """What comes back, at most one block."""
    async with asyncio.timeout(10):
        return await reader.read(4096)


async def test_what_was_read_at_the_door_is_heard_inside(door: Door) -> None:
    """Not a byte is lost or doubled between door and room, in however many pieces it comes."""
    reader, writer = await door.come(MEMBER[:20])
    await asyncio.sleep(0.02)
    writer.write(MEMBER[20:] + b"more")
    await asyncio.sleep(0.02)
    writer.write(b"and the end")
    assert await heard(reader) == b"heard %d" % len(MEMBER + b"moreand the end")


async def test_who_comes_too_often_has_an_answer_even_with_its_body_under_way(door: Door) -> None:
    """429 arrives whole, although more is sent than was read."""
    guests = [await door.come(MEMBER.replace(b"\r\n\r\n", b"\r\n\r\nbye")) for _ in range(BURST)]
    for reader, _ in guests:
        await heard(reader)
    reader, writer = await door.come(MEMBER + b"x" * 200_000)
    assert (await heard(reader)).startswith(b"HTTP/1.1 429 ")
    writer.close()


async def test_one_ticket_has_so_many_connections_at_a_time(door: Door) -> None:
    """Whoever holds a ticket can not fill the room; one that ends makes place for one."""
    guests = [await door.come(MEMBER) for _ in range(entrance.INSIDE[True])]
    for reader, _ in guests:
        await heard(reader)
    assert (await heard((await door.come(MEMBER))[0])).startswith(b"HTTP/1.1 429 ")
    guests[0][1].write(b"bye")
    await heard(guests[0][0])
    await asyncio.sleep(0.02)
    assert (await heard((await door.come(MEMBER))[0])).startswith(b"heard")


async def test_the_silent_never_keep_a_member_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of those who did not say enough is full, the oldest go, and a member is heard at once."""
    monkeypatch.setattr(entrance, "WAITING", 8)
    async with opened() as door:
        silent = [await door.come(b"G") for _ in range(20)]
        await asyncio.sleep(0.05)
        assert (await heard((await door.come(MEMBER))[0])).startswith(b"heard")
        assert await heard(silent[0][0]) == b""
        assert repr(door.entrance) in {f"<Entrance waiting={number} inside=1>" for number in (7, 8)}


async def test_whoever_says_nothing_is_not_let_near_at_first(door: Door) -> None:
    """The system keeps it for a second; whoever speaks in that time is there with its words."""
    silent = await door.come()
    await asyncio.sleep(0.1)
    assert repr(door.entrance) == "<Entrance waiting=0 inside=0>"
    silent[1].write(MEMBER)
    assert (await heard(silent[0])).startswith(b"heard")


async def test_the_silent_are_sent_away_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that does not come is not waited for."""
    monkeypatch.setattr(entrance, "HEAD_SECONDS", 0.05)
    async with opened() as door:
        reader, _ = await door.come(PAGE[:-1])
        assert await heard(reader) == b""


async def test_a_stranger_may_look_but_not_stay(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is answered; the connection ends in its time however slowly the rest comes."""
    monkeypatch.setattr(entrance, "STRANGER_SECONDS", 0.05)
    reader, _ = await door.come(PAGE)
    assert (await heard(reader)).startswith(b"heard")
    assert await heard(reader) == b""


async def test_a_head_without_an_end_is_refused(door: Door) -> None:
    """At the limit, with a word."""
    reader, _ = await door.come(b"x" * LOOK_BYTES)
    assert (await heard(reader)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("verdict", entrance.ANSWERS)
def test_whoever_is_refused_reads_a_problem(verdict: Verdict) -> None:
    """Whole by its own length, with the status in both places, and when to come again."""
    head, _, body = entrance.ANSWERS[verdict].decode("ascii").partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    fields = dict(line.split(": ") for line in lines)
    assert json.loads(body)["status"] == int(status.split()[1])
    assert (fields["Content-Type"], fields["Content-Length"]) == ("application/problem+json", str(len(body)))
    assert int(fields["Retry-After"]) > 0


async def test_a_port_that_is_taken_is_an_error_of_the_system(door: Door) -> None:
    """And stays whose it is."""
    other = Entrance(Admission(lambda _: False), Inside)
    with pytest.raises(OSError, match="in use"):
        other.open(("127.0.0.1", door.port))
    other.close()


async def test_after_closing_nobody_is_let_in(door: Door) -> None:
    """Who waited is hung up on, and the port is free."""
    reader, _ = await door.come(PAGE[:-1])
    await asyncio.sleep(0.02)
    door.entrance.close()
    assert await heard(reader) == b""
    with socket.socket() as late:
        assert late.connect_ex(("127.0.0.1", door.port))
