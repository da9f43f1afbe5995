"""Where programs hand messages in: taken at once, or laid down sealed and taken later; nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from antiphon.errors import MalformedInput, RefusedByLaw, StorageFailed
from antiphon.formats.handed import Event, Handed, public_half, seal_handed
from antiphon.intake import handing, pipe
from antiphon.intake.handing import HandingPlace
from antiphon.terms import Instant

KEY = bytes(range(32))
RAW = b"Subject: x\r\n\r\nbody\r\n"


class Desk:
    """What stands behind the place."""

    def __init__(self) -> None:
        self.kept: list[tuple[Handed, Instant | None]] = []
        self.fault: Exception | None = None

    async def take(self, handed: Handed, at: Instant | None) -> None:
        if self.fault:
            raise self.fault
        self.kept.append((handed, at))

    @property
    def mailboxes(self) -> list[str]:
        return [handed.mailbox for handed, _ in self.kept]


@asynccontextmanager
async def place(folder: Path, desk: Desk) -> AsyncIterator[HandingPlace]:
    opened = HandingPlace(folder, KEY, desk.take)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


async def report(folder: Path, *words: str, raw: bytes = RAW) -> int:
    """The program, beside the node."""
    arguments = ["--folder", str(folder), "--member", "ann@home.example", *words]
    return await asyncio.to_thread(pipe.main, arguments, io.BytesIO(raw))


def lay(folder: Path, name: str, mailbox: str, *, at: int, key: bytes = KEY) -> Path:
    """A file as the program leaves it."""
    file = folder / f"{name}.handed"
    file.write_bytes(seal_handed(public_half(key), Handed(Event.JUNKED, mailbox, RAW)))
    os.utime(file, ns=(at, at))
    return file


def found(folder: Path, ending: str = "handed") -> list[str]:
    """What lies there under this ending."""
    return sorted(file.stem for file in folder.glob(f"*.{ending}"))


async def test_a_message_is_taken_at_once(tmp_path: Path) -> None:
    """Event, mailbox and bytes; the instant is the node's own; the program ends well."""
    desk = Desk()
    async with place(tmp_path, desk):
        assert await report(tmp_path, "--event", "junked") == 0
    assert desk.kept == [(Handed(Event.JUNKED, "ann@home.example", RAW), None)]
    assert found(tmp_path) == []


async def test_who_is_refused_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The node's own sentence, and the exit code of the law."""
    desk = Desk()
    desk.fault = RefusedByLaw("ann@home.example is not a member.", ("known",), advice="Add her.")
    async with place(tmp_path, desk):
        assert await report(tmp_path) == 77
    assert capsys.readouterr().err == "antiphon: ann@home.example is not a member. Add her.\n"


async def test_what_the_node_can_not_keep_is_laid_down(tmp_path: Path) -> None:
    """A full spool: the message waits in the folder, and is taken when there is room."""
    desk = Desk()
    async with place(tmp_path, desk) as opened:
        desk.fault = StorageFailed("The disk is full.")
        assert await report(tmp_path) == 0
        assert await opened.gather() == 0
        assert len(found(tmp_path)) == 1
        desk.fault = None
        assert await opened.gather() == 1
    assert desk.mailboxes == ["ann@home.example"]
    assert found(tmp_path) == []


async def test_while_the_node_is_down_messages_wait_sealed(tmp_path: Path) -> None:
    """Nobody who reads the folder reads the mail; the node, which is another user, can."""
    desk = Desk()
    async with place(tmp_path, desk):
        pass
    assert await report(tmp_path) == 0
    waiting = tmp_path / f"{found(tmp_path)[0]}.handed"
    assert b"body" not in waiting.read_bytes()
    assert waiting.stat().st_mode & 0o777 == 0o644
    async with place(tmp_path, desk) as opened:
        assert await opened.gather() == 1
    ((handed, at),) = desk.kept
    assert handed.raw == RAW
    assert at is not None


async def test_the_oldest_is_taken_first(tmp_path: Path) -> None:
    """By when they were laid down, whatever they are called; that instant is told."""
    desk = Desk()
    async with place(tmp_path, desk) as opened:
        lay(tmp_path, "a", "second@b.example", at=2_000_000_000)
        lay(tmp_path, "b", "first@b.example", at=1_000_000_000)
        assert await opened.gather() == 2
    assert [(handed.mailbox, at) for handed, at in desk.kept] == [
        ("first@b.example", 1_000_000), ("second@b.example", 2_000_000),
    ]  # fmt: skip


async def test_what_was_not_sealed_to_this_node_is_kept_aside(tmp_path: Path) -> None:
    """Another node's file, noise, one too long, and a link to somewhere: none is taken, none stops the rest."""
    desk = Desk()
    async with place(tmp_path, desk) as opened:
        lay(tmp_path, "other", "x@b.example", at=1, key=bytes(range(1, 33)))
        (tmp_path / "noise.handed").write_bytes(b"noise")
        (tmp_path / "long.handed").write_bytes(b"x" * (handing.SEALED_BYTES + 1))
        (tmp_path / "link.handed").symlink_to(tmp_path / "key")
        os.mkfifo(tmp_path / "fifo.handed")
        lay(tmp_path, "z", "good@b.example", at=9)
        assert await opened.gather() == 1
        assert opened.broken == 3
    assert desk.mailboxes == ["good@b.example"]
    assert found(tmp_path, "broken") == ["long", "noise", "other"]


async def test_for_whom_nobody_is_meant_is_forgotten(tmp_path: Path) -> None:
    """What the desk refuses once it would refuse for ever."""
    desk = Desk()
    desk.fault = RefusedByLaw("x is not a member.", ("known",))
    async with place(tmp_path, desk) as opened:
        lay(tmp_path, "a", "x@b.example", at=1)
        assert await opened.gather() == 1
    assert found(tmp_path) == []


async def test_a_file_that_is_not_whole_is_not_seen(tmp_path: Path) -> None:
    """The program writes under another name first."""
    desk = Desk()
    async with place(tmp_path, desk) as opened:
        lay(tmp_path, "a", "x@b.example", at=1).rename(tmp_path / ".a")
        assert await opened.gather() == 0


@pytest.mark.parametrize(
    "said", [b"", b"x", b"x" * 5000 + b"\n", b'{"event": "junked", "mailbox": "a", "bytes": 9}\nshort']
)
async def test_half_a_message_is_not_taken(tmp_path: Path, said: bytes) -> None:
    """Whoever hangs up in the middle, or says something else, has handed in nothing."""
    desk = Desk()
    async with place(tmp_path, desk):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
        writer.write(said)
        writer.write_eof()
        assert b"kept" not in await reader.read()
        writer.close()
        await writer.wait_closed()
    assert desk.kept == []


async def test_the_key_is_the_nodes_own(tmp_path: Path) -> None:
    """A key that somebody put there is replaced: else reports would wait for somebody else."""
    (tmp_path / "key").write_text("00" * 32, "ascii")
    async with place(tmp_path, Desk()) as opened:
        assert (tmp_path / "key").read_text("ascii").strip() == public_half(KEY).hex()
        assert opened.listens()
        assert (tmp_path / "socket").stat().st_mode & 0o777 == 0o660


async def test_the_folder_is_made_for_its_owner(tmp_path: Path) -> None:
    """Opening it to a mail store is the operator's act."""
    async with place(tmp_path / "reports", Desk()):
        assert (tmp_path / "reports").stat().st_mode & 0o777 == 0o700


async def test_a_fault_of_the_desk_is_no_answer(tmp_path: Path) -> None:
    """A message past our limits is told as such, not laid down to be refused again."""
    desk = Desk()
    desk.fault = MalformedInput("Too many fields.")
    async with place(tmp_path, desk):
        assert await report(tmp_path) == 77
    assert found(tmp_path) == []
