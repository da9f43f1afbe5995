"""Mail that lies in files: single messages, mbox, Maildir, folders of them, and the same inside zip and tar archives.

Read only, in a stable order, one message in memory at a time. Symbolic links inside a folder are not followed. What
is no mail, or can not be read, is told as a `FoundProblem` in its place, so that a summary adds up.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
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

_MARK = b"\xef\xbb\xbf"
_FIELD = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")
_TELLING = re.compile(
    rb"^(?:from|to|date|subject|received|return-path|message-id|delivered-to|mime-version|content-type|dkim-signature)"
    rb"[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_SEPARATOR = re.compile(rb"From [^\r\n]*\d\d:\d\d[^\r\n]*\r?\n?")
_QUOTED = re.compile(rb"^>+From ", re.MULTILINE)
_MOVED = re.compile(r"/(?:cur|new)/([^/:]+)(?::2,[A-Za-z]*)?$")

_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """One message, byte for byte. `path` tells people where: `folder/in.mbox#3`, `mail.zip!inner/name.eml`.

    `place` is the same from the root of the file system. `quoted`: from an mbox, with lines that begin `>From `. They
    are left as they are, since nobody can know which of them the mbox added; a signature over such a body may not
    verify.
    """

    path: str
    raw: bytes
    quoted: bool = False
    place: str = ""

    @property
    def key(self) -> bytes:
        """32 bytes that are the same in every walk over the same mail in the same place, however the path was given
        and whether or not somebody read it in its Maildir meanwhile: what was done is known."""
        place = _MOVED.sub(r"/cur/\1", self.place or self.path)
        return sha256(place.encode() + b"\0" + self.raw).digest()


class Trouble(StrEnum):
    """Why something was not read."""

    MISSING = "missing"
    CLOSED = "closed"
    BROKEN = "broken"
    LIMIT = "limit"
    FOREIGN = "foreign"

    @property
    def advice(self) -> str:
        """What a person can do about it."""
        return _ADVICE[self]


_ADVICE = {
    Trouble.MISSING: "Check how the path is written.",
    Trouble.CLOSED: "Give yourself leave to read it, then run this again: what was taken is known.",
    Trouble.BROKEN: "Export or copy it again.",
    Trouble.LIMIT: "Unpack or split it by hand if you trust it, and give the parts.",
    Trouble.FOREIGN: "Give .eml files, an mbox, a Maildir, or a zip or tar archive of these.",
}


@dataclass(frozen=True, slots=True)
class FoundProblem:
    """Something that could not be read, and why, in one sentence. `given`: it is one of the paths that were asked
    for, not something that lay inside."""

    path: str
    error: str
    trouble: Trouble = Trouble.BROKEN
    given: bool = False


Found = FoundMessage | FoundProblem


def walk(
    paths: Sequence[str | os.PathLike[str]],
    limits: Limits = _LIMITS,
    *,
    read_bytes: Callable[[int], object] = lambda count: None,
) -> Iterator[Found]:
    """Everything found under `paths`, in the order given, names inside a folder or zip in byte order; a path that is
    given twice is read once. `read_bytes` is told how much of the files has been passed; `weigh` gives their sum.

    Raises nothing for what it reads: each failure is a FoundProblem, and the walk goes on behind it.
    """
    places: dict[str, str] = {}
    for path in paths:
        places.setdefault(os.path.realpath(path), _shown(os.fspath(path)).rstrip("/") or "/")
    for place, shown in places.items():
        nothing, start = True, _shown(place)
        for found in _entry(place, shown, _Walk(limits, read_bytes), depth=0):
            nothing = False
            if isinstance(found, FoundMessage):
                yield replace(found, place=start + found.path[len(shown) :])
            else:
                yield replace(found, given=found.path == shown)
        if nothing:
            yield FoundProblem(shown, "There is no mail in it.", Trouble.FOREIGN, given=True)


def weigh(paths: Iterable[str | os.PathLike[str]]) -> int:
    """The bytes of all files under `paths`, as far as they can be seen; quick, since nothing is opened."""
    total = 0
    for place in {os.path.realpath(path) for path in paths}:
        if os.path.isfile(place):
            total += os.path.getsize(place)
        for folder, _, names in os.walk(place):
            for name in names:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_size
                except OSError:
                    continue
    return total


@dataclass(frozen=True, slots=True)
class _Walk:
    """What stays the same through a walk."""

    limits: Limits
    read_bytes: Callable[[int], object]


def _entry(path: str, shown: str, walk: _Walk, *, depth: int) -> Iterator[Found]:
    try:
        mode = os.lstat(path).st_mode
        names = sorted(os.listdir(path), key=os.fsencode) if stat.S_ISDIR(mode) else []
    except OSError as error:
        yield _problem(shown, error)
        return
    if stat.S_ISREG(mode):
        yield from _on_disk(path, shown, walk)
    elif not stat.S_ISDIR(mode):
        if depth == 0:
            yield FoundProblem(shown, "This is neither a file nor a folder.", Trouble.FOREIGN)
    elif depth == DEPTH:
        yield FoundProblem(shown, f"More than {DEPTH} folders inside each other.", Trouble.LIMIT)
    else:
        maildir = "cur" in names and "new" in names
        for name in names:
            if not (maildir and name == "tmp"):
                below = f"{shown.rstrip('/')}/{_shown(name)}"
                yield from _entry(os.path.join(path, name), below, walk, depth=depth + 1)


def _on_disk(path: str, shown: str, walk: _Walk) -> Iterator[Found]:
    folder, name = os.path.split(path)
    sure = name.lower().endswith(".eml") or os.path.basename(folder) in ("cur", "new")
    passed = 0
    try:
        # O_NONBLOCK: what was a file a moment ago may be a pipe now, and nobody waits on a pipe.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            for found in _opened(file, shown, walk.limits, sure=sure):
                yield found
                at = max(passed, file.tell() if not file.closed else 0)
                walk.read_bytes(at - passed)
                passed = at
            walk.read_bytes(os.fstat(file.fileno()).st_size - passed)
    except BROKEN as error:
        yield _problem(shown, error)


def _opened(file: BufferedReader, shown: str, limits: Limits, *, sure: bool) -> Iterator[Found]:
    if is_zip(file.peek(SNIFFED_BYTES)):
        yield from _members(zip_members(file, limits), shown)
        return
    plain = unpacked(file, limits)
    if is_tar(plain.peek(SNIFFED_BYTES)):
        yield from _members(tar_members(plain, limits), shown)
    else:
        yield from _mail(plain, shown, sure=sure)


def _members(members: Iterator[Member], archive: str) -> Iterator[Found]:
    """What is inside an archive. A passed limit (MalformedInput) ends the archive, a damaged file does not."""
    for name, source, missing in members:
        shown = f"{archive}!{_shown(name)}"
        if source is None:
            yield FoundProblem(shown, missing, Trouble.LIMIT)
            continue
        try:
            head = source.peek(SNIFFED_BYTES)
            if is_zip(head) or is_tar(head) or is_compressed(head):
                yield FoundProblem(shown, "An archive inside an archive is not opened.", Trouble.LIMIT)
            else:
                yield from _mail(source, shown, sure=name.lower().endswith(".eml"))
        except MalformedInput:
            raise
        except BROKEN as error:
            yield _problem(shown, error)


def _mail(file: BufferedReader, shown: str, *, sure: bool) -> Iterator[Found]:
    """The message, or the messages of an mbox, in one file. What is named `.eml` or lies in a Maildir is `sure` to be
    one message. A byte-order mark that an editor left is passed over.
    """
    if file.peek(len(_MARK)).startswith(_MARK):
        file.read(len(_MARK))
    head = file.peek(SNIFFED_BYTES)[:SNIFFED_BYTES]
    if not head:
        yield FoundProblem(shown, "The file is empty.", Trouble.FOREIGN)
    elif head.startswith(b"From ") and not sure:
        yield from _mbox(file, shown)
    elif sure or (_FIELD.match(head) and len(_TELLING.findall(head)) > 1):
        raw = file.read(MAX_MESSAGE + 1)
        yield FoundMessage(shown, raw) if len(raw) <= MAX_MESSAGE else _too_large(shown)
    else:
        yield FoundProblem(shown, "This does not look like mail.", Trouble.FOREIGN)


class _Gathered:
    """The lines of one message of an mbox; no more of them than a message and the empty line behind it may have."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self._lines: list[bytes] = []
        self._bytes = 0

    def add(self, line: bytes) -> None:
        self._bytes += len(line)
        if self._bytes <= MAX_MESSAGE + 2:
            self._lines.append(line)

    def found(self) -> Found:
        raw = b"".join(self._lines)
        end = b"\r\n" if raw.endswith(b"\r\n\r\n") else b"\n" if raw.endswith(b"\n\n") else b""
        if self._bytes - len(end) > MAX_MESSAGE:
            return _too_large(self.shown)
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


def _too_large(shown: str) -> FoundProblem:
    return FoundProblem(shown, f"The message is larger than {MAX_MESSAGE // 2**20} MiB.", Trouble.LIMIT)


def _problem(shown: str, error: Exception) -> FoundProblem:
    match error:
        case MalformedInput():
            return FoundProblem(shown, error.what, Trouble.LIMIT)
        case FileNotFoundError() | NotADirectoryError():
            return FoundProblem(shown, "There is no such file or folder.", Trouble.MISSING)
        case PermissionError():
            return FoundProblem(shown, "It may not be read by you.", Trouble.CLOSED)
        case OSError(strerror=str(said)) if said:
            return FoundProblem(shown, f"Not readable: {said}.")
        case _:
            return FoundProblem(shown, "It is damaged, or packed in a way that is not read here.")
