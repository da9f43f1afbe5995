"""Arming asks the world again: each check can fail by itself, and what was so at the start is no answer (LAW §5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from antiphon.desk.answer import box_of
from antiphon.desk.arm import arm, failures, reply_probe
from antiphon.desk.desk import armed
from antiphon.errors import RefusedByLaw
from antiphon.ledger.allowance import Armed
from antiphon.terms import DAY
from tests.unit.desk.household import MEMBER, Household

BOB = "bob@home.example"


async def ready() -> Household:
    """A node that the world can find, with nothing let out yet."""
    house = await Household().open(armed=Armed.OBSERVING)
    rows = house.names.rows
    rows["node.example", "MX"] = ("20 spare.example", "10 Mail.node.example.")
    rows["mail.node.example", "A"] = ("9.9.9.25",)
    rows["node.example", "A"] = ("9.9.9.9",)
    rows["9.9.9.9", "PTR"] = ("node.example",)
    for name, record in house.desk.mail_signer.records().items():
        rows[name, "TXT"] = (record,)
    return house


async def test_arming_the_community_asks_the_exchanger_for_the_reply_mailbox() -> None:
    """The one that DNS prefers, at its address, for an address as notices name it."""
    house = await ready()
    await arm(house.desk, Armed.COMMUNITY)
    assert house.out.asked == [("9.9.9.25", "mail.node.example", "reply+arming000000000000000000@node.example")]
    assert box_of(house.desk, reply_probe(house.desk)) == ("reply", "arming000000000000000000")
    assert reply_probe(house.desk) == "reply+arming000000000000000000@node.example"
    assert await house.store.read(armed) is Armed.COMMUNITY


def _refused(house: Household) -> None:
    house.out.takes_not = "550 5.1.1 no such mailbox"


def _no_exchanger(house: Household) -> None:
    house.names.rows["node.example", "MX"] = ("0 .",)


def _no_address(house: Household) -> None:
    del house.names.rows["mail.node.example", "A"]


def _anchor_gone(house: Household) -> None:
    house.kept.held = None


def _other_key(house: Household) -> None:
    house.names.rows[next(iter(house.desk.mail_signer.records())), "TXT"] = ("v=DKIM1; p=",)


def _other_name(house: Household) -> None:
    house.names.rows["9.9.9.9", "PTR"] = ("dynamic.example",)


def _nobody(house: Household) -> None:
    house.desk = replace(house.desk, house=replace(house.desk.house, legal_name=""))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (_refused, "550 5.1.1 no such mailbox"),
        (_no_exchanger, "no exchanger"),
        (_no_address, "has no address"),
        (_anchor_gone, "anchor is missing"),
        (_other_key, "DKIM keys"),
        (_other_name, "reverse DNS"),
        (_nobody, "legal name"),
    ],
)
async def test_what_broke_since_the_start_keeps_the_node_from_being_armed(
    broken: Callable[[Household], None], said: str
) -> None:
    """Each by itself, in words; the node goes on observing."""
    house = await ready()
    broken(house)
    with pytest.raises(RefusedByLaw) as caught:
        await arm(house.desk, Armed.COMMUNITY)
    assert any(said in rule for rule in caught.value.rules)
    assert await house.store.read(armed) is Armed.OBSERVING


async def test_arming_own_reads_the_anchor_and_asks_nobody() -> None:
    """An own opt-out needs no reply mailbox; a lost anchor keeps it in all the same."""
    house = await ready()
    assert await failures(house.desk, Armed.OWN) == () and house.out.asked == []
    house.kept.held = None
    assert any("anchor" in said for said in await failures(house.desk, Armed.OWN))


async def test_an_anchor_that_another_copy_wrote_is_not_found_again_by_arming() -> None:
    """Where the node stands still, only a new start may end that (decision 0017)."""
    house = await ready()
    house.log.agrees = False
    assert any("anchor" in said for said in await failures(house.desk, Armed.OWN))


@pytest.mark.parametrize(("level", "named"), [(Armed.OWN, False), (Armed.COMMUNITY, True)])
async def test_at_the_community_level_each_request_says_where_the_rules_are(level: Armed, named: bool) -> None:
    """In the User-Agent, behind the ledger position."""
    house = await Household().open(armed=level)
    await house.knows("shop.example")
    for address in (MEMBER, BOB):
        await house.enrol(address, "count,token,optout")
        await house.delivered(house.mail(to=address), address)
    await house.wait(3 * DAY)
    await house.allow_pairs()
    await house.delivered(house.mail())
    await house.wait(3 * DAY)
    assert house.out.said
    assert all(said.endswith(" (+https://node.example)") is named for said in house.out.said)
    assert all(said.split(" ")[0].isdigit() for said in house.out.said)
