"""Zip, tar and compressed files read as streams, with limits against those that unpack without end.

Nothing is written to disk, links and devices inside are passed over, an archive inside an archive stays closed.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from typing import Protocol

from antiphon.errors import MalformedInput

XZ_MEMORY_BYTES = 128 * 2**20
"""Memory that an xz stream may ask for."""
TAR_HEADER_BYTES = 2**20
"""A longer extended header of a tar member is refused; it would be read at once."""
COPY_BYTES = 65_536

BROKEN = (
    OSError, EOFError, ValueError, OverflowError, RuntimeError, struct.error,
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, MalformedInput,
)  # fmt: skip
"""All that reading a damaged or hostile archive raises."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far one archive is unpacked. `ratio` counts once more than `free_bytes` came out."""

    members: int = 500_000
    directory_bytes: int = 32 * 2**20
    unpacked_bytes: int = 64 * 2**30
    free_bytes: int = 64 * 2**20
    ratio: int = 200


class _Meter:
    """What came out of one archive so far, against what it weighs."""

    def __init__(self, packed_bytes: int, limits: Limits) -> None:
        self._packed, self._limits, self._unpacked, self._members = packed_bytes, limits, 0, 0

    def count(self, unpacked_bytes: int) -> None:
        """Raises MalformedInput once more comes out than the limits allow."""
        self._unpacked += unpacked_bytes
        if self._unpacked > self._limits.unpacked_bytes:
            raise MalformedInput("The archive unpacks to too much; reading stopped there.")
        if self._unpacked > max(self._limits.free_bytes, self._limits.ratio * self._packed):
            raise MalformedInput(f"The archive unpacks to over {self._limits.ratio} times its size; reading stopped.")

    def member(self) -> None:
        """Raises MalformedInput at one member more than the limits allow."""
        self._members += 1
        if self._members > self._limits.members:
            raise MalformedInput(f"The archive has more than {self._limits.members} members; reading stopped there.")


class _Source(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class _Metered(RawIOBase):
    """A stream that tells a meter what it gives."""

    def __init__(self, source: _Source, meter: _Meter) -> None:
        self._source, self._meter = source, meter

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any writable buffer
        """As RawIOBase has it."""
        data = self._source.read(len(buffer))
        self._meter.count(len(data))
        buffer[: len(data)] = data
        return len(data)


class _Xz(RawIOBase):
    """An xz or lzma stream read with a bound on memory, which the standard file class can not be told."""

    def __init__(self, source: _Source) -> None:
        self._source, self._rest = source, b""
        self._unpack = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any writable buffer
        """As RawIOBase has it; streams that stand behind each other are one."""
        while True:
            if self._unpack.eof:
                self._rest = self._unpack.unused_data.lstrip(b"\0") or self._source.read(COPY_BYTES).lstrip(b"\0")
                if not self._rest:
                    return 0
                self._unpack = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)
            if not self._rest and self._unpack.needs_input:
                self._rest = self._source.read(COPY_BYTES)
                if not self._rest:
                    raise EOFError("The compressed file ends too early.")
            data, self._rest = self._unpack.decompress(self._rest, len(buffer)), b""
            if data:
                buffer[: len(data)] = data
                return len(data)


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip archive, an empty one included."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar archive (POSIX or GNU)."""
    return head[257:262] == b"ustar"


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins so is packed with gzip, bzip2 or xz."""
    return head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"))


def unpacked(file: BufferedReader, limits: Limits) -> BufferedReader:
    """`file` itself, or what is in it if it is compressed. Reading raises one of BROKEN."""
    head = file.peek(6)
    if not is_compressed(head):
        return file
    meter = _Meter(os.fstat(file.fileno()).st_size, limits)
    if head.startswith(b"\x1f\x8b"):
        return BufferedReader(_Metered(gzip.GzipFile(fileobj=file), meter), COPY_BYTES)
    if head.startswith(b"BZh"):
        return BufferedReader(_Metered(bz2.BZ2File(file), meter), COPY_BYTES)
    return BufferedReader(_Metered(BufferedReader(_Xz(file), COPY_BYTES), meter), COPY_BYTES)


Member = tuple[str, BufferedReader | None, str]
"""Its name; the stream, to be read before the next; or why there is none."""


def zip_members(file: BufferedReader, limits: Limits) -> Iterator[Member]:
    """The files in a zip archive, by name. Raises one of BROKEN where the archive itself can not be read."""
    size = os.fstat(file.fileno()).st_size
    if size > limits.directory_bytes and _directory_bytes(file, size) > limits.directory_bytes:
        raise MalformedInput("The archive's directory is too long to be read.")
    meter = _Meter(size, limits)
    with zipfile.ZipFile(file) as archive:
        for info in sorted(archive.infolist(), key=lambda info: info.filename.encode("utf-8", "surrogateescape")):
            if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
                continue
            meter.member()
            if info.flag_bits & 1:
                yield info.filename, None, "It is encrypted."
                continue
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                yield info.filename, None, "It is packed in a way that is not read here."
                continue
            try:
                source = archive.open(info)
            except BROKEN:
                yield info.filename, None, "It is damaged."
                continue
            with source:
                yield info.filename, BufferedReader(_Metered(source, meter), COPY_BYTES), ""


def _directory_bytes(file: BufferedReader, size: int) -> int:
    """How long the directory of a zip says it is; `zipfile` would read it at once. At most the file's size."""
    file.seek(max(size - 66_000, 0))
    tail = file.read()
    at, wide = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
    if wide >= 0 and len(tail) >= wide + 48:
        return int(struct.unpack_from("<Q", tail, wide + 40)[0])
    return int(struct.unpack_from("<L", tail, at + 12)[0]) if 0 <= at <= len(tail) - 16 else size


class _TarMember(tarfile.TarInfo):
    """A tar header whose extensions (long names, attributes) are bounded: tarfile reads them into memory."""

    _EXTENSIONS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, *tarfile.GNU_TYPES[:2])

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in self._EXTENSIONS and self.size > TAR_HEADER_BYTES:
            raise tarfile.ReadError("A header of the archive is too long.")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]  # tarfile's own hook


def tar_members(file: BufferedReader, limits: Limits) -> Iterator[Member]:
    """The files in a tar archive, in the order in which they stand there. Raises one of BROKEN."""
    meter = _Meter(limits.unpacked_bytes, limits)
    with tarfile.open(fileobj=file, mode="r|", tarinfo=_TarMember) as archive:
        for info in archive:
            archive.members.clear()  # type: ignore[attr-defined] # it keeps every header it has seen, which a long archive makes many
            if not info.isreg():
                continue
            meter.member()
            source = archive.extractfile(info)
            if source is not None:
                yield info.name, BufferedReader(_Metered(source, meter), COPY_BYTES), ""
