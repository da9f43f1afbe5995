"""Tiles and entry bundles: a log as files that never change once they are full (C2SP tlog-tiles)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from antiphon.errors import MalformedInput
from antiphon.terms import Digest

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""

HEIGHT = 8
"""Levels of the tree from one tile level to the next: 256 is 2^8."""

ENTRIES = -1
"""The level of entry bundles, below that of their hashes."""

MOST_ENTRY_BYTES = 65_535


@dataclass(frozen=True, slots=True)
class Tile:
    """One file: `width` hashes of tile level `level`, or entries, from position `index` * 256 on."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def start(self) -> int:
        """The position of its first hash or entry among those of its level."""
        return self.index * WIDTH


def print_path(tile: Tile) -> str:
    """Where the file stands, such as `tile/0/x001/067.p/3`."""
    groups, rest = [f"{tile.index % 1000:03}"], tile.index // 1000
    while rest:
        groups.insert(0, f"x{rest % 1000:03}")
        rest //= 1000
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return f"tile/{'entries' if tile.level == ENTRIES else tile.level}/{'/'.join(groups)}{partial}"


def parse_path(path: str) -> Tile:
    """The tile of such a path. Raises MalformedInput unless print_path gives the same path again."""
    found = re.fullmatch(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?", path)
    if found is None:
        raise MalformedInput("not the path of a tile")
    level = ENTRIES if found[1] == "entries" else int(found[1])
    tile = Tile(level, int(found[2].replace("x", "").replace("/", "")), int(found[3] or WIDTH))
    if level > 63 or not 1 <= tile.width <= WIDTH or print_path(tile) != path:
        raise MalformedInput("the path of a tile is not canonical")
    return tile


def tiles(size: int, since: int = 0) -> Iterator[Tile]:
    """The tiles of a log of `size` entries, bundles first; of these only what a log of `since` entries had not."""
    for level, old, new in _levels(size, since):
        for index in range(old // WIDTH, -(-new // WIDTH)):
            yield Tile(level, index, min(WIDTH, new - index * WIDTH))


def superseded_tiles(size: int, since: int) -> Iterator[Tile]:
    """The partial tiles of a log of `since` entries that have no place in one of `size`."""
    for level, old, _ in _levels(size, since):
        if old % WIDTH:
            yield Tile(level, old // WIDTH, old % WIDTH)


def _levels(size: int, since: int) -> Iterator[tuple[int, int, int]]:
    """Each level that grew, with how many hashes (or entries) it had and has."""
    if size > since:
        yield ENTRIES, since, size
    level = 0
    while size > since:
        yield level, since, size
        level, since, size = level + 1, since // WIDTH, size // WIDTH


def print_hashes(hashes: Sequence[Digest]) -> bytes:
    """The bytes of a tile. Raises MalformedInput for what parse_hashes would refuse."""
    data = b"".join(hashes)
    parse_hashes(data)
    return data


def parse_hashes(data: bytes) -> tuple[Digest, ...]:
    """The 1 to 256 hashes of a tile. Raises MalformedInput for another length."""
    if len(data) % 32 or not 1 <= len(data) // 32 <= WIDTH:
        raise MalformedInput("a tile has 1 to 256 hashes of 32 bytes")
    return tuple(Digest(data[at : at + 32]) for at in range(0, len(data), 32))


def print_bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of an entry bundle. Raises MalformedInput for no or more than 256 entries, or one that is too long."""
    if not 1 <= len(entries) <= WIDTH or any(len(entry) > MOST_ENTRY_BYTES for entry in entries):
        raise MalformedInput(f"a bundle has 1 to {WIDTH} entries of at most {MOST_ENTRY_BYTES} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(data: bytes) -> tuple[bytes, ...]:
    """The 1 to 256 entries of a bundle. Raises MalformedInput unless print_bundle gives the same bytes again."""
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) <= WIDTH:
        start, at = at + 2, at + 2 + int.from_bytes(data[at : at + 2], "big")
        entries.append(data[start:at])
    if at != len(data) or not 1 <= len(entries) <= WIDTH:
        raise MalformedInput(f"a bundle ends inside an entry, or has not 1 to {WIDTH}")
    return tuple(entries)
