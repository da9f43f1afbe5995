"""How long an originator is known: what a host saw that it does not run, never what it wrote itself."""

from __future__ import annotations

from antiphon.desk.click import click, show_click
from antiphon.desk.read_in import Piece, look_up, read_in
from antiphon.optout.known import KnownOriginator
from antiphon.terms import DAY
from tests.unit.desk.household import Household

OLD = "Mon, 02 Jun 2025 10:00:00 +0000"


async def first_seen_days(house: Household) -> int:
    """For how many days the one originator is known."""
    (known,) = await house.all(KnownOriginator)
    return (house.time.now() - known.first_seen_at) // DAY


async def test_a_date_that_the_originator_wrote_makes_it_no_older() -> None:
    """A click on an upload whose signed Date lies back shows nothing about when it was seen."""
    house = await Household().open()
    house.time.at = house.time.now()
    report = await house.report(house.mail(Date="Mon, 25 May 2026 10:00:00 +0000"))
    await click(house.desk, [await show_click(house.desk, report.report)])
    await house.wait(3 * DAY)
    assert await first_seen_days(house) <= 3


async def test_an_archive_shows_how_long_an_originator_is_known() -> None:
    """The line of the member's own mailbox provider counts, also when a newer mail came first."""
    house = await Household().open()
    await house.delivered(house.mail())
    assert await first_seen_days(house) == 0
    stamp = f"Received: from a.example by mx.provider.example; {OLD}\r\n".encode()
    raw = stamp + house.mail(Date=OLD)
    pieces = [Piece(b"k" * 32, "in/1.eml", raw)]
    await read_in(house.desk, await house.member(), pieces, await look_up(house.desk, pieces))
    assert await first_seen_days(house) == 363


async def test_an_archived_mail_without_any_host_of_ours_shows_nothing() -> None:
    """Its Date alone is its author's word."""
    house = await Household().open()
    await house.delivered(house.mail())
    pieces = [Piece(b"k" * 32, "in/1.eml", house.mail(Date=OLD))]
    await read_in(house.desk, await house.member(), pieces, await look_up(house.desk, pieces))
    assert await first_seen_days(house) == 0
