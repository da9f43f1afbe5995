"""Taking back: what a member that leaves had reported stays unspent, whoever comes later."""

from __future__ import annotations

from antiphon.campaign.report import Report, ReportState
from antiphon.campaign.sighting import Sighting
from antiphon.desk.click import click, show_click
from antiphon.desk.withdraw import revoke
from antiphon.ledger.allowance import Armed
from antiphon.optout.click import Click, ClickState
from antiphon.terms import DAY
from tests.unit.desk.household import MEMBER, Household


async def test_who_leaves_and_comes_again_brings_nothing_back() -> None:
    """Its leaves stay unspent, like dummies (LAW §9); nothing leaves for it under the new mandate."""
    house = await Household().open(armed=Armed.COMMUNITY)
    await house.enrol(MEMBER, "count,token,optout")
    await house.delivered(house.mail())
    await revoke(house.desk, MEMBER)
    await house.enrol(MEMBER, "count,token,optout")
    await house.wait(4 * DAY)
    await house.allow_pairs()
    await house.wait(DAY)
    (report,), (sighting,) = await house.all(Report), await house.all(Sighting)
    assert report.state is ReportState.RETRACTED
    assert (sighting.paid, house.out.posts) == (None, [])


async def test_a_click_ends_with_the_mandate_under_which_it_was_made() -> None:
    """It is undone, and stays so when the same person comes again."""
    house = await Household().open()
    report = await house.delivered(house.mail())
    await click(house.desk, [await show_click(house.desk, report.report)])
    await revoke(house.desk, MEMBER)
    await house.enrol(MEMBER)
    await house.wait(4 * DAY)
    (made,) = await house.all(Click)
    assert (made.state, house.out.posts) == (ClickState.UNDONE, [])


async def test_what_was_paid_for_stays_as_it_is() -> None:
    """What left has left: its report is evidence of it, and is opened to whom it concerns."""
    house = await Household().open()
    report = await house.delivered(house.mail())
    await click(house.desk, [await show_click(house.desk, report.report)])
    await house.wait(4 * DAY)
    assert len(house.out.posts) == 1
    await revoke(house.desk, MEMBER)
    (kept,) = await house.all(Report)
    assert kept.state is ReportState.ACCEPTED
