"""The lobby before a mail door: who is greeted there, and who goes. That of the web is in test_entrance."""

from __future__ import annotations

import asyncio

import pytest

from antiphon.intake import mailport
from antiphon.intake.places import BUSY
from tests.unit.intake.client import Desk, door


async def test_the_silent_are_greeted_and_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have places of their own, where the oldest goes; whoever has spoken is not of them, nor one in time."""
    monkeypatch.setattr(mailport, "SILENT", 3)
    async with door(Desk()) as connect:
        speaking = await connect()
        assert (await speaking.reply()).startswith("220 mx.hosted.example ")
        assert (await speaking.say("NOOP")).startswith("250")
        first = await connect()
        assert (await first.reply()).startswith("220")
        crowd = [await connect() for _ in range(3)]
        assert await first.rest() == BUSY.encode() + b"\r\n"
        for client in crowd:
            assert (await client.reply()).startswith("220")
        for client in (*crowd, speaking):
            assert (await client.say("NOOP")).startswith("250")


async def test_the_silent_wait_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then they hear why they go."""
    monkeypatch.setattr(mailport, "TIMEOUT_SECONDS", 0.01)
    async with door(Desk()) as connect:
        client = await connect()
        await client.reply()
        assert await client.rest() == BUSY.encode() + b"\r\n"


async def test_who_leaves_without_a_word_has_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hung up or reset; whoever says one byte has one."""
    made = []
    session = mailport.MailPort._session
    monkeypatch.setattr(mailport.MailPort, "_session", lambda self: made.append(1) or session(self))
    async with door(Desk()) as connect:
        for leaves in ("close", "abort"):
            client = await connect()
            await client.reply()
            getattr(client.writer if leaves == "close" else client.writer.transport, leaves)()
            await asyncio.sleep(0.02)
        assert made == []
        client = await connect()
        await client.reply()
        assert (await client.say("NOOP")).startswith("250") and made == [1]
