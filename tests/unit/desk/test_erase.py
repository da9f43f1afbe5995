"""Erasing a member: nothing that a home or its backup holds names it any more, and everything still adds up."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from antiphon.campaign.report import Delivery, Report, ReportState
from antiphon.campaign.sighting import Sighting
from antiphon.desk.click import click, show_click
from antiphon.desk.confirm import confirm
from antiphon.desk.disclose import openings
from antiphon.desk.erase import leave
from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.ledger.allowance import Armed
from antiphon.ledger.entry import DeliveriesCommitted, parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.ledger.opening import Erased, parse_openings
from antiphon.ledger.tree import small_root
from antiphon.optout.approval import Draft
from antiphon.optout.case import Case, State
from antiphon.ports import CABINETS, Setting
from antiphon.registry.mandate import Mandate
from antiphon.terms import DAY
from tests.unit.desk.household import MEMBER, Household

BOB = "bob@home.example"


@pytest.fixture
async def house() -> Household:
    """Two members, mail that paid, mail that waits, a click, a confirmation."""
    house = await Household().open(armed=Armed.OWN)
    await house.knows("shop.example")
    for address in (MEMBER, BOB):
        await house.enrol(address, "count,token,optout")
        await house.delivered(house.mail(to=address), address)
    await house.wait(2 * DAY + 12 * 3_600_000_000)
    await house.allow_pairs()
    for address in (MEMBER, BOB):
        await house.delivered(house.mail(to=address), address)
    await house.wait(3 * DAY)
    assert len(house.out.posts) == 2
    await house.report(house.mail(Subject="Your receipt 123"))
    await confirm(house.desk, MEMBER, "shop.example", "never bought anything")
    report = await house.report(house.mail(domain="other.example"))
    house.know("other.example")
    await house.delivered(house.mail(Subject="Just arrived"))
    await click(house.desk, [await show_click(house.desk, report.report)])
    return house


async def everything(house: Household) -> bytes:
    """All records of the home, as bytes."""
    kept = [record for cabinet in CABINETS if cabinet.kind is not Setting for record in await house.all(cabinet.kind)]
    return repr([astuple(record) for record in kept]).encode()  # type: ignore[call-overload]  # each is a dataclass


async def test_nothing_in_the_home_names_an_erased_member(house: Household) -> None:
    """Address, tokens, links, subjects, message ids and salts are gone; the other member's stay."""
    mine = [r for r in await house.all(Report) if r.member == (await house.member()).member]
    needles = [MEMBER.encode(), b"Just arrived", b"receipt 123", (await house.member()).report_token.encode()]
    before = await everything(house)
    assert all(needle in before for needle in needles)
    identities = [repr(bytes(report.identity)).encode() for report in mine]
    assert all(identity in before for identity in identities)
    await leave(house.desk, MEMBER)
    after = await everything(house)
    assert not [needle for needle in (*needles, *identities) if needle in after]
    assert BOB.encode() in after
    assert all(r.state is ReportState.RETRACTED for r in await house.all(Report) if r.member == mine[0].member)


async def test_the_ledger_goes_on_and_says_erased(house: Household) -> None:
    """Spent leaves open as erased; the hour's tree still proves the other member's delivery."""
    await leave(house.desk, MEMBER)
    await house.wait(DAY)
    found = parse_openings(await openings(house.desk))
    assert len([o for o in found if isinstance(o, Erased)]) == 1
    bodies = [parse_entry(entry.body) for entry in await house.all(StoredEntry)]
    roots = {entry.hour: entry.root for entry in bodies if isinstance(entry, DeliveriesCommitted)}
    for hour in {row.hour for row in await house.all(Delivery) if row.committed is not None}:
        leaves = {row.position: row.leaf for row in await house.all(Delivery) if row.hour == hour}
        assert small_root([leaves[place] for place in sorted(leaves)]) == roots[hour]


async def test_salts_of_leaves_and_deliveries_open_under_the_members_key_alone(house: Household) -> None:
    """Nothing else opens that member's leaves."""
    mandates = {m.address: m for m in await house.all(Mandate)}
    mine, other = mandates[MEMBER], mandates[BOB]
    assert mine.data_key is not None and other.data_key is not None
    for row in await house.all(Delivery):
        if row.member == mine.member:
            assert len(house.desk.vault.open(mine.data_key, row.salt, row.delivery)) == 32
            with pytest.raises(MalformedInput):
                house.desk.vault.open(other.data_key, row.salt, row.delivery)
    for sighting in await house.all(Sighting):
        if sighting.member == mine.member:
            assert len(house.desk.vault.open(mine.data_key, sighting.salts, sighting.report)) == 64


async def test_an_erased_address_may_come_again_as_somebody_new(house: Household) -> None:
    """A new key and a new name; what was asked for the earlier holder is not known of this one."""
    old = (await house.member()).member
    await leave(house.desk, MEMBER)
    with pytest.raises(RefusedByLaw):
        await leave(house.desk, MEMBER)
    fresh = await house.enrol(MEMBER)
    assert fresh.member != old and fresh.data_key is not None


async def test_a_draft_that_names_an_erased_member_is_dropped() -> None:
    """Its rows hold that member's tokens."""
    house = await Household().open(armed=Armed.OBSERVING)
    for name in ("amy", "ben", "cat", "dan", "eli"):
        await house.enrol(f"{name}@home.example")
        await house.delivered(house.mail(to=f"{name}@home.example"), f"{name}@home.example")
    await house.wait(3 * DAY)
    assert [case.state for case in await house.all(Case)] == [State.PROPOSED] and len(await house.all(Draft)) == 1
    await leave(house.desk, "amy@home.example")
    assert await house.all(Draft) == []
    await house.wait(DAY)
    assert [case.state for case in await house.all(Case)] == [State.WATCHING]
