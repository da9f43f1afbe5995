"""The published folder: a closed list of files, and only what changed is written again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.formats.tile import ENTRIES, parse_bundle, parse_hashes, parse_path
from antiphon.ledger.folder import CHECKPOINT, folder_files, folder_paths, superseded_paths
from antiphon.ledger.tree import append_hashes, leaf_hash, small_root
from antiphon.terms import Digest

MOST = 700
DATA = [b"entry %d" % number for number in range(MOST)]
SIZES = st.integers(0, MOST)


def never(level: int, index: int) -> Digest:
    """A tree in which nothing is kept."""
    raise KeyError((level, index))


KEPT = dict(append_hashes(0, [leaf_hash(data) for data in DATA], never))


def hashes(level: int, index: int) -> Digest:
    """The kept hashes of all of DATA."""
    return KEPT[level, index]


def entries(start: int, end: int) -> Sequence[bytes]:
    """The entries of a range."""
    return DATA[start:end]


def folder(size: int, since: int = 0) -> dict[str, bytes]:
    """The files of a folder."""
    return dict(folder_files(b"note %d" % size, size, hashes, entries, since=since))


@pytest.mark.parametrize("size", [0, 1, 2, 16, 255, 256, 257, 511, 512, 513, 700])
def test_the_folder_holds_the_tree(size: int) -> None:
    """Entries come back from the bundles, their hashes from the tiles, and each upper hash from the tile below."""
    files = folder(size)
    tiles = {parse_path(path): data for path, data in files.items() if path != CHECKPOINT}
    bundles = [data for tile, data in sorted(tiles.items(), key=lambda kv: kv[0].index) if tile.level == ENTRIES]
    assert [entry for data in bundles for entry in parse_bundle(data)] == DATA[:size]
    for tile, data in tiles.items():
        if tile.level != ENTRIES:
            step = 256**tile.level
            spans = [DATA[at * step : (at + 1) * step] for at in range(tile.start, tile.start + tile.width)]
            assert parse_hashes(data) == tuple(small_root([leaf_hash(data) for data in span]) for span in spans)


@given(SIZES)
def test_the_list_of_files_is_closed(size: int) -> None:
    """It follows from the size, the checkpoint last."""
    assert list(folder_paths(size)) == list(folder(size))
    assert list(folder(size))[-1] == CHECKPOINT


def test_an_empty_ledger_is_a_checkpoint() -> None:
    """An empty tree has no tiles."""
    assert folder(0) == {CHECKPOINT: b"note 0"}


@given(SIZES, SIZES)
def test_publishing_on_gives_the_same_folder(one: int, other: int) -> None:
    """What changed, written over what was there, less what is superseded, is what a first publication gives."""
    since, size = sorted((one, other))
    changed = folder(size, since)
    there = folder(since) | changed
    for path in superseded_paths(size, since):
        assert path not in changed
        del there[path]
    assert there == folder(size)


@given(SIZES, SIZES)
def test_nothing_is_written_twice(one: int, other: int) -> None:
    """A file that stands already is not among those that changed, but for the checkpoint."""
    since, size = sorted((one, other))
    assert set(folder(size, since)) & set(folder(since)) == {CHECKPOINT}
