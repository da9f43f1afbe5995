"""The exchange as the originator sees it: its own words and what reached it, in order, and nothing of any member."""

from __future__ import annotations

import pytest

from antiphon.desk.answer import heed
from antiphon.desk.dispute import WHO
from antiphon.desk.exchange import BY_MAIL, Passed, exchange_of
from antiphon.desk.rows import WHO as AT_THE_DESK
from antiphon.desk.withdraw import decide_dispute, undo
from antiphon.ledger.allowance import Act
from antiphon.optout.case import Case
from antiphon.optout.known import Happening
from antiphon.terms import DAY, Instant
from tests.unit.desk.household import MEMBER, Household
from tests.unit.desk.test_dispute import heard


@pytest.fixture
async def house() -> Household:
    """A case in which a notice left, a member took a report back, and its originator answered three times."""
    house = await Household().open()
    await house.knows("shop.example")
    await house.enrol(MEMBER)
    reports = [await house.delivered(house.mail(), MEMBER) for _ in range(2)]
    await heard(house)
    await undo(house.desk, reports[0].report, who="the member")
    for word, who in (("done", BY_MAIL), ("dispute", AT_THE_DESK)):
        house.time.at = Instant(house.time.at + DAY)
        await heed(house.desk, await the_case(house), word, who=who)
    return house


async def the_case(house: Household) -> Case:
    """The one."""
    (case,) = await house.all(Case)
    return case


async def shown(house: Household) -> list[Passed]:
    """What the originator would see."""
    case = await the_case(house)
    return await house.store.read(lambda tx: exchange_of(tx, case))


async def test_letters_and_answers_stand_in_order(house: Household) -> None:
    """Each once, with who and the entry of ours."""
    found = await shown(house)
    assert [(p.who, p.what, p.entry) for p in found] == [
        ("this node", "notice to shop.example: accepted", 1),
        ("you, by mail", "done", None),
        ("you, at the desk", "disputed: everything paused", None),
    ]
    assert [p.day for p in found] == sorted(p.day for p in found) and len({p.day for p in found}) == 3


@pytest.mark.parametrize(("resume", "said"), [(True, "decided"), (False, "nothing more is asked")])
async def test_the_end_of_a_dispute_does_not_tell_where_the_case_stands(
    house: Household, resume: bool, said: str
) -> None:
    """Nor who decided, nor the note that they made."""
    await decide_dispute(house.desk, (await the_case(house)).case, resume=resume, who="ada", why="five reports more")
    last = (await shown(house))[-1]
    assert last.who == "this node" and said in last.what and "watching" not in last.what + last.who


async def test_nothing_that_a_member_did_is_shown(house: Household) -> None:
    """The history has more lines than that: what was taken back, and how far the ladder went."""
    case = await the_case(house)
    told = await house.store.read(lambda tx: tx.find(Happening, case=case.case))
    assert any("taken back" in line.what for line in told) and any("watching" in line.what for line in told)
    assert not any(word in line.what for line in await shown(house) for word in ("taken back", "watching", "->"))


async def test_what_its_host_was_told_is_not_its_own(house: Household) -> None:
    """A complaint went to somebody else."""
    await heard(house, Act.COMPLAINT)
    assert [p.what for p in await shown(house) if p.who == "this node"] == []


async def test_stop_and_a_dispute_by_dns_have_their_words(house: Household) -> None:
    """Whoever said it, and how."""
    await heed(house.desk, await the_case(house), "stop", who=WHO)
    last = (await shown(house))[-1]
    assert (last.who, last.what) == ("you, by DNS", "asked us to send no more")
