"""The ledger and its anchor: what a home may write outside itself, and when."""

from __future__ import annotations

import pytest

from antiphon.errors import AnchorLost
from tests.unit.desk.household import Household


@pytest.mark.parametrize("held", [None, b"later"])
async def test_an_anchor_that_is_missing_or_knows_more_is_not_written_over(held: bytes | None) -> None:
    """Else it would forget that this home is an older copy, and everything could be spent again (LAW §9)."""
    house = await Household().open()
    before = house.kept.held
    house.log.agrees, house.kept.held = False, held and before
    with pytest.raises(AnchorLost):
        await house.log.anchor()
    assert house.kept.held == (held and before)


async def test_a_new_home_begins_its_anchor() -> None:
    """Nobody can know a later ledger of a home that was just made."""
    house = Household()
    assert await house.log.begin() == 0
    assert house.log.agrees and house.kept.held is not None
