"""Who stays at a mail door, and whose message, as a table: the door itself is asked in test_mailport."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from antiphon.intake import places
from antiphon.intake.places import BUSY, Places


@dataclass(eq=False)
class Line:
    """A connection that writes down what is said to it: its session and its transport."""

    owed: bool = False
    gave_way: int = 0
    said: list[bytes] = field(default_factory=list)

    def give_way(self) -> None:
        self.gave_way += 1

    def write(self, data: bytes) -> None:
        self.said.append(data)

    def close(self) -> None:
        self.said.append(b"")


def come(at: Places, count: int, *, named: int = 0) -> list[Line]:
    """So many connections, of which the first have named a mailbox."""
    lines = [Line() for _ in range(count)]
    for number, line in enumerate(lines):
        at.come(line, line)  # type: ignore[arg-type]  # of a transport no more is asked
        assert number >= named or at.name(line)
    return lines


def gone(lines: list[Line]) -> list[bool]:
    """Who was hung up on, and told so."""
    return [line.said == [f"{BUSY}\r\n".encode(), b""] for line in lines]


def test_the_oldest_stranger_goes_and_nobody_who_named_a_mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many strangers come."""
    monkeypatch.setattr(places, "STRANGERS", 2)
    assert gone(come(Places(), 6, named=2)) == [False, False, True, True, False, False]


def test_among_the_named_the_oldest_that_is_owed_nothing_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all are owed a reply the newest stays a stranger."""
    monkeypatch.setattr(places, "NAMED", 2)
    at = Places()
    first, second, third = come(at, 3, named=2)
    first.owed = True
    assert at.name(third) and gone([first, second, third]) == [False, True, False]
    third.owed = True
    (last,) = come(at, 1)
    assert not at.name(last) and gone([first, third, last]) == [False] * 3


def test_of_messages_the_biggest_unfinished_one_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, as it is weighed as nothing then; what is kept or has left is weighed no more."""
    monkeypatch.setattr(places, "HELD_BYTES", 10)
    at = Places()
    whole, big, small = come(at, 3, named=3)
    whole.owed = True
    for line, size in ((whole, 6), (big, 3), (small, 2)):
        at.weigh(line, size)
    assert [whole.gave_way, big.gave_way, small.gave_way] == [0, 1, 0]
    at.weigh(small, 4)
    at.relieve(whole)
    at.leave(small)
    at.weigh(big, 10)
    assert [whole.gave_way, big.gave_way, small.gave_way] == [0, 1, 0]


def test_all_are_hung_up_on_at_the_end() -> None:
    """Without a word: the door is closed."""
    at = Places()
    lines = come(at, 3, named=1)
    at.clear()
    assert [line.said for line in lines] == [[b""]] * 3
