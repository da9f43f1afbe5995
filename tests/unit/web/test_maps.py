"""The maps for a filter: one answer for strangers, one file a ledger day, and what the filter says is evidence only."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from starlette.applications import Starlette

from antiphon.campaign.report import Report, ReportState
from antiphon.campaign.sharing import subject_digest
from antiphon.desk.enrol import suspend
from antiphon.desk.share import new_share_key, share_key
from antiphon.desk.withdraw import undo
from antiphon.desk.work_off import work_off
from antiphon.errors import StorageFailed
from antiphon.formats.handed import MESSAGE_BYTES
from antiphon.registry.mandate import MandateState
from antiphon.terms import DAY, Instant
from antiphon.web.maps import MOST_RECIPIENTS, Maps, recipients_of, verbs
from tests.unit.desk.household import MEMBER, START, Household
from tests.unit.web.visitor import Seen, Visitor

HOSTED = ["ann", "bob", "cat", "dan"]
STRANGER = "eve@big.example"


class House:
    """A node with five mailboxes at two houses, and somebody who asks it for maps."""

    def __init__(self, home: Household) -> None:
        self.home, self.wake = home, asyncio.Event()
        self.visitor = Visitor(Starlette(routes=Maps(home.desk, self.wake).routes()))

    async def key(self) -> str:
        return await self.home.store.read(lambda tx: share_key(tx, self.home.desk))

    async def map(self, name: str, **headers: str) -> Seen:
        return await self.visitor.ask("GET", f"/rspamd/{await self.key()}/{name}", headers=headers)

    async def values(self, name: str) -> list[str]:
        return (await self.map(name)).text.splitlines()[1:]

    async def report(self, who: str, **fields: str) -> Report:
        raw = self.home.mail(to=who, Subject="Autumn offer", **fields)
        return await self.home.delivered(raw, who)


async def opened(*, voices: int = 5) -> House:
    """With so many reports of one mailing."""
    house = House(await Household().open())
    people = [f"{name}@home.example" for name in HOSTED]
    for person in people:
        await house.home.enrol(person)
    await house.home.enrol(STRANGER)
    eve = await house.home.member(STRANGER)
    proved = replace(eve, state=MandateState.LIVE, proved_at=Instant(START - 31 * DAY))
    await house.home.store.write(lambda tx: tx.put(proved))
    for person in [STRANGER, *people][:voices]:
        await house.report(person)
    return house


async def test_what_five_mailboxes_report_is_told_on_the_day_after_their_hold() -> None:
    """Not at once: timing must not tell when a person reads mail. Then all day the same, under one ETag."""
    house = await opened()
    assert await house.values("originators") == []
    await house.home.wait(DAY)
    assert await house.values("originators") == []
    await house.home.wait(2 * DAY)
    assert await house.values("originators") == ["shop.example"]
    assert await house.values("subjects") == [subject_digest("Autumn offer")]
    first = await house.map("originators")
    assert first.status == 200 and first.headers["content-type"].startswith("text/plain")
    again = await house.map("originators", **{"If-None-Match": first.headers["etag"]})
    assert (again.status, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = await house.map("originators", **{"If-None-Match": '"another"'})
    assert other.content == first.content


async def test_one_mailbox_fewer_is_told_to_nobody() -> None:
    """LAW §7: four of one house and one stranger suffice; four, or a stranger of last week, do not."""
    for voices in (4, 5):
        house = await opened(voices=voices)
        if voices == 5:
            eve = await house.home.member(STRANGER)
            late = replace(eve, proved_at=Instant(START - 29 * DAY))
            await house.home.store.write(lambda tx, kept=late: tx.put(kept))
        await house.home.wait(3 * DAY)
        assert await house.values("originators") == await house.values("subjects") == []


async def test_whose_mandate_rests_says_nothing() -> None:
    """The fifth mailbox bounced meanwhile."""
    house = await opened()
    await suspend(house.home.desk, STRANGER, why="bounced")
    await house.home.wait(3 * DAY)
    assert await house.values("originators") == []


@pytest.mark.parametrize(
    "fields",
    [
        {"List_Unsubscribe": ""},
        {"Subject": "Your receipt"},
        {"List_Id": "<l.other.example>", "domain": "shop.example", "From": "x@other.example"},
    ],
)
async def test_only_bulk_mail_that_its_author_signed_is_told(fields: dict[str, str]) -> None:
    """No letter of a person, no receipt, nothing that a list relayed: whoever reports it."""
    house = await opened(voices=4)
    said = {"Subject": "Autumn offer", **fields}
    await house.home.delivered(house.home.mail(to="dan@home.example", **said), "dan@home.example")
    await house.home.wait(3 * DAY)
    assert await house.values("originators") == []


async def test_what_is_taken_back_is_missing_from_the_next_day_on() -> None:
    """Within a day nothing changes: a difference would tell who took it back, and when. The next day it is gone."""
    house = await opened()
    await house.home.wait(3 * DAY)
    before = await house.map("originators")
    for report in await house.home.all(Report):
        await undo(house.home.desk, report.report, who="the member")
    assert (await house.map("originators")).content == before.content
    await house.home.wait(DAY)
    assert await house.values("originators") == []


async def test_our_own_domains_are_never_told() -> None:
    """Whatever members report of their own house."""
    house = await opened()
    house.home.desk = replace(house.home.desk, house=replace(house.home.desk.house, hosted_domains=("shop.example",)))
    house.visitor = Visitor(Starlette(routes=Maps(house.home.desk, house.wake).routes()))
    await house.home.wait(3 * DAY)
    assert await house.values("originators") == []
    assert await house.values("subjects") != []


async def test_whoever_has_no_key_gets_one_answer() -> None:
    """Whatever is asked, and with whatever: byte for byte; an old key is none."""
    house = await opened()
    old = await house.key()
    await new_share_key(house.home.desk)
    strange = [
        ("GET", f"/rspamd/{old}/originators"), ("GET", "/rspamd/x/originators"), ("GET", "/rspamd/x/y"),
        ("POST", f"/rspamd/{old}/seen"), ("POST", "/rspamd/x/y"), ("PUT", "/rspamd/"), ("GET", "/rspamd/ü/subjects"),
        ("GET", f"/rspamd/{await house.key()}/elsewhere"),
    ]  # fmt: skip
    answers = {
        (seen.status, seen.content, tuple(sorted(seen.headers.items())))
        for method, path in strange
        for seen in [await house.visitor.ask(method, path, b"x", {"If-None-Match": "*"})]
    }
    assert len(answers) == 1 and next(iter(answers))[0] == 404


async def push(house: House, raw: bytes, *recipients: str) -> Seen:
    """As Rspamd does."""
    path = f"/rspamd/{await house.key()}/seen"
    return await house.visitor.ask("POST", path, raw, {"X-Rspamd-rcpt": json.dumps(recipients)})


async def test_what_a_filter_takes_for_spam_is_evidence_only() -> None:
    """For members among the recipients; no key is asked for, no case opened; a person's word replaces it."""
    house = await opened(voices=0)
    raw = house.home.mail()
    assert (await push(house, raw, MEMBER.upper(), "stranger@home.example")).status == 200
    assert house.wake.is_set()
    await work_off(house.home.desk)
    (report,) = await house.home.all(Report)
    assert (report.state, report.source, report.case) == (ReportState.EVIDENCE_ONLY, "rspamd", None)
    assert [name for name in house.home.names.asked if "_domainkey" in name] == []
    await house.home.report(raw)
    assert [r.state for r in await house.home.all(Report) if r.state is ReportState.ACCEPTED] == [ReportState.ACCEPTED]


async def test_a_push_that_is_too_big_or_can_not_be_kept_is_told_so() -> None:
    """At the limit it is taken; 200 only when it is durable."""
    house = await opened(voices=0)
    assert (await push(house, b"x" * (MESSAGE_BYTES + 1), MEMBER)).status == 413
    assert (await push(house, b"x" * MESSAGE_BYTES, MEMBER)).status == 200

    async def full(record: bytes) -> int:
        raise StorageFailed("The disk is full.")

    house.home.kept.append = full  # type: ignore[method-assign]  # the disk of this test
    assert (await push(house, b"x", MEMBER)).status == 503


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ('["a@b.example", "c@d.example"]', ["a@b.example", "c@d.example"]),
        ("a@b.example", ["a@b.example"]),
        ("unknown", []),
        ("", []),
        ('{"a": 1}', []),
        ('[1, null, "a"]', []),
        ("[" * 100_000, []),
        (json.dumps(["a@b.example"] * (MOST_RECIPIENTS + 1)), ["a@b.example"] * MOST_RECIPIENTS),
    ],
    ids=["list", "one", "unknown", "none", "object", "no texts", "deep", "many"],
)
def test_recipients_are_read_as_rspamd_writes_them(field: str, found: list[str]) -> None:
    """And nothing else is guessed."""
    assert recipients_of(field) == found


async def test_the_operator_is_told_where_a_filter_finds_what() -> None:
    """Paths with the key, and how much they tell; a new key makes the old one useless."""
    house = await opened()
    verb = verbs(house.home.desk)["rspamd"]
    found = await verb({})
    assert isinstance(found, dict)
    assert found["originators"] == f"/rspamd/{await house.key()}/originators"
    assert found["told"] == {"originators": 0, "subjects": 0}
    assert (await verb({"new_key": True}))["seen"] != found["seen"]  # type: ignore[index]  # as above
