"""The week for the operator: counted to the day, by mailing and sender, and no member in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.campaign.report import Report
from antiphon.desk.receive import keep_report, statable
from antiphon.desk.withdraw import undo
from antiphon.errors import MalformedInput
from antiphon.terms import DAY, HOUR, Instant, day_start, ledger_day
from antiphon.web.digest import MOST_DAYS, SHOWN, digest, told
from tests.unit.desk.household import MEMBER, Household

BOB = "bob@home.example"


async def read(home: Household, days: int = 7) -> dict[str, object]:
    """What the operator is told."""
    return await home.store.read(lambda tx: digest(tx, home.desk, days))


async def filed(home: Household, raw: bytes) -> None:
    """A filter said so."""
    mandate = await home.member()
    said = replace(await statable(home.desk, mandate, raw, at=home.time.now(), source="imap"), filed=True)
    await home.store.write(lambda tx: keep_report(tx, home.desk, mandate, said))


@pytest.fixture
async def home() -> Household:
    """Two members and three senders: one to be asked, one without a channel, one that nobody answers for."""
    home = await Household().open()
    await home.enrol(BOB)
    home.know("other.example")
    await home.knows("shop.example")
    for who in (MEMBER, BOB):
        await home.delivered(home.mail(to=who), who)
    await home.delivered(home.mail(domain="other.example", List_Unsubscribe_Post="no"))
    await home.report(home.mail())
    await filed(home, home.mail())
    return home


async def test_senders_and_mailings_are_counted_and_nobody_is_named(home: Household) -> None:
    """Persons' words and filters' apart; what could be asked, or what stands against it."""
    home.time.at = Instant(home.time.at + DAY)
    found = await read(home)
    assert found["reports"] == {"accepted": 4, "evidence-only": 1, "refused": 0, "retracted": 0}
    assert (found["members"], found["nobody_answers_for"]) == (2, 1)
    senders = {row["originator"]: row for row in found["senders"]}  # type: ignore[attr-defined]  # a list of rows
    shop, other = senders["shop.example"], senders["other.example"]
    assert (shop["reports"], shop["members"], shop["state"]) == (2, 2, "watching")
    assert shop["could"] == "own opt-out by one-click to shop.example" and not shop["why_not"]
    assert other["could"] == "" and other["why_not"]
    assert sum(row["reports"] for row in found["mailings"]) == 4  # type: ignore[attr-defined]  # as above
    text = told(found, 76)
    assert not [word for word in (MEMBER, BOB, "ann@", "bob@") if word in text + repr(found)]
    assert "could be asked: own opt-out by one-click to shop.example" in text
    assert "1 reports are of mail that nobody answers for" in text


async def test_a_digest_is_of_whole_days_before_today(home: Household) -> None:
    """Not of today; to the last instant of the last day; and no longer than was asked."""
    assert (await read(home))["members"] == 0
    (first, *_) = sorted(report.reported_at for report in await home.all(Report))
    end = day_start(ledger_day(first)) + DAY
    for now, count in ((end - 1, 0), (end, 2), (end + 7 * DAY - 1, 2), (end + 7 * DAY, 0)):
        home.time.at = Instant(now)
        assert (await read(home))["members"] == count, now
        if now == end:
            await home.enrol("cat@home.example")
            await home.report(home.mail(to="cat@home.example"), "cat@home.example")
            assert (await read(home))["members"] == count, "midnight is the next day's"
            await undo(home.desk, max(await home.all(Report), key=lambda r: r.reported_at).report, who="the member")
    assert (await read(home, 8))["members"] == 2


async def test_what_was_taken_back_is_in_no_line(home: Household) -> None:
    """It is counted as taken back, and nowhere else; a word of a filter's it is not."""
    mine = (await home.member()).member
    (first,) = [r for r in await home.all(Report) if r.originator == "shop.example" and r.member == mine]
    await undo(home.desk, first.report, who="the member")
    home.time.at = Instant(home.time.at + DAY)
    (shop,) = [row for row in (await read(home))["senders"] if row["originator"] == "shop.example"]  # type: ignore[attr-defined]  # a list of rows
    assert (shop["reports"], shop["members"], shop["filtered"]) == (1, 1, 0)
    for report in await home.all(Report):
        if report.reasons == "" and report.report != first.report:
            await undo(home.desk, report.report, who="the member")
    found = await read(home)
    assert (found["members"], found["senders"], found["mailings"]) == (0, [], [])
    assert found["reports"]["retracted"] == 4  # type: ignore[index]  # counts by state


async def test_the_longest_lists_end(home: Household) -> None:
    """Ten lines of each; the biggest first."""
    for number in range(SHOWN + 2):
        home.know(f"s{number}.example")
        await home.delivered(home.mail(domain=f"s{number}.example"))
        home.time.at = Instant(home.time.at + HOUR // 60)
    home.time.at = Instant(home.time.at + DAY)
    senders = (await read(home))["senders"]
    assert len(senders) == SHOWN and senders[0]["originator"] == "shop.example"  # type: ignore[arg-type, index]  # a list of rows


@pytest.mark.parametrize("days", [0, MOST_DAYS + 1])
async def test_a_digest_of_no_or_too_many_days_is_refused(home: Household, days: int) -> None:
    """One to thirty."""
    with pytest.raises(MalformedInput):
        await read(home, days)
    assert await read(home, MOST_DAYS)
