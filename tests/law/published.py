"""What the ledger says, read entry by entry."""

from __future__ import annotations

from antiphon.ledger.entry import ComplaintIntended, Entry, Intended


class Published:
    """Whom each intent touched, and what was spent twice."""

    def __init__(self) -> None:
        self.size = 0
        self.intents: dict[int, Intended] = {}
        self.leaves: set[tuple[bool, int]] = set()
        self.nullifiers: set[tuple[bool, bytes]] = set()
        self.twice: list[int] = []

    def take(self, index: int, entry: Entry) -> None:
        """The next entry."""
        self.size = index + 1
        if isinstance(entry, Intended):
            self.intents[index] = entry
            network = isinstance(entry, ComplaintIntended)
            leaves = {(network, leaf.index) for leaf in entry.leaves}
            nullifiers = {(network, bytes(n)) for n in entry.nullifiers}
            if leaves & self.leaves or nullifiers & self.nullifiers or min(map(len, (leaves, nullifiers))) == 0:
                self.twice.append(index)
            self.leaves |= leaves
            self.nullifiers |= nullifiers
