"""Erasing a member: nothing that a home or its backup holds names it any more, and everything still adds up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, replace

import msgspec
import pytest

from antiphon.backends.keybook import MemoryBook
from antiphon.backends.memory import MemoryStore
from antiphon.backends.vault import KeyVault
from antiphon.campaign.report import Delivery, Original, Report, ReportState
from antiphon.campaign.sighting import Sighting
from antiphon.desk.arrival import Arrival, spool_mail
from antiphon.desk.click import click, show_click
from antiphon.desk.confirm import confirm
from antiphon.desk.desk import Desk
from antiphon.desk.disclose import openings
from antiphon.desk.erase import heed_keys, leave
from antiphon.errors import HomeUnusable, MalformedInput, RefusedByLaw
from antiphon.ledger.allowance import Armed
from antiphon.ledger.entry import DeliveriesCommitted, parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.ledger.opening import Erased
from antiphon.ledger.tree import small_root
from antiphon.optout.approval import Draft
from antiphon.optout.case import Case, State
from antiphon.ports import CABINETS, KeyState, Setting, Transaction
from antiphon.registry.mandate import DoomedKey, Mandate, MandateState
from antiphon.terms import DAY, HOUR, Identifier
from tests.law.fuse import copy_records
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
    found = await house.desk.store.read(lambda tx: openings(tx, house.desk))
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


async def older(house: Household) -> Desk:
    """The desk of a home that is restored from a backup of now: the store as it was, and the same key book."""
    copy = MemoryStore(CABINETS)
    await copy_records(house.store, copy)
    return replace(house.desk, store=copy)


async def sealed_of(desk: Desk, member: Identifier) -> list[tuple[bytes, bytes]]:
    """All that is kept sealed for a member, each with what it was sealed for."""

    def look(tx: Transaction) -> list[tuple[bytes, bytes]]:
        mine = [report.report for report in tx.find(Report, member=member)]
        return [
            *((row.salt, row.delivery) for row in tx.find(Delivery, member=member)),
            *((row.salts, row.report) for row in tx.find(Sighting, member=member)),
            *((row.sealed, row.report) for row in tx.find(Original) if row.report in mine),
        ]

    return [each for each in await desk.store.read(look) if each[0]]


async def test_a_backup_from_before_opens_nothing_of_an_erased_member(house: Household) -> None:
    """Mail, salts and spool records of it stay shut for whoever has that backup, the master key and the key book."""
    gone, other = await house.member(), await house.member(BOB)
    assert gone.data_key is not None and other.data_key is not None
    await spool_mail(house.desk, "report", gone, b"To: x\r\n\r\ntext")
    spooled = msgspec.msgpack.decode(house.kept.records[0], type=Arrival).sealed
    backup = await older(house)
    mine, others = await sealed_of(backup, gone.member), await sealed_of(backup, other.member)
    for bytes_, context in (*mine, (spooled, b"spool")):
        house.desk.vault.open(gone.data_key, bytes_, context)
    assert len(mine) > 6
    assert await leave(house.desk, MEMBER)
    for bytes_, context in (*mine, (spooled, b"spool")):
        with pytest.raises(MalformedInput, match="destroyed"):
            backup.vault.open(gone.data_key, bytes_, context)
    for bytes_, context in others:
        backup.vault.open(other.data_key, bytes_, context)


async def test_a_restored_backup_erases_again_whoever_was_erased_since(house: Household) -> None:
    """At its first start, before anything else; nobody has to remember."""
    backup = await older(house)
    await leave(house.desk, MEMBER)
    assert await heed_keys(backup) == (1, 0) and await heed_keys(backup) == (0, 0)
    said = repr(await backup.store.read(lambda tx: [tx.find(c.kind) for c in CABINETS if c.kind is not Setting]))
    assert MEMBER not in said and BOB in said and "Just arrived" not in said


async def test_an_erasure_goes_on_until_the_key_is_gone_everywhere(house: Household) -> None:
    """A copy that is away, a crash after the store has said it: the round destroys again, and is told to."""
    key = (await house.member()).data_key
    assert key is not None
    with patch_away(house.book) as tried:
        assert not await leave(house.desk, MEMBER)
        await house.wait(HOUR)
        assert len(tried) > 1 and set(tried) == {key}
        assert [doomed.key for doomed in await house.all(DoomedKey)] == [key]
    await house.wait(HOUR)
    assert await house.all(DoomedKey) == [] and house.book.look(key)[0] is KeyState.DESTROYED


@contextmanager
def patch_away(book: MemoryBook) -> Iterator[list[bytes]]:
    """A book whose copy is on a disk that is not mounted; it says which keys it was to destroy."""
    tried: list[bytes] = []
    reaches, book.reaches = book.reaches, lambda key: bool(tried.append(key))
    try:
        yield tried
    finally:
        book.reaches = reaches


async def test_a_home_whose_keys_are_missing_stays_shut(house: Household) -> None:
    """A lost key book is no erasure: nobody is forgotten because a file is away."""
    other = replace(house.desk, vault=KeyVault(b"\x03" * 32, MemoryBook()))
    with pytest.raises(HomeUnusable, match="keys of 2 members are missing"):
        await heed_keys(other)
    assert (await house.member()).state is MandateState.LIVE


async def test_without_lost_keys_members_stay_and_what_was_sealed_is_given_up(house: Household) -> None:
    """New keys; nothing unspent of before ever pays; spent leaves open as erased; who is not hosted agrees anew."""
    await house.enrol("zoe@far.example")
    zoe = replace(await house.member("zoe@far.example"), state=MandateState.LIVE, proved_at=house.time.now())
    await house.store.write(lambda tx: tx.put(zoe))
    lost = replace(house.desk, vault=KeyVault(b"\x03" * 32, MemoryBook()))
    assert await heed_keys(lost, without_missing=True) == (0, 3)
    assert await heed_keys(lost) == (0, 0)
    assert (await house.member()).live_at(house.time.now()) and len(await house.all(Original)) == 0
    assert (await house.member("zoe@far.example")).state is MandateState.SUSPENDED
    for sighting in await house.all(Sighting):
        report = await house.store.read(lambda tx, name=sighting.report: tx.get(Report, name))  # type: ignore[misc]  # bound now
        assert sighting.salts == b"" and (sighting.paid is not None or report.state is ReportState.RETRACTED)
    found = await lost.store.read(lambda tx: openings(tx, lost))
    assert len([o for o in found if isinstance(o, Erased)]) == 2
    house.desk = lost
    await house.delivered(house.mail())
    await house.wait(4 * DAY)
    assert await lost.store.read(lambda tx: openings(tx, lost))
