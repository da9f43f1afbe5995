"""Mail that lies in files: single messages, mbox, Maildir, folders of them, and the same inside zip and tar archives.

Read only, in a stable order, one message in memory at a time. Symbolic links inside a folder are not followed. What
can not be read is told as a `FoundProblem` in its place, so that a summary adds up; a file in a folder that is no mail
at all is passed over in silence, a file that was named is not.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BufferedReader
from typing import BinaryIO, cast

from antiphon.intake.archive import BROKEN, Limits, TooMuch, is_tar, is_zip, opened, tar_members, zip_members

DEPTH = 64
"""Folders inside folders."""
SNIFFED_BYTES = 8_192
"""Looked at to tell what a file is."""
LINE_BYTES = 65_536
"""Read of an mbox at a time."""

_FIELD = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")
_TELLING = re.compile(
    rb"^(?:from|to|date|subject|received|return-path|message-id|delivered-to|mime-version|dkim-signature)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_SEPARATOR = re.compile(rb"From [^\r\n]*\d\d:\d\d[^\r\n]*\r?\n?")
_QUOTED = re.compile(rb"^>+From ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """One message, byte for byte. `path` tells people where: `folder/in.mbox#3`, `mail.zip!inner/name.eml`.

    `quoted`: from an mbox, with lines that begin `>From `. They are left as they are, since nobody can know which of
    them the mbox added; a signature over such a body may not verify.
    """

    path: str
    raw: bytes
    quoted: bool = False

    @property
    def key(self) -> bytes:
        """32 bytes that are the same in every walk over the same mail in the same place: what was done is known."""
        return sha256(self.path.encode() + b"\0" + self.raw).digest()


@dataclass(frozen=True, slots=True)
class FoundProblem:
    """Something that could not be read, and why, in one sentence."""

    path: str
    error: str


Found = FoundMessage | FoundProblem


def walk(paths: Sequence[str | os.PathLike[str]], limits: Limits = Limits()) -> Iterator[Found]:
    """Everything found under `paths`, in the order given, names inside a folder or zip in byte order.

    Raises nothing for what it reads: each failure is a FoundProblem, and the walk goes on behind it.
    """
    for path in paths:
        given = os.path.realpath(path) if os.path.islink(path) else os.fspath(path)
        yield from _entry(given, _shown(os.fspath(path)), limits, depth=0)


def _entry(path: str, shown: str, limits: Limits, *, depth: int) -> Iterator[Found]:
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode):
            names = sorted(os.listdir(path), key=os.fsencode)
        elif not stat.S_ISREG(mode):
            if depth == 0:
                yield FoundProblem(shown, "This is neither a file nor a folder.")
            return
    except OSError as error:
        yield FoundProblem(shown, f"Not readable: {error.strerror or 'unknown error'}.")
        return
    if not stat.S_ISDIR(mode):
        yield from _on_disk(path, shown, limits, named=depth == 0)
    elif depth == DEPTH:
        yield FoundProblem(shown, f"More than {DEPTH} folders inside each other.")
    else:
        if "cur" in names and "new" in names:
            names = [name for name in names if name != "tmp"]
        for name in names:
            yield from _entry(os.path.join(path, name), f"{shown}/{_shown(name)}", limits, depth=depth + 1)


def _on_disk(path: str, shown: str, limits: Limits, *, named: bool) -> Iterator[Found]:
    sure = named or path.lower().endswith(".eml") or os.path.basename(os.path.dirname(path)) in ("cur", "new")
    try:
        # O_NONBLOCK: what was a file a moment ago may be a pipe now, and nobody waits on a pipe.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            yield from _file(file, shown, limits, sure=sure)
    except BROKEN as error:
        yield FoundProblem(shown, _sentence(error))


def _file(file: BufferedReader, shown: str, limits: Limits, *, sure: bool) -> Iterator[Found]:
    head = file.peek(SNIFFED_BYTES)
    if is_zip(head):
        for name, member in zip_members(file, limits):
            yield from _member(name, member, f"{shown}!{_shown(name)}", limits)
        return
    plain = opened(file, limits)
    head = plain.peek(SNIFFED_BYTES)
    if is_tar(head):
        for name, member in tar_members(plain, limits):
            yield from _member(name, member, f"{shown}!{_shown(name)}", limits)
    else:
        yield from _mail(plain, head, shown, sure=sure)


def _member(name: str, member: BinaryIO | Exception, shown: str, limits: Limits) -> Iterator[Found]:
    """A file inside an archive. TooMuch goes up: an archive that passes its limits ends there."""
    if isinstance(member, Exception):
        yield FoundProblem(shown, _sentence(member))
        return
    try:
        reader = BufferedReader(cast("BinaryIO", member), SNIFFED_BYTES)  # type: ignore[arg-type]
        head = reader.peek(SNIFFED_BYTES)
        if is_zip(head) or is_tar(head) or opened.compressed(head):
            yield FoundProblem(shown, "An archive inside an archive is not opened.")
        else:
            yield from _mail(reader, head, shown, sure=name.lower().endswith(".eml"))
    except TooMuch:
        raise
    except BROKEN as error:
        yield FoundProblem(shown, _sentence(error))
