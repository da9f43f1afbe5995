"""The published folder: which files a ledger of some size has, and their bytes (docs/formats/entries.md).

Write in the order given, the checkpoint last and whole, then remove what is superseded: at every instant each file
that the visible checkpoint needs is there. Between first and last there are files too many, which an auditor calls an
offence; who wants none writes a copy of the folder and swaps it in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from antiphon.errors import MalformedInput
from antiphon.formats.tile import (
    ENTRIES,
    HEIGHT,
    WIDTH,
    Tile,
    parse_bundle,
    print_bundle,
    print_hashes,
    print_path,
    superseded_tiles,
    tiles,
)
from antiphon.ledger.tree import HashReader

EntryReader = Callable[[int, int], Sequence[bytes]]
"""The bytes of the entries from the first index up to, not with, the second."""

CHECKPOINT = "checkpoint"


def folder_paths(size: int) -> Iterator[str]:
    """The closed list of files of a ledger of `size` entries."""
    yield from map(print_path, tiles(size))
    yield CHECKPOINT


def folder_files(
    checkpoint: bytes, size: int, hashes: HashReader, entries: EntryReader, *, since: int = 0
) -> Iterator[tuple[str, bytes]]:
    """Each file of a ledger of `size` entries and its bytes, the signed checkpoint last; where a ledger of `since`
    entries stands already, only what changed. A file is read when it is asked for."""
    for tile in tiles(size, since):
        yield print_path(tile), _content(tile, hashes, entries)
    yield CHECKPOINT, checkpoint


def superseded_paths(size: int, since: int) -> Iterator[str]:
    """The partial tiles to remove once a ledger of `since` entries was published again at `size`."""
    yield from map(print_path, superseded_tiles(size, since))


def read_entries(first: int, size: int, read: Callable[[str], bytes]) -> list[bytes]:
    """The bytes of the entries from `first` on out of a published ledger of `size` entries or more. `read` gives a
    file by its path. Raises MalformedInput where a bundle is missing, short or broken."""
    found: list[bytes] = []
    for start in range(first // WIDTH * WIDTH, size, WIDTH):
        bundle = Tile(ENTRIES, start // WIDTH, min(WIDTH, size - start))
        held = parse_bundle(read(print_path(bundle)))
        if len(held) != bundle.width:
            raise MalformedInput(f"{print_path(bundle)} holds {len(held)} entries instead of {bundle.width}.")
        found += held[max(0, first - start) :]
    return found


def _content(tile: Tile, hashes: HashReader, entries: EntryReader) -> bytes:
    end = tile.start + tile.width
    if tile.level == ENTRIES:
        return print_bundle(entries(tile.start, end))
    return print_hashes([hashes(tile.level * HEIGHT, index) for index in range(tile.start, end)])
