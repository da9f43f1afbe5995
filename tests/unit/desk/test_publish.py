"""The public folder: whole after every crash, and with no file too many."""

from __future__ import annotations

from antiphon.desk.publish import publish
from antiphon.ledger.folder import folder_paths
from antiphon.terms import HOUR
from tests.unit.desk.household import Household, Shelved


class Died(Exception):
    """The node stops here."""


class Brittle(Shelved):
    """A shelf whose node dies before so many files were written."""

    left = 1_000

    def put(self, path: str, data: bytes) -> None:
        self.left -= 1
        if self.left < 0:
            raise Died
        super().put(path, data)


async def test_what_a_broken_run_left_behind_goes_with_the_next_whole_one() -> None:
    """Partial tiles of a size that was never noted as published: the list of files is closed (LAW §9)."""
    house, shelf = await Household().open(), Brittle()
    for writes in (1_000, 1, 2, 1_000):
        house.time.at += 3 * HOUR
        await house.store.write(lambda tx: house.log.close_hours(tx, house.time.at))
        await house.log.anchor()
        shelf.left = writes
        try:
            size = await publish(house.desk, shelf)
        except Died:
            continue
    assert set(shelf.files) == set(folder_paths(size))
