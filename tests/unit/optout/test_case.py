"""The ladder's table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import IllegalTransition
from antiphon.optout.case import DISPUTE_LASTS, FINAL, QUIET_AFTER, RELAPSE_WITHIN, Case, Event, Facts, State, step
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


@given(st.sampled_from(sorted(FINAL)), st.sampled_from(sorted(Event)), st.booleans())
def test_nothing_leads_out_of_a_final_state_but_stop(state: State, event: Event, live: bool) -> None:
    """Withdrawn, closed and stopped stay; only a stop may still come."""
    facts = Facts(Instant(NOW + 400 * DAY), independent=9, approval_live=live, sighted_at=NOW)
    try:
        after = step(case(state), event, facts)
    except IllegalTransition:
        return
    assert after.state in (state, State.STOPPED)
