"""The history of a case: who did what, when and why; for the person who comes later."""

from __future__ import annotations

from dataclasses import replace

from antiphon.optout.case import Case, Event, Facts, step
from antiphon.optout.known import Happening
from antiphon.ports import Transaction
from antiphon.terms import Identifier, Instant


def tell(tx: Transaction, case: Identifier, now: Instant, *, who: str, what: str, why: str = "") -> None:
    """Adds one line to the history of a case."""
    tx.add(Happening(case, tx.count(Happening, case=case), now, who, what, why))


def move(tx: Transaction, case: Case, event: Event, facts: Facts, *, who: str = "node", why: str = "") -> Case:
    """Takes one step of the ladder and keeps it; a step that changes the state is told."""
    after = step(case, event, facts)
    if after != case:
        tx.put(after)
    if after.state is not case.state:
        tell(tx, case.case, facts.now, who=who, what=f"{case.state} -> {after.state}", why=why or event.value)
    return after


def look_by(tx: Transaction, case: Identifier, at: Instant) -> None:
    """Makes sure that the case is looked at no later than `at`."""
    kept = tx.get(Case, case)
    if kept is not None and (kept.look_at is None or kept.look_at > at):
        tx.put(replace(kept, look_at=at))
