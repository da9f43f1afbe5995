"""A year of quiet, then a relapse: the new epoch asks anew, and nothing rests on what an earlier one asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.terms import DAY
from tests.law.careless import of
from tests.law.node import Node
from tests.law.scenes import OPEN, at
from tests.law.stages import newsletter
from tests.law.town import PEOPLE

SHOP, ANN = "shop.example", PEOPLE[0]


@pytest.fixture
def relapsed() -> Iterator[Node]:
    """Everybody was asked for by the notice of the first epoch; a year later mail comes again."""
    node = at("requesting")
    node.tally.stop_file = True
    for days in (60, 40, 370):
        node.sleep(days * DAY)
    node.tally.stop_file = False
    for person in PEOPLE:
        node.enrol(person, "count,token")
    newsletter(node, SHOP)
    yield node
    OPEN.pop().close()


def test_a_click_in_a_later_epoch_rests_on_no_earlier_notice(relapsed: Node, tmp_path: Path) -> None:
    """A clicked request needs an own opt-out of this case that was ignored; the auditor looks for it (LAW §5, §9)."""
    relapsed.click(of(relapsed, ANN)[0], quick=False)
    for _ in range(3):
        relapsed.sleep(3 * DAY)
        relapsed.decide_pairs(allow=True)
    case = relapsed.case(SHOP)
    assert case is not None and (case.epoch, case.state.value) == (2, "watching")
    assert [attempt.act for attempt in relapsed.tally.attempts] == ["notice", "notice"]
    assert relapsed.audited(tmp_path / "ledger").lawful
