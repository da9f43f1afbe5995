"""A seeded sample of the ledger drill."""

from __future__ import annotations

from pathlib import Path

from antiphon.drill.mutations import MutationFigures, mutate_ledger
from tests.unit.ledger.breaches import published
from tests.unit.ledger.building import write
from tests.unit.ledger.story import good


def test_each_change_of_a_published_ledger_is_found(tmp_path: Path) -> None:
    """A hundred places, bytes, cuts, files too many and too few; and each is put back."""
    figures = mutate_ledger(write(published(good()).files, tmp_path), changes=100, seed=3, progress=lambda _: None)
    assert figures.holds, figures
    assert figures.bytes_changed > 50


def test_a_drill_that_found_less_does_not_hold() -> None:
    """One change that passed, a ledger that was broken before, or no change at all."""
    assert MutationFigures(3, 3, 1, True).holds
    assert not MutationFigures(3, 3, 1, True, ("byte 1 of checkpoint",)).holds
    assert not MutationFigures(3, 3, 1, False).holds
    assert not MutationFigures(0, 0, 1, True).holds
