"""A person's word on campaigns is remembered, and wins."""

from __future__ import annotations

import pytest

from antiphon.backends.memory import MemoryStore
from antiphon.campaign.grouping import Arrival, Grouper, Placement
from antiphon.campaign.remembered import Campaign
from antiphon.desk import regroup
from antiphon.desk.place import StoreIndex
from antiphon.errors import MalformedInput
from antiphon.ports import CABINETS
from tests.unit.campaign.mail import OFFER, STRANGER, fresh, hour, mail, print_of

ORCHARD = mail()
HARBOUR = mail(STRANGER, subject="Harbour committee in April", author="clerk@harbour.example", link="")
BOTH = mail(f"{OFFER} {STRANGER}", author="c@three.example", subject="Both of them", link="")


class Node:
    """A store with one campaign of each of two mailings."""

    def __init__(self) -> None:
        self.store = MemoryStore(CABINETS)
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
