"""What the ledger says, read entry by entry."""

from __future__ import annotations

from antiphon.ledger.entry import Entry, NoticeIntended, RequestIntended


class Published:
    """Whom each intent touched, and what was spent twice."""

    def __init__(self) -> None:
        self.size = 0
        self.intents: dict[int, NoticeIntended | RequestIntended] = {}
        self.leaves: set[int] = set()
        self.nullifiers: set[bytes] = set()
        self.twice: list[int] = []

    def take(self, index: int, entry: Entry) -> None:
        """The next entry."""
        self.size = index + 1
        if isinstance(entry, NoticeIntended | RequestIntended):
            self.intents[index] = entry
            leaves, nullifiers = {leaf.index for leaf in entry.leaves}, {bytes(n) for n in entry.nullifiers}
            if leaves & self.leaves or nullifiers & self.nullifiers or min(map(len, (leaves, nullifiers))) == 0:
                self.twice.append(index)
            self.leaves |= leaves
            self.nullifiers |= nullifiers
