"""The public face: tiles and the checkpoint that the anchor holds, within a minute; static files that outlive us."""

from __future__ import annotations

from antiphon.desk.desk import Desk
from antiphon.desk.log import PUBLISHED, hash_at, keep_number, number
from antiphon.formats.tile import WIDTH
from antiphon.ledger.folder import folder_files, superseded_paths
from antiphon.ledger.kept import StoredEntry, StoredHash
from antiphon.ports import Shelf, Transaction
from antiphon.terms import Digest


async def publish(desk: Desk, shelf: Shelf) -> int:
    """Writes what is new since the last time; returns the size that is now public.

    The checkpoint comes last and superseded partial tiles go after it, so that a reader between two files finds a
    ledger that is whole, or a checkpoint that still waits for its tiles, never one that lacks them. A run that died
    half way may have left partial tiles of any size since: they go as well, since the list of files is closed (LAW §9).
    """
    size, note = desk.log.anchored, desk.log.note
    since = await desk.store.read(lambda tx: number(tx, PUBLISHED))
    if size <= since:
        return since

    for path, data in await desk.store.read(lambda tx: _files(tx, note, size, since)):
        shelf.put(path, data)
    for path in sorted({path for earlier in range(since, size) for path in superseded_paths(size, earlier)}):
        shelf.drop(path)
    await desk.store.write(lambda tx: keep_number(tx, PUBLISHED, size))
    return size


async def publish_whole(desk: Desk, shelf: Shelf) -> int:
    """The whole ledger as the anchor holds it, into an empty folder."""
    size, note = desk.log.anchored, desk.log.note
    for path, data in await desk.store.read(lambda tx: _files(tx, note, size, 0)):
        shelf.put(path, data)
    return size


async def publish_tree(desk: Desk, shelf: Shelf) -> int:
    """The whole ledger as this home has it, whatever the anchor knows, under a checkpoint that nobody else sees."""
    size, note = await desk.log.signed()
    for path, data in await desk.store.read(lambda tx: _files(tx, note, size, 0)):
        shelf.put(path, data)
    return size


def _files(tx: Transaction, note: bytes, size: int, since: int) -> list[tuple[str, bytes]]:
    def entries(start: int, end: int) -> list[bytes]:
        return [entry.body for entry in tx.find(StoredEntry, index__ge=start, index__lt=end, order="index")]

    kept: dict[tuple[int, int], Digest] = {}

    def hashes(level: int, place: int) -> Digest:
        if (level, place) not in kept:
            # The rest of its tile is asked for next.
            rest = tx.find(StoredHash, level=level, place__ge=place, place__lt=(place // WIDTH + 1) * WIDTH)
            kept.update({(level, each.place): each.value for each in rest})
        return kept.get((level, place)) or hash_at(tx, level, place)

    return list(folder_files(note, size, hashes, entries, since=since))
