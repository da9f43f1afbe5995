"""Working off the spool: many records a transaction, in their order, none lost and none that stops the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from antiphon.backends.memory import MemoryStore
from antiphon.campaign.report import Delivery, EvidenceClass, Report
from antiphon.campaign.sighting import Sighting
from antiphon.desk.arrival import spool_mail
from antiphon.desk.work_off import AT_A_TIME, BYTES_AT_A_TIME, work_off
from antiphon.errors import StorageFailed
from antiphon.ports import CABINETS, Transaction
from antiphon.terms import DAY
from tests.unit.desk.household import Household

T = TypeVar("T")


@pytest.fixture
async def house() -> Household:
    """A node with one hosted member."""
    return await Household().open()


def forwarded(raw: bytes) -> bytes:
    """A report as members send it: the mail as an attachment."""
    return (
        b"From: ann@home.example\r\nTo: report@node.example\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="f"\r\n\r\n--f\r\nContent-Type: message/rfc822\r\n\r\n'
    ) + raw + b"\r\n--f--\r\n"  # fmt: skip


async def spool(house: Household, box: str, raw: bytes) -> None:
    """A mail that a door has acknowledged."""
    await spool_mail(house.desk, box, await house.member(), raw)


class Full(MemoryStore):
    """A store whose disk is full; what is in it can be read."""

    def __init__(self, sound: MemoryStore) -> None:
        super().__init__(CABINETS)
        self._sound = sound

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._sound.read(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        raise StorageFailed("The disk is full.")


async def test_a_report_finds_the_delivery_that_came_just_before_it(house: Household) -> None:
    """Deliveries and reports that wait together are taken in their order: the report is of class A."""
    first, second = house.mail(), house.mail()
    for raw in (first, second):
        await spool(house, "delivery", raw)
    for raw in (first, second):
        await spool(house, "report", forwarded(raw))
    assert await work_off(house.desk) == 4
    assert [report.evidence_class for report in await house.all(Report)] == [EvidenceClass.COMMITTED] * 2
    assert sorted(
        delivery.position for delivery in {row.delivery: row for row in await house.all(Delivery)}.values()
    ) == [0, 1]
    assert house.names.registry_asked == [], "a registry would learn when somebody reported"
    await house.wait(3 * DAY)
    assert house.names.registry_asked == ["shop.example"]


async def test_the_same_mail_twice_in_one_lot_counts_once(house: Household) -> None:
    """A duplicate is found also where neither of the two was there before."""
    raw = house.mail()
    for box, mail in (("delivery", raw), ("delivery", raw), ("report", forwarded(raw)), ("report", forwarded(raw))):
        await spool(house, box, mail)
    await work_off(house.desk)
    assert len(await house.all(Sighting)) == 1


async def test_what_can_not_be_read_stops_nothing(house: Household) -> None:
    """No record, one that does not open, and one past our limits end there; the others are taken."""
    await house.kept.append(b"\xc1 this is no record")
    await spool(house, "delivery", house.mail())
    opened, house.kept.records[1] = house.kept.records[1], house.kept.records[1][:-1] + b"?"
    house.kept.records[2] = opened
    await spool(house, "delivery", b"From: a@b.example\r\nX: " + b"x" * 2**17 + b"\r\n\r\n")
    await spool(house, "delivery", house.mail())
    assert await work_off(house.desk) == 5
    assert len({row.delivery for row in await house.all(Delivery)}) == 2


@pytest.mark.parametrize("count", [AT_A_TIME, AT_A_TIME + 1])
async def test_more_than_go_together_are_all_taken(house: Household, count: int) -> None:
    """A lot is a lot, not a limit."""
    for _ in range(count):
        await spool(house, "delivery", house.mail(size=100))
    assert await work_off(house.desk) == count
    assert len({row.delivery for row in await house.all(Delivery)}) == count


async def test_big_mails_are_taken_a_few_at_a_time(house: Household) -> None:
    """What is in memory together is bounded by bytes too; none is left behind."""
    for _ in range(3):
        await spool(house, "delivery", house.mail(size=BYTES_AT_A_TIME // 2))
    assert await work_off(house.desk) == 3
    assert len({row.delivery for row in await house.all(Delivery)}) == 3


async def test_nothing_is_done_with_before_it_is_kept(house: Household) -> None:
    """A store that fails leaves every record of the lot in the spool."""
    await spool(house, "delivery", house.mail())
    before = dict(house.kept.records)
    with pytest.raises(StorageFailed):
        await work_off(replace(house.desk, store=Full(house.store)))
    assert house.kept.records == before
