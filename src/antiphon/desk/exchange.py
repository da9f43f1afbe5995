"""What passed between this node and one originator, in order, for an originator that proved its key (LAW §5, §8 L1).

Only what it did itself and what reached it: the history of a case also holds what members did, and how far the ladder
went, which tells that somebody read and reported. Days, never instants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from antiphon.desk.dispute import WHO as BY_DNS
from antiphon.desk.rows import WHO as AT_THE_DESK
from antiphon.ledger.allowance import Act
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case, State
from antiphon.optout.known import Happening
from antiphon.ports import Transaction
from antiphon.terms import Instant, show_instant

BY_MAIL = "the originator, by mail"
THEIRS = {AT_THE_DESK: "you, at the desk", BY_MAIL: "you, by mail", BY_DNS: "you, by DNS"}
LETTERS = {
    Act.NOTICE: "notice",
    Act.REQUEST: "request",
    Act.CLICKED_REQUEST: "request",
    Act.OWN_OPT_OUT: "one person's opt-out",
    Act.CLICKED_OPT_OUT: "one person's opt-out",
}
STEPS: Mapping[str, str] = {State.DISPUTED: "disputed: everything paused", State.STOPPED: "asked us to send no more"}


@dataclass(frozen=True, slots=True)
class Passed:
    """One line: on which day, who, what, and the ledger entry of it, if it has one of ours."""

    at: Instant
    who: str
    what: str
    entry: int | None = None

    @property
    def day(self) -> str:
        """The UTC day."""
        return show_instant(self.at)[:10]


def exchange_of(tx: Transaction, case: Case) -> list[Passed]:
    """Every letter that left for this originator in this case, and every answer of it, in order."""
    left = [_letter(attempt) for attempt in tx.find(Attempt, case=case.case, act__ne=Act.COMPLAINT, order="intent")]
    said = [line for told in tx.find(Happening, case=case.case, order="number") if (line := _answer(told)) is not None]
    return sorted([*left, *said], key=lambda line: line.at)


def _letter(attempt: Attempt) -> Passed:
    came_to = "" if attempt.outcome is Outcome.OPEN else f": {attempt.outcome}"
    return Passed(attempt.at, "this node", f"{LETTERS[Act(attempt.act)]} to {attempt.host}{came_to}", attempt.intent)


def _answer(told: Happening) -> Passed | None:
    before, _, after = told.what.partition(" -> ")
    who = THEIRS.get(told.who)
    if who is not None and (not after or after in STEPS):
        # Where the case stood before is not theirs to know: *ignored* says that their mail was reported after it.
        return Passed(told.at, who, STEPS.get(after, told.what))
    if after and before == State.DISPUTED and after not in STEPS:
        decided = "the dispute ended: nothing more is asked" if after == State.CLOSED else "the dispute was decided"
        return Passed(told.at, "this node", decided)
    return None
