"""The doors for mail: nothing is acknowledged before it is kept, and each LMTP recipient gets its own reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import MalformedInput, StorageFailed
from antiphon.intake import mailport
from antiphon.intake.mailport import (
    ACCEPTS_UNDER_WAY,
    BUSY,
    CONNECTIONS,
    LATER,
    LINE_BYTES,
    RECIPIENTS,
    REFUSED,
    Envelope,
    MailPort,
    one_reply,
)

A, B = "a@hosted.example", "b@hosted.example"
CONTENT = b"Subject: x\r\n\r\nbody\r\n"


class Desk:
    """What stands behind a door: keeps envelopes, answers as told."""

    def __init__(self) -> None:
        self.kept: list[Envelope] = []
        self.replies: Callable[[Envelope], Sequence[str]] = lambda envelope: ["250 2.0.0 kept"] * len(envelope.rcpt_tos)
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None

    async def accept(self, envelope: Envelope) -> Sequence[str]:
        await self.gate.wait()
        if self.fault:
            raise self.fault
        self.kept.append(envelope)
        return self.replies(envelope)

    async def knows(self, address: str) -> bool:
        if address.startswith("broken"):
            raise StorageFailed("The disk is gone.")
        return address.endswith("@hosted.example")


class Client:
    """A mail client that says lines and reads replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def reply(self) -> str:
        while (line := (await self._reader.readline()).decode().rstrip("\r\n"))[3:4] == "-":
            pass
        return line

    async def say(self, line: str) -> str:
        self.writer.write(line.encode() + b"\r\n")
        return await self.reply()

    async def hello(self, verb: str, *recipients: str) -> list[str]:
        await self.reply()
        await self.say(f"{verb} client.example")
        await self.say("MAIL FROM:<c@other.example>")
        return [await self.say(f"RCPT TO:<{recipient}>") for recipient in recipients]

    async def content(self, content: bytes = CONTENT) -> None:
        assert (await self.say("DATA")).startswith("354")
        self.writer.write(content + b".\r\n")

    async def rest(self) -> bytes:
        return await self._reader.read()


@asynccontextmanager
async def door(desk: Desk, protocol="smtp", **options) -> AsyncIterator[Callable[[], object]]:
    port_ = MailPort(desk.accept, desk.knows, protocol=protocol, hostname="mx.hosted.example", **options)
    port = await port_.open()
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
        return clients[-1]

    try:
        yield connect
    finally:
        await port_.close()
        for client in clients:
            client.writer.transport.abort()
        for _ in range(8):
            await asyncio.sleep(0)


async def test_a_message_comes_in_as_it_was_sent() -> None:
    """Exact bytes after DATA, dots undoubled; peer and envelope as they were."""
    desk = Desk()
    async with door(desk) as connect:
        client = await connect()
        assert await client.hello("EHLO", A, B) == ["250 2.1.5 OK"] * 2
        await client.content(b"Subject: x\r\n\r\n..dot\r\nbare\nfeed \xff\r\n")
        assert await client.reply() == "250 2.0.0 kept"
        address, port = client.writer.get_extra_info("sockname")
        assert await client.say("QUIT") == "221 Bye"
    raw = b"Subject: x\r\n\r\n.dot\r\nbare\nfeed \xff\r\n"
    assert desk.kept == [Envelope(address, port, "c@other.example", (A, B), raw)]


async def test_a_bare_line_feed_before_a_dot_ends_nothing() -> None:
    """No message can be smuggled inside another one."""
    desk = Desk()
    async with door(desk) as connect:
        client = await connect()
        await client.hello("EHLO", A)
        await client.content(b"x\r\n\n.\nMAIL FROM:<other@x>\n.\r\r\n\n.\r\n")
        assert await client.reply() == "250 2.0.0 kept"
    assert len(desk.kept) == 1


async def test_no_reply_leaves_before_the_message_is_kept() -> None:
    """The acknowledgement waits for `accept`."""
    desk = Desk()
    desk.gate.clear()
    async with door(desk) as connect:
        client = await connect()
        await client.hello("EHLO", A)
        await client.content()
        reply = asyncio.ensure_future(client.reply())
        done, _ = await asyncio.wait({reply}, timeout=0.1)
        assert not done
        desk.gate.set()
        assert await reply == "250 2.0.0 kept"


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_lmtp_gives_each_recipient_a_reply(count: int) -> None:
    """RFC 2033 §4.2, in the order of the recipients, codes of their own."""
    desk = Desk()
    desk.replies = lambda envelope: (
        [f"250 2.0.0 {recipient}" for recipient in envelope.rcpt_tos[:-1]] + ["450 4.0.0 later"]
    )
    recipients = [f"r{number}@hosted.example" for number in range(count)]
    async with door(desk, "lmtp") as connect:
        client = await connect()
        await client.hello("LHLO", *recipients)
        await client.content()
        got = [await client.reply() for _ in recipients]
        assert got == [*(f"250 2.0.0 {recipient}" for recipient in recipients[:-1]), "450 4.0.0 later"]
        assert await client.say("NOOP") == "250 OK"


async def test_lmtp_repeats_the_library_s_own_refusals_too() -> None:
    """A message too large is refused for each recipient, and the session goes on in step."""
    async with door(Desk(), "lmtp", message_bytes=100) as connect:
        client = await connect()
        await client.hello("LHLO", A, B)
        await client.content(b"x" * 98 + b"\r\n" + b"y\r\n")
        assert [(await client.reply())[:3] for _ in (A, B)] == ["552", "552"]
        assert await client.say("NOOP") == "250 OK"
        assert (await client.say("DATA")).startswith("503")
        assert await client.say("NOOP") == "250 OK"


async def test_lmtp_is_not_smtp() -> None:
    """Each door has its own greeting."""
    async with door(Desk(), "lmtp") as connect:
        client = await connect()
        await client.reply()
        assert (await client.say("EHLO x")).startswith("500")
    async with door(Desk()) as connect:
        client = await connect()
        await client.reply()
        assert (await client.say("LHLO x")).startswith("500")


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
@pytest.mark.parametrize(
    ("fault", "reply"),
    [
        (StorageFailed("The disk is full."), LATER),
        (MalformedInput("Too deep."), REFUSED),
        (RuntimeError("a mistake of ours, with details"), LATER),
    ],
)
async def test_a_fault_behind_the_door_leaves_the_copy_with_the_other_side(
    protocol, fault: Exception, reply: str
) -> None:
    """Temporary unless the message itself is at fault; no details of ours go out."""
    desk = Desk()
    desk.fault = fault
    async with door(desk, protocol) as connect:
        client = await connect()
        await client.hello("EHLO" if protocol == "smtp" else "LHLO", A, B)
        await client.content()
        for _ in (A, B) if protocol == "lmtp" else (A,):
            assert await client.reply() == reply
        assert await client.say("NOOP") == "250 OK"


@pytest.mark.parametrize(
    "replies", [[], ["250 one"], ["250 a", "250 b", "250 c"], ["250 a", "999 b"], ["250 a", "250 b\r\nx"]]
)
async def test_replies_that_do_not_fit_become_temporary(replies: list[str]) -> None:
    """A wrong number or a line with more in it never reaches the wire."""
    desk = Desk()
    desk.replies = lambda envelope: replies
    async with door(desk, "lmtp") as connect:
        client = await connect()
        await client.hello("LHLO", A, B)
        await client.content()
        assert [await client.reply() for _ in (A, B)] == [LATER, LATER]


@pytest.mark.parametrize(
    ("replies", "reply"),
    [
        (["250 a"], "250 a"),
        (["250 a", "250 b"], "250 a"),
        (["550 a", "250 b"], "250 b"),
        (["250 a", "451 b"], "451 b"),
        (["550 a", "451 b"], "451 b"),
        (["550 a", "551 b"], "550 a"),
        ([], LATER),
    ],
)
def test_smtp_folds_several_replies_into_one(replies: list[str], reply: str) -> None:
    """What comes twice is folded later; what is lost is lost."""
    assert one_reply(replies) == reply


async def test_an_unknown_recipient_is_refused_and_the_known_one_stays() -> None:
    """550 for a mailbox that is not here, 451 when nobody can tell."""
    desk = Desk()
    async with door(desk) as connect:
        client = await connect()
        replies = await client.hello("EHLO", "x@elsewhere.example", A, "broken@hosted.example")
        assert [reply[:3] for reply in replies] == ["550", "250", "451"]
        await client.content()
        await client.reply()
    assert desk.kept[0].rcpt_tos == (A,)


async def test_recipients_have_a_stated_number() -> None:
    """At the limit and one past it."""
    async with door(Desk()) as connect:
        client = await connect()
        replies = await client.hello("EHLO", *(f"r{number}@hosted.example" for number in range(RECIPIENTS + 1)))
        assert [reply[:3] for reply in replies] == ["250"] * RECIPIENTS + ["452"]


async def test_a_message_has_a_stated_size() -> None:
    """At the limit and one past it; announced sizes are refused at MAIL."""
    desk = Desk()
    async with door(desk, message_bytes=1000) as connect:
        client = await connect()
        await client.hello("EHLO", A)
        await client.content(b"x" * 998 + b"\r\n")
        assert (await client.reply()).startswith("250")
        assert (await client.say("MAIL FROM:<> SIZE=1001")).startswith("552")
        await client.say("MAIL FROM:<>")
        await client.say(f"RCPT TO:<{A}>")
        await client.content(b"x" * 999 + b"\r\n")
        assert (await client.reply()).startswith("552")
    assert [len(envelope.raw) for envelope in desk.kept] == [1000]


async def test_a_line_has_a_stated_length() -> None:
    """At the limit and one past it."""
    desk = Desk()
    async with door(desk) as connect:
        for extra, code in ((0, "250"), (1, "500")):
            client = await connect()
            await client.hello("EHLO", A)
            await client.content(b"x" * (LINE_BYTES - 2 + extra) + b"\r\n")
            assert (await client.reply()).startswith(code)


async def test_connections_have_a_stated_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """One past the limit hears 421 and no more; a place that is left can be taken."""
    assert CONNECTIONS > 3
    monkeypatch.setattr(mailport, "CONNECTIONS", 3)
    async with door(Desk()) as connect:
        clients = [await connect() for _ in range(3)]
        assert all([(await client.reply()).startswith("220") for client in clients])
        extra = await connect()
        assert await extra.rest() == BUSY.encode() + b"\r\n"
        assert (await clients[0].say("QUIT")).startswith("221")
        await clients[0].rest()
        again = await connect()
        assert (await again.reply()).startswith("220")


async def test_messages_under_way_have_a_stated_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-pressure: one past the limit comes again later."""
    assert ACCEPTS_UNDER_WAY > 1
    monkeypatch.setattr(mailport, "ACCEPTS_UNDER_WAY", 1)
    desk = Desk()
    desk.gate.clear()
    async with door(desk) as connect:
        first, second = await connect(), await connect()
        for client in (first, second):
            await client.hello("EHLO", A)
        await first.content()
        waiting = asyncio.ensure_future(first.reply())
        await asyncio.wait({waiting}, timeout=0.1)
        await second.content()
        assert await second.reply() == LATER
        desk.gate.set()
        assert (await waiting).startswith("250")


async def test_a_message_that_is_all_here_is_kept_when_the_other_side_hangs_up() -> None:
    """And closing the door waits for it."""
    desk = Desk()
    desk.gate.clear()
    async with door(desk) as connect:
        client = await connect()
        await client.hello("EHLO", A)
        await client.content()
        reply = asyncio.ensure_future(client.reply())
        await asyncio.wait({reply}, timeout=0.1)
        client.writer.transport.abort()
        await asyncio.wait({reply}, timeout=0.1)
        desk.gate.set()
    assert len(desk.kept) == 1


async def test_half_a_message_is_not_kept() -> None:
    """Without the final dot there was no message."""
    desk = Desk()
    async with door(desk) as connect:
        client = await connect()
        await client.hello("EHLO", A)
        assert (await client.say("DATA")).startswith("354")
        client.writer.write(CONTENT)
        client.writer.write_eof()
        await client.rest()
    assert desk.kept == []


async def test_the_door_is_on_loopback_unless_told_otherwise() -> None:
    """The default binding."""
    desk = Desk()
    port = MailPort(desk.accept, desk.knows, protocol="lmtp", hostname="mx.hosted.example")
    await port.open()
    assert port._server is not None
    assert [sock.getsockname()[0] for sock in port._server.sockets] == ["127.0.0.1"]
    await port.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"EHLO x", b"MAIL FROM:<a@b>", b"DATA", b"."]), max_size=8))
def test_hostile_lines_never_break_the_door(lines: list[bytes]) -> None:
    """Whatever is said, the next client is served."""

    async def run() -> None:
        async with door(Desk()) as connect:
            hostile = await connect()
            hostile.writer.write(b"\r\n".join(lines) + b"\r\n")
            hostile.writer.write_eof()
            await hostile.rest()
            assert (await (await connect()).reply()).startswith("220")

    asyncio.run(run())
