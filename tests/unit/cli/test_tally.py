"""The summary of a run adds up, and its exit code says whether all was read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.cli.tally import DONE, MOST_TOLD, NOT_ALL, NOTHING, STATES, Tally
from antiphon.intake.folder import FoundProblem, Trouble


def said(state: str, *reasons: str, sighting: bool = False) -> dict[str, object]:
    """As the desk answers."""
    return {"state": state, "reasons": list(reasons), "sighting_reasons": ["gate-passes"], "sighting": sighting}


@given(st.lists(st.tuples(st.sampled_from(STATES), st.booleans(), st.booleans())))
def test_the_first_line_adds_up(messages: list[tuple[str, bool, bool]]) -> None:
    """messages = accepted + evidence only + refused, whatever came; and = already there + new."""
    tally = Tally()
    for state, sighting, again in messages:
        tally.take(said(state, sighting=sighting), again=again)
    summary = tally.summary(2.0)
    assert summary["messages"] == len(messages) == sum(tally.states[state] for state in STATES)
    assert summary["messages"] == tally.again + int(str(summary["new"]))
    assert summary["messages_per_second"] == round(len(messages) / 2)


def test_every_reason_is_counted() -> None:
    """All of them, not the deciding one alone; why no sighting is asked of accepted mail only."""
    tally = Tally()
    tally.take(said("refused", "not-duplicate", "not-a-robot"), again=False)
    tally.take(said("accepted"), again=False)
    assert dict(tally.reasons) == {"not-duplicate": 1, "not-a-robot": 1}
    assert dict(tally.unfit) == {"gate-passes": 1}


def test_the_exit_code_says_what_was_not_read() -> None:
    """A stray file in a folder is no failure; a damaged one is, and a path that is missing is more."""
    tally = Tally()
    codes = [tally.code]
    for trouble, given_path in ((Trouble.FOREIGN, False), (Trouble.CLOSED, False), (Trouble.MISSING, True)):
        tally.trouble(FoundProblem("a", "b", trouble, given_path))
        codes.append(tally.code)
    tally.trouble(FoundProblem("a", "b", Trouble.BROKEN))
    assert [*codes, tally.code] == [DONE, DONE, NOT_ALL, NOTHING, NOTHING]
    assert (tally.summary(1)["not_mail"], tally.summary(1)["unreadable"]) == (1, 3)


def test_only_the_first_of_a_kind_are_told() -> None:
    """A folder of pictures must not fill the screen, nor the memory."""
    tally = Tally()
    told = [tally.trouble(FoundProblem(f"{n}", "No.", Trouble.FOREIGN)) for n in range(MOST_TOLD + 1)]
    assert told == [True] * MOST_TOLD + [False]
    assert tally.trouble(FoundProblem("x", "No.", Trouble.CLOSED))
    assert len(tally.told) == MOST_TOLD + 1
