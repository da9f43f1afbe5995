"""The ledger as the desk keeps it: appends inside a transaction, a calendar of hours and days, then the anchor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from antiphon.campaign.report import Delivery, Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.errors import AnchorLost, MalformedInput, StorageFailed
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
RETIRED = "retired"
"""The instant up to which every mail and report was given up for good when the anchor was lost."""


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
    """The one ledger of a home. `anchored` is the size that the anchor holds: no socket opens for a later intent.

    While `agrees` is false the ledger stands still: nothing is appended, no hour is closed, the anchor is not touched,
    and `lost` says why. Whoever appended to an older copy would grow a second ledger under the same key.
    """

    def __init__(self, store: Store, anchor: Anchor, signer: Signer, *, chance: Chance) -> None:
        self._store, self._anchor, self._signer, self._chance = store, anchor, signer, chance
        self.anchored = 0
        self.agrees = False
        self.lost = AnchorLost("The anchor was not looked at yet.")
        self.note = b""

    @property
    def verifier(self) -> Verifier:
        """By which anybody checks what this log signs."""
        return self._signer.verifier

    def append(self, tx: Transaction, entry: Entry, now: Instant) -> int:
        """Adds an entry in the caller's transaction, after closing every hour that is over; returns its index. Raises
        AnchorLost while the ledger stands still."""
        if not self.agrees:
            raise self.lost
        self.close_hours(tx, now)
        return self._add(tx, [entry])

    def _add(self, tx: Transaction, entries: list[Entry]) -> int:
        return self.extend(tx, [print_entry(entry) for entry in entries])

    def extend(self, tx: Transaction, bodies: Sequence[bytes]) -> int:
        """Adds entries as they are encoded; returns the index of the first."""
        size = number(tx, SIZE)
        hashes = append_hashes(size, [leaf_hash(body) for body in bodies], lambda lv, pl: hash_at(tx, lv, pl))
        for offset, body in enumerate(bodies):
            tx.add(StoredEntry(size + offset, body))
        for (level, place), value in hashes:
            tx.add(StoredHash(level, place, value))
        keep_number(tx, SIZE, size + len(bodies))
        return size

    def close_hours(self, tx: Transaction, now: Instant) -> None:
        """Commits the deliveries of each hour that is over, empty ones too, and after the last hour of a day its
        batch of sightings. What was missed while the node stood still is made up in the same form."""
        if not self.agrees or not hours_behind(tx, now):
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

    def found(self) -> None:
        """A ledger that no anchor knows: that of a new home, or one whose unspent sightings were retired. Raises
        AnchorLost where the anchor holds something after all."""
        if self._anchor.read() is not None:
            raise AnchorLost("The anchor is not missing.", advice="`antiphon anchor` says what it knows.")
        self.agrees, self.anchored, self.note = True, 0, b""

    def held(self) -> Checkpoint | None:
        """What the anchor knows, None where it is missing. Raises AnchorLost where it can not be read as a checkpoint
        of this ledger."""
        try:
            note = self._anchor.read()
            return None if note is None else parse_checkpoint(open_note(note, [self._signer.verifier]).text)
        except (MalformedInput, StorageFailed) as error:
            raise AnchorLost(
                f"The anchor holds no checkpoint of this ledger: {error.what.rstrip('.')}.",
                advice="Is it the right file, and readable? If it is gone for good, move it away, then retire.",
            ) from error

    async def check_anchor(self) -> None:
        """Compares the anchor with this home: `agrees` becomes true only when this ledger extends what it holds.

        Raises AnchorLost with advice when the anchor is missing or damaged, or this home is older than it, or forked.
        """
        self.agrees = False
        try:
            await self._compare()
        except AnchorLost as error:
            self.lost = error
            raise

    async def _compare(self) -> None:
        known, held = self.held(), self._anchor.read()
        if known is None or held is None:
            raise AnchorLost(
                "The anchor is missing.",
                advice="Put it back; if it is gone for good, `antiphon anchor retire` gives up what is unspent.",
            )
        size, same = await self._store.read(
            lambda tx: (number(tx, SIZE), known.size <= number(tx, SIZE) and tree_root(tx, known.size) == known.root)
        )
        if known.size > size:
            raise AnchorLost(
                f"The anchor knows {known.size} ledger entries, and this home has {size}: it is an older copy.",
                advice="Go back to the newer home, or `antiphon anchor catch-up` with the published ledger.",
            )
        if not same:
            raise AnchorLost(
                f"The anchor knows {known.size} ledger entries that differ from the {size} of this home: two copies "
                "of it went separate ways.",
                advice="Go back to the other copy, or restore a backup and let it catch up.",
            )
        self.agrees, self.anchored, self.note = True, known.size, held

    async def begin(self) -> int:
        """The first checkpoint of a ledger that no anchor knows; as `anchor`. Raises AnchorLost where one does."""
        self.found()
        return await self.anchor()

    async def signed(self) -> tuple[int, bytes]:
        """The size of the present tree and its checkpoint, signed."""
        size, top = await self._store.read(lambda tx: (number(tx, SIZE), tree_root(tx, number(tx, SIZE))))
        return size, sign_note(print_checkpoint(Checkpoint(self._signer.name, size, top)), [self._signer])

    async def anchor(self) -> int:
        """Signs the present tree and writes it to the anchor; returns the size that the anchor now holds.

        The anchor is replaced only where it still holds what this ledger put there last. Else another copy of this
        home is at work: AnchorLost, and the ledger stands still, as after a write that failed, until it is opened
        again. That both would write the same bytes changes nothing: only one of them may open a socket.
        """
        if not self.agrees:
            raise self.lost
        size, note = await self.signed()
        if size > self.anchored or not self.note:
            try:
                self._anchor.write(note, instead_of=self.note or None)
            except (AnchorLost, StorageFailed) as error:
                self.agrees, self.lost = False, AnchorLost(error.what, advice=error.advice)
                raise
            self.note, self.anchored = note, size
        return self.anchored


def _state(tx: Transaction, sighting: Sighting) -> SightingState:
    """A leaf whose report was taken back goes into its batch like any other, and stays unspent like a dummy."""
    report = tx.get(Report, sighting.report)
    stands = report is None or report.state is ReportState.ACCEPTED
    return SightingState.COMMITTED if stands else SightingState.RETRACTED
