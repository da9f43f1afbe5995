"""Host, registrar, authority: in this order, one at a time, each only after the one before had its time (LAW §6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from antiphon.campaign.sighting import Sighting
from antiphon.complaint.authority import Authority
from antiphon.complaint.known import Finding, Harm
from antiphon.desk.hear import NOT_US, STOP, hear_word
from antiphon.desk.judge import Deed, prepare_judgement, submit_judgement
from antiphon.desk.pair import decide
from antiphon.formats.arf import parse_feedback
from antiphon.formats.message import parse_message
from antiphon.formats.note import sign
from antiphon.optout.destination import Pair, PairState
from antiphon.terms import DAY
from tests.unit.desk.household import Household
from tests.unit.desk.test_complain_sends import DESK, mails, told, town

REGISTRAR, CERT = "abuse@registrar.example", "reports@cert.example"
AUTHORITY = Authority("cert", CERT, (Harm.PHISHING,), "a team", "cert.example", "2026-11-27")
WHY = "imitates a bank, asks for passwords"


async def street(*authorities: Authority) -> Household:
    """A house with mails of one domain in it, its network's desk, its registrar, and an operator."""
    house = await town()
    await house.operator("ada", first=True)
    house.names.registrars["shop.example"] = ((REGISTRAR,), (REGISTRAR,))
    for name, address in (("registrar.example", "7.7.1.1"), ("cert.example", "7.7.2.1")):
        house.names.rows[name, "MX"] = (f"10 mx.{name}",)
        house.names.rows[f"mx.{name}", "A"] = (address,)
    house.desk = replace(house.desk, house=replace(house.desk.house, authorities=authorities))
    await mails(house)
    return house


async def found(house: Household, deed: Deed = Deed.PHISHING) -> None:
    """A person read the mail, and signs what it is."""
    judged = await prepare_judgement(house.desk, "shop.example", deed, WHY, by=0)
    await submit_judgement(house.desk, judged, sign(sha256(b"ada").digest(), judged.sign))


async def goes_on(house: Household, days: int) -> None:
    """Everybody gets mail every other day, and a person allows every network that waits."""
    for day in range(days):
        for pair in await house.all(Pair):
            if pair.state is PairState.HELD:
                await decide(house.desk, pair.pair, allow=True, who="op", why="seen")
        if day % 2 == 0:
            await mails(house)
        await house.wait(DAY)


async def order(house: Household) -> list[tuple[int, str, str]]:
    """Row, object and contact of every complaint, each new one once."""
    return list(dict.fromkeys((c.rule, c.object, c.contact) for c in await told(house)))


HOST = (4, "9.9.9.0/24", DESK)
SECOND = (6, "shop.example", REGISTRAR)
THIRD = (7, "cert", CERT)


async def test_each_tier_is_told_after_the_one_before_had_its_time() -> None:
    """Of mails that came three days or more after what the tier before took, each mail to one of them only."""
    house = await street(AUTHORITY)
    await found(house)
    await goes_on(house, 60)
    assert await order(house) == [HOST, SECOND, THIRD]
    left = await told(house)
    first = {c.rule: c for c in reversed(left)}
    for earlier, later in ((4, 6), (6, 7)):
        paid = [s for s in await house.all(Sighting) if s.complained == first[later].intent]
        assert paid and min(s.received_at for s in paid) >= first[earlier].at + 3 * DAY
    assert sum(c.incidents for c in left) == len([s for s in await house.all(Sighting) if s.complained is not None])


async def test_without_a_finding_nobody_but_the_host_is_told() -> None:
    """However long it goes on: mail that is only unwanted is no registrar's business."""
    house = await street(AUTHORITY)
    await goes_on(house, 40)
    assert await order(house) == [HOST] and "shop.example" not in house.names.registry_asked


async def test_without_an_opt_in_no_authority_is_told() -> None:
    """Nor is one that does not take what was found."""
    for chosen in ((), (replace_takes(AUTHORITY, Harm.MALWARE),)):
        house = await street(*chosen)
        await found(house)
        await goes_on(house, 50)
        assert await order(house) == [HOST, SECOND]


def replace_takes(authority: Authority, harm: Harm) -> Authority:
    """The same, for something else."""
    return Authority(authority.name, authority.address, (harm,), authority.about, authority.source, authority.date)


async def one_source(house: Household) -> None:
    house.names.registrars["shop.example"] = ((REGISTRAR,), ())


async def disagreeing(house: Household) -> None:
    house.names.registrars["shop.example"] = ((REGISTRAR,), ("abuse@reseller.example",))


async def registrar_is_the_originator(house: Household) -> None:
    house.names.registrars["shop.example"] = (("abuse@shop.example",), ("abuse@shop.example",))


async def takes_no_mail(house: Household) -> None:
    house.names.rows["registrar.example", "MX"] = ("0 .",)


async def taken_back(house: Household) -> None:
    await found(house, Deed.HARMLESS)


async def host_takes_nothing(house: Household) -> None:
    """Its complaint comes back, so it had no time to act."""
    house.out.refuses.add(DESK)


OBSTACLES = [one_source, disagreeing, registrar_is_the_originator, takes_no_mail, taken_back, host_takes_nothing]


@pytest.mark.parametrize("obstacle", OBSTACLES, ids=lambda each: each.__name__)
async def test_no_registrar_is_told_where_one_thing_stands_in_the_way(
    obstacle: Callable[[Household], Awaitable[None]],
) -> None:
    """Each of these alone; the host goes on to be told of what it may be."""
    house = await street()
    await found(house)
    await obstacle(house)
    await goes_on(house, 40)
    assert await order(house) == [HOST]


async def test_a_network_that_was_not_told_yet_comes_before_the_registrar() -> None:
    """The mail moves to another host: that one is told first."""
    house = await street()
    other, desk = "9.9.8.7", "abuse@other.example"
    house.names.contacts[other] = ((desk,), ())
    house.names.call(other, "host.other.example")
    house.names.rows["other.example", "MX"] = ("10 mx.other.example",)
    house.names.rows["mx.other.example", "A"] = ("8.8.7.8",)
    await found(house)
    while len(await order(house)) < 1:
        await goes_on(house, 1)
    for _ in range(12):
        await mails(house, peer=other)
        await house.wait(DAY)
        for pair in await house.all(Pair):
            if pair.state is PairState.HELD:
                await decide(house.desk, pair.pair, allow=True, who="op", why="seen")
    said = await order(house)
    assert said.index((4, "9.9.8.0/24", desk)) < (said.index(SECOND) if SECOND in said else len(said))


@pytest.mark.parametrize("word", [NOT_US, STOP])
async def test_a_registrar_that_says_no_is_left_alone_and_the_host_is_told_again(word: str) -> None:
    """Not its own, or no more of this: the tier before goes on."""
    house = await street()
    await found(house)
    while SECOND not in await order(house):
        await goes_on(house, 1)
    (answered,) = [c for c in await told(house) if c.rule == 6]
    await hear_word(house.desk, answered, word)
    await goes_on(house, 28)
    assert [c.rule for c in await told(house)].count(6) == 1
    assert (await told(house))[-1].rule == 4


async def test_what_a_registrar_reads() -> None:
    """What was found and when, who was told before, and the type that the standard has for it; not as spam."""
    house = await street()
    house.desk = replace(house.desk, house=replace(house.desk.house, xarf_contacts=("registrar.example",)))
    await found(house)
    while SECOND not in await order(house):
        await goes_on(house, 1)
    (sent,) = [letter.message for letter in house.out.letters if letter.recipient == REGISTRAR]
    before, text = (await told(house))[0], sent.decode("utf-8")
    assert parse_feedback(parse_message(sent)).kind == "fraud"
    assert "Subject: phishing: mail of shop.example" in text
    assert WHY in text and f"by entry {before.intent}; it went on" in text
    assert "look at the domain" in text and "your customer" not in text


async def test_the_finding_stays_with_the_originator() -> None:
    """Who, when and why; gone when it is taken back."""
    house = await street()
    await found(house)
    (kept,) = await house.all(Finding)
    assert (kept.originator, kept.harm, kept.who, kept.why) == ("shop.example", Harm.PHISHING, "ada", WHY)
    await found(house, Deed.HARMLESS)
    assert await house.all(Finding) == []
