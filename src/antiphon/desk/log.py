"""The ledger as the desk keeps it: appends inside a transaction, a calendar of hours and days, then the anchor."""

from __future__ import annotations

from dataclasses import replace

from antiphon.campaign.report import Delivery, Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.errors import AnchorLost
from antiphon.formats.checkpoint import Checkpoint, parse_checkpoint, print_checkpoint
from antiphon.formats.note import Signer, Verifier, open_note, sign_note
from antiphon.ledger.commitment import batch_size
from antiphon.ledger.entry import DeliveriesCommitted, Entry, SightingCommitted, print_entry
from antiphon.ledger.kept import StoredEntry, StoredHash
from antiphon.ledger.tree import append_hashes, leaf_hash, root, small_root
from antiphon.ports import Anchor, Chance, Setting, Store, Transaction
from antiphon.terms import HOUR, Digest, Instant, LedgerDay

SIZE = "ledger.size"
HOUR_CLOSED = "ledger.hour"
PUBLISHED = "ledger.published"


def number(tx: Transaction, name: str) -> int:
    """A count kept among the settings of this home; 0 where it never was."""
    kept = tx.get(Setting, name)
    return int.from_bytes(kept.value, "big") if kept else 0


def keep_number(tx: Transaction, name: str, value: int) -> None:
    """Keeps a count."""
    tx.put(Setting(name, value.to_bytes(8, "big")))


def hours_behind(tx: Transaction, now: Instant) -> int:
    """How many hours are over and not yet closed."""
    return max(0, now // HOUR - 1 - number(tx, HOUR_CLOSED))


def hash_at(tx: Transaction, level: int, place: int) -> Digest:
    """A kept subtree hash; its absence means a broken home."""
    kept = tx.get(StoredHash, level, place)
    if kept is None:
        raise AnchorLost(f"The ledger lacks hash {level}/{place}.", advice="Restore a backup.")
    return kept.value


def tree_root(tx: Transaction, size: int) -> Digest:
    """The root over the first `size` entries."""
    return root(lambda level, place: hash_at(tx, level, place), size)


class LogBook:
    """The one ledger of a home. `anchored` is the size that the anchor holds: no socket opens for a later intent."""

    def __init__(self, store: Store, anchor: Anchor, signer: Signer, *, chance: Chance) -> None:
        self._store, self._anchor, self._signer, self._chance = store, anchor, signer, chance
        self.anchored = 0
        self.agrees = False
        self.note = b""

    @property
    def verifier(self) -> Verifier:
        """By which anybody checks what this log signs."""
        return self._signer.verifier

    def append(self, tx: Transaction, entry: Entry, now: Instant) -> int:
        """Adds an entry in the caller's transaction, after closing every hour that is over; returns its index."""
        self.close_hours(tx, now)
        return self._add(tx, [entry])

    def _add(self, tx: Transaction, entries: list[Entry]) -> int:
        size = number(tx, SIZE)
        bodies = [print_entry(entry) for entry in entries]
        hashes = append_hashes(size, [leaf_hash(body) for body in bodies], lambda lv, pl: hash_at(tx, lv, pl))
        for offset, body in enumerate(bodies):
            tx.add(StoredEntry(size + offset, body))
        for (level, place), value in hashes:
            tx.add(StoredHash(level, place, value))
        keep_number(tx, SIZE, size + len(entries))
        return size

    def close_hours(self, tx: Transaction, now: Instant) -> None:
        """Commits the deliveries of each hour that is over, empty ones too, and after the last hour of a day its
        batch of sightings. What was missed while the node stood still is made up in the same form."""
        if not hours_behind(tx, now):
            return
        for hour in range(number(tx, HOUR_CLOSED) + 1, now // HOUR):
            self._close_hour(tx, hour)
        keep_number(tx, HOUR_CLOSED, now // HOUR - 1)

    def _close_hour(self, tx: Transaction, hour: int) -> None:
        rows = tx.find(Delivery, hour=hour, order="position")
        leaves = {row.position: row.leaf for row in rows}
        entry = DeliveriesCommitted(day=LedgerDay(hour // 24), hour=hour, root=small_root(list(leaves.values())))
        index = self._add(tx, [entry])
        for row in rows:
            tx.put(replace(row, committed=index))
        if hour % 24 == 23:
            self._commit_batch(tx)

    def _commit_batch(self, tx: Transaction) -> None:
        waiting = tx.find(Sighting, state=SightingState.WAITING)
        mine = {sighting.leaf: sighting for sighting in waiting}
        dummies = [Digest(self._chance.draw(32)) for _ in range(batch_size(len(mine)) - len(mine))]
        # Sorted: leaves and dummies are alike random, so their order says nothing of who reported when.
        leaves = sorted([*mine, *dummies])
        first = self._add(tx, [SightingCommitted(leaf=leaf) for leaf in leaves])
        for place, leaf in enumerate(leaves):
            if leaf in mine:
                tx.put(replace(mine[leaf], state=_state(tx, mine[leaf]), index=first + place))

    async def check_anchor(self) -> None:
        """Compares the anchor with this home: `agrees` becomes true only when this ledger extends what it holds.

        Raises AnchorLost with advice when the home is older than the anchor or forked; a missing anchor leaves
        `agrees` false until `start_anchor`.
        """
        held = self._anchor.read()
        if held is None:
            raise AnchorLost("The anchor is missing.", advice="`antiphon anchor retire` retires what is unspent.")
        known = parse_checkpoint(open_note(held, [self._signer.verifier]).text)
        size, same = await self._store.read(
            lambda tx: (number(tx, SIZE), known.size <= number(tx, SIZE) and tree_root(tx, known.size) == known.root)
        )
        if not same:
            raise AnchorLost(
                f"The anchor knows a ledger of {known.size} entries that this home of {size} does not extend.",
                advice="This is an older copy: restore the newest backup, or retire what is unspent.",
            )
        self.agrees, self.anchored, self.note = True, known.size, held

    async def begin(self) -> int:
        """The first checkpoint of a new home, which nobody can have known a later one of; as `anchor`."""
        self.agrees = True
        return await self.anchor()

    async def anchor(self) -> int:
        """Signs the present tree and writes it to the anchor; returns the size that the anchor now holds.

        Raises AnchorLost unless the anchor agrees: written over, it would no longer tell that this home is older.
        """
        if not self.agrees:
            raise AnchorLost(
                "The anchor is missing, or knows a later ledger than this home: it is not written over.",
                advice="Restore the newest backup, or retire what is unspent.",
            )
        size, top = await self._store.read(lambda tx: (number(tx, SIZE), tree_root(tx, number(tx, SIZE))))
        if size > self.anchored or not self.note:
            text = print_checkpoint(Checkpoint(self._signer.name, size, top))
            note = sign_note(text, [self._signer])
            self._anchor.write(note)
            self.note, self.anchored = note, size
        return self.anchored


def _state(tx: Transaction, sighting: Sighting) -> SightingState:
    """A leaf whose report was taken back goes into its batch like any other, and stays unspent like a dummy."""
    report = tx.get(Report, sighting.report)
    stands = report is None or report.state is ReportState.ACCEPTED
    return SightingState.COMMITTED if stands else SightingState.RETRACTED
