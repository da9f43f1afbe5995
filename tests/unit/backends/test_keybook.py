"""A key book gives back what it keeps, destroys for good, and its copy follows as soon as it can be reached."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from antiphon.backends.keybook import SLOT, FileBook, MemoryBook, begin_book, copy_book
from antiphon.backends.vault import Book
from antiphon.errors import StorageFailed
from antiphon.ports import KeyState

ONE, TWO, THREE = (bytes([n]) * 61 for n in (1, 2, 3))


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A book in a home and its copy elsewhere, both begun."""
    home, copy = tmp_path / "home" / "members", tmp_path / "stick" / "members"
    begin_book(home)
    begin_book(copy)
    return home, copy


@pytest.fixture(params=["memory", "file", "file with a copy"])
def book(request: pytest.FixtureRequest, places: tuple[Path, Path]) -> Book:
    """Every book there is."""
    if request.param == "memory":
        return MemoryBook()
    return FileBook(places[0], places[1] if "copy" in request.param else None)


def test_a_book_gives_back_what_it_keeps_until_it_is_destroyed(book: Book) -> None:
    """The others stay; destroying twice is as good as once."""
    names = [book.add(key) for key in (ONE, TWO, THREE)]
    assert len(set(names)) == 3
    assert [book.look(name) for name in names] == [(KeyState.THERE, key) for key in (ONE, TWO, THREE)]
    assert book.wipe(names[1]) and book.wipe(names[1])
    assert book.look(names[1]) == (KeyState.DESTROYED, b"")
    assert book.look(names[0]) == (KeyState.THERE, ONE) and book.look(names[2]) == (KeyState.THERE, THREE)
    later = book.add(TWO)
    assert later not in names and book.look(names[1])[0] is KeyState.DESTROYED


def test_a_name_that_no_book_gave_is_missing(book: Book) -> None:
    """Also one of a wrong length, of a slot that another key has, and of one far away."""
    name = book.add(ONE)
    for foreign in (b"", b"x", bytes(24), bytes(16) + name[16:], name[:16] + b"\0\0\0\0\0\0\1\0", name + b"x"):
        assert book.look(foreign) == (KeyState.MISSING, b"")
        book.wipe(foreign)
    assert book.look(name) == (KeyState.THERE, ONE)


def test_a_destroyed_key_is_in_no_byte_of_the_files(places: tuple[Path, Path]) -> None:
    """Here and in the copy; before it was in both, for their owner alone."""
    book = FileBook(*places)
    name = book.add(ONE)
    assert all(ONE in place.read_bytes() and place.stat().st_mode & 0o777 == 0o600 for place in places)
    assert book.wipe(name)
    assert not any(ONE in place.read_bytes() for place in places)


def test_a_copy_that_is_away_is_reached_when_it_is_back(places: tuple[Path, Path]) -> None:
    """It is never begun anew by itself: where a disk is not mounted, another file would be taken for it."""
    home, copy = places
    book = FileBook(home, copy)
    first = book.add(ONE)
    away = copy.rename(copy.with_name("elsewhere"))
    second = book.add(TWO)
    assert not book.wipe(first) and str(copy) in book.away and not copy.exists()
    assert ONE in away.read_bytes() and ONE not in home.read_bytes()
    away.rename(copy)
    assert book.wipe(first) and not book.away
    assert ONE not in copy.read_bytes() and copy.read_bytes() == home.read_bytes()
    assert book.look(second) == (KeyState.THERE, TWO)


def test_a_copy_with_keys_of_another_home_is_left_alone(places: tuple[Path, Path], tmp_path: Path) -> None:
    """Neither is written over, and the book says what is wrong; it goes on without that copy."""
    home, copy = places
    other = FileBook(copy)
    other.add(ONE)
    before = copy.read_bytes()
    book = FileBook(home, copy)
    name = book.add(TWO)
    book.tend()
    assert "another" in book.away and copy.read_bytes() == before
    assert book.look(name) == (KeyState.THERE, TWO)


def test_a_home_that_was_set_back_learns_what_its_copy_knows(places: tuple[Path, Path], tmp_path: Path) -> None:
    """Keys that came later, and which were destroyed: an older home can not bring an erased member back."""
    home, copy = places
    book = FileBook(home, copy)
    first = book.add(ONE)
    copy_book(home, tmp_path / "older")
    second = book.add(TWO)
    book.wipe(first)
    home.write_bytes((tmp_path / "older").read_bytes())
    book = FileBook(home, copy)
    assert book.look(first)[0] is KeyState.THERE
    book.tend()
    assert book.look(first)[0] is KeyState.DESTROYED and book.look(second) == (KeyState.THERE, TWO)
    assert ONE not in home.read_bytes()


@pytest.mark.parametrize("size", [0, 1, 17, SLOT.size - 1])
def test_a_torn_slot_costs_nothing_but_itself(places: tuple[Path, Path], size: int) -> None:
    """A crash in the middle of a new key: the next one takes its place, the earlier ones stand."""
    book = FileBook(*places)
    first = book.add(ONE)
    with places[0].open("ab") as file:
        file.write(SLOT.pack(1, b"n" * 16, TWO)[:size])
    second = FileBook(*places).add(THREE)
    assert book.look(first) == (KeyState.THERE, ONE) and book.look(second) == (KeyState.THERE, THREE)
    book.tend()
    assert not book.away and places[0].read_bytes() == places[1].read_bytes()


@pytest.mark.parametrize("deeds", list(itertools.permutations(["add", "wipe", "away", "back"])))
def test_in_any_order_the_copy_ends_as_the_book(places: tuple[Path, Path], deeds: tuple[str, ...]) -> None:
    """Whatever happened while it was away."""
    home, copy = places
    book = FileBook(home, copy)
    name = book.add(ONE)
    hidden = copy.with_name("hidden")
    for deed in deeds:
        if deed == "add":
            book.add(TWO)
        elif deed == "wipe":
            book.wipe(name)
        elif deed == "away" and copy.exists():
            copy.rename(hidden)
        elif deed == "back" and hidden.exists():
            hidden.rename(copy)
    if hidden.exists():
        hidden.rename(copy)
    book.tend()
    assert copy.read_bytes() == home.read_bytes() and ONE not in copy.read_bytes() and not book.away


def test_a_book_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    """With its place; and one that holds keys is not begun again."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailed, match="can not be reached"):
        FileBook(tmp_path / "file" / "members").add(ONE)
    FileBook(tmp_path / "members").add(ONE)
    with pytest.raises(StorageFailed, match="holds keys already"):
        begin_book(tmp_path / "members")
    with pytest.raises(StorageFailed):
        copy_book(tmp_path / "members", tmp_path / "members")
