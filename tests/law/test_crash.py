"""Every point at which a node may die while it makes one attempt: it is spent, and it is made once or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.ledger.allowance import Armed
from antiphon.terms import DAY
from tests.law.fuse import STEPS
from tests.law.scenes import OPEN, at


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Every node of a test ends with it."""
    yield
    while OPEN:
        OPEN.pop().close()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("stage", ["opting-out", "requesting"])
def test_who_dies_on_the_way_has_spent_and_sends_nothing_again(stage: str, step: str, tmp_path: Path) -> None:
    """Before or after commit, anchor and socket; what was under way is unknown, and nobody is asked for by it."""
    node = at(stage)
    before = len(node.tally.attempts)
    node.arm(Armed.COMMUNITY)  # every case is looked at again
    node.books.fuse.set(2 if step in ("commit", "committed") else 1, step)
    node.sleep(0)
    for _ in range(3):
        node.sleep(2 * DAY)
        node.check()
    asked = [attempt for attempt in node.tally.attempts if not attempt.lost]
    assert len(asked) > before and all(attempt.outcome == "accepted" for attempt in asked)
    assert all(attempt.unknown for attempt in node.tally.attempts if attempt.lost)
    verdict = node.audited(tmp_path / "ledger")
    assert verdict.lawful, verdict.text()
    assert sum(place.attempts for place in verdict.destinations) >= len(node.tally.attempts)
