"""The door for archives: what is asked of it is looked at before anything is taken."""

from __future__ import annotations

import asyncio
from base64 import b64encode

import pytest

from antiphon.campaign.report import Report
from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.web.archive import MOST_MAILS, import_mails, imported
from tests.unit.desk.household import MEMBER, Household


@pytest.fixture
async def house() -> Household:
    """A node with one hosted member."""
    return await Household().open()


async def test_mails_are_taken_and_known_again(house: Household) -> None:
    """Null for what nobody took; the same answer as when it was taken."""
    mail = {"key": "00" * 32, "path": "a.eml", "raw": b64encode(house.mail()).decode()}
    (taken,) = await import_mails(house.desk, asyncio.Lock(), {"address": MEMBER.upper(), "mails": [mail]})
    assert (taken["state"], taken["again"], taken["why"]) == ("accepted", False, "")
    first, second = await imported(house.desk, {"address": MEMBER, "keys": ["00" * 32, "01" * 32]})
    assert (first["state"], second) == ("accepted", None)


async def test_the_turn_is_held_while_something_changes(house: Household) -> None:
    """A round that is under way is not cut."""
    turn = asyncio.Lock()
    mail = {"key": "00" * 32, "path": "a.eml", "raw": b64encode(house.mail()).decode()}
    async with turn:
        task = asyncio.ensure_future(import_mails(house.desk, turn, {"address": MEMBER, "mails": [mail]}))
        done, _ = await asyncio.wait([task], timeout=0.05)
        assert not done and await house.all(Report) == []
    await task
    assert len(await house.all(Report)) == 1


@pytest.mark.parametrize(
    "mails",
    [
        None,
        ["x"],
        [{}],
        [{"key": "xyz", "raw": ""}],
        [{"key": "00", "raw": "no base64!"}],
        [{"key": 7, "raw": ""}],
        [{}] * (MOST_MAILS + 1),
    ],
)
async def test_what_is_not_understood_is_refused_whole(house: Household, mails: object) -> None:
    """Nothing of it is taken."""
    with pytest.raises(MalformedInput):
        await import_mails(house.desk, asyncio.Lock(), {"address": MEMBER, "mails": mails})
    assert await house.all(Report) == []


async def test_whoever_is_no_member_has_no_archive(house: Household) -> None:
    """Nor does nobody."""
    for address in ("eve@home.example", ""):
        with pytest.raises(RefusedByLaw):
            await imported(house.desk, {"address": address, "keys": []})
