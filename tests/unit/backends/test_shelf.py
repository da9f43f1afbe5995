"""The shelf: published files on disk, put and dropped in any order, as a run that died half way needs it."""

from __future__ import annotations

from pathlib import Path

from antiphon.backends.shelf import FolderShelf

PARTIAL = "tile/0/001.p/7"


def test_what_was_never_there_can_be_dropped(tmp_path: Path) -> None:
    """Also where the folder of its partial tiles was never made: a publication names all sizes between two."""
    FolderShelf(tmp_path).drop(PARTIAL)
    assert list(tmp_path.iterdir()) == []


def test_the_last_partial_tile_takes_its_folder_along(tmp_path: Path) -> None:
    """The list of files is closed, and holds no empty folder; dropping again changes nothing."""
    shelf = FolderShelf(tmp_path)
    shelf.put(PARTIAL, b"x")
    shelf.put("tile/0/001.p/8", b"y")
    shelf.drop(PARTIAL)
    assert [path.name for path in (tmp_path / "tile/0/001.p").iterdir()] == ["8"]
    shelf.drop("tile/0/001.p/8")
    shelf.drop("tile/0/001.p/8")
    assert list((tmp_path / "tile/0").iterdir()) == []
