"""With the real Rspamd: what many members report shows at the next delivery, and what it finds itself is evidence."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from antiphon.campaign.report import Report, ReportState
from antiphon.desk.share import new_share_key, share_key
from antiphon.desk.work_off import work_off
from antiphon.terms import DAY
from antiphon.web.maps import Maps
from antiphon.web.pages import Pages, serve_pages
from antiphon.world.letter import RsaKey
from tests.door.filter import Rspamd, missing_filter
from tests.door.letters import SHOP, newsletter
from tests.door.nameserver import NameServer
from tests.unit.desk.household import MEMBER
from tests.unit.web.test_maps import House, opened

pytestmark = pytest.mark.timeout(300)
SUBJECT = "Autumn offer"
OURS = {"ANTIPHON_ORIGINATOR", "ANTIPHON_SUBJECT"}


@pytest.fixture
async def place() -> AsyncIterator[SimpleNamespace]:
    """A node with five members who reported one mailing, its pages, and a filter that asks them; three days later."""
    if reason := missing_filter():
        pytest.skip(reason)
    names, key, house = NameServer(), RsaKey(), await opened()
    names.record(f"s1._domainkey.{SHOP}", "TXT", key.record)
    said: list[str] = []
    ours = Pages(house.home.desk, {}, Maps(house.home.desk, house.wake).routes())
    pages = await serve_pages(ours, ("127.0.0.1", 0), said.append)
    (found,) = re.findall(r"http://\S+:\d+", said[0])
    paths = {name: f"{found}/rspamd/{await house.key()}/{name}" for name in ("originators", "subjects", "seen")}
    folder = open_folder()
    filter_ = Rspamd(folder, dns=names.names.port, urls=paths)
    await asyncio.to_thread(filter_.start)
    try:
        yield SimpleNamespace(house=house, filter=filter_, key=key)
    finally:
        await asyncio.to_thread(filter_.stop)
        await pages.close()
        names.close()
        shutil.rmtree(folder)


def open_folder() -> Path:
    """One into which another user can look."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-filter-"))
    folder.chmod(0o755)
    return folder


async def symbols(place: SimpleNamespace, subject: str, to: str = "new@home.example") -> set[str]:
    """What of ours the filter finds in a mail of the shop."""
    found = await asyncio.to_thread(place.filter.check, newsletter(place.key, subject, to), to=to)
    return set(found["symbols"]) & OURS


async def shows(place: SimpleNamespace, subject: str, wanted: set[str]) -> None:
    """At last: Rspamd asks again every second here."""
    for _ in range(120):
        if await symbols(place, subject) == wanted:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"{subject} never showed {wanted}")


async def not_modified(place: SimpleNamespace) -> None:
    """Rspamd asks with the ETag that it has, and is told that it has the newest."""
    log = place.filter.folder / "log"
    before = log.read_text("utf-8").count("data is not modified")
    for _ in range(120):
        if log.read_text("utf-8").count("data is not modified") > before:
            return
        await asyncio.sleep(0.5)
    raise AssertionError("nothing was ever unmodified")


async def test_what_many_reported_shows_at_the_next_delivery(place: SimpleNamespace) -> None:
    """Nothing until the day after the hold; then originator and subject; with the key gone, what it has stays."""
    house: House = place.house
    assert await symbols(place, SUBJECT) == set()
    await house.home.wait(3 * DAY)
    await shows(place, SUBJECT, OURS)
    await shows(place, "Something new", {"ANTIPHON_ORIGINATOR"})
    await shows(place, "autumn OFFER", OURS)
    # Another's word for who it is: the map names whom a signature proves.
    forged = newsletter(RsaKey(), "Something new", "new@home.example")
    found = await asyncio.to_thread(place.filter.check, forged, to="new@home.example")
    assert set(found["symbols"]) & OURS == set()
    await not_modified(place)
    old = await house.key()
    await new_share_key(house.home.desk)
    assert await house.home.store.read(lambda tx: share_key(tx, house.home.desk)) != old
    await asyncio.sleep(3)
    assert await symbols(place, SUBJECT) == OURS


async def test_what_the_filter_takes_for_spam_comes_as_evidence(place: SimpleNamespace) -> None:
    """Pushed by Rspamd itself, for the member among the recipients; no case, no key asked for."""
    house: House = place.house
    raw = newsletter(place.key, "BUY NOW AND WIN EVERYTHING TODAY AND TOMORROW AND EVERY DAY OF YOUR LIFE", MEMBER)
    found = await asyncio.to_thread(place.filter.check, raw, to=MEMBER)
    assert found["action"] == "add header", found
    async with asyncio.timeout(30):
        await house.wake.wait()
    asked = list(house.home.names.asked)
    await work_off(house.home.desk)
    (report,) = [report for report in await house.home.all(Report) if report.source == "rspamd"]
    assert (report.state, report.case) == (ReportState.EVIDENCE_ONLY, None)
    assert [name for name in house.home.names.asked[len(asked) :] if "_domainkey" in name] == []
