"""The table of breaches: for each rule of the audit, ledgers that break this rule and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.unit.ledger.building import Ledger
from tests.unit.ledger.keys import Fields
from tests.unit.ledger.story import Story, good


@dataclass
class Published:
    """What an auditor is given."""

    files: dict[str, bytes]
    openings: bytes | None = None
    options: dict[str, object] = field(default_factory=dict)


Made = Published | Ledger | Story | tuple[Story, dict[int, Fields]]
Breach = Callable[[], Made]
BREACHES: list[tuple[str, Breach]] = []


def breach(rule: str) -> Callable[[Breach], Breach]:
    """Enter a breach in the table."""

    def enter(make: Breach) -> Breach:
        BREACHES.append((rule, make))
        return make

    return enter


def breaches(rule: str, *makes: Breach) -> None:
    """Enter several breaches of one rule."""
    BREACHES.extend((rule, make) for make in makes)


def published(made: Made) -> Published:
    """As an auditor gets it: of a Story with its openings, where a mapping changes their fields by intent."""
    if isinstance(made, Published):
        return made
    if isinstance(made, Ledger):
        return Published(made.files())
    story, change = made if isinstance(made, tuple) else (made, None)
    return Published(story.ledger.files(), story.ledger.openings(change))


def value(change: Fields) -> Ledger:
    """An own opt-out with other fields."""
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"], change=change)
    return story.ledger


def ask(story: Story, approval: int, number: int = 0, change: Fields | None = None) -> int:
    """A request on an approval for one of the spare mails."""
    started = story.marks["notice accepted"]
    return story.ledger.request(1, started, story.mails[f"spare {number}"], approval=approval, change=change)
