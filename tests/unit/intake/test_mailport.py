"""The doors for mail: nothing is acknowledged before it is kept, and each LMTP recipient gets its own reply."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import MalformedInput, StorageFailed
from antiphon.intake import mailport, places
from antiphon.intake.mailport import (
    ACCEPTS_UNDER_WAY,
    LATER,
    NO_STORAGE,
    RECIPIENTS,
    REFUSED,
    MailPort,
    one_reply,
)
from antiphon.intake.places import BUSY
from tests.unit.intake.client import CONTENT, A, B, Client, Desk, door


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


@pytest.mark.parametrize(
    ("path", "sender"), [("<>", ""), ("<> BODY=8BITMIME", ""), ("<c@other.example>", "c@other.example")]
)
async def test_the_envelope_names_the_reverse_path(path: str, sender: str) -> None:
    """A null one is empty (RFC 5321 §4.5.5)."""
    desk = Desk()
    async with door(desk) as connect:
        client = await connect()
        await client.reply()
        await client.say("EHLO client.example")
        await client.say(f"MAIL FROM:{path}")
        await client.say(f"RCPT TO:<{A}>")
        await client.content()
        assert await client.reply() == "250 2.0.0 kept"
    assert [(each.peer_address, each.mail_from, each.rcpt_tos) for each in desk.kept] == [("127.0.0.1", sender, (A,))]


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


async def test_strangers_have_a_stated_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many takes the oldest's place, which hears 421; whoever has named a mailbox of ours stays."""
    monkeypatch.setattr(places, "STRANGERS", 2)
    async with door(Desk()) as connect:
        member = await connect()
        await member.hello("EHLO", A)
        asking, chatting = await connect(), await connect()
        assert (await asking.hello("EHLO", "x@elsewhere.example"))[0].startswith("550")
        await chatting.hello("EHLO")
        for gone in (asking, chatting):
            late = await connect()
            assert (await late.reply()).startswith("220")
            assert (await late.say("NOOP")).startswith("250")
            assert await gone.rest() == BUSY.encode() + b"\r\n"
        await member.content()
        assert await member.reply() == "250 2.0.0 kept"


async def test_a_place_that_is_left_can_be_taken_from_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of either kind."""
    monkeypatch.setattr(places, "STRANGERS", 1)
    monkeypatch.setattr(places, "NAMED", 1)
    async with door(Desk()) as connect:
        for recipient in (A, "x@elsewhere.example"):
            first = await connect()
            await first.hello("EHLO", recipient)
            assert (await first.say("QUIT")).startswith("221")
            await first.rest()
        member = await connect()
        assert (await member.hello("EHLO", A))[0].startswith("250")
        stranger = await connect()
        assert (await stranger.reply()).startswith("220")
        for client in (member, stranger):
            assert (await client.say("NOOP")).startswith("250")


async def test_a_session_that_ends_leaves_nothing_for_the_collector() -> None:
    """Else a crowd that leaves stops everybody while it is collected."""
    async with door(Desk()) as connect:
        gc.collect()
        gc.disable()
        try:
            for word in ("QUIT", f"RCPT TO:<{A}>", ""):
                client = await connect()
                await client.hello("EHLO")
                assert _sessions() == 1
                client.writer.write(word.encode() + b"\r\n")
                client.writer.write_eof()
                await client.rest()
                await asyncio.sleep(0.01)
                assert _sessions() == 0
        finally:
            gc.enable()


def _sessions() -> int:
    return sum(isinstance(each, mailport._Smtp) for each in gc.get_objects())


async def test_a_message_that_never_ends_gives_way_and_one_that_is_owed_a_reply_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of those that have named a mailbox the oldest in DATA goes; where all replies are owed, the newest hears 451."""
    monkeypatch.setattr(places, "NAMED", 2)
    desk = Desk()
    desk.gate.clear()
    async with door(desk) as connect:
        owed, slow = await _named(connect, 2)
        await owed.content()
        assert (await slow.say("DATA")).startswith("354")
        await _begun(desk, 1)
        late = await connect()
        assert (await late.hello("EHLO", B))[0].startswith("250")
        assert await slow.rest() == BUSY.encode() + b"\r\n"
        await late.content()
        await _begun(desk, 2)
        last = await connect()
        assert await last.hello("EHLO", B) == [LATER]
        desk.gate.set()
        assert [await client.reply() for client in (owed, late)] == ["250 2.0.0 kept"] * 2
        assert (await last.say(f"RCPT TO:<{B}>")).startswith("250")


async def test_of_messages_that_fill_the_room_the_biggest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read to its end and may come again; the small one beside it is kept, and so is what comes next."""
    monkeypatch.setattr(places, "HELD_BYTES", 20_000)
    desk = Desk()
    async with door(desk) as connect:
        big, small = await _named(connect, 2)
        assert (await big.say("DATA")).startswith("354")
        big.writer.write(b"x" * 998 + b"\r\n")
        big.writer.write((b"x" * 998 + b"\r\n") * 18)
        await asyncio.sleep(0.1)
        await small.content((b"y" * 98 + b"\r\n") * 30)
        assert await small.reply() == "250 2.0.0 kept"
        big.writer.write(b"the end\r\n.\r\n")
        assert await big.reply() == NO_STORAGE
        assert [len(envelope.raw) for envelope in desk.kept] == [3_000]
        await big.say("MAIL FROM:<c@other.example>")
        await big.say(f"RCPT TO:<{A}>")
        await big.content()
        assert await big.reply() == "250 2.0.0 kept"


async def _named(connect: object, count: int) -> list[Client]:
    """Clients that have each named a mailbox."""
    clients = [await connect() for _ in range(count)]  # type: ignore[operator]  # what the fixture gives
    for client in clients:
        await client.hello("EHLO", A)
    return clients


async def _begun(desk: Desk, count: int) -> None:
    """When so many messages are whole."""
    while desk.begun < count:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)


async def test_messages_under_way_have_a_stated_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-pressure: one past the limit comes again later."""
    assert ACCEPTS_UNDER_WAY > 1
    monkeypatch.setattr(mailport, "ACCEPTS_UNDER_WAY", 1)
    desk = Desk()
    desk.gate.clear()
    async with door(desk) as connect:
        first, second = await _named(connect, 2)
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


async def test_the_door_is_on_loopback_unless_told_otherwise() -> None:
    """The default binding."""
    desk = Desk()
    port = MailPort(desk.accept, desk.knows, protocol="lmtp", hostname="mx.hosted.example")
    number = await port.open()
    _, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.close()
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.2", number))
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


@pytest.mark.parametrize(("protocol", "verb"), [("smtp", "EHLO"), ("lmtp", "LHLO")])
async def test_commands_may_come_in_a_group(protocol: str, verb: str) -> None:
    """RFC 2920: the greeting says so, and each command has its reply, in order."""
    desk = Desk()
    async with door(desk, protocol) as connect:
        client = await connect()
        await client.reply()
        client.writer.write(f"{verb} client.example\r\n".encode())
        said = [await client.line()]
        while said[-1][3:4] == "-":
            said.append(await client.line())
        assert "250-PIPELINING" in said
        client.writer.write(f"MAIL FROM:<c@x.example>\r\nRCPT TO:<no@x.example>\r\nRCPT TO:<{A}>\r\nDATA\r\n".encode())
        assert [(await client.reply())[:3] for _ in range(4)] == ["250", "550", "250", "354"]
        client.writer.write(CONTENT + b".\r\nQUIT\r\n")
        assert [(await client.reply())[:3] for _ in range(2)] == ["250", "221"]
    assert [envelope.rcpt_tos for envelope in desk.kept] == [(A,)]
