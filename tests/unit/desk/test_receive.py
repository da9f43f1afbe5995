"""Out of Junk: the report is taken back, its originator is spared for a year, and a later move to Junk counts anew."""

from __future__ import annotations

import pytest

from antiphon.campaign.report import Report, ReportState
from antiphon.campaign.sighting import Sighting
from antiphon.desk.arrival import Arrival
from antiphon.desk.confirm import confirm
from antiphon.desk.erase import leave
from antiphon.desk.fade import fade
from antiphon.desk.receive import commit_delivery, take_back, take_report
from antiphon.desk.withdraw import undo
from antiphon.ledger.allowance import Armed
from antiphon.optout.known import Confirmation, TakenOut, spared
from antiphon.terms import DAY, HOUR, Identifier, Instant
from tests.unit.desk.household import MEMBER, START, Household

BOB = "bob@home.example"
YEAR = 365 * DAY


@pytest.fixture
async def house() -> Household:
    """Two members who want to be opted out of what they report, and an originator that is old enough to be asked."""
    house = await Household().open(armed=Armed.OWN)
    await house.knows("shop.example")
    for address in (MEMBER, BOB):
        await house.enrol(address, "count,token,optout")
    return house


async def arrived(house: Household, raw: bytes, address: str = MEMBER) -> bytes:
    """Our own door saw it, and nobody reported it."""
    arrival = Arrival("delivery", "", b"", house.time.now(), "lmtp", "9.9.9.9", 25, False, b"")
    await commit_delivery(house.desk, await house.member(address), raw, arrival)
    return raw


async def out_of_junk(house: Household, raw: bytes, address: str = MEMBER, *, ago: int = 0) -> bool:
    """A member moves it into the inbox; `ago`: the record of it is older, and given out once more."""
    return await take_back(house.desk, await house.member(address), raw, at=Instant(house.time.now() - ago))


async def test_mail_of_who_was_taken_out_of_junk_is_not_spendable(house: Household) -> None:
    """For that member alone, also where only a filter had put the mail into Junk; it is counted all the same."""
    assert not await out_of_junk(house, await arrived(house, house.mail()))
    mine = await house.delivered(house.mail())
    others = await house.delivered(house.mail(to=BOB), BOB)
    assert (mine.state, mine.sighting_reasons) == (ReportState.ACCEPTED, "not-transactional")
    assert others.sighting_reasons == ""
    assert await house.store.read(lambda tx: tx.get(Sighting, mine.report)) is None


async def test_what_was_reported_before_pays_no_more_once_mail_is_taken_out(house: Household) -> None:
    """Two mails are held; one goes back to the inbox: neither buys an opt-out."""
    first, second = house.mail(), house.mail()
    for raw in (first, second):
        await house.delivered(raw)
    await house.delivered(house.mail(to=BOB), BOB)
    await house.wait(2 * DAY + 12 * HOUR)
    await house.allow_pairs()
    assert await out_of_junk(house, second)
    await house.wait(4 * DAY)
    mine = (await house.member()).member
    assert not [s for s in await house.all(Sighting) if s.member == mine and s.paid is not None]
    await confirm(house.desk, MEMBER, "shop.example", "that was one mail, the rest is not wanted")
    await house.wait(4 * DAY)
    assert [s.member == mine for s in await house.all(Sighting) if s.paid is not None].count(True) == 1


async def test_a_member_has_the_last_word_on_an_originator(house: Household) -> None:
    """Confirmed after it was taken out it counts; taken out after it was confirmed it does not."""
    await out_of_junk(house, await arrived(house, house.mail()))
    held = await house.delivered(house.mail())
    house.time.at = Instant(house.time.at + HOUR)
    assert await confirm(house.desk, MEMBER, "shop.example", "not wanted") == 1
    report = await house.store.read(lambda tx: tx.get(Report, held.report))
    assert report is not None and report.sighting_reasons == ""
    house.time.at = Instant(house.time.at + HOUR)
    await out_of_junk(house, await arrived(house, house.mail()))
    assert (await house.delivered(house.mail())).sighting_reasons == "not-transactional"


@pytest.mark.parametrize(
    ("taken", "confirmed", "now", "is_spared"),
    [
        (None, None, 0, False),
        (0, None, YEAR, True),
        (0, None, YEAR + 1, False),
        (5, 4, 6, True),
        (5, 5, 6, True),
        (5, 6, 7, False),
    ],
)
def test_who_was_taken_out_is_spared_a_year(
    taken: int | None, confirmed: int | None, now: int, is_spared: bool
) -> None:
    """At its last instant still; a confirmation counts only if it came later."""
    who = Identifier(bytes(16))
    out = TakenOut(who, "shop.example", Instant(taken)) if taken is not None else None
    word = Confirmation(who, "shop.example", Instant(confirmed), "why") if confirmed is not None else None
    assert spared(out, word, Instant(now)) is is_spared


async def test_a_report_that_was_taken_back_unspent_may_be_made_again(house: Household) -> None:
    """A fresh act: a report of its own with its own hold and leaf; of the two only it can pay."""
    raw = house.mail()
    first = await house.delivered(raw)
    await undo(house.desk, first.report, who="the member")
    house.time.at = Instant(house.time.at + HOUR)
    second = await house.report(raw)
    assert (second.state, second.reasons, second.sighting_reasons) == (ReportState.ACCEPTED, "", "")
    assert second.report != first.report and second.hold_until > first.reported_at + DAY
    sightings = {s.report: s for s in await house.all(Sighting)}
    assert sightings[first.report].leaf != sightings[second.report].leaf
    house.time.at = Instant(house.time.at + HOUR)
    assert (await house.report(raw)).reasons == "not-duplicate"
    await house.delivered(house.mail(to=BOB), BOB)
    await house.wait(3 * DAY + 12 * HOUR)
    await house.allow_pairs()
    await house.delivered(house.mail(to=BOB), BOB)
    await house.wait(3 * DAY)
    paid = {s.report for s in await house.all(Sighting) if s.paid is not None}
    assert second.report in paid and first.report not in paid


async def test_a_report_that_paid_is_a_duplicate_for_good(house: Household) -> None:
    """Also when it was taken back afterwards: its purse is spent."""
    from dataclasses import replace

    raw = house.mail()
    report = await house.delivered(raw)

    def spent(tx):  # type: ignore[no-untyped-def]  # a transaction
        tx.put(replace(tx.get(Sighting, report.report), paid=3))
        tx.put(replace(tx.get(Report, report.report), state=ReportState.RETRACTED))

    await house.store.write(spent)
    house.time.at = Instant(house.time.at + HOUR)
    assert (await house.report(raw)).reasons == "not-duplicate"


async def test_an_old_act_told_once_more_changes_nothing(house: Household) -> None:
    """Records come again after a crash: no old report is made anew, no new one taken back by an older move."""
    raw, member = house.mail(), await house.member()
    first = await house.delivered(raw)
    house.time.at = Instant(house.time.at + HOUR)
    await out_of_junk(house, raw)
    again = await take_report(house.desk, member, raw, at=first.reported_at, source="test")
    assert again.reasons == "not-duplicate"
    house.time.at = Instant(house.time.at + HOUR)
    second = await house.report(raw)
    assert second.state is ReportState.ACCEPTED
    assert not await out_of_junk(house, raw, ago=HOUR)
    kept = await house.store.read(lambda tx: tx.get(Report, second.report))
    assert kept is not None and kept.state is ReportState.ACCEPTED


async def test_back_in_junk_it_counts_and_pays_only_once_the_member_confirms(house: Household) -> None:
    """The move is a fresh report; that its originator is spared stands until the member says otherwise."""
    raw = house.mail()
    await house.delivered(raw)
    house.time.at = Instant(house.time.at + HOUR)
    await out_of_junk(house, raw)
    house.time.at = Instant(house.time.at + HOUR)
    second = await house.report(raw)
    assert (second.state, second.sighting_reasons) == (ReportState.ACCEPTED, "not-transactional")
    assert await confirm(house.desk, MEMBER, "shop.example", "it was a slip") == 1


async def test_nobody_is_spared_by_a_mail_whose_originator_is_not_known(house: Household) -> None:
    """An upload has no keys, a forged From proves nothing: no name is noted."""
    await out_of_junk(house, house.mail())
    await out_of_junk(house, await arrived(house, house.mail(domain="other.example", signer="shop.example")))
    assert await house.all(TakenOut) == []


async def test_what_was_noted_goes_with_the_year_and_with_the_member(house: Household) -> None:
    """It says which mail a person wants to have."""
    for address in (MEMBER, BOB):
        await out_of_junk(house, await arrived(house, house.mail(to=address), address), address)
    await leave(house.desk, BOB)
    assert [row.at for row in await house.all(TakenOut)] == [START]
    house.time.at = Instant(START + YEAR + 2 * DAY)
    await fade(house.desk)
    assert await house.all(TakenOut) == []
