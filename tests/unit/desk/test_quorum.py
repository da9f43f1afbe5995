"""Who stands behind a notice: independent members, not asked for, whose own opt-out is not under way."""

from __future__ import annotations

import pytest

from antiphon.desk.click import click, show_click
from antiphon.desk.quorum import Quorum, quorum_of, unspent
from antiphon.ledger.allowance import Armed
from antiphon.optout.approval import Draft, draft_reports
from antiphon.optout.case import Case, State
from antiphon.registry.mandate import Mandate, MandateState
from antiphon.terms import DAY, HOUR, Instant
from tests.unit.desk.household import START, Household

NAMES = tuple(f"{name}@home.example" for name in ("amy", "ben", "cat", "dan", "eli"))


async def house_of(*consents: str, armed: Armed = Armed.OBSERVING) -> Household:
    """One hosted member for each, with one mail that our door saw and whose hold is over."""
    house = await Household().open(armed=armed)
    await house.knows("shop.example")
    for address, given in zip(NAMES, consents, strict=False):
        await house.enrol(address, given)
        await house.delivered(house.mail(to=address), address)
    await house.wait(3 * DAY)
    return house


async def behind(house: Household) -> Quorum:
    """The quorum of the one case, as it is now."""
    (case,) = await house.all(Case)
    now = house.time.now()
    return await house.store.read(lambda tx: quorum_of(tx, case, unspent(tx, case, now), now))


async def state(house: Household) -> State:
    """Where the one case stands."""
    return (await house.all(Case))[0].state


async def test_five_with_token_propose_a_notice_and_four_do_not() -> None:
    """The positive control, and one short of it."""
    assert await state(await house_of(*["count,token"] * 4)) is State.WATCHING
    house = await house_of(*["count,token"] * 5)
    assert await state(house) is State.PROPOSED
    (draft,) = await house.all(Draft)
    assert len(draft_reports(draft)) == 5


async def test_members_who_only_count_stand_behind_a_notice_and_in_no_row_of_it() -> None:
    """A count is a voice; a row needs the token."""
    house = await house_of("count,token", *["count"] * 4)
    assert await state(house) is State.PROPOSED
    (draft,) = await house.all(Draft)
    assert len(draft_reports(draft)) == 1


async def test_without_anybody_who_can_be_named_there_is_no_notice() -> None:
    """Five voices without a token have nothing to hand over."""
    house = await house_of(*["count"] * 5)
    assert (await behind(house)).voices == 5
    assert await state(house) is State.WATCHING


async def test_whose_own_opt_out_is_to_come_does_not_count() -> None:
    """It is asked for in another way already."""
    house = await house_of(*["count,token"] * 4, "count,token,optout")
    assert (await behind(house)).voices == 4
    assert await state(house) is State.WATCHING


async def test_a_consent_without_any_way_to_go_does_not_keep_a_member_out() -> None:
    """Where the mail offers no channel, no own opt-out is waiting."""
    house = await Household().open(armed=Armed.OBSERVING)
    for address in NAMES:
        await house.enrol(address, "count,token,optout")
        away = house.mail(to=address, List_Unsubscribe=f"<https://other.example/u/{'a1' * 8}>")
        await house.delivered(away, address)
    await house.wait(3 * DAY)
    assert (await behind(house)).voices == 5


async def test_a_click_that_is_held_keeps_its_member_out() -> None:
    """From the click on, its own opt-out is waiting."""
    house = await house_of(*["count,token"] * 5)
    report = await house.delivered(house.mail(to=NAMES[0]), NAMES[0])
    await click(house.desk, [await show_click(house.desk, report.report)])
    assert (await behind(house)).voices == 4
    await house.wait(HOUR)
    assert await state(house) is State.WATCHING


@pytest.mark.parametrize(("days", "domains", "voices"), [(31, "abcde", 5), (31, "aabcd", 4), (29, "abcde", 0)])
async def test_strangers_count_once_a_domain_and_a_month_after_they_were_proved(
    days: int, domains: str, voices: int
) -> None:
    """Five mailboxes under one name may be one person, and a new one may be anybody's."""
    house = await Household().open(armed=Armed.OBSERVING)
    for number, letter in enumerate(domains):
        address = f"p{number}@{letter}.example"
        member = await house.enrol(address, "count,token")
        proved = Instant(START - days * DAY)

        def live(tx, member: Mandate = member, proved: Instant = proved) -> None:  # type: ignore[no-untyped-def]  # a transaction
            from dataclasses import replace

            tx.put(replace(member, state=MandateState.LIVE, proved_at=proved))

        await house.store.write(live)
        await house.delivered(house.mail(to=address), address)
    await house.wait(3 * DAY)
    assert (await behind(house)).voices == voices
