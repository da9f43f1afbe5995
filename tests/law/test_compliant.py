"""What silence buys: quiet by later mail alone. And who is too young for all but its reader's own click."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from antiphon.terms import DAY, HOUR
from tests.law.node import Node
from tests.law.scenes import OPEN, at
from tests.law.stages import BIG, SMALL
from tests.law.town import ORIGINATORS, PEOPLE

SHOP, YOUNG, ANN = "shop.example", "young.example", PEOPLE[0]
QUIET = 30 * DAY


@pytest.fixture
def closed() -> Iterator[None]:
    """Every node is closed."""
    yield
    while OPEN:
        OPEN.pop().close()


def until(node: Node, moment: int) -> str:
    """Lives up to then; the state of the case."""
    node.sleep(moment - node.now)
    case = node.case(SHOP)
    assert case is not None
    return case.state.value


def test_a_compliant_originator_is_quiet_thirty_days_after_its_window(closed: None) -> None:
    """Two months after the first mail, asked once and left alone; not an hour before."""
    node = at("waiting")
    case = node.case(SHOP)
    assert case is not None and case.notice_window_end is not None
    end, begun = case.notice_window_end, case.opened_at
    assert until(node, end + QUIET - HOUR) == "waiting"
    assert until(node, end + QUIET + HOUR) == "quiet"
    assert 48 * DAY < end + QUIET - begun < 63 * DAY
    assert [a.act for a in node.tally.attempts if a.originator == SHOP] == ["notice"]


def test_mail_in_the_window_does_not_put_quiet_off_and_mail_after_it_does(closed: None) -> None:
    """It counts from the later of the window's end and the last mail to somebody who was asked for."""
    node = at("waiting")
    case = node.case(SHOP)
    assert case is not None and case.notice_window_end is not None
    end = case.notice_window_end
    node.report(ORIGINATORS[SHOP], ANN, SMALL)
    assert until(node, end + 20 * DAY) == "waiting"
    node.report(ORIGINATORS[SHOP], ANN, SMALL)
    assert until(node, end + QUIET + 2 * DAY) == "ignored"
    assert until(node, end + 20 * DAY + QUIET + 2 * HOUR) == "quiet"
    assert [a.act for a in node.tally.attempts if a.originator == SHOP] == ["notice"]


@pytest.mark.parametrize(("clicks", "attempts"), [(False, 0), (True, 1)])
def test_a_young_originator_is_asked_by_a_click_alone(closed: None, clicks: bool, attempts: int) -> None:
    """A member who was shown its age vouches for this one own opt-out; a standing consent does not."""
    node = at("begun")
    for person in PEOPLE:
        node.enrol(person, "count,token,optout")
        source = node.report(ORIGINATORS[YOUNG], person, BIG, stored=True)
    if clicks:
        node.click(source, quick=False)
    for _ in range(3):
        node.decide_pairs(allow=True)
        node.sleep(2 * DAY)
    node.check()
    assert [a.act for a in node.tally.attempts] == ["own"] * attempts


@pytest.mark.parametrize(("uploaded", "attempts"), [(False, 1), (True, 0)])
def test_what_the_store_saw_pays_where_its_member_moved_it(closed: None, uploaded: bool, attempts: int) -> None:
    """Class B pays like A; a forward of mail that only the store saw is class C and needs a click."""
    node = at("begun")
    node.enrol(ANN, "count,token,optout")
    node.report(ORIGINATORS[SHOP], PEOPLE[1], BIG)
    node.report(ORIGINATORS[SHOP], ANN, BIG, stored=True, uploaded=uploaded)
    for _ in range(3):
        node.decide_pairs(allow=True)
        node.sleep(2 * DAY)
    node.check()
    assert len([a for a in node.tally.attempts if a.act == "own"]) == attempts
