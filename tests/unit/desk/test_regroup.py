"""A person's word on campaigns is remembered, and wins."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from antiphon.backends.memory import MemoryStore
from antiphon.backends.sqlite import SqliteStore, migrate, schema_sql
from antiphon.campaign.grouping import Arrival, Grouper, Placement
from antiphon.campaign.remembered import Apart, Campaign, text_of
from antiphon.campaign.report import EvidenceClass, Report, ReportState
from antiphon.desk import regroup
from antiphon.desk.place import StoreIndex
from antiphon.errors import MalformedInput
from antiphon.ports import CABINETS, Store, Transaction
from antiphon.terms import DAY, Digest, Identifier
from tests.unit.campaign.mail import OFFER, STRANGER, fresh, hour, mail, print_of

ORCHARD = mail()
HARBOUR = mail(STRANGER, subject="Harbour committee in April", author="clerk@harbour.example", link="")
BOTH = mail(f"{OFFER} {STRANGER}", author="c@three.example", subject="Both of them", link="")


class Node:
    """A store with one campaign of each of two mailings."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or MemoryStore(CABINETS)
        self.count = 0

    async def add(self, raw: bytes) -> Placement:
        """The next message."""
        self.count += 1
        arrival = Arrival(hour(self.count), fresh(self.count))
        return await self.store.write(lambda tx: Grouper(StoreIndex(tx)).place(print_of(raw), arrival))

    async def open(self) -> tuple[bytes, bytes]:
        """The names of the two."""
        return (await self.add(ORCHARD)).campaign.id, (await self.add(HARBOUR)).campaign.id

    async def campaign(self, name: bytes) -> Campaign:
        """What a campaign is now."""
        return await self.store.read(lambda tx: StoreIndex(tx).campaign(name))


async def test_without_a_word_evidence_decides() -> None:
    """A mail that is like both makes two small campaigns one: what the next tests forbid."""
    node = Node()
    one, two = await node.open()
    await node.add(BOTH)
    assert (await node.campaign(one)).id == (await node.campaign(two)).id


async def test_what_a_person_parted_is_never_one() -> None:
    """The same mail joins one of them, and the other is named."""
    node = Node()
    one, two = await node.open()
    await node.store.write(lambda tx: regroup.part(tx, two, one, hour(3)))
    placed = await node.add(BOTH)
    assert not placed.opened
    assert len(placed.also) == 1
    assert (await node.campaign(one)).id != (await node.campaign(two)).id


async def test_what_a_person_joined_stays_one() -> None:
    """Mails of either kind go to the one, and it counts them all."""
    node = Node()
    one, two = await node.open()
    name = await node.store.write(lambda tx: regroup.join(tx, one, two))
    placed = [await node.add(raw) for raw in (ORCHARD, HARBOUR)]
    assert [each.campaign.id for each in placed] == [name, name]
    assert (await node.campaign(two)).messages == 4


async def test_the_last_word_holds() -> None:
    """Who joins what was parted takes the first word back."""
    node = Node()
    one, two = await node.open()
    await node.store.write(lambda tx: regroup.part(tx, one, two, hour(3)))
    name = await node.store.write(lambda tx: regroup.join(tx, one, two))
    assert (await node.campaign(one)).id == (await node.campaign(two)).id == name
    assert await node.store.read(lambda tx: StoreIndex(tx).apart(name)) == frozenset()


async def test_a_word_about_a_campaign_goes_where_the_campaign_goes() -> None:
    """Parted from a third one, a campaign that is joined to another takes that along."""
    node = Node()
    one, two = await node.open()
    third = (await node.add(mail("Nothing else to say here", subject="Third of all the letters", link=""))).campaign.id
    await node.store.write(lambda tx: regroup.part(tx, two, third, hour(4)))
    name = await node.store.write(lambda tx: regroup.join(tx, one, two))
    assert await node.store.read(lambda tx: StoreIndex(tx).apart(name)) == {third}


async def test_one_campaign_is_neither_joined_with_nor_parted_from_itself() -> None:
    """Both are refused with a sentence."""
    node = Node()
    one, two = await node.open()
    await node.store.write(lambda tx: regroup.join(tx, one, two))
    with pytest.raises(MalformedInput):
        await node.store.write(lambda tx: regroup.join(tx, one, two))
    with pytest.raises(MalformedInput):
        await node.store.write(lambda tx: regroup.part(tx, one, two, hour(3)))


def reported(number: int, placed: Placement, text: bytes | None) -> Report:
    """The report of one mail."""
    name, at = fresh(1000 + number), hour(number)
    return Report(
        name, fresh(1), fresh(1), "", fresh(2), Digest(name * 2), EvidenceClass.UPLOADED, ReportState.ACCEPTED, "", "",
        "", None, placed.campaign.id, placed.why, at, at, at, 1_000, False, "test", b"", text=text,
    )  # fmt: skip


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Either store, with the schema of the records."""
    if request.param == "memory":
        yield MemoryStore(CABINETS)
        return
    migrate(str(tmp_path / "node.db"), [schema_sql(CABINETS)], tmp_path)
    kept = SqliteStore(str(tmp_path / "node.db"), CABINETS)
    yield kept
    await kept.close()


class Welded(Node):
    """One campaign that two mailings were put into: three mails of the first, two of the second."""

    async def report(self, raw: bytes) -> Report:
        """The next message, with its report."""
        self.count += 1
        at = self.count

        def work(tx: Transaction) -> Report:
            placed = Grouper(StoreIndex(tx)).place(print_of(raw), Arrival(hour(at), fresh(at)))
            report = reported(at, placed, text_of(print_of(raw), placed.campaign))
            tx.add(report)
            return report

        return await self.store.write(work)

    async def welded(self) -> tuple[list[Report], list[Report]]:
        """The reports of the first and of the second, all in one campaign."""
        first = [await self.report(ORCHARD) for _ in range(3)]
        second = [await self.report(HARBOUR) for _ in range(2)]
        a, b = first[0].campaign, second[0].campaign
        assert a and b and a != b
        await self.store.write(lambda tx: regroup.join(tx, a, b))
        return first, second

    async def split(self, mails: list[Report], *, part: int = 900) -> regroup.Division:
        """A person's word, an hour after the last mail."""
        one = (await self.campaign(mails[0].campaign or b"")).id
        names = [report.report for report in mails]
        now = hour(self.count + 1)
        return await self.store.write(lambda tx: regroup.split(tx, one, names, fresh=fresh(part), now=now))

    async def state(self) -> list[object]:
        """All that a split may change."""
        return await self.store.read(lambda tx: [*tx.find(Campaign), *tx.find(Report), *tx.find(Apart)])


async def test_a_split_takes_along_what_has_the_text_of_the_named_mail(store: Store) -> None:
    """One mail of two is named; both leave, three stay, and the counts say so."""
    node = Welded(store)
    first, second = await node.welded()
    found = await node.split(second[:1])
    assert {report.report for report in found.leaving} == {report.report for report in second}
    old, part = await node.campaign(first[0].campaign or b""), await node.campaign(fresh(900))
    assert (found.staying, old.messages, part.messages) == (3, 3, 2)
    assert old.sketches != part.sketches
    reports = await node.store.read(lambda tx: tx.find(Report, campaign=fresh(900)))
    assert {report.report for report in reports} == {report.report for report in second}


async def test_a_preview_changes_nothing_and_says_what_a_split_does(store: Store) -> None:
    """The same division, and every row as it was."""
    node = Welded(store)
    _, second = await node.welded()
    before = await node.state()
    one = (await node.campaign(second[0].campaign or b"")).id
    told = await node.store.read(lambda tx: regroup.division(tx, one, [second[0].report]))
    assert await node.state() == before
    done = await node.split(second[:1])
    assert (told.leaving, told.staying, told.texts) == (done.leaving, done.staying, done.texts)


async def test_a_split_wins_over_later_evidence(store: Store) -> None:
    """Later mail of either text goes to its own side, and a mail that is like both makes them one no more."""
    node = Welded(store)
    first, second = await node.welded()
    await node.split(second[:1])
    old = (await node.campaign(first[0].campaign or b"")).id
    assert [(await node.report(raw)).campaign for raw in (HARBOUR, ORCHARD, HARBOUR)] == [fresh(900), old, fresh(900)]
    await node.report(BOTH)
    assert (await node.campaign(fresh(900))).id != (await node.campaign(old)).id


async def test_a_part_can_be_split_again_and_joined_again(store: Store) -> None:
    """Mail that only the first campaign's rows find reaches the part of a part; a person's join takes a split back."""
    node = Welded(store)
    first, second = await node.welded()
    third = await node.report(mail(" ".join(reversed(STRANGER.split())), subject="Words the other way round", link=""))
    old, other = first[0].campaign or b"", third.campaign or b""
    await node.store.write(lambda tx: regroup.join(tx, old, other))
    await node.split([second[0], third])
    moved = [replace(report, campaign=fresh(900)) for report in (second[0], third)]
    await node.split(moved[1:], part=901)
    assert (await node.report(HARBOUR)).campaign == fresh(900)
    await node.store.write(lambda tx: regroup.join(tx, fresh(900), fresh(901)))
    name = await node.store.write(lambda tx: regroup.join(tx, old, fresh(901)))
    assert [(await node.report(raw)).campaign for raw in (HARBOUR, ORCHARD)] == [name, name]


async def test_what_would_leave_nothing_is_refused(store: Store) -> None:
    """All mails, a mail of another campaign, and none at all: a sentence, and nothing changes."""
    node = Welded(store)
    first, second = await node.welded()
    stranger = await node.report(mail("Nothing else to say here", subject="Third of all the letters", link=""))
    before = await node.state()
    for mails in ([*first, *second], [first[0], stranger]):
        with pytest.raises(MalformedInput):
            await node.split(mails)
    one = first[0].campaign or b""
    with pytest.raises(MalformedInput):
        await node.store.read(lambda tx: regroup.division(tx, one, []))
    assert await node.state() == before


async def test_a_campaign_is_split_only_so_often() -> None:
    """What each later mail costs stays bounded; after two months there is room again."""
    node = Welded()
    first, second = await node.welded()
    names = b"".join(fresh(2000 + number) for number in range(regroup.PARTS))
    one = (await node.campaign(first[0].campaign or b"")).id

    def full(tx: Transaction, at: int) -> None:
        for number in range(regroup.PARTS):
            tx.put(Campaign(fresh(2000 + number), at, at, at, 1, "", b"", 0))
        tx.put(replace(StoreIndex(tx).campaign(one), parts=names))

    await node.store.write(lambda tx: full(tx, hour(0)))
    with pytest.raises(MalformedInput):
        await node.split(second[:1])
    await node.store.write(lambda tx: full(tx, hour(0) - 61 * DAY))
    await node.split(second[:1])
    assert (await node.campaign(one)).parts == fresh(900)


def _killed(path: str, one: bytes, mail_: bytes, *, late: bool) -> None:
    """A process that splits and is killed: before the transaction ends, or right after."""
    import asyncio

    async def run() -> None:
        store = SqliteStore(path, CABINETS)

        def work(tx: Transaction) -> None:
            regroup.split(tx, one, [Identifier(mail_)], fresh=fresh(900), now=hour(9))
            if not late:
                os.kill(os.getpid(), signal.SIGKILL)

        await store.write(work)
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(run())


@pytest.mark.parametrize("late", [False, True])
async def test_a_split_that_is_killed_is_whole_or_nothing(tmp_path: Path, *, late: bool) -> None:
    """kill -9 before the end of the transaction leaves both old, after it both new."""
    path = str(tmp_path / "node.db")
    migrate(path, [schema_sql(CABINETS)], tmp_path)
    store = SqliteStore(path, CABINETS)
    node = Welded(store)
    first, second = await node.welded()
    one = (await node.campaign(first[0].campaign or b"")).id
    before = await node.state()
    await store.close()
    child = get_context("spawn").Process(target=_killed, args=(path, one, second[0].report), kwargs={"late": late})
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    node.store = store = SqliteStore(path, CABINETS)
    after = await node.state()
    counts = {
        name: await store.read(lambda tx, name=name: tx.count(Report, campaign=name)) for name in (one, fresh(900))
    }
    await store.close()
    assert (after == before) is not late
    assert counts == ({one: 3, fresh(900): 2} if late else {one: 5, fresh(900): 0})
