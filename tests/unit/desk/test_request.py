"""From an idea to an attempt: who is asked before what, and what one mail may buy."""

from __future__ import annotations

from antiphon.campaign.sighting import Sighting
from antiphon.desk.answer import take_bounce
from antiphon.desk.click import click, show_click
from antiphon.desk.settle import bounced
from antiphon.ledger.allowance import Act, Armed
from antiphon.optout.attempt import Attempt
from antiphon.optout.known import KnownOriginator
from antiphon.terms import DAY, Instant
from tests.unit.desk.household import MEMBER, START, Household
from tests.unit.formats.dkim_vectors import NEWSLETTER, sign

BOB = "bob@home.example"
EAGER = "count,token,optout"


async def eager(armed: Armed = Armed.OWN) -> Household:
    """Two members who agreed that what they report is opted out of, each with a mail of the same campaign."""
    house = await Household().open(armed=armed)
    await house.knows("shop.example")
    for address in (MEMBER, BOB):
        await house.enrol(address, EAGER)
        await house.delivered(house.mail(to=address), address)
    return house


def about_destinations(house: Household) -> list[str]:
    """What DNS was asked about a place where an opt-out would go."""
    return [name for name in house.names.asked if "_domainkey" not in name and "_dmarc" not in name]


async def test_an_eager_member_is_opted_out_once() -> None:
    """The positive control: with everything in place the pair waits for a person, then one POST a member leaves."""
    house = await eager()
    await house.wait(4 * DAY)
    assert house.out.posts == [] and about_destinations(house)
    await house.allow_pairs()
    for address in (MEMBER, BOB):
        await house.delivered(house.mail(to=address), address)
    await house.wait(4 * DAY)
    assert len(house.out.posts) == 2
    assert {attempt.act for attempt in await house.all(Attempt)} == {Act.OWN_OPT_OUT}


async def test_a_node_that_observes_asks_nobody_about_a_destination() -> None:
    """Unarmed, not even DNS learns where an opt-out would have gone."""
    house = await eager(Armed.OBSERVING)
    await house.wait(4 * DAY)
    assert about_destinations(house) == []


async def test_nobody_asks_the_name_servers_of_an_unaccountable_originator() -> None:
    """A host below d= may be a name made for one recipient: looking it up would say that the mail was read."""
    house = await Household().open()
    await house.knows("shop.example", registered_at=Instant(START - 40 * DAY))
    for address in (MEMBER, BOB):
        await house.enrol(address, EAGER)
        await house.delivered(house.mail(to=address), address)
    await house.wait(4 * DAY)
    assert (await house.all(KnownOriginator))[0].registered_at is not None
    assert about_destinations(house) == []


async def test_nobody_is_asked_while_a_person_holds_the_host() -> None:
    """A halt keeps look-ups in as well."""
    from antiphon.desk.arm import disarm

    house = await eager()
    await disarm(house.desk, scope="host", value="shop.example", who="op", why="reading")
    await house.wait(4 * DAY)
    assert about_destinations(house) == []


async def test_mail_of_two_campaigns_does_not_show_that_a_link_is_personal() -> None:
    """The link of another mailing differs anyway."""
    house = await Household().open()
    await house.knows("shop.example")
    for address, text in ((MEMBER, b"Boats for the summer.\r\n"), (BOB, b"Tax advice, by post.\r\n")):
        await house.enrol(address, EAGER)
        head = {**NEWSLETTER, "To": address, "Date": "Mon, 01 Jun 2026 06:00:00 +0000", "Message-ID": f"<{address}>"}
        head["List-Unsubscribe"] = f"<https://{text[:3].decode().lower()}.shop.example/u?list={text[:5].hex()}77a1b2c3>"
        head["List-Unsubscribe"] = head["List-Unsubscribe"].replace(f"{text[:3].decode().lower()}.", "")
        await house.delivered(sign(head, text * 900), address)
    await house.wait(4 * DAY)
    assert len({sighting.case for sighting in await house.all(Sighting)}) == 1
    assert about_destinations(house) == []


async def clicked(house: Household, raw: bytes) -> None:
    """A member clicks on a mail that our door saw, and its hold passes."""
    report = await house.delivered(raw)
    await click(house.desk, [await show_click(house.desk, report.report)])


def unsigned_to(house: Household) -> bytes:
    """A newsletter whose signature leaves To out."""
    raw = house.mail()
    head = {line.split(": ", 1)[0]: line.split(": ", 1)[1] for line in raw.decode().split("\r\n\r\n")[0].split("\r\n")}
    head.pop("DKIM-Signature")
    covers = ("From", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
    return sign(head, raw.split(b"\r\n\r\n", 1)[1], covers=covers)


async def test_a_click_on_mail_without_a_signed_to_buys_the_own_opt_out() -> None:
    """Whole senders sign no To; the member saw the link and clicked."""
    house = await Household().open()
    await clicked(house, unsigned_to(house))
    await house.wait(4 * DAY)
    (sighting,) = await house.all(Sighting)
    assert sighting.by_click and len(house.out.posts) == 1


async def test_what_only_a_click_made_spendable_pays_for_no_notice() -> None:
    """It buys what its member clicked; it does not stand behind what the community asks."""
    from antiphon.desk.quorum import faults

    house = await Household().open(armed=Armed.OBSERVING)
    await clicked(house, unsigned_to(house))
    await house.delivered(house.mail())
    await house.wait(4 * DAY)
    found = {
        sighting.by_click: await house.store.read(lambda tx, s=sighting: faults(tx, Act.NOTICE, s, house.time.now()))
        for sighting in await house.all(Sighting)
    }
    assert found == {True: {"class-allows", "to-signed"}, False: frozenset()}


async def test_a_members_opt_out_goes_by_mail_once_in_thirty_days() -> None:
    """The first one bounced; the second waits although a day and a click would allow it."""
    house = await Household().open(armed=Armed.COMMUNITY)
    leave = {"List_Unsubscribe": "<mailto:leave+a1b2c3d4e5f6g7@shop.example>"}
    await clicked(house, house.mail(**leave))
    await house.wait(4 * DAY)
    (first,) = await house.all(Attempt)
    assert house.out.mails == ["leave+a1b2c3d4e5f6g7@shop.example"]
    assert await bounced(house.desk, first.token, "5.1.1")
    await house.wait(2 * DAY)
    await clicked(house, house.mail(**leave))
    await house.wait(10 * DAY)
    assert len(house.out.mails) == 1
    await house.wait(19 * DAY)
    assert len(house.out.mails) == 2
    assert [a.at - first.at >= 30 * DAY for a in await house.all(Attempt)] == [False, True]


async def test_a_delay_is_no_bounce() -> None:
    """Only a failure settles a mail."""
    house = await Household().open(armed=Armed.COMMUNITY)
    await clicked(house, house.mail(List_Unsubscribe="<mailto:leave+a1b2c3d4e5f6g7@shop.example>"))
    await house.wait(4 * DAY)
    (first,) = await house.all(Attempt)
    assert not await take_bounce(house.desk, first.token, b"Action: delayed\r\nStatus: 4.4.7\r\n")
    assert await take_bounce(house.desk, first.token, b"Action: failed\r\nStatus: 5.1.1\r\n")
