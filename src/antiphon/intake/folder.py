"""Mail that lies in files: single messages, mbox, Maildir, folders of them, and the same inside zip and tar archives.

Read only, in a stable order, one message in memory at a time. Symbolic links inside a folder are not followed. What
is no mail, or can not be read, is told as a `FoundProblem` in its place, so that a summary adds up.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BufferedReader

from antiphon.errors import MalformedInput
from antiphon.formats.message import MAX_MESSAGE
from antiphon.intake.archive import (
    BROKEN,
    Limits,
    Member,
    is_compressed,
    is_tar,
    is_zip,
    tar_members,
    unpacked,
    zip_members,
)

DEPTH = 64
"""Folders inside folders."""
SNIFFED_BYTES = 8_192
"""Looked at to tell what a file is."""
LINE_BYTES = 65_536
"""Read of an mbox at a time."""

_TOO_LARGE = f"The message is larger than {MAX_MESSAGE // 2**20} MiB."
_MARK = b"\xef\xbb\xbf"
_FIELD = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")
_TELLING = re.compile(
    rb"^(?:from|to|date|subject|received|return-path|message-id|delivered-to|mime-version|content-type|dkim-signature)"
    rb"[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_SEPARATOR = re.compile(rb"From [^\r\n]*\d\d:\d\d[^\r\n]*\r?\n?")
_QUOTED = re.compile(rb"^>+From ", re.MULTILINE)


_LIMITS = Limits()


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


def walk(paths: Sequence[str | os.PathLike[str]], limits: Limits = _LIMITS) -> Iterator[Found]:
    """Everything found under `paths`, in the order given, names inside a folder or zip in byte order.

    Raises nothing for what it reads: each failure is a FoundProblem, and the walk goes on behind it.
    """
    for path in paths:
        given = os.path.realpath(path) if os.path.islink(path) else os.fspath(path)
        yield from _entry(given, _shown(os.fspath(path)), limits, depth=0)


def _entry(path: str, shown: str, limits: Limits, *, depth: int) -> Iterator[Found]:
    try:
        mode = os.lstat(path).st_mode
        names = sorted(os.listdir(path), key=os.fsencode) if stat.S_ISDIR(mode) else []
    except OSError as error:
        yield FoundProblem(shown, _sentence(error))
        return
    if stat.S_ISREG(mode):
        yield from _on_disk(path, shown, limits)
    elif not stat.S_ISDIR(mode):
        if depth == 0:
            yield FoundProblem(shown, "This is neither a file nor a folder.")
    elif depth == DEPTH:
        yield FoundProblem(shown, f"More than {DEPTH} folders inside each other.")
    else:
        maildir = "cur" in names and "new" in names
        for name in names:
            if not (maildir and name == "tmp"):
                yield from _entry(os.path.join(path, name), f"{shown}/{_shown(name)}", limits, depth=depth + 1)


def _on_disk(path: str, shown: str, limits: Limits) -> Iterator[Found]:
    folder, name = os.path.split(path)
    sure = name.lower().endswith(".eml") or os.path.basename(folder) in ("cur", "new")
    try:
        # O_NONBLOCK: what was a file a moment ago may be a pipe now, and nobody waits on a pipe.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if is_zip(file.peek(SNIFFED_BYTES)):
                yield from _members(zip_members(file, limits), shown)
                return
            plain = unpacked(file, limits)
            if is_tar(plain.peek(SNIFFED_BYTES)):
                yield from _members(tar_members(plain, limits), shown)
            else:
                yield from _mail(plain, shown, sure=sure)
    except BROKEN as error:
        yield FoundProblem(shown, _sentence(error))


def _members(members: Iterator[Member], archive: str) -> Iterator[Found]:
    """What is inside an archive. A passed limit (MalformedInput) ends the archive, a damaged file does not."""
    for name, source, missing in members:
        shown = f"{archive}!{_shown(name)}"
        if source is None:
            yield FoundProblem(shown, missing)
            continue
        try:
            head = source.peek(SNIFFED_BYTES)
            if is_zip(head) or is_tar(head) or is_compressed(head):
                yield FoundProblem(shown, "An archive inside an archive is not opened.")
            else:
                yield from _mail(source, shown, sure=name.lower().endswith(".eml"))
        except MalformedInput:
            raise
        except BROKEN as error:
            yield FoundProblem(shown, _sentence(error))


def _mail(file: BufferedReader, shown: str, *, sure: bool) -> Iterator[Found]:
    """The message, or the messages of an mbox, in one file. What is named `.eml` or lies in a Maildir is `sure` to be
    one message. A byte-order mark that an editor left is passed over.
    """
    if file.peek(len(_MARK)).startswith(_MARK):
        file.read(len(_MARK))
    head = file.peek(SNIFFED_BYTES)[:SNIFFED_BYTES]
    if not head:
        yield FoundProblem(shown, "The file is empty.")
    elif head.startswith(b"From ") and not sure:
        yield from _mbox(file, shown)
    elif sure or (_FIELD.match(head) and len(_TELLING.findall(head)) > 1):
        raw = file.read(MAX_MESSAGE + 1)
        yield FoundMessage(shown, raw) if len(raw) <= MAX_MESSAGE else FoundProblem(shown, _TOO_LARGE)
    else:
        yield FoundProblem(shown, "This does not look like mail.")


class _Gathered:
    """The lines of one message of an mbox; no more of them than a message may have."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self._lines: list[bytes] = []
        self._bytes = 0

    def add(self, line: bytes) -> None:
        self._bytes += len(line)
        if self._bytes <= MAX_MESSAGE:
            self._lines.append(line)

    def found(self) -> Found:
        if self._bytes > MAX_MESSAGE:
            return FoundProblem(self.shown, _TOO_LARGE)
        raw = b"".join(self._lines)
        end = b"\r\n" if raw.endswith(b"\r\n\r\n") else b"\n" if raw.endswith(b"\n\n") else b""
        return FoundMessage(self.shown, raw.removesuffix(end), bool(_QUOTED.search(raw)))


def _mbox(file: BufferedReader, shown: str) -> Iterator[Found]:
    """The messages of an mbox (RFC 4155 §2). A message begins at a `From ` line with a time of day that stands at the
    start or behind an empty line and before a header field; other lines that begin so are text."""
    file.readline(LINE_BYTES)
    number, message = 1, _Gathered(f"{shown}#1")
    separator, empty, whole = b"", False, True
    while line := file.readline(LINE_BYTES):
        if separator and _FIELD.match(line):
            yield message.found()
            number += 1
            message = _Gathered(f"{shown}#{number}")
        elif separator:
            message.add(separator)
        separator = line if whole and empty and _SEPARATOR.fullmatch(line) else b""
        if not separator:
            message.add(line)
        empty, whole = line in (b"\n", b"\r\n"), line.endswith(b"\n")
    if separator:
        message.add(separator)
    yield message.found()


def _shown(name: str) -> str:
    """A file name as it can be printed: no control characters, whatever somebody called a file in an archive."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _sentence(error: Exception) -> str:
    if isinstance(error, MalformedInput):
        return error.what
    if isinstance(error, OSError) and error.strerror:
        return f"Not readable: {error.strerror}."
    return "It is damaged, or packed in a way that is not read here."
