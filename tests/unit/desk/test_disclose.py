"""Openings: what a node shows of what it spent, and the two people who have to want it (LAW §7, §9)."""

from __future__ import annotations

from hashlib import sha256

import pytest

from antiphon.desk.disclose import prepare_openings, unlock
from antiphon.errors import RefusedByLaw
from antiphon.formats.note import sign
from antiphon.ledger.opening import SpendOpening, parse_openings, print_openings
from antiphon.optout.approval import OperatorKey
from antiphon.optout.known import Happening
from antiphon.terms import DAY, Instant
from tests.unit.desk.household import MEMBER, Household
from tests.unit.desk.test_fade import house, opened

__all__ = ["house"]


@pytest.fixture
async def staffed(house: Household) -> Household:
    """A node that has spent, with two operators; their keys are a day short of counting."""
    await house.operator("ada", first=True)
    await house.operator("ben")
    house.time.at = Instant(house.time.at + 6 * DAY)
    return house


async def signed(house: Household, *names: str, wrong: str = "") -> bytes:
    """What these people get when they ask together; the signature of `wrong` is another's."""
    entries = {key.name: key.entry for key in await house.all(OperatorKey)}
    asked = prepare_openings(house.desk, tuple(entries[name] for name in names))
    keys = {name: sha256(("eve" if name == wrong else name).encode()).digest() for name in names}
    return await unlock(house.desk, asked, {entries[name]: sign(keys[name], asked.sign) for name in names})


async def test_two_people_unlock_openings_and_the_cases_tell(staffed: Household) -> None:
    """The whole file, and who they were stands in the history."""
    staffed.time.at = Instant(staffed.time.at + DAY)
    data = await signed(staffed, "ada", "ben")
    assert data == print_openings(await opened(staffed.desk))
    assert any(isinstance(opening, SpendOpening) for opening in parse_openings(data))
    (told,) = [h for h in await staffed.all(Happening) if h.what == "openings unlocked"]
    assert told.who == "ada, ben"


@pytest.mark.parametrize(
    ("days", "names", "wrong"),
    [(1, ("ada",), ""), (1, ("ada", "ada"), ""), (1, ("ada", "ben"), "ben"), (0, ("ada", "ben"), ""), (1, (), "")],
    ids=["one", "one twice", "a wrong signature", "too young", "nobody"],
)
async def test_fewer_than_two_people_unlock_nothing(
    staffed: Household, days: int, names: tuple[str, ...], wrong: str
) -> None:
    """Nor does anything in the history change."""
    staffed.time.at = Instant(staffed.time.at + days * DAY)
    before = await staffed.all(Happening)
    with pytest.raises(RefusedByLaw) as refused:
        await signed(staffed, *names, wrong=wrong)
    assert refused.value.rules == ("two-people",)
    assert await staffed.all(Happening) == before


async def test_a_revoked_key_and_yesterdays_signature_unlock_nothing(staffed: Household) -> None:
    """What was signed for a day is of no use on the next."""
    staffed.time.at = Instant(staffed.time.at + DAY)
    entries = [key.entry for key in await staffed.all(OperatorKey)]
    asked = prepare_openings(staffed.desk, tuple(entries))
    both = zip(entries, ("ada", "ben"), strict=True)
    signatures = {entry: sign(sha256(name.encode()).digest(), asked.sign) for entry, name in both}
    staffed.time.at = Instant(staffed.time.at + DAY)
    with pytest.raises(RefusedByLaw):
        await unlock(staffed.desk, asked, signatures)
    await staffed.operator("ben", revoke=True)
    with pytest.raises(RefusedByLaw):
        await signed(staffed, "ada", "ben")


async def test_where_nothing_is_spent_there_is_nothing_to_unlock() -> None:
    """A fresh node shows that it has opened nothing."""
    house = await Household().open()
    await house.enrol(MEMBER)
    await house.operator("ada", first=True)
    assert await signed(house, "ada") == print_openings([])
