"""Mail in files: every kind of box, what is no mail, and what lies in the way of reading it."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.formats.message import MAX_MESSAGE
from antiphon.intake.folder import DEPTH, Found, FoundMessage, FoundProblem, Trouble, walk, weigh

MAIL = (
    b"From: a@one.example\r\nTo: b@two.example\r\nSubject: %d\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n\r\nText.\r\n"
)
LINE = b"From a@one.example Mon Nov  2 10:00:00 2026\n"
MODES = pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")


def mail(number: int = 1) -> bytes:
    """One small message."""
    return MAIL % number


def put(path: Path, data: bytes) -> Path:
    """A file, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def read(*paths: Path) -> list[Found]:
    """All of a walk."""
    return list(walk(paths))


def only_problem(path: Path) -> FoundProblem:
    """The one thing found, which is a problem."""
    (found,) = read(path)
    assert isinstance(found, FoundProblem)
    return found


def test_single_messages_of_a_folder_come_in_byte_order(tmp_path: Path) -> None:
    """Names decide the order, so that a second walk is the same."""
    for name in ("b.eml", "a.eml", "ä.eml"):
        put(tmp_path / "in" / name, mail())
    assert [found.path for found in read(tmp_path / "in")] == [f"{tmp_path}/in/{n}.eml" for n in ("a", "b", "ä")]


def test_a_message_is_given_byte_for_byte(tmp_path: Path) -> None:
    """Line ends and all: evidence is never written anew."""
    (found,) = read(put(tmp_path / "one.eml", mail(7)))
    assert isinstance(found, FoundMessage)
    assert found.raw == mail(7)


def test_an_mbox_is_split_at_its_separators(tmp_path: Path) -> None:
    """Also where a text has a line that begins so, or a separator stands without an empty line before it."""
    box = LINE + mail(1) + b"From here on: nothing.\n\nFrom me to you\n\n" + LINE + mail(2) + b"\n" + LINE + mail(3)
    found = read(put(tmp_path / "box", box))
    assert [f.path.rpartition("#")[2] for f in found] == ["1", "2", "3"]
    assert [f.raw.count(b"Subject:") for f in found if isinstance(f, FoundMessage)] == [1, 1, 1]


def test_a_quoted_line_of_an_mbox_is_told_and_left(tmp_path: Path) -> None:
    """Nobody can know who put the `>` there."""
    (found,) = read(put(tmp_path / "box", LINE + mail() + b">From the start\n"))
    assert isinstance(found, FoundMessage)
    assert found.quoted
    assert b"\n>From the start\n" in found.raw


def test_a_maildir_is_read_without_what_is_not_delivered(tmp_path: Path) -> None:
    """`tmp` holds half-written mail."""
    for room in ("cur", "new", "tmp"):
        put(tmp_path / "box" / room / f"1.{room}", mail())
    assert [Path(found.path).parent.name for found in read(tmp_path / "box")] == ["cur", "new"]


def test_a_message_keeps_its_key_when_it_is_read_in_its_maildir(tmp_path: Path) -> None:
    """It moves from `new` to `cur` and gets flags: it is the same message in the same box."""
    put(tmp_path / "cur" / "9.x:2,S", mail(9))
    before = put(tmp_path / "new" / "1.host", mail())
    keys = {found.key for found in read(tmp_path) if isinstance(found, FoundMessage)}
    before.rename(tmp_path / "cur" / "1.host:2,RS")
    assert {found.key for found in read(tmp_path) if isinstance(found, FoundMessage)} == keys


def test_a_key_does_not_depend_on_how_the_path_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative, absolute, through a link: what was done is known."""
    put(tmp_path / "in" / "a.eml", mail())
    (tmp_path / "link").symlink_to(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    ways = [Path("in"), Path("./in/a.eml"), tmp_path / "in", Path("link"), Path("in/../in/")]
    keys = {found.key for way in ways for found in read(way) if isinstance(found, FoundMessage)}
    assert len(keys) == 1


def test_the_same_bytes_in_another_place_have_another_key(tmp_path: Path) -> None:
    """Two copies are two messages; that they are one mail is seen by identity."""
    put(tmp_path / "a.eml", mail())
    put(tmp_path / "b.eml", mail())
    assert len({found.key for found in read(tmp_path) if isinstance(found, FoundMessage)}) == 2


def test_a_path_given_twice_is_read_once(tmp_path: Path) -> None:
    """And the order is that in which paths were given first."""
    a, b = put(tmp_path / "a.eml", mail(1)), put(tmp_path / "b.eml", mail(2))
    assert [Path(found.path).name for found in read(b, a, b)] == ["b.eml", "a.eml"]


def test_a_compressed_mbox_is_read(tmp_path: Path) -> None:
    """Packed by gzip, as archives often are."""
    assert len(read(put(tmp_path / "box.gz", gzip.compress(LINE + mail(1) + b"\n" + LINE + mail(2))))) == 2


def test_a_path_that_is_not_there_is_missing(tmp_path: Path) -> None:
    """The sentence is short, the advice says what to do."""
    found = only_problem(tmp_path / "none")
    assert (found.trouble, found.given, found.error) == (Trouble.MISSING, True, "There is no such file or folder.")
    assert all(trouble.advice for trouble in Trouble)


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    """Silence would look like success."""
    assert only_problem(tmp_path).error == "There is no mail in it."


@pytest.mark.parametrize("data", [b"", b"\x7fELF\0\0\0", b"just some text\n", b"key: value\n", b"\xff" * 9_000])
def test_what_is_no_mail_is_told(tmp_path: Path, data: bytes) -> None:
    """A wrong format is found by looking, not by a name."""
    assert only_problem(put(tmp_path / "file", data)).trouble is Trouble.FOREIGN


@MODES
def test_a_file_without_permission_is_closed(tmp_path: Path) -> None:
    """The others are taken."""
    put(tmp_path / "a.eml", mail()).chmod(0)
    put(tmp_path / "b.eml", mail())
    first, second = read(tmp_path)
    assert isinstance(first, FoundProblem)
    assert (first.trouble, first.given) == (Trouble.CLOSED, False)
    assert isinstance(second, FoundMessage)


def test_a_link_inside_a_folder_is_not_followed(tmp_path: Path) -> None:
    """It could lead anywhere, and round in a circle."""
    put(tmp_path / "in" / "a.eml", mail())
    (tmp_path / "in" / "b.eml").symlink_to(tmp_path / "in" / "a.eml")
    (tmp_path / "in" / "c").symlink_to(tmp_path)
    assert len(read(tmp_path / "in")) == 1


def test_nobody_waits_on_a_pipe(tmp_path: Path) -> None:
    """A pipe is no file: inside a folder it is passed over, by name it is told."""
    put(tmp_path / "a.eml", mail())
    os.mkfifo(tmp_path / "pipe")
    assert len(read(tmp_path)) == 1
    assert only_problem(tmp_path / "pipe").trouble is Trouble.FOREIGN


@pytest.mark.parametrize("over", [0, 1])
def test_a_message_has_a_largest_size(tmp_path: Path, over: int) -> None:
    """At the limit it is read, one byte past it is told and never held whole."""
    (found,) = read(put(tmp_path / "a.eml", mail().ljust(MAX_MESSAGE + over, b"x")))
    assert isinstance(found, FoundProblem if over else FoundMessage)
    assert not over or (isinstance(found, FoundProblem) and found.trouble is Trouble.LIMIT)


@pytest.mark.parametrize("over", [0, 1])
def test_a_message_of_an_mbox_has_it_too(tmp_path: Path, over: int) -> None:
    """What stands behind the large one is read."""
    large = mail(1).ljust(MAX_MESSAGE + over - 1, b"x") + b"\n"
    first, second = read(put(tmp_path / "box", LINE + large + b"\n" + LINE + mail(2)))
    assert isinstance(first, FoundProblem if over else FoundMessage)
    assert isinstance(second, FoundMessage)


@pytest.mark.parametrize("over", [0, 1])
def test_folders_lie_in_each_other_only_so_deep(tmp_path: Path, over: int) -> None:
    """One deeper is told."""
    put(tmp_path.joinpath(*["d"] * (DEPTH - 1 + over)) / "a.eml", mail())
    (found,) = read(tmp_path)
    assert isinstance(found, FoundProblem if over else FoundMessage)


def test_names_are_shown_without_control_characters(tmp_path: Path) -> None:
    """A file name must not move a terminal's cursor."""
    put(tmp_path / "\x1b[2Jx.eml", mail())
    (found,) = read(tmp_path)
    assert found.path.isprintable()


def test_an_mbox_of_any_length_is_read_in_little_memory(tmp_path: Path) -> None:
    """One message at a time, here 1,000 of 30 kB."""
    box = tmp_path / "box"
    with box.open("wb") as file:
        for number in range(1_000):
            file.write(LINE + mail(number) + b"x" * 70 + b"\n" * 2 + (b"y" * 70 + b"\n") * 430 + b"\n")
    tracemalloc.start()
    try:
        assert sum(1 for _ in walk([box])) == 1_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_what_is_read_adds_up_to_what_is_weighed(tmp_path: Path) -> None:
    """So that a bar ends where it should."""
    put(tmp_path / "in" / "a.eml", mail())
    put(tmp_path / "in" / "box", LINE + mail(1) + b"\n" + LINE + mail(2))
    put(tmp_path / "in" / "no", b"no mail")
    single = put(tmp_path / "b.eml", mail())
    counted: list[int] = []
    paths = [tmp_path / "in", single]
    assert len(list(walk(paths, read_bytes=counted.append))) == 5
    assert sum(counted) == weigh(paths)


@settings(max_examples=150, deadline=None)
@given(data=st.lists(st.sampled_from([LINE, mail(), b"\n", b"PK\x03\x04", b"\x1f\x8b", b"BZh9", b"ustar", b"\0" * 200,
                                      b"From ", b"\xfd7zXZ\0", b"PK\x05\x06"]) | st.binary(max_size=40)))  # fmt: skip
def test_nothing_in_a_file_stops_a_walk(tmp_path_factory: pytest.TempPathFactory, data: list[bytes]) -> None:
    """Whatever lies there: messages or problems, one at least, and no exception."""
    path = tmp_path_factory.mktemp("fuzz") / "file"
    path.write_bytes(b"".join(data))
    assert read(path)
