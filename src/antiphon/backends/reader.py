"""A process apart for the compiled readers of hostile mail: HTML, URLs and sketches. If it dies, it dies alone.

The parent starts `python -m antiphon.backends.reader`, tells it the secret seed of the sketches, then writes one
request a mail and waits for one answer, each a length of four bytes and msgpack. The child has limits on memory, files
and processes, and the parent one on time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import struct
import sys
from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from antiphon.campaign.fingerprint import Fingerprint, fingerprint
from antiphon.errors import MalformedInput
from antiphon.formats.message import parse_message

MAIL_SECONDS = 10.0
"""One mail may take this long; the slowest of the corpora takes a tenth of a second."""
MEMORY_BYTES = 1 << 29
"""Of data; not of address space, which one of the allocators reserves by the gigabyte."""
FIRST_SECONDS = 60.0
"""Time to start and read the first mail."""
_LENGTH = struct.Struct(">I")


class _Request(msgspec.Struct, frozen=True, array_like=True):
    raw: bytes
    signers: tuple[str, ...]


NOTHING = Fingerprint(0, b"", b"", (), (), "", False)
"""Of a mail that can not be read: like no other, so it opens a campaign of its own."""


class Reader:
    """Fingerprints of mail, made in a process apart. One mail at a time; a new process after each death."""

    def __init__(self, seed: bytes, *, mail_seconds: float = MAIL_SECONDS) -> None:
        self._seed, self._mail_seconds = seed, mail_seconds
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self.deaths = 0

    async def fingerprint(self, raw: bytes, signers: Sequence[str]) -> Fingerprint:
        """As `campaign.fingerprint` promises, but NOTHING for a mail past a limit, and for one that kills its reader
        or holds it up: what a mail does to a parser must not keep it from being reported. Raises nothing for mail."""
        async with self._turn:
            try:
                return await self._ask(_Request(raw, tuple(signers)))
            except (TimeoutError, EOFError, ConnectionError, msgspec.MsgspecError):
                self.deaths += 1
                await self._end()
                return NOTHING
            except asyncio.CancelledError:
                await self._end()
                raise

    async def close(self) -> None:
        """Ends the process."""
        async with self._turn:
            await self._end()

    async def _ask(self, request: _Request) -> Fingerprint:
        patience = self._mail_seconds
        if self._process is None:
            self._process, patience = await _start(self._seed), max(patience, FIRST_SECONDS)
        sink, source = self._process.stdin, self._process.stdout
        if sink is None or source is None:
            raise EOFError
        sink.write(_framed(request))
        async with asyncio.timeout(patience):
            await sink.drain()
            (length,) = _LENGTH.unpack(await source.readexactly(_LENGTH.size))
            return msgspec.msgpack.decode(await source.readexactly(length), type=Fingerprint)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _start(seed: bytes) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "antiphon.backends.reader"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        start_new_session=True,
    )
    if process.stdin is not None:
        process.stdin.write(_framed(seed))
    return process


def _framed(value: object) -> bytes:
    body = msgspec.msgpack.encode(value)
    return _LENGTH.pack(len(body)) + body


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """The child: answers until its input ends."""
    seed = b""
    while len(head := source.read(_LENGTH.size)) == _LENGTH.size:
        body = source.read(*_LENGTH.unpack(head))
        if not seed:
            seed = msgspec.msgpack.decode(body, type=bytes)
            continue
        request = msgspec.msgpack.decode(body, type=_Request)
        try:
            found = fingerprint(parse_message(request.raw), seed=seed, signers=request.signers)
        except MalformedInput:
            found = NOTHING
        sink.write(_framed(found))
        sink.flush()


def confine() -> None:
    """The child's limits: memory, no files to write, no further processes, no core dump with somebody's mail in it."""
    limits = {"DATA": MEMORY_BYTES, "FSIZE": 0, "NPROC": 0, "CORE": 0}
    for name, most in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


if __name__ == "__main__":
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer)
