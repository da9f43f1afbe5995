"""Where programs on this machine hand messages in: a folder with a socket, a key, and what was laid down meanwhile.

The folder's permissions say who may: whoever can write here is believed to be the mail store of this house.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from antiphon.errors import AntiphonError, MalformedInput, RefusedByLaw
from antiphon.formats.handed import HEAD_BYTES, SEALED_BYTES, Handed, open_handed, parse_head, public_half
from antiphon.intake.pipe import ENDING, KEY, SOCKET
from antiphon.terms import SECOND, Instant

AT_ONCE = 32
"""Connections; one more is hung up on, and its message laid down instead."""
PATIENCE_SECONDS = 30.0
"""How long a program may take to say its message."""
BROKEN = ".broken"

Take = Callable[[Handed, Instant | None], Awaitable[None]]
"""Makes what was handed in durable; the instant is when it was laid down, None for now. Raises RefusedByLaw where
nobody can be meant by the mailbox, and StorageFailed."""


class HandingPlace:
    """One folder. `broken` counts files that were not sealed to this node: they are kept aside for a person."""

    def __init__(self, folder: Path, private_key: bytes, take: Take) -> None:
        self._folder, self._private_key, self._take = folder, private_key, take
        self._server: asyncio.Server | None = None
        self._open = 0
        self.broken = 0

    async def open(self) -> None:
        """Makes the folder if it is missing, for its owner alone; writes the key, and listens. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = self._folder / KEY
        public = public_half(self._private_key).hex()
        if not key.exists() or key.read_text("ascii").strip() != public:
            key.unlink(missing_ok=True)
            key.write_text(public + "\n", "ascii")
            key.chmod(0o644)
        place = self._folder / SOCKET
        place.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, place, limit=HEAD_BYTES)
        # The folder says who comes here; a group that may write into it may speak too.
        place.chmod(0o660)

    def listens(self) -> bool:
        """Whether it takes connections."""
        return self._server is not None and self._server.is_serving()

    async def close(self) -> None:
        """Takes no more; what comes now is laid down."""
        if self._server is not None:
            self._server.close()
        (self._folder / SOCKET).unlink(missing_ok=True)

    async def gather(self) -> int:
        """Takes what was laid down, the oldest first, and removes each file when its message is durable. Returns how
        many. Stops at what can not be kept now: it stays where it is."""
        taken = 0
        for path in await asyncio.to_thread(_laid_down, self._folder):
            try:
                handed, at = await asyncio.to_thread(self._read, path)
            except FileNotFoundError:
                continue
            except (OSError, MalformedInput):
                self.broken += 1
                with contextlib.suppress(OSError):
                    path.rename(path.with_suffix(BROKEN))
                continue
            try:
                await self._take(handed, at)
            except (RefusedByLaw, MalformedInput):
                pass  # nobody is meant: there is nothing to keep
            except AntiphonError:
                break
            path.unlink(missing_ok=True)
            taken += 1
        return taken

    def _read(self, path: Path) -> tuple[Handed, Instant]:
        with open(path, "rb", opener=_no_link) as file:
            at = Instant(int(os.fstat(file.fileno()).st_mtime * SECOND))
            sealed = file.read(SEALED_BYTES + 1)
        if len(sealed) > SEALED_BYTES:
            raise MalformedInput(f"{path.name} is longer than anything that is handed in.")
        return open_handed(self._private_key, sealed), at

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= AT_ONCE:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    answer = await self._answer(reader)
                    writer.write(json.dumps(answer).encode() + b"\n")
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> dict[str, object]:
        try:
            event, mailbox, size = parse_head(await _line(reader))
            await self._take(Handed(event, mailbox, await reader.readexactly(size)), None)
        except AntiphonError as error:
            return {"later": True} if error.temporary else {"error": error.what, "advice": error.advice}
        return {"kept": True}


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise MalformedInput(f"The first line has more than {HEAD_BYTES} bytes.") from error


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _laid_down(folder: Path) -> list[Path]:
    found: list[tuple[int, str]] = []
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.endswith(ENDING) and entry.is_file(follow_symlinks=False):
                found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
    return [folder / name for _, name in sorted(found)]
