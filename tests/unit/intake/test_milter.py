"""The milter door: it sees mail as it was taken, keeps it before it answers, and never stands in its way."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from antiphon.errors import StorageFailed
from antiphon.intake import milter
from antiphon.intake.mailport import RECIPIENTS, Envelope
from antiphon.intake.milter import PACKET_BYTES, WANTED, MilterPort, packet

ANN, BOB = "ann@home.example", "bob@home.example"
EVERYTHING = 0x1FFFFF
CONNECT = b"mail.shop.example\x004" + (40123).to_bytes(2, "big") + b"192.0.2.7\0"


class Desk:
    """What stands behind the door."""

    def __init__(self) -> None:
        self.kept: list[Envelope] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def commit(self, envelope: Envelope) -> None:
        await self.gate.wait()
        if self.fault:
            raise self.fault
        self.kept.append(envelope)

    async def watches(self, address: str) -> bool:
        if address.startswith("broken"):
            raise StorageFailed("The disk is gone.")
        return address.startswith("ann")


class Mta:
    """As Postfix speaks: waits for an answer only where one was agreed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.agreed = self.version = self.actions = 0

    async def offer(self, version: int = 6, flags: int = EVERYTHING) -> None:
        self.tell(b"O", struct.pack(">III", version, 0x1FF, flags))
        command, data = await self.answer()
        assert command == b"O"
        self.version, self.actions, self.agreed = struct.unpack(">III", data)

    def tell(self, command: bytes, data: bytes = b"") -> None:
        self.writer.write(packet(command, data))

    async def answer(self) -> tuple[bytes, bytes]:
        size = int.from_bytes(await self.reader.readexactly(4), "big")
        data = await self.reader.readexactly(size)
        return data[:1], data[1:]

    async def say(self, command: bytes, data: bytes = b"") -> bytes:
        self.tell(command, data)
        quiet = milter.QUIET.get(command[0], 0)
        return b"" if self.agreed & quiet else (await self.answer())[0]

    async def mail(self, *recipients: str, fields: tuple[bytes, ...] = (), body: tuple[bytes, ...] = ()) -> bytes:
        """One mail; the last answer."""
        self.tell(b"D", b"M" + b"i\0A1B2\0")
        await self.say(b"M", b"<bounce@shop.example>\0SIZE=10\0")
        for recipient in recipients:
            await self.say(b"R", f"<{recipient}>\0".encode())
        if await self.say(b"T") == b"a":
            return b"a"
        for field in fields:
            await self.say(b"L", field)
        for piece in body:
            await self.say(b"B", piece)
        return await self.say(b"E")

    async def gone(self) -> bool:
        return await self.reader.read() == b""


@asynccontextmanager
async def door(desk: Desk, **options: int) -> AsyncIterator[tuple[MilterPort, object]]:
    port_ = MilterPort(desk.commit, desk.watches, **options)
    port = await port_.open()
    lines: list[Mta] = []

    async def connect() -> Mta:
        lines.append(Mta(*await asyncio.open_connection("127.0.0.1", port)))
        return lines[-1]

    try:
        yield port_, connect
    finally:
        desk.gate.set()
        await port_.close()
        for line in lines:
            line.writer.transport.abort()
        for _ in range(8):
            await asyncio.sleep(0)


async def test_a_mail_is_kept_byte_for_byte_before_the_answer() -> None:
    """Client, envelope, folded fields with their own spaces, body in pieces: all as it was taken."""
    desk = Desk()
    async with door(desk) as (_, connect):
        mta = await connect()
        await mta.offer()
        assert await mta.say(b"C", CONNECT) == b""
        fields = (b"Subject\0 a\n\tb\0", b"X-Tight\0none\0", b"X-Wide\0   three\0")
        assert await mta.mail(ANN, BOB, fields=fields, body=(b"one\r\n.two", b"\r\n\xff\r\n")) == b"a"
        raw = b"Subject: a\r\n\tb\r\nX-Tight:none\r\nX-Wide:   three\r\n\r\none\r\n.two\r\n\xff\r\n"
        assert desk.kept == [Envelope("192.0.2.7", 40123, "bounce@shop.example", (ANN,), raw)]


async def test_it_asks_for_no_right_to_change_anything() -> None:
    """Whatever an MTA offers, the actions agreed are none, and only flags that were offered come back."""
    async with door(Desk()) as (_, connect):
        for flags in (0, EVERYTHING, 0x80):
            mta = await connect()
            await mta.offer(flags=flags)
            assert (mta.version, mta.actions, mta.agreed) == (6, 0, flags & WANTED)


async def test_an_old_mta_that_wants_every_answer_gets_it() -> None:
    """Version 2 without quiet flags: *continue* for everything, a space put after each colon, *accept* at the end."""
    desk = Desk()
    async with door(desk) as (_, connect):
        mta = await connect()
        await mta.offer(2, 0)
        assert mta.version == 2
        assert await mta.say(b"C", b"[x]\x006\x00\x19IPv6:2001:db8::5\0") == b"c"
        assert await mta.say(b"H", b"client\0") == b"c"
        assert await mta.mail(ANN, fields=(b"Subject\0hi\0",), body=(b"body",)) == b"a"
        assert desk.kept == [Envelope("2001:db8::5", 25, "bounce@shop.example", (ANN,), b"Subject: hi\r\n\r\nbody")]


async def test_mail_for_nobody_here_is_not_read() -> None:
    """At DATA the answer is *accept*: the MTA tells nothing more of it, and nothing is kept."""
    desk = Desk()
    async with door(desk) as (_, connect):
        mta = await connect()
        await mta.offer()
        assert await mta.mail(BOB, "broken@home.example") == b"a"
        assert await mta.mail(ANN) == b"a"
        assert [envelope.rcpt_tos for envelope in desk.kept] == [(ANN,)]


async def test_mail_that_can_not_be_kept_goes_on() -> None:
    """A full disk costs the commitment, never the mail."""
    desk = Desk()
    desk.fault = StorageFailed("The disk is full.")
    async with door(desk) as (port, connect):
        mta = await connect()
        await mta.offer()
        assert await mta.mail(ANN, body=(b"x",)) == b"a"
        assert port.lost == 1
        desk.fault = None
        assert await mta.mail(ANN, body=(b"x",)) == b"a"
        assert (port.lost, len(desk.kept)) == (1, 1)


async def test_a_slow_disk_does_not_hold_mail_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its patience the door says *accept*; what the disk then still keeps is kept."""
    monkeypatch.setattr(milter, "KEEP_SECONDS", 0.01)
    desk = Desk()
    desk.gate.clear()
    async with door(desk) as (port, connect):
        mta = await connect()
        await mta.offer()
        assert await mta.mail(ANN, body=(b"x",)) == b"a"
        assert desk.kept == []
        desk.gate.set()
        await port.close()
        assert len(desk.kept) == 1


async def test_a_disk_that_stands_still_collects_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many mails wait for it; the next ones go on at once."""
    monkeypatch.setattr(milter, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(milter, "ACCEPTS_UNDER_WAY", 2)
    desk = Desk()
    desk.gate.clear()
    async with door(desk) as (port, connect):
        mta = await connect()
        await mta.offer()
        for _ in range(3):
            assert await mta.mail(ANN, body=(b"x",)) == b"a"
        assert port.lost == 1
        desk.gate.set()


@pytest.mark.parametrize(("size", "kept"), [(100, 1), (101, 0)])
async def test_a_mail_has_a_limit(size: int, kept: int) -> None:
    """At the limit it is kept; one byte more, and it goes on uncommitted, and nothing of it stays in memory."""
    desk = Desk()
    async with door(desk, message_bytes=100) as (port, connect):
        mta = await connect()
        await mta.offer()
        assert await mta.mail(ANN, body=(b"x" * 60, b"y" * (size - 60))) == b"a"
        assert (len(desk.kept), port.lost, port.held_bytes) == (kept, 1 - kept, 0)
        assert await mta.mail(ANN, body=(b"x",)) == b"a"
        assert len(desk.kept) == kept + 1


@pytest.mark.parametrize(("held", "kept"), [(50, 1), (51, 0)])
async def test_all_mails_together_have_a_limit(held: int, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What several connections hold at a time is bounded; a mail that does not fit goes on uncommitted."""
    monkeypatch.setattr(milter, "HELD_BYTES", 100)
    desk = Desk()
    async with door(desk) as (port, connect):
        first, second = await connect(), await connect()
        await first.offer()
        await first.say(b"M", b"<>\0")
        await first.say(b"R", f"<{ANN}>\0".encode())
        await first.say(b"T")
        await first.say(b"B", b"x" * held)
        await second.offer()
        assert await second.mail(ANN, body=(b"y" * 50,)) == b"a"
        assert len(desk.kept) == kept
        first.tell(b"Q")
        assert await first.gone()
        assert port.held_bytes == 0


async def test_one_recipient_too_many_is_not_committed() -> None:
    """The first hundred mailboxes are."""
    desk = Desk()
    async with door(desk) as (_, connect):
        mta = await connect()
        await mta.offer()
        assert await mta.mail(*(f"ann{n}@home.example" for n in range(RECIPIENTS + 1))) == b"a"
        assert len(desk.kept[0].rcpt_tos) == RECIPIENTS


async def test_mails_of_one_connection_do_not_mix() -> None:
    """After an abort, and after a mail, nothing is left of it; a new client of the same connection is a new one."""
    desk = Desk()
    async with door(desk) as (_, connect):
        mta = await connect()
        await mta.offer()
        await mta.say(b"C", CONNECT)
        await mta.say(b"M", b"<a@one.example>\0")
        await mta.say(b"R", f"<{ANN}>\0".encode())
        await mta.say(b"T")
        await mta.say(b"L", b"Subject\0 lost\0")
        mta.tell(b"A")
        assert await mta.mail(ANN, body=(b"two",)) == b"a"
        mta.tell(b"K")
        await mta.say(b"C", b"x\0U")
        assert await mta.mail(ANN, body=(b"three",)) == b"a"
        assert [(e.peer_address, e.raw) for e in desk.kept] == [("192.0.2.7", b"\r\ntwo"), ("", b"\r\nthree")]
        mta.tell(b"Q")
        assert await mta.gone()


@pytest.mark.parametrize("size", [0, PACKET_BYTES + 1, 2**32 - 1])
async def test_a_packet_has_a_limit(size: int) -> None:
    """A length that no MTA tells ends the connection."""
    async with door(Desk()) as (_, connect):
        mta = await connect()
        mta.writer.write(size.to_bytes(4, "big"))
        assert await mta.gone()


async def test_the_longest_packet_is_read() -> None:
    """Exactly the limit."""
    desk = Desk()
    async with door(desk) as (_, connect):
        mta = await connect()
        await mta.offer()
        assert await mta.mail(ANN, body=(b"x" * (PACKET_BYTES - 1),)) == b"a"
        assert len(desk.kept[0].raw) == PACKET_BYTES + 1


@pytest.mark.parametrize("nonsense", [packet(b"O", b"short"), packet(b"O", bytes(12)), packet(b"L", b"no value")])
async def test_who_does_not_speak_the_protocol_is_left(nonsense: bytes) -> None:
    """The connection ends; MTAs are told to accept then."""
    async with door(Desk()) as (_, connect):
        mta = await connect()
        mta.writer.write(nonsense)
        assert await mta.gone()


async def test_one_connection_too_many_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is stated; whoever is in goes on."""
    monkeypatch.setattr(milter, "CONNECTIONS", 1)
    async with door(Desk()) as (_, connect):
        first = await connect()
        await first.offer()
        second = await connect()
        assert await second.gone()
        assert await first.mail(ANN) == b"a"


async def test_a_silent_connection_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a packet does not hold a place for ever."""
    monkeypatch.setattr(milter, "IDLE_SECONDS", 0.01)
    async with door(Desk()) as (_, connect):
        mta = await connect()
        mta.writer.write(b"\0\0")
        assert await mta.gone()


COMMANDS = st.sampled_from([bytes([value]) for value in b"OCHMRTLNBEAKQDUX\x00\xff"])
PACKETS = st.lists(st.tuples(COMMANDS, st.binary(max_size=40)).map(lambda pair: packet(*pair)), max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([packet(b"O", struct.pack(">III", 6, 0, EVERYTHING)), packet(b"R", b"<ann>\0"), packet(b"E")])
@given(st.one_of(st.binary(max_size=200).map(lambda data: [data]), PACKETS))
async def test_no_bytes_make_it_refuse_or_fail(pieces: list[bytes]) -> None:
    """Whatever is said: every answer is one of agreement, *continue* and *accept*, and the door stays open."""
    desk = Desk()
    async with door(desk) as (port, connect):
        mta = await connect()
        mta.writer.write(b"".join(pieces))
        mta.writer.write_eof()
        said = await mta.reader.read()
        while said:
            size = int.from_bytes(said[:4], "big")
            assert said[4:5] in (b"O", b"c", b"a")
            said = said[4 + size :]
        assert port.listens()
        assert port.held_bytes == 0
