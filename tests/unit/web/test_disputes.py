"""The page for whoever has no notice: a record to publish, one answer whatever this node knows, and few look-ups."""

from __future__ import annotations

import re

import pytest

from antiphon.optout.case import Case, State
from antiphon.web.disputes import LOOK_BURST, ONE_BURST
from antiphon.web.pages import Pages
from tests.unit.desk.household import MEMBER, Household
from tests.unit.desk.test_dispute import PLACE, heard
from tests.unit.web.visitor import Seen, Visitor

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def house() -> Household:
    """One originator that was asked for something."""
    house = await Household().open()
    await house.knows("shop.example")
    await house.enrol(MEMBER)
    await house.delivered(house.mail(to=MEMBER), MEMBER)
    await heard(house)
    return house


@pytest.fixture
def browser(house: Household) -> Visitor:
    """A stranger's."""
    return Visitor(Pages(house.desk, {}).application())


async def say(browser: Visitor, path: str, domain: str) -> Seen:
    """One form."""
    return await browser.ask("POST", path, f"domain={domain}".encode(), FORM)


async def test_from_the_page_to_the_pause(house: Household, browser: Visitor) -> None:
    """The record as it is shown, published as it stands, pauses the case."""
    assert "Show me the line" in (await browser.get("/desk/")).text
    shown = await say(browser, "/desk/", "news.shop.example")
    record = re.search(r"(_antiphon-dispute\.shop\.example)\.  TXT  &quot;([^&]+)&quot;", shown.text)
    assert record is not None and "default-src 'none'" in shown.headers["content-security-policy"]
    house.names.rows[record[1], "TXT"] = (record[2],)
    done = await say(browser, "/desk/dispute", "shop.example")
    assert done.status == 200 and [c.state for c in await house.all(Case)] == [State.DISPUTED]


async def test_the_answer_does_not_tell_whether_there_is_a_case(house: Household, browser: Visitor) -> None:
    """Proved or not, a domain with a case and one without get the same bytes, and both are looked up."""
    unproved = [await say(browser, "/desk/dispute", name) for name in ("shop.example", "quiet.example")]
    assert {(a.status, a.content) for a in unproved} == {(403, unproved[0].content)}
    for name in ("shop.example", "quiet.example"):
        shown = (await say(browser, "/desk/", name)).text
        text = re.search(r"&quot;([^&]+)&quot;", shown)
        assert text is not None
        house.names.rows[f"_antiphon-dispute.{name}", "TXT"] = (text[1],)
    proved = [await say(browser, "/desk/dispute", name) for name in ("shop.example", "quiet.example")]
    assert {(a.status, a.content) for a in proved} == {(200, proved[0].content)}
    assert house.names.asked.count(PLACE[0]) == house.names.asked.count("_antiphon-dispute.quiet.example") == 2


async def test_strangers_cause_few_look_ups(house: Household, browser: Visitor) -> None:
    """Of one domain, and of all together."""
    before = len(house.names.asked)
    one = [(await say(browser, "/desk/dispute", "shop.example")).status for _ in range(ONE_BURST + 1)]
    assert one == [403] * ONE_BURST + [429] and len(house.names.asked) == before + ONE_BURST
    for number in range(LOOK_BURST):
        late = await say(browser, "/desk/dispute", f"d{number}.example")
    assert late.status == 429 and late.headers["retry-after"] == "60"
    assert len(house.names.asked) == before + LOOK_BURST


async def test_what_is_no_domain_is_not_looked_up(house: Household, browser: Visitor) -> None:
    """One clear sentence, and no question."""
    before = len(house.names.asked)
    for path in ("/desk/", "/desk/dispute"):
        for wrong in ("", "192.0.2.1", "a%20b"):
            assert (await say(browser, path, wrong)).status == 400
    assert len(house.names.asked) == before


async def test_to_look_at_the_page_looks_nothing_up(house: Household, browser: Visitor) -> None:
    """A link that is followed by a program changes nothing; the button's own address is no page."""
    before = len(house.names.asked)
    assert (await browser.get("/desk/")).status == 200
    assert (await browser.get("/desk/dispute")).status == 404 and len(house.names.asked) == before
