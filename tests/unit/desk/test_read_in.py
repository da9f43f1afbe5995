"""A member's archive at the desk: class C whoever delivered it, all or nothing, remembered, and nobody is asked."""

from __future__ import annotations

import pytest

from antiphon.campaign.report import EvidenceClass, Report, ReportState, Taken
from antiphon.campaign.sighting import Sighting
from antiphon.desk.place import Place
from antiphon.desk.read_in import Piece, Read, known, look_up, read_in
from antiphon.errors import AlreadyTaken, Unreachable
from antiphon.optout.case import Case
from antiphon.terms import DAY
from tests.unit.desk.household import MEMBER, Household

STRANGER = "eve@elsewhere.example"


@pytest.fixture
async def house() -> Household:
    """A node with one hosted member."""
    return await Household().open()


async def read(house: Household, *mails: bytes, address: str = MEMBER, online: bool = False) -> list[Read]:
    """Messages of an archive, each in a place of its own."""
    pieces = [Piece(bytes([number]) * 32, f"in/{number}.eml", raw) for number, raw in enumerate(mails)]
    fetched = await look_up(house.desk, pieces) if online else []
    return await read_in(house.desk, await house.member(address), pieces, fetched)


async def test_what_is_read_in_is_of_class_c_even_where_we_delivered_it(house: Household) -> None:
    """Nobody reported it: a mail that we saw arrive would be class A if a person had."""
    raw = house.mail()
    reported = await house.delivered(house.mail())
    arrived = await house.delivered(raw)
    assert (reported.evidence_class, arrived.evidence_class) == (EvidenceClass.COMMITTED, EvidenceClass.COMMITTED)
    other = await Household().open()
    await other.delivered(other.mail())
    (taken,) = await read(other, other.mail())
    assert taken.taken.state is ReportState.ACCEPTED
    assert "class-allows" in taken.taken.sighting_reasons.split(",")


async def test_no_name_and_no_registry_is_asked(house: Household) -> None:
    """Reading an archive tells nobody that it is read."""
    await read(house, house.mail(), house.mail(domain="other.example"))
    assert (house.names.asked, house.names.registry_asked) == ([], [])


async def test_online_opens_a_case_but_mints_no_sighting(house: Household) -> None:
    """The originator is known by its key; what it did is not paid for by reading about it."""
    (taken,) = await read(house, house.mail(), online=True)
    assert taken.taken.sighting is False
    assert [case.originator for case in await house.all(Case)] == ["shop.example"]
    assert await house.all(Sighting) == []
    assert house.names.registry_asked == []


async def test_a_name_server_that_answers_nothing_stops_it(house: Household) -> None:
    """A verdict is for good, so it is not made in a bad hour."""
    house.names.down = {"s1._domainkey.shop.example"}
    with pytest.raises(Unreachable):
        await read(house, house.mail(), online=True)
    assert await house.all(Report) == []


async def test_one_failing_key_among_others_stops_nothing(house: Household) -> None:
    """Old mail names many dead servers."""
    house.names.down = {"s1._domainkey.dead.example"}
    states = [
        found.taken.state for found in await read(house, house.mail(domain="dead.example"), house.mail(), online=True)
    ]
    assert states == [ReportState.ACCEPTED] * 2


async def test_a_message_is_remembered_by_a_key_that_only_this_house_makes(house: Household) -> None:
    """What lies in the store names neither the mail nor its place to anybody else."""
    await read(house, house.mail())
    (taken,) = await house.all(Taken)
    assert taken.key != bytes(32)
    assert await known(house.desk, await house.member(), [bytes(32), b"\x01" * 32]) == [taken, None]


async def test_what_is_known_is_left_as_it_is(house: Household) -> None:
    """Also where two programs read the same folder at once."""
    raw = house.mail()
    first, second = await read(house, raw), await read(house, raw)
    assert (first[0].again, second[0].again) == (False, True)
    assert first[0].taken == second[0].taken
    assert len(await house.all(Report)) == 1


async def test_a_batch_is_taken_whole_or_not_at_all(house: Household) -> None:
    """A disk that fails in the middle leaves nothing of it, and nothing is remembered as taken."""
    place, count = house.desk.place, 0

    def failing(*arguments: object) -> Place:
        nonlocal count
        count += 1
        if count == 2:
            raise AlreadyTaken("A name was given twice.")
        return place(*arguments)  # type: ignore[arg-type]  # as they came

    object.__setattr__(house.desk, "place", failing)
    with pytest.raises(AlreadyTaken):
        await read(house, house.mail(), house.mail())
    assert (await house.all(Report), await house.all(Taken)) == ([], [])


async def test_a_pending_mandate_makes_evidence_only(house: Household) -> None:
    """It is shown as if the signature still verified, in no case, and stays so when the address is proved."""
    await house.enrol(STRANGER, "count")
    raw = house.mail(to=STRANGER)
    (taken,) = await read(house, raw, address=STRANGER)
    assert taken.taken.state is ReportState.EVIDENCE_ONLY
    (report,) = await house.all(Report)
    assert (report.originator, report.case) == ("shop.example", None)
    assert (await house.all(Case), await house.all(Sighting)) == ([], [])


async def test_mail_came_when_its_last_host_took_it(house: Household) -> None:
    """Its own Date may say anything; what lies in the future came now."""
    late = b"Received: from a by b; Sat, 30 May 2026 10:00:00 +0000\r\n" + house.mail(
        Date="Mon, 1 Jan 2001 10:00:00 +0000"
    )
    future = house.mail(Date="Thu, 1 Jan 2099 10:00:00 +0000")
    await read(house, late, future)
    first, second = sorted(await house.all(Report), key=lambda report: report.received_at)
    assert DAY < house.time.now() - first.received_at < 3 * DAY
    assert second.received_at == house.time.now()


async def test_a_message_past_a_limit_is_refused_and_remembered(house: Household) -> None:
    """It keeps no other out."""
    refused, taken = await read(house, b"X: " + b"x" * 70_000 + b"\r\n\r\n", house.mail())
    assert (refused.taken.state, refused.taken.reasons, bool(refused.why)) == (
        ReportState.REFUSED,
        "within-limits",
        True,
    )
    assert taken.taken.state is ReportState.ACCEPTED
    assert len(await house.all(Taken)) == 2
