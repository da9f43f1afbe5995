"""The other side of each door: says one message as an MTA or a store would, and tells in words what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from antiphon.errors import StorageFailed, Unreachable
from antiphon.formats.handed import Handed
from antiphon.intake.handing import HandingPlace
from antiphon.intake.mailport import Envelope, MailPort
from antiphon.intake.milter import MilterPort
from antiphon.intake.probe import TEXT, knock
from antiphon.terms import Instant

PROBE = "probe+abcdefgh@node.example"


class Desk:
    """Keeps what it is given, if it may."""

    def __init__(self, *, full: bool = False, known: bool = True) -> None:
        self.full, self.known = full, known
        self.recipients: list[str] = []
        self.raw = b""

    async def accept(self, envelope: Envelope) -> Sequence[str]:
        await self.commit(envelope)
        return ["250 2.0.0 kept"] * len(envelope.rcpt_tos)

    async def commit(self, envelope: Envelope) -> None:
        if self.full:
            raise StorageFailed("The disk is full.")
        self.recipients += envelope.rcpt_tos
        self.raw = envelope.raw

    async def take(self, handed: Handed, at: Instant | None) -> None:
        if self.full:
            raise StorageFailed("The disk is full.")
        self.recipients.append(handed.mailbox)
        self.raw = handed.raw

    async def knows(self, address: str) -> bool:
        return self.known


async def through(door: str, desk: Desk, folder: Path) -> None:
    """Opens the door, and knocks."""
    if door == "reports":
        place = HandingPlace(folder, bytes(range(32)), desk.take)
        await place.open()
        try:
            await knock(door, folder, PROBE)
        finally:
            await place.close()
        return
    port: MilterPort | MailPort
    if door == "milter":
        port = MilterPort(desk.commit, desk.knows)
    else:
        port = MailPort(desk.accept, desk.knows, protocol=door, hostname="node.example")  # type: ignore[arg-type]  # one of two words
    number = await port.open()
    try:
        await knock(door, ("127.0.0.1", number), PROBE)
    finally:
        await port.close()
        for _ in range(8):
            await asyncio.sleep(0)


@pytest.mark.parametrize("door", ["lmtp", "smtp", "milter", "reports"])
async def test_a_door_takes_the_probe(door: str, tmp_path: Path) -> None:
    """The recipient and the whole text come through."""
    desk = Desk()
    await through(door, desk, tmp_path)
    assert desk.recipients == [PROBE]
    assert desk.raw.partition(b"\r\n\r\n")[2] == TEXT.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("door", ["lmtp", "smtp", "reports"])
async def test_a_door_that_can_keep_nothing_is_told(door: str, tmp_path: Path) -> None:
    """A full disk is no door that works. The milter door says *accept* all the same; the end of the chain tells."""
    with pytest.raises(Unreachable):
        await through(door, Desk(full=True), tmp_path)


@pytest.mark.parametrize("door", ["lmtp", "smtp", "milter"])
async def test_a_door_that_knows_no_probe_is_told(door: str, tmp_path: Path) -> None:
    """Another program listens there, or another node."""
    with pytest.raises(Unreachable):
        await through(door, Desk(known=False), tmp_path)


@pytest.mark.parametrize("door", ["lmtp", "smtp", "milter"])
async def test_a_door_where_nobody_is_is_told(door: str) -> None:
    """In a sentence with its name."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    number = server.sockets[0].getsockname()[1]
    with pytest.raises(Unreachable, match=door):
        await knock(door, ("127.0.0.1", number), PROBE)
    server.close()
    await server.wait_closed()
    with pytest.raises(Unreachable, match=door):
        await knock(door, ("127.0.0.1", number), PROBE)


async def test_a_folder_where_nobody_listens_is_told(tmp_path: Path) -> None:
    """A probe is not laid down: it asks who is there now."""
    with pytest.raises(Unreachable):
        await knock("reports", tmp_path, PROBE)
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - a look at an empty folder


ANSWERS = {
    b"HTTP/1.1 202 Accepted\r\n\r\n": True,
    b"HTTP/1.1 401 Unauthorized\r\n\r\n": False,
    b"220 mail.example ESMTP\r\n": False,
    b"\r\n": False,
    b"": False,
}


@pytest.mark.parametrize(("said", "taken"), ANSWERS.items())
async def test_an_http_door_takes_the_probe_or_says_why_not(said: bytes, taken: bool) -> None:
    """The token stands where a ticket would; another program's answer is told as it is."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        heard.append(await reader.readexactly(len(TEXT)))
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    place = ("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        if taken:
            await knock("http", place, PROBE)
        else:
            with pytest.raises(Unreachable, match="http"):
                await knock("http", place, PROBE)
    finally:
        server.close()
    assert b"\r\nAuthorization: Bearer probe+abcdefgh\r\n" in heard[0] and heard[1] == TEXT
