"""What became of the messages of one run: counts that add up, every reason, and the exit code that they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.intake.folder import FoundProblem

MOST_TOLD = 10
"""Troubles of one kind told one by one; the others are counted."""
STATES = ("accepted", "evidence-only", "refused")
DONE, NOT_ALL, NOTHING = 0, 65, 66
"""Exit codes: everything there was read; something in it could not be read; a path is missing, closed or without
mail."""


class Tally:
    """Counts one run. messages = accepted + evidence only + refused."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.unfit: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()
        self.told: list[dict[str, str]] = []
        self.again = self.sightings = self.code = 0

    def take(self, said: Mapping[str, object], *, again: bool) -> None:
        """One message, as the desk answered."""
        state = str(said["state"])
        self.states[state] += 1
        self.reasons.update(_words(said["reasons"]))
        if state == "accepted":
            self.unfit.update(_words(said["sighting_reasons"]))
        self.again += again
        self.sightings += bool(said["sighting"])

    def trouble(self, found: FoundProblem) -> bool:
        """Something that could not be read; whether it is to be told by itself."""
        from antiphon.intake.folder import Trouble

        self.troubles[found.trouble.value] += 1
        if found.given:
            self.code = NOTHING
        elif found.trouble is not Trouble.FOREIGN:
            self.code = max(self.code, NOT_ALL)
        if self.troubles[found.trouble.value] > MOST_TOLD:
            return False
        self.told.append({"path": found.path, "why": found.error, "advice": found.trouble.advice})
        return True

    @property
    def messages(self) -> int:
        """All that were read as mail."""
        return sum(self.states.values())

    def summary(self, seconds: float) -> dict[str, object]:
        """For programs; the first line of it adds up."""
        return {
            "messages": self.messages,
            **{state.replace("-", "_"): self.states[state] for state in STATES},
            "sightings": self.sightings,
            "reasons": dict(self.reasons.most_common()),
            "no_sighting": dict(self.unfit.most_common()),
            "already_there": self.again,
            "new": self.messages - self.again,
            "not_mail": self.troubles["foreign"],
            "unreadable": sum(self.troubles.values()) - self.troubles["foreign"],
            "problems": self.told,
            "seconds": round(seconds, 2),
            "messages_per_second": round(self.messages / seconds),
        }


def _words(value: object) -> Sequence[str]:
    return [str(word) for word in value] if isinstance(value, list) else []
