"""Archives: each kind is read, none can unpack without end, and what is wrong with one is told in a sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.intake.archive import TAR_HEADER_BYTES, Limits
from antiphon.intake.folder import Found, FoundMessage, FoundProblem, Trouble, walk
from tests.unit.intake.test_folder import mail

PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "": lambda data: data, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
}  # fmt: skip


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return whole.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    """A tar archive."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return whole.getvalue()


def read(folder: Path, data: bytes, limits: Limits | None = None) -> list[Found]:
    """A walk over one file with these bytes."""
    path = folder / "archive"
    path.write_bytes(data)
    return list(walk([path], limits or Limits()))


def inside(found: Found) -> str:
    """The name in the archive."""
    return found.path.partition("!")[2]


def problem(found: list[Found]) -> FoundProblem:
    """The last thing found, which is a problem."""
    assert isinstance(found[-1], FoundProblem)
    return found[-1]


def test_a_zip_is_read_by_name(tmp_path: Path) -> None:
    """Whatever order it was packed in."""
    found = read(tmp_path, zipped({"b.eml": mail(2), "in/a.eml": mail(1), "readme.txt": b"no mail"}))
    assert [inside(f) for f in found] == ["b.eml", "in/a.eml", "readme.txt"]
    assert [f.raw for f in found if isinstance(f, FoundMessage)] == [mail(2), mail(1)]


@pytest.mark.parametrize("packer", PACKERS)
def test_a_tar_is_read_in_its_order(tmp_path: Path, packer: str) -> None:
    """Plain and packed in each of the three ways."""
    found = read(tmp_path, PACKERS[packer](tarred({"b.eml": mail(2), "a.eml": mail(1)})))
    assert [inside(f) for f in found] == ["b.eml", "a.eml"]


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_has_only_so_many_members(
    tmp_path: Path, pack: Callable[[Mapping[str, bytes]], bytes], over: int
) -> None:
    """What was read before stands."""
    found = read(tmp_path, pack({f"{n}.eml": mail(n) for n in range(3 + over)}), Limits(members=3))
    assert sum(isinstance(f, FoundMessage) for f in found) == 3
    assert not over or problem(found).error == "The archive has more than 3 members; reading stopped there."


@pytest.mark.parametrize("over", [0, 1])
def test_an_archive_unpacks_to_only_so_many_bytes(tmp_path: Path, over: int) -> None:
    """Counted as it comes out, not as the archive says."""
    found = read(tmp_path, zipped({"a.eml": mail()}), Limits(unpacked_bytes=len(mail()) - over))
    assert isinstance(found[0], FoundProblem if over else FoundMessage)


def test_a_bomb_is_put_down_when_it_swells(tmp_path: Path) -> None:
    """Sixteen members of a megabyte of nothing in twenty kilobytes: past the free bytes the ratio counts."""
    bomb = zipped({f"{n:02}.eml": mail().ljust(2**20, b"\0") for n in range(16)})
    found = read(tmp_path, bomb, Limits(free_bytes=4 * 2**20, ratio=20))
    assert len(bomb) < 40_000
    assert 3 <= sum(isinstance(f, FoundMessage) for f in found) <= 5
    assert problem(found).error == "The archive unpacks to over 20 times its size; reading stopped."
    assert problem(found).trouble is Trouble.LIMIT


@pytest.mark.parametrize("packer", [".gz", ".bz2", ".xz"])
def test_a_packed_bomb_is_put_down_too(tmp_path: Path, packer: str) -> None:
    """A stream that never seems to end."""
    found = read(tmp_path, PACKERS[packer](mail().ljust(8 * 2**20, b"\0")), Limits(free_bytes=2**20, ratio=20))
    assert problem(found).trouble is Trouble.LIMIT


def test_an_archive_in_an_archive_stays_closed(tmp_path: Path) -> None:
    """The others are read."""
    found = read(tmp_path, zipped({"a.zip": zipped({"x.eml": mail()}), "b.eml": mail()}))
    assert isinstance(found[0], FoundProblem)
    assert isinstance(found[1], FoundMessage)


def test_a_long_directory_is_not_read(tmp_path: Path) -> None:
    """It would be taken into memory at once."""
    found = read(tmp_path, zipped({f"{n}.eml": mail() for n in range(20)}), Limits(directory_bytes=500))
    assert problem(found).error == "The archive's directory is too long to be read."


@pytest.mark.parametrize("over", [0, 1])
def test_a_tar_header_has_a_largest_size(tmp_path: Path, over: int) -> None:
    """A long name is read whole by the library, so its length is looked at first."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, TAR_HEADER_BYTES + over
    name = b"n" * info.size
    data = info.tobuf(tarfile.GNU_FORMAT) + name.ljust(-(-len(name) // 512) * 512, b"\0") + tarred({"a.eml": mail()})
    found = read(tmp_path, data)
    assert isinstance(found[0], FoundProblem) == bool(over)


def test_links_and_devices_are_passed_over(tmp_path: Path) -> None:
    """Only plain files are read; nothing is written anywhere."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name, kind in (("link", tarfile.SYMTYPE), ("device", tarfile.CHRTYPE), ("pipe", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert problem(read(tmp_path, whole.getvalue())).error == "There is no mail in it."


def test_names_that_climb_are_only_names(tmp_path: Path) -> None:
    """Nothing is unpacked to disk, so `..` leads nowhere."""
    (found,) = read(tmp_path, zipped({"../../etc/a.eml": mail()}))
    assert inside(found) == "../../etc/a.eml"
    assert [each.name for each in tmp_path.iterdir()] == ["archive"]


@pytest.mark.parametrize("cut", [20, 60, 100])
@pytest.mark.parametrize("data", [zipped({"a.eml": mail()}), gzip.compress(tarred({"a.eml": mail()}))])
def test_a_cut_archive_is_damaged(tmp_path: Path, data: bytes, cut: int) -> None:
    """One sentence, whatever the library raised."""
    assert problem(read(tmp_path, data[:-cut])).error == "It is damaged, or packed in a way that is not read here."


@settings(max_examples=150, deadline=None)
@given(
    base=st.sampled_from([zipped({"a.eml": mail(), "b": mail(2)}), tarred({"a.eml": mail(), "b": mail(2)}),
                          gzip.compress(mail()), bz2.compress(mail()), lzma.compress(mail())]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
)  # fmt: skip
def test_no_changed_byte_stops_a_walk(
    tmp_path_factory: pytest.TempPathFactory, base: bytes, changes: list[tuple[float, int]]
) -> None:
    """Hostile archives give messages or problems, never an exception."""
    data = bytearray(base)
    for where, byte in changes:
        data[int(where * len(data))] = byte
    assert read(tmp_path_factory.mktemp("fuzz"), bytes(data))
