"""A backup as one file: a tar whose first member lists the others with their sizes and digests.

Any `tar` can list and unpack it, should this program be gone. What is read is checked against the list, byte for byte;
nothing is written but under the names that a home has.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec

from antiphon.errors import StorageFailed, UnreadableFile

LIST = "backup.json"
FORMAT = 1
MOST_LIST_BYTES = 16 * 1024 * 1024
PIECE = 1024 * 1024
_NAME = re.compile(r"antiphon\.db|settings\.toml|keys/[a-z0-9-]{1,40}\.sealed|spool/[0-9]{20}\.(seg|done|damaged)")


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a backup."""

    name: str
    size: int
    sha256: str


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup says of itself; `anchor` is where the home's anchor was."""

    format: int
    program: str
    made_at: str
    anchor: str
    files: tuple[Content, ...]


def write_bundle(folder: Path, target: Path, about: About) -> About:
    """Packs every file below `folder` into a new file `target`, for its owner only and durable when this returns; the
    list is made here. Raises StorageFailed; then there is no `target`."""
    part = target.with_name(f".{target.name}.part")
    try:
        if os.path.lexists(target):
            raise FileExistsError(17, "there is something already")
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        about = msgspec.structs.replace(about, files=tuple(_content(folder, name) for name in names))
        with os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as out:
            with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
                listed = msgspec.json.encode(about)
                tar.addfile(_member(LIST, len(listed)), BytesIO(listed))
                for content in about.files:
                    with open(folder / content.name, "rb") as file:
                        tar.addfile(_member(content.name, content.size), file)
            out.flush()
            os.fsync(out.fileno())
        part.rename(target)
        _sync_folder(target.parent)
    except (OSError, tarfile.TarError) as error:
        part.unlink(missing_ok=True)
        said = error.strerror if isinstance(error, OSError) else error
        raise StorageFailed(
            f"The backup {target} can not be written: {said}.", advice="Name a new file, where there is space."
        ) from error
    return about


def read_bundle(source: Path, folder: Path) -> About:
    """Unpacks a backup into a new `folder`, for its owner only. Raises UnreadableFile for the first thing that is not
    as the list says, StorageFailed where it can not be written; then what was unpacked is of no use."""
    try:
        with open(source, "rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            members = iter(tar)
            about = _about(tar, members)
            _make(folder)
            for content in about.files:
                _unpack(tar, next(members, None), content, folder)
            if next(members, None) is not None:
                raise _damaged("it holds more than it lists")
    except UnreadableFile as error:
        raise UnreadableFile(f"{source} is no sound backup: {error.what}.", advice="Take another.") from error
    except tarfile.TarError as error:
        raise UnreadableFile(f"{source} is no sound backup: {error}.", advice="Take another.") from error
    except OSError as error:
        raise UnreadableFile(f"{source} can not be read: {error.strerror}.") from error
    return about


def _content(folder: Path, name: str) -> Content:
    digest = sha256()
    with open(folder / name, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
        return Content(name, file.tell(), digest.hexdigest())


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def _about(tar: tarfile.TarFile, members: Iterator[tarfile.TarInfo]) -> About:
    first = next(members, None)
    file = tar.extractfile(first) if first is not None and first.name == LIST and first.isreg() else None
    if first is None or file is None or first.size > MOST_LIST_BYTES:
        raise _damaged("it does not begin with a list of what it holds")
    try:
        about = msgspec.json.decode(file.read(), type=About)
    except msgspec.MsgspecError as error:
        raise _damaged(f"its list can not be understood ({error})") from error
    if about.format != FORMAT:
        raise _damaged(
            f"it has format {about.format}, written by Antiphon {about.program}, which this one does not know"
        )
    return about


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo | None, content: Content, folder: Path) -> None:
    name = content.name
    file = tar.extractfile(member) if member is not None and member.isreg() else None
    if member is None or file is None or (member.name, member.size) != (name, content.size):
        raise _damaged(f"{name} is missing or not as long as listed")
    if not _NAME.fullmatch(name):
        raise _damaged(f"{name} is nothing that a home has")
    place = folder / name
    try:
        _make(place.parent)
        with os.fdopen(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            found = _pour(file, out)
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError as error:
        raise _damaged(f"{name} is in it twice") from error
    except OSError as error:
        raise StorageFailed(f"{place} can not be written: {error.strerror}.", advice="Free some space.") from error
    if found != content.sha256:
        raise _damaged(f"{name} is not as it was written")


def _pour(file: IO[bytes], out: IO[bytes]) -> str:
    digest = sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
        out.write(piece)
    return digest.hexdigest()


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged(what: str) -> UnreadableFile:
    return UnreadableFile(what)
