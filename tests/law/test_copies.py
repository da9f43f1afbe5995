"""Copies of one home before one anchor, as a machine: whatever is copied, restored, started again or written by
several at once, no entry opens a socket twice, and all that opened one stand in one ledger."""

from __future__ import annotations

import asyncio
import copy
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from antiphon.backends.memory import MemoryStore
from antiphon.desk.log import LogBook
from antiphon.errors import AnchorLost
from antiphon.formats.note import Signer
from antiphon.ledger.entry import Withdrawn, print_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.ports import CABINETS
from antiphon.terms import Digest, Instant, LedgerDay
from tests.unit.desk.household import Dice, Shelved

COPIES = st.integers(0, 2)
SIGNER = Signer("antiphon/law", bytes(32))
NOW = Instant(0)


class Copies(RuleBasedStateMachine):
    """Three folders that may each hold a copy of one home. An entry stands for an intent: its socket opens only after
    the anchor was written with it, by the process that appended it. Entries are few, so that copies write the same."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor, self.loop = Shelved(), asyncio.new_event_loop()
        self.stores = [MemoryStore(CABINETS) for _ in range(3)]
        self.logs = [self.log_of(0)] * 3
        self.waiting: list[list[tuple[int, bytes]]] = [[], [], []]
        self.opened: list[tuple[int, bytes]] = []
        self.backups: list[MemoryStore] = []

    def log_of(self, number: int) -> LogBook:
        """A process that was just started on this copy."""
        return LogBook(self.stores[number], self.anchor, SIGNER, chance=Dice())

    @initialize()
    def begin(self) -> None:
        """One home, copied to two more folders."""
        self.loop.run_until_complete(self.logs[0].begin())
        for other in (1, 2):
            self.stores[other] = copy.deepcopy(self.stores[0])
            self.start(other)

    @rule(number=COPIES)
    def start(self, number: int) -> None:
        """The process ends, however it ends, and another one starts: what was on its way stays away."""
        self.waiting[number], self.logs[number] = [], self.log_of(number)
        with suppress(AnchorLost):
            self.loop.run_until_complete(self.logs[number].check_anchor())

    @rule(number=COPIES, case=st.sampled_from([b"a", b"b"]))
    def intend(self, number: int, case: bytes) -> None:
        """A copy commits an intent."""
        entry, log = Withdrawn(day=LedgerDay(0), case=Digest(case * 32)), self.logs[number]
        with suppress(AnchorLost):
            index = self.loop.run_until_complete(self.stores[number].write(lambda tx: log.append(tx, entry, NOW)))
            self.waiting[number].append((index, print_entry(entry)))

    @rule(number=COPIES)
    def open(self, number: int) -> None:
        """It writes the anchor; where that holds, every socket that waited for it opens."""
        with suppress(AnchorLost):
            anchored = self.loop.run_until_complete(self.logs[number].anchor())
            self.opened += [intent for intent in self.waiting[number] if intent[0] < anchored]
            self.waiting[number] = []

    @rule(number=COPIES)
    def back_up(self, number: int) -> None:
        """A copy is kept apart."""
        self.backups.append(copy.deepcopy(self.stores[number]))

    @rule(number=COPIES, which=st.integers(0, 100))
    def restore(self, number: int, which: int) -> None:
        """An older copy takes the place of one."""
        if self.backups:
            self.stores[number] = copy.deepcopy(self.backups[which % len(self.backups)])
            self.start(number)

    @invariant()
    def nothing_opens_twice(self) -> None:
        """Each place in the ledger opened one socket at most."""
        places = [index for index, _ in self.opened]
        assert len(places) == len(set(places))

    @invariant()
    def who_agrees_has_all_that_opened(self) -> None:
        """A copy whose anchor agrees when it is asked extends the ledger of every socket that opened."""
        for place, store in enumerate(self.stores):
            with suppress(AnchorLost):
                self.loop.run_until_complete(self.log_of(place).check_anchor())
                rows = self.loop.run_until_complete(store.read(lambda tx: tx.find(StoredEntry)))
                held = {row.index: row.body for row in rows}
                assert all(held.get(index) == body for index, body in self.opened)

    def teardown(self) -> None:
        self.loop.close()


TestCopies = Copies.TestCase
TestCopies.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
