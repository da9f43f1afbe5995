"""Tiles and bundles: names, widths and contents as C2SP tlog-tiles has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.tile import (
    ENTRIES,
    MOST_ENTRY_BYTES,
    WIDTH,
    Tile,
    parse_bundle,
    parse_hashes,
    parse_path,
    print_bundle,
    print_hashes,
    print_path,
    superseded_tiles,
    tiles,
)
from antiphon.terms import Digest

any_tile = st.builds(Tile, st.integers(ENTRIES, 63), st.integers(0, 2**64 - 1), st.integers(1, WIDTH))
sizes = st.integers(0, 3) | st.integers(250, 260) | st.integers(0, 140_000)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(0, 1_000), "tile/0/x001/000"),
        (Tile(63, 7, 1), "tile/63/007.p/1"),
        (Tile(ENTRIES, 273, 112), "tile/entries/273.p/112"),
        (Tile(ENTRIES, 1_234_067, 255), "tile/entries/x001/x234/067.p/255"),
    ],
)
def test_a_path_is_that_of_the_standard(tile: Tile, path: str) -> None:
    """Three digits an element, `x` before all but the last, the width of a partial tile."""
    assert print_path(tile) == path
    assert parse_path(path) == tile


@given(any_tile)
def test_a_path_comes_back(tile: Tile) -> None:
    """Printing and parsing are inverse."""
    assert parse_path(print_path(tile)) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/0/001.p/0",
        "tile/0/001.p/01",
        "tile/0/001.p/256",
        "tile/0/001.p/257",
        "tile/0/001.p/",
        "tile/0/001.p",
        "tile/0/001\n",
        "tile/0/٠٠١",
        "tile/Entries/001",
        "/tile/0/001",
        "tile/0/../001",
        "tile/0/" + "x001/" * 7 + "001",
    ],
)
def test_another_path_is_refused(path: str) -> None:
    """Nothing else in the folder has the name of a tile."""
    with pytest.raises(MalformedInput):
        parse_path(path)


@given(st.text(max_size=40) | st.from_regex(r"tile/[0-9e]{1,2}/[x0-9/]{1,12}(\.p/[0-9]{1,4})?", fullmatch=True))
def test_hostile_paths_are_malformed_or_canonical(path: str) -> None:
    """Nothing but MalformedInput comes out."""
    try:
        tile = parse_path(path)
    except MalformedInput:
        return
    assert print_path(tile) == path


def test_seventy_thousand_entries_have_the_tiles_of_the_standard() -> None:
    """273 full and three partial hash tiles besides one full on level 1, and as many bundles as on level 0."""
    found = list(tiles(70_000))
    full = [(tile.level, tile.index) for tile in found if tile.width == WIDTH]
    assert full == [(level, index) for level in (ENTRIES, 0) for index in range(273)] + [(1, 0)]
    partial = [tile for tile in found if tile.width != WIDTH]
    assert partial == [Tile(ENTRIES, 273, 112), Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_a_full_tile_stands_under_a_partial_one() -> None:
    """A tree of 256 has a full tile and a partial one of width 1 above it."""
    assert list(tiles(256)) == [Tile(ENTRIES, 0), Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles(255)) == [Tile(ENTRIES, 0, 255), Tile(0, 0, 255)]
    assert list(tiles(0)) == []


@given(sizes)
def test_partial_tiles_are_as_wide_as_the_standard_says(size: int) -> None:
    """floor(size / 256^level) mod 256 hashes, and every tile before it full."""
    found = list(tiles(size))
    for level in {tile.level for tile in found}:
        row = [tile for tile in found if tile.level == level]
        count = size // 256 ** max(level, 0)
        assert [tile.index for tile in row] == list(range(len(row)))
        assert sum(tile.width for tile in row) == count
        assert all(tile.width == WIDTH for tile in row[:-1])


@given(sizes, sizes)
def test_growth_is_what_was_added_and_what_was_superseded(one: int, other: int) -> None:
    """The tiles of a bigger log are the old ones, less the superseded, with the new."""
    since, size = sorted((one, other))
    old, new = set(tiles(since)), set(tiles(size))
    assert set(tiles(size, since)) == new - old
    assert set(superseded_tiles(size, since)) == old - new


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=9))
def test_a_bundle_comes_back(entries: list[bytes]) -> None:
    """Printing and parsing are inverse."""
    assert parse_bundle(print_bundle(entries)) == tuple(entries)


def test_a_bundle_is_length_and_bytes() -> None:
    """Each entry under a big-endian uint16."""
    assert print_bundle([b"ab", b"", b"c" * 258]) == b"\x00\x02ab" + b"\x00\x00" + b"\x01\x02" + b"c" * 258


@given(st.binary(max_size=60))
def test_hostile_bundles_are_malformed_or_canonical(data: bytes) -> None:
    """Nothing but MalformedInput comes out."""
    try:
        entries = parse_bundle(data)
    except MalformedInput:
        return
    assert print_bundle(entries) == data


@pytest.mark.parametrize("entries", [[b"x"] * WIDTH, [b"x" * MOST_ENTRY_BYTES]])
def test_a_bundle_at_its_limits_is_allowed(entries: list[bytes]) -> None:
    """256 entries, and an entry of 65,535 bytes."""
    assert parse_bundle(print_bundle(entries)) == tuple(entries)


@pytest.mark.parametrize("entries", [[], [b"x"] * (WIDTH + 1), [b"x" * (MOST_ENTRY_BYTES + 1)]])
def test_a_bundle_beyond_its_limits_is_not_printed(entries: list[bytes]) -> None:
    """None, one too many, one too long."""
    with pytest.raises(MalformedInput):
        print_bundle(entries)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x01", b"\x00\x01ab", b"\x00\x00" * (WIDTH + 1)])
def test_a_bundle_that_is_not_canonical_is_refused(data: bytes) -> None:
    """Empty, cut off, and one entry too many."""
    with pytest.raises(MalformedInput):
        parse_bundle(data)


@pytest.mark.parametrize("width", [1, WIDTH])
def test_a_tile_of_hashes_comes_back(width: int) -> None:
    """1 to 256 hashes; a full tile has 8,192 bytes."""
    hashes = tuple(Digest(bytes([number]) * 32) for number in range(width))
    assert parse_hashes(print_hashes(hashes)) == hashes
    assert len(print_hashes(hashes)) == 32 * width


@pytest.mark.parametrize("length", [0, 31, 33, 32 * WIDTH + 32])
def test_a_tile_of_another_length_is_refused(length: int) -> None:
    """No hash, part of one, one too many."""
    with pytest.raises(MalformedInput):
        parse_hashes(bytes(length))


def test_a_tile_without_hashes_is_not_printed() -> None:
    """Empty tiles do not exist."""
    with pytest.raises(MalformedInput):
        print_hashes([])
