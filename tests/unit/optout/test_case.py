"""The ladder's table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import IllegalTransition
from antiphon.optout.case import (
    CLICKED_REQUEST_STATES,
    DISPUTE_LASTS,
    FINAL,
    NOTICE_STATES,
    NOTICE_TRIES,
    OWN_OPT_OUT_STATES,
    QUIET_AFTER,
    QUORUM,
    RELAPSE_WITHIN,
    REQUEST_STATES,
    Case,
    Event,
    Facts,
    State,
    step,
)
from antiphon.terms import DAY, Digest, Identifier, Instant

NOW = Instant(20_000 * DAY)


def case(state: State, **changes: object) -> Case:
    """A case in this state."""
    plain = Case(
        Identifier(bytes(16)), Identifier(bytes(16)), Identifier(bytes(16)), "shop.example", "shop.example", "", 1,
        bytes(32), Digest(bytes(32)), state, None, NOW, NOW, None, "token", None, 0, None, None, None,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test names the field it changes


def test_the_whole_ladder_from_watching_to_quiet() -> None:
    """Proposed, noticed, waiting, ignored, requesting, quiet: each by its own event."""
    at = case(State.WATCHING)
    for event, facts, state in (
        (Event.QUORUM, Facts(NOW, independent=5), State.PROPOSED),
        (Event.NOTICE_LEFT, Facts(NOW, independent=5), State.NOTICED),
        (Event.NOTICE_ACCEPTED, Facts(NOW), State.WAITING),
    ):
        at = step(at, event, facts)
        assert at.state is state
    at = replace(at, notice_window_end=Instant(NOW + 17 * DAY))
    late = Instant(NOW + 18 * DAY)
    assert step(at, Event.SIGHTED, Facts(NOW, sighted_at=late)).state is State.WAITING
    at = step(at, Event.SIGHTED, Facts(late, sighted_at=late))
    assert at.state is State.IGNORED
    at = step(at, Event.APPROVED, Facts(late, approval_live=True))
    assert at.state is State.REQUESTING
    silent = Instant(NOW + 17 * DAY + QUIET_AFTER)
    assert step(at, Event.LOOKED_AT, Facts(Instant(silent - 1))).state is State.REQUESTING
    assert step(at, Event.LOOKED_AT, Facts(silent)).state is State.QUIET


def test_four_members_are_no_quorum() -> None:
    """Five independent members, not fewer."""
    assert step(case(State.WATCHING), Event.QUORUM, Facts(NOW, independent=4)).state is State.WATCHING


def test_three_failed_notices_make_a_case_undeliverable() -> None:
    """Two leave it noticed, the third ends it."""
    assert step(case(State.NOTICED, notice_tries=2), Event.NOTICE_FAILED, Facts(NOW)).state is State.NOTICED
    assert step(case(State.NOTICED, notice_tries=3), Event.NOTICE_FAILED, Facts(NOW)).state is State.UNDELIVERABLE


def test_a_dispute_suspends_and_goes_back_or_closes() -> None:
    """Back to where it stood; undecided after ten business days it closes; a second one is refused."""
    disputed = step(case(State.REQUESTING), Event.DISPUTED, Facts(NOW))
    assert disputed.state is State.DISPUTED
    back = step(disputed, Event.RESUMED, Facts(NOW))
    assert back.state is State.REQUESTING
    with pytest.raises(IllegalTransition):
        step(back, Event.DISPUTED, Facts(NOW))
    late = Facts(Instant(NOW + DISPUTE_LASTS))
    assert step(disputed, Event.LOOKED_AT, late).state is State.CLOSED
    assert step(disputed, Event.LOOKED_AT, Facts(Instant(NOW + DISPUTE_LASTS - 1))).state is State.DISPUTED


def test_a_relapse_within_a_year_goes_to_ignored_and_later_not() -> None:
    """Later there is a new epoch instead."""
    quiet = case(State.QUIET)
    soon = Instant(NOW + RELAPSE_WITHIN)
    assert step(quiet, Event.SIGHTED, Facts(soon, sighted_at=soon)).state is State.IGNORED
    late = Instant(soon + 1)
    assert step(quiet, Event.SIGHTED, Facts(late, sighted_at=late)).state is State.QUIET


LADDER = {
    (State.WATCHING, Event.QUORUM): State.PROPOSED,
    (State.PROPOSED, Event.QUORUM_LOST): State.WATCHING,
    (State.PROPOSED, Event.NOTICE_LEFT): State.NOTICED,
    (State.NOTICED, Event.NOTICE_LEFT): State.NOTICED,
    (State.NOTICED, Event.NOTICE_ACCEPTED): State.WAITING,
    (State.NOTICED, Event.NOTICE_FAILED): State.NOTICED,
    (State.WAITING, Event.SIGHTED): State.IGNORED,
    (State.WAITING, Event.LOOKED_AT): State.QUIET,
    (State.IGNORED, Event.APPROVED): State.REQUESTING,
    (State.IGNORED, Event.LOOKED_AT): State.QUIET,
    (State.REQUESTING, Event.LOOKED_AT): State.QUIET,
    (State.QUIET, Event.SIGHTED): State.IGNORED,
    (State.DISPUTED, Event.RESUMED): State.REQUESTING,
    (State.DISPUTED, Event.CLOSED): State.CLOSED,
} | {(state, Event.STOPPED): State.STOPPED for state in State if state is not State.STOPPED}
OPEN = sorted(set(State) - {State.WITHDRAWN, State.STOPPED, State.CLOSED})
LADDER |= {(state, Event.WITHDRAWN): State.WITHDRAWN for state in OPEN}
LADDER |= {(state, Event.DISPUTED): State.DISPUTED for state in OPEN if state is not State.DISPUTED}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_step_of_the_ladder_is_there_and_no_other(state: State, event: Event) -> None:
    """With every guard content: a step of LAW §5, or a question that changes nothing, or a deed that is refused."""
    late = Instant(NOW + 60 * DAY)
    before = case(state, before=State.REQUESTING if state is State.DISPUTED else None, notice_window_end=NOW)
    facts = Facts(late, independent=5, approval_live=True, sighted_at=late)
    following = LADDER.get((state, event))
    if following is None and event not in (Event.QUORUM, Event.SIGHTED, Event.APPROVED, Event.LOOKED_AT):
        with pytest.raises(IllegalTransition):
            step(before, event, facts)
        return
    after = step(before, event, facts)
    assert after.state is (following or state)
    assert after.since == (late if after.state is not state else NOW)


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_where_nothing_is_known_nobody_goes_up(state: State, event: Event) -> None:
    """No quorum, no window, no sighting, no approval: no step towards asking anybody, and no error for a question."""
    try:
        after = step(case(state), event, Facts(NOW))
    except IllegalTransition:
        return
    deeds = (Event.QUORUM_LOST, Event.NOTICE_ACCEPTED, Event.RESUMED, Event.CLOSED, Event.DISPUTED, Event.WITHDRAWN)
    assert after.state is state or event in (*deeds, Event.STOPPED)


def test_the_spans_are_those_of_the_law() -> None:
    """Five members, three tries, 30 days of quiet, a year, ten business days (LAW §5)."""
    assert (QUORUM, NOTICE_TRIES) == (5, 3)
    assert (QUIET_AFTER, RELAPSE_WITHIN, DISPUTE_LASTS) == (30 * DAY, 365 * DAY, 14 * DAY)


def test_a_fourth_notice_is_no_step() -> None:
    """Three tries at most."""
    with pytest.raises(IllegalTransition):
        step(case(State.NOTICED, notice_tries=3), Event.NOTICE_LEFT, Facts(NOW, independent=9))
    assert step(case(State.NOTICED, notice_tries=2), Event.NOTICE_LEFT, Facts(NOW)).state is State.NOTICED


def test_the_window_ends_at_its_end_and_an_ignored_notice_needs_a_sighting() -> None:
    """At the very instant it is over; without a mail after its member's window nothing was ignored."""
    waiting = case(State.WAITING, notice_window_end=NOW)
    assert step(waiting, Event.SIGHTED, Facts(NOW, sighted_at=NOW)).state is State.IGNORED
    assert step(waiting, Event.SIGHTED, Facts(NOW)).state is State.WAITING
    before = Facts(Instant(NOW - 1), sighted_at=NOW)
    assert step(waiting, Event.SIGHTED, before).state is State.WAITING


def test_quiet_counts_from_the_later_of_window_and_last_sighting() -> None:
    """A sighting after the window puts it off, one before does not."""
    later, earlier = Instant(NOW + 3 * DAY), Instant(NOW - 3 * DAY)
    at = case(State.REQUESTING, notice_window_end=NOW, last_sighting_at=later)
    assert step(at, Event.LOOKED_AT, Facts(Instant(NOW + QUIET_AFTER))).state is State.REQUESTING
    assert step(at, Event.LOOKED_AT, Facts(Instant(later + QUIET_AFTER))).state is State.QUIET
    at = replace(at, last_sighting_at=earlier)
    assert step(at, Event.LOOKED_AT, Facts(Instant(NOW + QUIET_AFTER - 1))).state is State.REQUESTING
    assert step(at, Event.LOOKED_AT, Facts(Instant(NOW + QUIET_AFTER))).state is State.QUIET


def test_a_dispute_keeps_where_it_came_from_and_when() -> None:
    """So that it can go back, once."""
    disputed = step(case(State.WAITING), Event.DISPUTED, Facts(NOW))
    assert (disputed.before, disputed.disputed_at, disputed.since) == (State.WAITING, NOW, NOW)
    assert step(replace(disputed, before=None), Event.RESUMED, Facts(NOW)).state is State.WATCHING


def test_what_each_state_bars() -> None:
    """Requests only while requesting, by click while watching or undeliverable; a stop bars own opt-outs as well."""
    assert {State.REQUESTING} == REQUEST_STATES
    assert {State.WATCHING, State.UNDELIVERABLE} == CLICKED_REQUEST_STATES
    assert {State.PROPOSED, State.NOTICED} == NOTICE_STATES
    assert set(State) - OWN_OPT_OUT_STATES == {State.STOPPED}


@given(st.sampled_from(sorted(FINAL)), st.sampled_from(sorted(Event)), st.booleans())
def test_nothing_leads_out_of_a_final_state_but_stop(state: State, event: Event, live: bool) -> None:
    """Withdrawn, closed and stopped stay; only a stop may still come."""
    facts = Facts(Instant(NOW + 400 * DAY), independent=9, approval_live=live, sighted_at=NOW)
    try:
        after = step(case(state), event, facts)
    except IllegalTransition:
        return
    assert after.state in (state, State.STOPPED)


def test_the_mail_by_which_a_case_fell_quiet_is_no_relapse() -> None:
    """30 days to the second after the last mail the case is quiet, and that same mail does not undo it."""
    quiet = case(State.QUIET)
    last = Instant(quiet.since - QUIET_AFTER)
    assert step(quiet, Event.SIGHTED, Facts(quiet.since, sighted_at=last)).state is State.QUIET
    assert step(quiet, Event.SIGHTED, Facts(quiet.since, sighted_at=Instant(last + 1))).state is State.IGNORED
