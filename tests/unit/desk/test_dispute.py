"""A dispute by a record in DNS: the holder of the domain, once, and only what it has heard of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from antiphon.desk.dispute import LASTS_DAYS, dispute_by_name, place_of, text_for
from antiphon.errors import MalformedInput
from antiphon.ledger.allowance import Act
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case, State
from antiphon.terms import DAY, Domain
from tests.unit.desk.household import MEMBER, Household

SHOP = Domain("shop.example")
PLACE = ("_antiphon-dispute.shop.example", "TXT")


@pytest.fixture
async def house() -> Household:
    """One originator, and nothing that left for it yet."""
    house = await Household().open()
    await house.knows("shop.example")
    await house.enrol(MEMBER)
    await house.delivered(house.mail(to=MEMBER), MEMBER)
    return house


async def heard(house: Household, act: Act = Act.NOTICE) -> None:
    """Something left in this case."""
    case = next(c for c in await house.all(Case) if c.originator == SHOP)
    made = Attempt(
        intent=1, act=act.value, case=case.case, originator=case.originator, members="", channel="mail",
        host="shop.example", organisation="shop.example", prefix="", reserve=0, at=house.time.now(), window_hours=384,
        outcome=Outcome.ACCEPTED, status="250", bytes_out=0, bytes_in=0, settles_at=None, settled=None, token="",
        message=None,
    )  # fmt: skip
    await house.store.write(lambda tx: tx.put(made))


async def state(house: Household) -> State:
    """Of the one case."""
    (case,) = await house.all(Case)
    return case.state


async def test_the_holder_of_the_domain_pauses_its_case(house: Household) -> None:
    """With the text that was shown, and only while it stands in DNS."""
    await heard(house)
    assert not await dispute_by_name(house.desk, SHOP) and await state(house) is State.WATCHING
    house.names.rows[PLACE] = ("v=spf1 -all", text_for(house.desk, SHOP))
    assert await dispute_by_name(house.desk, SHOP) and await state(house) is State.DISPUTED


@pytest.mark.parametrize("act", [None, Act.COMPLAINT], ids=["nothing", "a complaint to its host"])
async def test_a_case_of_which_it_has_heard_nothing_is_left_alone(house: Household, act: Act | None) -> None:
    """A Disputed entry in the public ledger would tell it that its mail was reported."""
    if act is not None:
        await heard(house, act)
    size = house.desk.log.anchored
    house.names.rows[PLACE] = (text_for(house.desk, SHOP),)
    assert await dispute_by_name(house.desk, SHOP)
    assert await state(house) is State.WATCHING and house.desk.log.anchored == size


@pytest.mark.parametrize(
    "said",
    [
        lambda house: "v=antiphon1; stop",
        lambda house: text_for(house.desk, Domain("other.example")),
        lambda house: text_for(house.desk, SHOP)[:-1],
    ],
    ids=["another record", "another domain's", "cut"],
)
async def test_no_other_text_shows_anything(house: Household, said: Callable[[Household], str]) -> None:
    """The text is the domain's own."""
    await heard(house)
    house.names.rows[PLACE] = (said(house),)
    assert not await dispute_by_name(house.desk, SHOP) and await state(house) is State.WATCHING


async def test_a_text_is_good_for_three_days(house: Household) -> None:
    """At the limit and one past it."""
    house.names.rows[PLACE] = (text_for(house.desk, SHOP),)
    for days, good in ((LASTS_DAYS - 1, True), (1, False)):
        house.time.at = type(house.time.at)(house.time.at + days * DAY)
        assert await dispute_by_name(house.desk, SHOP) is good


async def test_an_alias_shows_nothing(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wildcard alias would let whoever holds its target speak for the domain."""
    house.names.rows[PLACE] = (text_for(house.desk, SHOP),)
    asked = house.names.ask

    async def by_alias(*told: object) -> object:
        return replace(await asked(*told), chain=("elsewhere.example",))  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(house.names, "ask", by_alias)
    assert not await dispute_by_name(house.desk, SHOP)


async def test_a_providers_customers_are_no_domains(house: Household) -> None:
    """Whoever holds the provider's domain speaks for none of them."""
    await heard(house)
    (case,) = await house.all(Case)
    await house.store.write(lambda tx: tx.put(replace(case, originator="shop.example/17")))
    house.names.rows[PLACE] = (text_for(house.desk, SHOP),)
    assert await dispute_by_name(house.desk, SHOP) and await state(house) is State.WATCHING


def test_a_record_stands_under_the_organisational_domain() -> None:
    """Nobody speaks for a parent, and what is no name is refused."""
    assert place_of(" News.Shop.Example. ") == (SHOP, PLACE[0])
    for wrong in ("", "192.0.2.1", "a b", "_dmarc.shop.example"):
        with pytest.raises(MalformedInput):
            place_of(wrong)
