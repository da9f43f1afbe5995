"""Who is told first: the table, row by row."""

from __future__ import annotations

from itertools import product

import pytest

from antiphon.complaint.routing import ROUTES, Situation, Tier, route


@pytest.mark.parametrize(
    ("situation", "number", "tier"),
    [
        (Situation(over=True, accountable=True, unreachable=True, went_on=True), 1, Tier.NOBODY),
        (Situation(over=True, accountable=False, unreachable=False, went_on=False), 1, Tier.NOBODY),
        (Situation(over=False, accountable=True, unreachable=False, went_on=False), 2, Tier.ORIGINATOR),
        (Situation(over=False, accountable=True, unreachable=False, went_on=True), 3, Tier.NETWORK),
        (Situation(over=False, accountable=True, unreachable=True, went_on=False), 4, Tier.NETWORK),
        (Situation(over=False, accountable=False, unreachable=False, went_on=False), 5, Tier.NETWORK),
        (Situation(over=False, accountable=False, unreachable=True, went_on=True), 5, Tier.NETWORK),
        (Situation(False, False, False, False, host_had_time=True), 6, Tier.REGISTRAR),
        (Situation(False, True, False, True, host_had_time=True, registrar_had_time=True), 6, Tier.REGISTRAR),
        (Situation(False, True, False, True, True, True, chosen=True), 7, Tier.AUTHORITY),
        (Situation(False, True, False, True, host_had_time=True, chosen=True), 6, Tier.REGISTRAR),
        (Situation(False, True, False, True, registrar_had_time=True, chosen=True), 3, Tier.NETWORK),
        (Situation(False, True, False, False, True, True, chosen=True), 2, Tier.ORIGINATOR),
        (Situation(True, False, False, False, True, True, chosen=True), 1, Tier.NOBODY),
    ],
)
def test_the_originator_comes_first_where_it_can_be_asked(situation: Situation, number: int, tier: Tier) -> None:
    """A dispute or an end silences all; who can not be asked is not waited for."""
    assert (route(situation).number, route(situation).tier) == (number, tier)


def test_every_situation_has_a_row_and_every_row_a_situation() -> None:
    """No gap, and no row that never decides."""
    decided = {route(Situation(*flags)).number for flags in product((True, False), repeat=7)}
    assert decided == {row.number for row in ROUTES}
