"""The blocklist: filled by people by name, honoured wherever somebody is judged and once more before the socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256

import pytest

from antiphon.desk.click import click, show_click
from antiphon.desk.judge import Deed, Judgement, blocked, originator_named, prepare_judgement, submit_judgement
from antiphon.desk.standing import standing_of
from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.formats.note import sign
from antiphon.ledger.allowance import Armed
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case
from antiphon.optout.known import Blocked, Happening
from antiphon.optout.originator import unaccountable
from antiphon.terms import DAY, HOUR, Instant
from tests.unit.desk.household import MEMBER, Household

BOB = "bob@home.example"
ADA = sha256(b"ada").digest()


@pytest.fixture
async def house() -> Household:
    """Two members who want to be opted out, mail of both that may pay by now, and pairs that a person allowed."""
    house = await Household().open(armed=Armed.OWN)
    await house.knows("shop.example")
    await house.operator("ada", first=True)
    for address in (MEMBER, BOB):
        await house.enrol(address, "count,token,optout")
        await house.delivered(house.mail(to=address), address)
    await house.wait(2 * DAY + 12 * HOUR)
    await house.allow_pairs()
    return house


async def decide(house: Household, name: str = "shop.example", *, lift: bool = False, key: bytes = ADA) -> str:
    """A person signs it."""
    prepared = await prepare_judgement(
        house.desk, name, Deed.UNBLOCK if lift else Deed.BLOCK, "it sells what it learns", by=0
    )
    return await submit_judgement(house.desk, prepared, sign(key, prepared.sign))


async def more_mail(house: Household) -> None:
    """Something happens in the case, and time passes."""
    for address in (MEMBER, BOB):
        await house.delivered(house.mail(to=address), address)
    await house.wait(3 * DAY)


async def test_nothing_goes_to_who_is_blocked_until_it_is_lifted(house: Household) -> None:
    """Not by consent, not by a click, vouched for or not; then as before."""
    await house.knows("shop.example", vouched=1)
    assert await decide(house) == "ada"
    (_, report) = [await house.delivered(house.mail()), await house.report(house.mail())]
    await click(house.desk, [await show_click(house.desk, report.report)])
    await more_mail(house)
    assert house.out.posts == [] and await house.all(Attempt) == []
    assert "not-blocklisted" in unaccountable(
        await house.store.read(lambda tx: standing_of(tx, "shop.example", house.time.now(), clicked=True)),
        house.time.now(),
    )
    await decide(house, lift=True)
    await more_mail(house)
    assert house.out.posts


async def test_a_block_that_comes_between_permit_and_socket_stops_it(house: Household) -> None:
    """The sighting is spent all the same: there is no refund."""
    anchor = house.log.anchor

    async def slowly() -> None:
        await anchor()
        await house.store.write(lambda tx: tx.put(Blocked("shop.example", house.time.now(), "ada", "just now")))

    house.log.anchor = slowly  # type: ignore[method-assign]  # somebody decides while the anchor is written
    await more_mail(house)
    assert house.out.posts == []
    assert [attempt.outcome for attempt in await house.all(Attempt)] in ([], [Outcome.FAILED])


async def test_a_block_is_told_in_the_case_by_name(house: Household) -> None:
    """Who, when and why, for the person who comes later; and lifting it too."""
    await decide(house)
    await decide(house, lift=True)
    told = [(h.who, h.what, h.why) for h in await house.all(Happening) if "block" in h.what]
    assert told == [("ada", what, "it sells what it learns") for what in ("blocked", "unblocked")]
    assert [case.look_at for case in await house.all(Case)] == [house.time.now()]


async def test_a_domain_stands_for_all_its_customers_and_nobody_else(house: Household) -> None:
    """An account of it, a host of it; not a domain that only ends like it."""
    assert originator_named("News.Shop.example") == "shop.example"
    assert originator_named("esp.example/4711") == "esp.example/4711"
    await decide(house, "www.esp.example")
    names = {"esp.example/4711": True, "esp.example": True, "shop.example": False, "notesp.example": False}
    for name, listed in names.items():
        found = await house.store.read(lambda tx, name=name: blocked(tx, name))  # type: ignore[misc]  # bound now
        assert (found is not None) is listed, name


async def forged(house: Household) -> None:
    await decide(house, key=sha256(b"mallory").digest())


async def other_words(house: Household) -> None:
    prepared = await prepare_judgement(house.desk, "shop.example", Deed.BLOCK, "a reason", by=0)
    other = Judgement(prepared.day, "shop.example", Deed.BLOCK, "another", 0)
    await submit_judgement(house.desk, other, sign(ADA, prepared.sign))


async def of_yesterday(house: Household) -> None:
    prepared = await prepare_judgement(house.desk, "shop.example", Deed.BLOCK, "a reason", by=0)
    house.time.at = Instant(house.time.at + DAY)
    await submit_judgement(house.desk, prepared, sign(ADA, prepared.sign))


async def without_a_reason(house: Household) -> None:
    await prepare_judgement(house.desk, "shop.example", Deed.BLOCK, " ", by=0)


async def nothing_to_lift(house: Household) -> None:
    await prepare_judgement(house.desk, "shop.example", Deed.UNBLOCK, "a reason", by=0)


async def no_domain(house: Household) -> None:
    await prepare_judgement(house.desk, "not a domain", Deed.BLOCK, "a reason", by=0)


async def of_a_provider(house: Household) -> None:
    await prepare_judgement(house.desk, "esp.example/4711", Deed.PHISHING, "a reason", by=0)


async def of_a_stranger(house: Household) -> None:
    await prepare_judgement(house.desk, "bank.example", Deed.PHISHING, "imitated by somebody", by=0)


async def with_an_address(house: Household) -> None:
    await prepare_judgement(house.desk, "shop.example", Deed.MALWARE, f"sent to {MEMBER}", by=0)


async def in_two_lines(house: Household) -> None:
    await prepare_judgement(house.desk, "shop.example", Deed.MALWARE, "one\r\nBcc: two", by=0)


async def nothing_found(house: Household) -> None:
    await prepare_judgement(house.desk, "shop.example", Deed.HARMLESS, "a reason", by=0)


HOWS = [
    forged, other_words, of_yesterday, without_a_reason, nothing_to_lift, no_domain, of_a_provider, of_a_stranger,
    with_an_address, in_two_lines, nothing_found,
]  # fmt: skip


@pytest.mark.parametrize("how", HOWS)
async def test_what_no_person_signed_today_changes_nothing(
    house: Household, how: Callable[[Household], Awaitable[None]]
) -> None:
    """One sentence, and the list is as it was."""
    with pytest.raises((RefusedByLaw, MalformedInput)):
        await how(house)
    assert await house.all(Blocked) == []
