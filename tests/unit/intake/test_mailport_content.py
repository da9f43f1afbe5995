"""What comes through a mail door is what was sent: its end, its dots, its limits."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.intake.mailport import LINE_BYTES, Envelope
from tests.unit.intake.client import CONTENT, A, B, Desk, door


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


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([b"", b".", b"..", b".x", b"x.", b"\n.", b".\n", b"\r", b"\r.\r", b"x" * 40]), max_size=6),
    st.lists(st.integers(0, 80), max_size=6),
)
def test_however_a_message_is_cut_on_its_way_it_comes_in_whole_and_alone(lines: list[bytes], cuts: list[int]) -> None:
    """Only CRLF, dot, CRLF ends it, and what was said behind it is heard next."""
    desk = Desk()
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    said = stuffed + b".\r\nNOOP\r\n"
    places = sorted({0, len(said), *(cut % len(said) for cut in cuts)})

    async def story() -> str:
        async with door(desk) as connect:
            client = await connect()
            await client.hello("EHLO", A)
            assert (await client.say("DATA")).startswith("354")
            for start, end in pairwise(places):
                client.writer.write(said[start:end])
                for _ in range(3):
                    await asyncio.sleep(0)
            assert await client.reply() == "250 2.0.0 kept"
            return await client.reply()

    assert asyncio.run(story()) == "250 OK"
    assert [envelope.raw for envelope in desk.kept] == [b"".join(line + b"\r\n" for line in lines)]


@pytest.mark.parametrize("more", [2, 5000])
async def test_a_message_past_its_size_is_read_to_its_end_in_little_memory(more: int) -> None:
    """The one that comes behind it is taken as if nothing had been."""
    desk = Desk()
    async with door(desk, message_bytes=100) as connect:
        client = await connect()
        await client.hello("EHLO", A)
        assert (await client.say("DATA")).startswith("354")
        for _ in range(more):
            client.writer.write(b"y" * 70 + b"\r\n")
            await client.writer.drain()
        await asyncio.sleep(0.1)  # all of it was read before the end comes
        client.writer.write(b"x\r\n.\r\n")
        assert (await client.reply()).startswith("552")
        await client.say("MAIL FROM:<>")
        await client.say(f"RCPT TO:<{A}>")
        await client.content()
        assert (await client.reply()).startswith("250")
    assert [envelope.raw for envelope in desk.kept] == [CONTENT]


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
