"""The member's own click on one very message: what it was shown, how long it waits, what became of it (LAW §3, §4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from antiphon.optout.channel import Offer
from antiphon.terms import DAY, Identifier, Instant

CLICKABLE_FOR = 30 * DAY
"""A mail that came longer ago pays for nothing, so its bytes are not kept any longer either."""


class ClickState(StrEnum):
    """Where a click stands. While it is `HELD` nothing was looked up for it."""

    HELD = "held"
    TAKEN = "taken"
    REFUSED = "refused"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Click:
    """One click. `originator`, `registered_at` and `target` are what the member was shown: it vouches for nobody else,
    and for an age only if there was one to show. What nobody saw arrive is looked up at `hold_until`; an own opt-out
    leaves no earlier than `leaves_at`, anything else that the click may buy no earlier than `slow_until`. `reasons` are
    the rules that refused it, the deciding one first."""

    report: Identifier
    member: Identifier
    case: Identifier | None
    at: Instant
    hold_until: Instant
    leaves_at: Instant
    slow_until: Instant
    quick: bool
    originator: str
    registered_at: Instant | None
    target: str
    state: ClickState
    reasons: str

    def held_until(self, sighting_hold: Instant, *, own: bool) -> Instant:
        """Until when a sighting with it is held: an own opt-out as its member chose, all else as long as any report."""
        return self.leaves_at if own else Instant(max(sighting_hold, self.slow_until))

    def vouches_for(self, originator: str) -> bool:
        """Whether this click stands in for the age of that originator: its name and its age were shown."""
        return self.state is ClickState.TAKEN and self.originator == originator and self.registered_at is not None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a member is shown before a click: who would learn of it, how old that one is, and where it would go. `None`
    is unknown."""

    report: Identifier
    subject: str
    originator: str
    registered_at: Instant | None
    first_seen_at: Instant | None
    kind: str
    target: str
    act: str


@dataclass(frozen=True, slots=True)
class Clickable:
    """What is known of a report when its member is about to click. `spendable` names the rules of spendable mail that
    would fail with the click, as if signatures that nobody looked up yet were valid."""

    accepted: bool
    mandate_live: bool
    age: int
    kept: bool
    unspent: bool
    clicked: bool
    inside_window: bool
    spendable: tuple[str, ...]
    offer: Offer | None


@dataclass(frozen=True, slots=True)
class ClickRule:
    """A name, the sentence for people, and the question, true when it holds."""

    name: str
    sentence: str
    check: Callable[[Clickable], bool]


CLICKABLE: tuple[ClickRule, ...] = (
    ClickRule("accepted", "This report was refused or taken back.", lambda c: c.accepted),
    ClickRule("mandate-live", "The mandate for this address is not live.", lambda c: c.mandate_live),
    ClickRule("fresh", "This mail came more than 30 days ago.", lambda c: 0 <= c.age <= CLICKABLE_FOR),
    ClickRule("kept", "The bytes of this mail are no longer kept.", lambda c: c.kept),
    ClickRule("unspent", "This mail has paid already.", lambda c: c.unspent),
    ClickRule("not-clicked", "This was clicked already; `antiphon held` shows it.", lambda c: not c.clicked),
    ClickRule(
        "window-over",
        "This originator was asked for you, and the time that it has is not over.",
        lambda c: not c.inside_window,
    ),
    ClickRule("channel", "The mail offers no channel that a click may open.", lambda c: c.offer is not None),
    ClickRule("spendable", "The mail itself can pay for nothing.", lambda c: not c.spendable),
)


def unclickable(found: Clickable) -> tuple[str, ...]:
    """The names of all rules against a click, the deciding one first; what spoils the mail itself is named in full."""
    failed = [rule.name for rule in CLICKABLE if not rule.check(found)]
    inside = [name for name in failed if name != "spendable"]
    return tuple(dict.fromkeys([*inside, *(found.spendable if "spendable" in failed else ())]))


TELLS = "This tells {originator} that you read this address."
QUICK_TELLS = (
    "Without the day or two of delay, {originator} can also tell at about what time of which day you acted on its mail."
)


def sentences(originator: str, *, quick: bool) -> tuple[str, ...]:
    """What a member has to have been told before a click counts."""
    lines = (TELLS, QUICK_TELLS) if quick else (TELLS,)
    return tuple(line.format(originator=originator) for line in lines)
