"""The still copies: there once a notice's entry is published, they say what the notice said, and need no node."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from antiphon.desk.log import PUBLISHED, keep_number
from antiphon.desk.withdraw import stop_case
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import Case
from antiphon.terms import DAY, Digest
from antiphon.web.pages import Pages
from antiphon.web.still import HIDDEN, INDEX, Still
from tests.unit.desk.household import Household, Shelved
from tests.unit.web.test_senderdesk import house as noticed
from tests.unit.web.visitor import Visitor

house = noticed


async def kept(house: Household) -> tuple[str, dict[str, bytes]]:
    """The token of the notice, and the files."""
    shelf = Shelved()
    await Still(house.desk, shelf).keep_up()
    (case,) = await house.all(Case)
    return case.reply_token, shelf.files


async def test_a_copy_says_what_the_live_page_says_and_proves_it_alike(house: Household) -> None:
    """The digest, the key and the proof are the same bytes; the link to the proof is a file beside it."""
    token, files = await kept(house)
    assert set(files) == {INDEX, *HIDDEN, f"desk/{token}.html", f"desk/{token}.tlog-proof"}
    browser, still = Visitor(Pages(house.desk, {}).application()), files[f"desk/{token}.html"].decode()
    assert (await browser.get(f"/desk/{token}/proof")).content == files[f"desk/{token}.tlog-proof"]
    live = (await browser.get(f"/desk/{token}")).text
    for pattern in (r"\b[0-9a-f]{64}\n[^<]+", r"<strong>shop\.example</strong>"):
        found = re.search(pattern, live)
        assert found is not None and found[0] in still
    assert f"href='{token}.tlog-proof'" in still


async def test_a_copy_needs_no_script_no_form_and_nothing_from_elsewhere(house: Household) -> None:
    """Its policy comes with it."""
    token, files = await kept(house)
    still = files[f"desk/{token}.html"].decode()
    assert not re.search(r"<(script|form|img|link|iframe)\b", still)
    policy = re.search(r'http-equiv=\'Content-Security-Policy\' content="([^"]+)"', still)
    assert policy is not None and policy[1].startswith("default-src 'none'")
    assert not any(token in files[name].decode() for name in (INDEX, *HIDDEN))


async def test_a_copy_stands_still(house: Household) -> None:
    """Neither reports nor answers move it, and what is written is not written again."""
    shelf = Shelved()
    still = Still(house.desk, shelf)
    await still.keep_up()
    before = dict(shelf.files)
    await house.delivered(house.mail())
    (case,) = await house.all(Case)
    await stop_case(house.desk, case.case, "shop.example", who="the originator, at the desk")
    await house.wait(3 * DAY)
    shelf.files.clear()
    await still.keep_up()
    assert shelf.files == {}
    token, again = await kept(house)
    assert again[f"desk/{token}.html"] == before[f"desk/{token}.html"]


async def test_nothing_is_written_before_a_notice_left() -> None:
    """But the page that hides the names of the others."""
    house = await Household().open()
    await house.wait(DAY)
    shelf = Shelved()
    await Still(house.desk, shelf).keep_up()
    assert set(shelf.files) == {INDEX, *HIDDEN}


@pytest.mark.parametrize("part", [".html", ".tlog-proof"])
@pytest.mark.parametrize("short", ["anchored", "published"])
async def test_the_entry_has_to_be_published_first(house: Household, part: str, short: str) -> None:
    """A page that proves nothing yet is none."""
    shelf = Shelved()
    (case,) = await house.all(Case)
    intent = case.notice_intent
    assert intent is not None and intent < house.desk.log.anchored
    if short == "anchored":
        house.desk.log.anchored = intent
    else:
        await house.store.write(lambda tx: keep_number(tx, PUBLISHED, intent))
    await Still(house.desk, shelf).keep_up()
    assert f"desk/{case.reply_token}{part}" not in shelf.files and INDEX in shelf.files


async def test_a_copy_is_of_the_try_that_the_case_stands_on(house: Household) -> None:
    """Not of another letter in the same case."""
    (case,) = await house.all(Case)
    (notice,) = [attempt for attempt in await house.all(Attempt) if attempt.intent == case.notice_intent]
    other = replace(notice, intent=notice.intent + 1, message=Digest(bytes(32)))
    await house.store.write(lambda tx: tx.put(other))
    token, files = await kept(house)
    assert bytes(32).hex() not in files[f"desk/{token}.html"].decode()


async def test_no_folder_of_links_can_be_listed(house: Household) -> None:
    """A page stands where a server would list it, in each folder that holds a link."""
    _, files = await kept(house)
    assert files["desk/index.html"] == files["desk/complaint/index.html"] != files[INDEX]


async def test_the_page_that_every_request_names_says_how_to_stop_it(house: Household) -> None:
    """What `public_url` shows: the rules, the ledger, the record that stops, and the sender desk."""
    _, files = await kept(house)
    said = files[INDEX].decode()
    for word in ("v=antiphon1; stop", "href='desk/'", "ledger/checkpoint", "Retry-After", "Home e.V."):
        assert word in said
