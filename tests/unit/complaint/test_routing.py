"""Who is told first: the table, row by row."""

from __future__ import annotations

from itertools import product

import pytest

from antiphon.complaint.routing import ROUTES, Situation, Tier, route


@pytest.mark.parametrize(
    ("over", "accountable", "had_its_time", "tier"),
    [
        (True, True, True, Tier.NOBODY),
        (True, False, False, Tier.NOBODY),
        (False, True, False, Tier.ORIGINATOR),
        (False, True, True, Tier.NETWORK),
        (False, False, False, Tier.NETWORK),
        (False, False, True, Tier.NETWORK),
    ],
)
def test_the_originator_comes_first_where_it_can_be_asked(
    over: bool, accountable: bool, had_its_time: bool, tier: Tier
) -> None:
    """A dispute or an end silences all; who can not be asked is not waited for."""
    assert route(Situation(over, accountable, had_its_time)).tier is tier


def test_every_situation_has_a_row_and_every_row_a_situation() -> None:
    """No gap, and no row that never decides."""
    decided = {route(Situation(*flags)).number for flags in product((True, False), repeat=3)}
    assert decided == {row.number for row in ROUTES}
