"""A folder of mail: `.eml`, mbox and Maildir, also inside `.zip` and `.tar`, in a stable order, within limits."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon.formats.message import MAX_MESSAGE

MOST_IN_ARCHIVE = 200_000
MOST_UNPACKED = 4 * 1024 * 1024 * 1024
_FROM_LINE = re.compile(rb"^From [^\n]*\n", re.MULTILINE)
_HEADER = re.compile(rb"\A[!-9;-~]{1,80}:")


@dataclass(frozen=True, slots=True)
class Found:
    """One message, byte for byte as it lies there; the path names its place, also inside an archive or mbox."""

    path: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is no mail, or that can not be read, and why, in a sentence."""

    path: str
    sentence: str


def walk(paths: Sequence[Path], *, every_file: bool = False) -> Iterator[Found | Problem]:
    """Every message below these paths, sorted. Links are not followed; nothing is written. With `every_file` a file
    that does not look like mail is taken for one all the same."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            for file in sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink()):
                yield from _file(file, every_file)
        elif path.exists():
            yield from _file(path, every_file)
        else:
            yield Problem(str(path), "There is no such file.")


def _file(path: Path, every: bool) -> Iterator[Found | Problem]:
    try:
        if path.suffix == ".zip":
            yield from _zip(path, every)
        elif path.name.endswith((".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")):
            yield from _tar(path, every)
        else:
            with open(path, "rb") as file:
                yield from _messages(str(path), file, every)
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError, RuntimeError) as error:
        yield Problem(str(path), f"It can not be read: {error}.")


def _zip(path: Path, every: bool) -> Iterator[Found | Problem]:
    with zipfile.ZipFile(path) as archive:
        entries = sorted((e for e in archive.infolist() if not e.is_dir()), key=lambda e: e.filename)
        if len(entries) > MOST_IN_ARCHIVE or sum(e.file_size for e in entries) > MOST_UNPACKED:
            yield Problem(str(path), "The archive holds too much.")
            return
        for entry in entries:
            with archive.open(entry) as file:
                yield from _messages(f"{path}!{entry.filename}", io.BytesIO(file.read(MOST_UNPACKED)), every)


def _tar(path: Path, every: bool) -> Iterator[Found | Problem]:
    unpacked = 0
    with tarfile.open(path) as archive:
        for number, member in enumerate(archive):
            unpacked += member.size
            if number >= MOST_IN_ARCHIVE or unpacked > MOST_UNPACKED:
                yield Problem(str(path), "The archive holds too much.")
                return
            file = archive.extractfile(member) if member.isreg() else None
            if file is not None:
                yield from _messages(f"{path}!{member.name}", io.BytesIO(file.read()), every)


def _messages(name: str, file: io.BufferedIOBase, every: bool) -> Iterator[Found | Problem]:
    """One message, or those of an mbox. `>From ` stays as it stands: such a message can not verify, and says so."""
    start = file.read(5)
    if start == b"From ":
        yield from _mbox(name, start + file.read(MOST_UNPACKED))
        return
    raw = start + file.read(MAX_MESSAGE + 1)
    if len(raw) > MAX_MESSAGE:
        yield Problem(name, "It is longer than 10 MiB.")
    elif not every and not _HEADER.match(raw) and not name.endswith(".eml"):
        yield Problem(name, "It does not look like a mail.")
    else:
        yield Found(name, raw)


def _mbox(name: str, data: bytes) -> Iterator[Found | Problem]:
    starts = [m for m in _FROM_LINE.finditer(data) if m.start() == 0 or data[: m.start()].endswith(b"\n\n")
              or data[: m.start()].endswith(b"\r\n\r\n")]  # fmt: skip
    for number, mark in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(data)
        yield Found(f"{name}#{number}", data[mark.end() : end])
