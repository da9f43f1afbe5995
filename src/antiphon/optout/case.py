"""The ladder: one originator before one community, as a table of (state, event, guard, next) (LAW §5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from antiphon.errors import IllegalTransition
from antiphon.terms import DAY, Digest, Identifier, Instant

QUORUM = 5
"""Independent members, not asked for, that a notice needs."""
NOTICE_TRIES = 3
QUIET_AFTER = 30 * DAY
RELAPSE_WITHIN = 365 * DAY
DISPUTE_LASTS = 14 * DAY
"""10 business days at most, counted in calendar days: two weeks."""


class State(StrEnum):
    """Where a case stands."""

    WATCHING = "watching"
    PROPOSED = "proposed"
    NOTICED = "noticed"
    WAITING = "waiting"
    IGNORED = "ignored"
    REQUESTING = "requesting"
    QUIET = "quiet"
    UNDELIVERABLE = "undeliverable"
    DISPUTED = "disputed"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"
    CLOSED = "closed"


class Event(StrEnum):
    """What can happen to a case."""

    QUORUM = "quorum"
    QUORUM_LOST = "quorum-lost"
    NOTICE_LEFT = "notice-left"
    NOTICE_ACCEPTED = "notice-accepted"
    NOTICE_FAILED = "notice-failed"
    SIGHTED = "sighted"
    APPROVED = "approved"
    LOOKED_AT = "looked-at"
    DISPUTED = "disputed"
    RESUMED = "resumed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Case:
    """One originator before one community. The key is (community, originator, epoch); `salt` hides what the ledger
    says about it, `tag` is its name there. `before` is the state that a dispute suspended."""

    case: Identifier
    community: Identifier
    operator: Identifier
    originator: str
    domain: str
    esp: str
    epoch: int
    salt: bytes
    tag: Digest
    state: State
    before: State | None
    since: Instant
    opened_at: Instant
    look_at: Instant | None
    reply_token: str
    disputed_at: Instant | None
    notice_tries: int
    notice_intent: int | None
    notice_window_end: Instant | None
    last_sighting_at: Instant | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the guards may ask, at one instant. `sighted_at` is a sighting received after its own member's window."""

    now: Instant
    independent: int = 0
    approval_live: bool = False
    sighted_at: Instant | None = None


Guard = Callable[[Case, Facts], bool]


def always(case: Case, facts: Facts) -> bool:
    """No condition."""
    return True


def enough_members(case: Case, facts: Facts) -> bool:
    """At least five independent members who were not asked for."""
    return facts.independent >= QUORUM


def tries_left(case: Case, facts: Facts) -> bool:
    """Fewer than three notice tries so far."""
    return case.notice_tries < NOTICE_TRIES


def tries_spent(case: Case, facts: Facts) -> bool:
    """Three notice tries failed."""
    return case.notice_tries >= NOTICE_TRIES


def window_ignored(case: Case, facts: Facts) -> bool:
    """After the notice's window, a mail came that was received after its own member's window."""
    end = case.notice_window_end
    return end is not None and facts.now >= end and facts.sighted_at is not None


def long_silent(case: Case, facts: Facts) -> bool:
    """30 days without a sighting of an asked-for member, from the later of window end and last sighting."""
    if case.notice_window_end is None:
        return False
    return facts.now - max(case.notice_window_end, case.last_sighting_at or case.notice_window_end) >= QUIET_AFTER


def relapsed_soon(case: Case, facts: Facts) -> bool:
    """Within a year of falling quiet, a mail that came after those by whose absence it fell quiet."""
    sighted = facts.sighted_at
    return sighted is not None and -QUIET_AFTER < sighted - case.since <= RELAPSE_WITHIN


def approval_live(case: Case, facts: Facts) -> bool:
    """A standing approval is neither expired nor exhausted."""
    return facts.approval_live


def undecided(case: Case, facts: Facts) -> bool:
    """A dispute outlived its ten business days: it closes without requests."""
    return case.disputed_at is not None and facts.now - case.disputed_at >= DISPUTE_LASTS


def first_dispute(case: Case, facts: Facts) -> bool:
    """A case is disputed once."""
    return case.disputed_at is None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the ladder; `next` None means back to the state before the dispute."""

    states: frozenset[State]
    event: Event
    guard: Guard
    next: State | None


FINAL = frozenset({State.WITHDRAWN, State.STOPPED, State.CLOSED})
OPEN = frozenset(State) - FINAL


def _row(states: State | frozenset[State], event: Event, guard: Guard, following: State | None) -> Row:
    return Row(states if isinstance(states, frozenset) else frozenset({states}), event, guard, following)


TABLE: tuple[Row, ...] = (
    _row(State.WATCHING, Event.QUORUM, enough_members, State.PROPOSED),
    _row(State.PROPOSED, Event.QUORUM_LOST, always, State.WATCHING),
    _row(State.PROPOSED, Event.NOTICE_LEFT, enough_members, State.NOTICED),
    _row(State.NOTICED, Event.NOTICE_LEFT, tries_left, State.NOTICED),
    _row(State.NOTICED, Event.NOTICE_ACCEPTED, always, State.WAITING),
    _row(State.NOTICED, Event.NOTICE_FAILED, tries_spent, State.UNDELIVERABLE),
    _row(State.NOTICED, Event.NOTICE_FAILED, tries_left, State.NOTICED),
    _row(State.WAITING, Event.SIGHTED, window_ignored, State.IGNORED),
    _row(State.IGNORED, Event.APPROVED, approval_live, State.REQUESTING),
    _row(frozenset({State.WAITING, State.IGNORED, State.REQUESTING}), Event.LOOKED_AT, long_silent, State.QUIET),
    _row(State.QUIET, Event.SIGHTED, relapsed_soon, State.IGNORED),
    _row(State.DISPUTED, Event.LOOKED_AT, undecided, State.CLOSED),
    _row(State.DISPUTED, Event.RESUMED, always, None),
    _row(State.DISPUTED, Event.CLOSED, always, State.CLOSED),
    _row(OPEN - {State.DISPUTED}, Event.DISPUTED, first_dispute, State.DISPUTED),
    _row(OPEN, Event.WITHDRAWN, always, State.WITHDRAWN),
    _row(frozenset(State) - {State.STOPPED}, Event.STOPPED, always, State.STOPPED),
)

QUESTIONS = frozenset({Event.SIGHTED, Event.APPROVED, Event.LOOKED_AT, Event.QUORUM})
"""Events that ask whether something is so; where no row answers, nothing happens. Every other event must find a row."""


def step(case: Case, event: Event, facts: Facts) -> Case:
    """The case after this event. Raises IllegalTransition when the table has no row for an event that reports a
    deed; an event that only asks leaves the case as it is."""
    for row in TABLE:
        if case.state in row.states and row.event is event and row.guard(case, facts):
            return _moved(case, event, row, facts.now)
    if event in QUESTIONS:
        return case
    raise IllegalTransition(f"A case that is {case.state} knows no event {event}.")


def _moved(case: Case, event: Event, row: Row, now: Instant) -> Case:
    following = row.next or case.before or State.WATCHING
    if event is Event.DISPUTED:
        case = replace(case, before=case.state, disputed_at=now)
    if following is case.state:
        return case
    return replace(case, state=following, since=now)


# What each state bars (LAW §5): requests of either kind rest on these, own opt-outs end only with `stopped`.
REQUEST_STATES = frozenset({State.REQUESTING})
CLICKED_REQUEST_STATES = frozenset({State.WATCHING, State.UNDELIVERABLE})
NOTICE_STATES = frozenset({State.PROPOSED, State.NOTICED})
OWN_OPT_OUT_STATES = frozenset(State) - {State.STOPPED}
