"""The process apart that reads hostile mail: the same fingerprints, and a death that takes nothing with it."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.backends.reader import MEMORY_BYTES, NOTHING, Reader
from antiphon.campaign.fingerprint import fingerprint
from antiphon.errors import MalformedInput
from antiphon.formats.message import parse_message

SEED = bytes(range(32))
MAIL = (
    b"From: Shop <news@shop.example>\r\nSubject: Lamps\r\nContent-Type: text/html\r\n\r\n"
    b"<p>Every lamp in our shop costs half of what it did last week, come and see them all</p>\r\n"
)
DEEP = b"From: a@shop.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5_000


def children() -> set[int]:
    """The processes whose parent this one is."""
    mine = f"{os.getpid()}"
    found = set()
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and (folder / "stat").read_text().rpartition(")")[2].split()[1] == mine:
                found.add(int(folder.name))
    return found


async def test_the_fingerprint_is_the_one_made_here() -> None:
    """What comes back over the pipe is what the function itself answers."""
    reader = Reader(SEED)
    try:
        signers = ("shop.example/s1",)
        assert await reader.fingerprint(MAIL, signers) == fingerprint(parse_message(MAIL), seed=SEED, signers=signers)
    finally:
        await reader.close()


async def test_a_mail_past_a_limit_is_like_no_other() -> None:
    """A declared refusal gives a fingerprint without evidence, and the process lives on."""
    with pytest.raises(MalformedInput):
        fingerprint(parse_message(DEEP), seed=SEED)
    reader = Reader(SEED)
    try:
        assert await reader.fingerprint(DEEP, ()) == NOTHING
        assert (await reader.fingerprint(MAIL, ())).words > 0
        assert reader.deaths == 0
    finally:
        await reader.close()


async def test_a_mail_that_kills_its_reader_has_no_evidence_and_the_next_is_read() -> None:
    """The parser's crash stays in the process apart."""
    reader = Reader(SEED)
    before = children()
    try:
        await reader.fingerprint(MAIL, ())
        (child,) = children() - before
        os.kill(child, signal.SIGSTOP)
        os.kill(child, signal.SIGKILL)
        assert await reader.fingerprint(MAIL, ()) == NOTHING
        assert reader.deaths == 1
        assert (await reader.fingerprint(MAIL, ())).words > 0
    finally:
        await reader.close()
    assert children() <= before


async def test_a_mail_that_holds_its_reader_up_has_no_evidence() -> None:
    """The deadline ends a reader that no longer answers."""
    reader = Reader(SEED, mail_seconds=0.2)
    before = children()
    try:
        await reader.fingerprint(MAIL, ())
        (child,) = children() - before
        os.kill(child, signal.SIGSTOP)
        assert await reader.fingerprint(MAIL, ()) == NOTHING
        assert reader.deaths == 1
        assert (await reader.fingerprint(MAIL, ())).words > 0
    finally:
        await reader.close()


def test_the_child_can_take_no_more_memory_and_write_no_file(tmp_path: Path) -> None:
    """The limits are the kernel's, not a promise."""
    program = (
        "import resource, sys; from antiphon.backends.reader import confine; confine()\n"
        "print(resource.getrlimit(resource.RLIMIT_DATA)[0])\n"
        "try:\n    bytearray(1 << 31)\nexcept MemoryError:\n    print('no memory')\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try:\n    open(sys.argv[1], 'w').write('x' * 100_000)\nexcept OSError:\n    print('no file')\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "file")], capture_output=True, text=True, check=True
    ).stdout
    assert said.split("\n")[:3] == [str(MEMORY_BYTES), "no memory", "no file"]
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] != MEMORY_BYTES
