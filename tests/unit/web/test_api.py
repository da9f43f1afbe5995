"""The HTTP API: the ticket before the body, 202 for what is durable, one submission a key, a problem for each no."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

import pytest
from starlette.applications import Starlette

from antiphon.campaign.report import Report, ReportState, Submission
from antiphon.desk.desk import Desk
from antiphon.desk.erase import leave
from antiphon.desk.ticket import MOST_DAYS, PREFIX, make_ticket, take_ticket_back, tickets_of
from antiphon.desk.withdraw import revoke
from antiphon.desk.work_off import work_off
from antiphon.errors import MalformedInput, RefusedByLaw, StorageFailed
from antiphon.formats.handed import MESSAGE_BYTES
from antiphon.optout.asking import Asked
from antiphon.registry.ticket import Ticket
from antiphon.terms import DAY, HOUR, Identifier, Instant, show_instant
from antiphon.web.api import BURST, Api
from tests.unit.desk.household import MEMBER, Household

OTHER = "bob@home.example"


@dataclass
class Answered:
    """What came back, and whether the body was asked for."""

    status: int
    headers: dict[str, str]
    body: bytes
    read: bool
    place: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Client:
    """A program of a member."""

    def __init__(self, home: Household, ticket: str) -> None:
        self.home, self.ticket, self.wake = home, ticket, asyncio.Event()
        self.on(home.desk)

    def on(self, desk: Desk) -> None:
        self.application = Starlette(routes=Api(desk, asyncio.Lock(), self.wake).routes())

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answered:
        """One request, as a server hands it to the application."""
        head = {"authorization": f"Bearer {self.ticket}", **{n.replace("_", "-"): v for n, v in headers.items()}}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in head.items() if value],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
        }  # fmt: skip
        answered = Answered(0, {}, b"", False)
        pieces = [body[at : at + 1_000_000] for at in range(0, len(body), 1_000_000)] or [b""]

        async def receive() -> dict[str, object]:
            answered.read = True
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                answered.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answered.body += message.get("body", b"")

        await self.application(scope, receive, send)
        answered.place = urljoin(path, answered.headers.get("location", ""))
        if answered.status >= 400:
            assert answered.headers["content-type"] == "application/problem+json"
            assert answered.json["status"] == answered.status
        return answered

    async def report(self, raw: bytes, **headers: str) -> Answered:
        return await self.ask("POST", "/api/v1/reports", raw, content_type="message/rfc822", **headers)


async def client(address: str = MEMBER, home: Household | None = None) -> Client:
    """With a good ticket."""
    home = home or await Household().open()
    text, _ = await make_ticket(home.desk, address, name="mutt", days=90)
    return Client(home, text)


async def test_a_report_is_taken_and_told_of() -> None:
    """202 with its place; waiting, then accepted, with campaign and hold; taken back, it is retracted."""
    program = await client()
    taken = await program.report(program.home.mail())
    assert (taken.status, taken.json["state"]) == (202, "waiting")
    assert len(program.home.kept.records) == 1
    assert program.wake.is_set()
    assert taken.headers["location"] == f"reports/{taken.json['id']}"
    await work_off(program.home.desk)
    told = (await program.ask("GET", taken.place)).json
    (report,) = await program.home.all(Report)
    assert (told["state"], told["campaign"], told["refusals"]) == ("accepted", report.campaign.hex(), [])  # type: ignore[union-attr]  # it has one
    assert told["held_until"] is not None
    assert report.source == "api"
    assert (await program.ask("DELETE", taken.place)).status == 204
    assert (await program.ask("GET", taken.place)).json["state"] == "retracted"
    assert (await program.ask("DELETE", taken.place)).status == 409


async def test_a_member_learns_that_it_was_asked_for_and_what_came_of_it() -> None:
    """Not asked; asked, until its own window is over; quiet 30 days after that, or writes on where more mail came."""
    program = await client()
    home = program.home
    taken = await program.report(home.mail())
    await work_off(home.desk)
    place, (kept,) = taken.place, await home.all(Report)
    report = replace(kept, originator="shop.example")
    await home.store.write(lambda tx: tx.put(report))

    async def told() -> tuple[object, object, object]:
        found = (await program.ask("GET", place)).json
        return found["course"], found["asked_at"], found["window_ends"]

    assert await told() == ("not-asked", None, None)
    asked = Asked(report.member, report.originator, 1, home.time.at, None, home.time.at, 3, 16 * 24)
    await home.store.write(lambda tx: tx.put(asked))
    end = asked.window_end()
    assert end is not None
    assert await told() == ("asked", show_instant(home.time.at), show_instant(end))
    home.time.at = Instant(end + 30 * DAY - 1)
    assert (await told())[0] == "asked"
    home.time.at = Instant(end + 30 * DAY)
    assert (await told())[0] == "quiet"
    await home.store.write(lambda tx: tx.put(replace(report, report=Identifier(b"2" * 16), received_at=end)))
    home.time.at = Instant(end + DAY)
    assert (await told())[0] == "writes-on"


@pytest.mark.parametrize("worked_off", [False, True])
async def test_a_message_out_of_junk_takes_its_report_back(worked_off: bool) -> None:
    """Whichever way it was reported, also while nobody read it yet; another member's report of the same stays."""
    program = await client()
    home, raw = program.home, program.home.mail()
    await home.enrol(OTHER)
    other = await client(OTHER, home)
    places = [(await each.report(raw)).place for each in (program, other)]
    if worked_off:
        await work_off(home.desk)
    taken = await program.ask("POST", "/api/v1/retractions", raw, content_type="message/rfc822")
    assert (taken.status, taken.body) == (202, b"")
    await work_off(home.desk)
    states = [(await program.ask("GET", places[0])).json["state"], (await other.ask("GET", places[1])).json["state"]]
    assert states == ["retracted", "accepted"]
    assert {report.reasons for report in await home.all(Report)} == {""}


async def test_out_of_junk_is_no_report() -> None:
    """Of a mail that nobody reported nothing comes."""
    program = await client()
    await program.ask("POST", "/api/v1/retractions", program.home.mail(), content_type="message/rfc822")
    await work_off(program.home.desk)
    assert await program.home.all(Report) == await program.home.all(Submission) == []


async def test_what_was_delivered_here_is_of_the_class_that_was_seen() -> None:
    """A program hands in what our MTA had committed: class A; else C, and no key is asked for."""
    program = await client()
    await program.report(program.home.mail())
    await work_off(program.home.desk)
    assert [report.evidence_class.value for report in await program.home.all(Report)] == ["C"]
    assert [name for name in program.home.names.asked if "_domainkey" in name] == []


@pytest.mark.parametrize("key", ["", "one-and-the-same"])
@pytest.mark.parametrize("worked_off", [False, True])
async def test_the_same_submission_twice_is_one(key: str, worked_off: bool) -> None:
    """By its key, or, without one, by its bytes; before it is read and after."""
    program = await client()
    raw = program.home.mail()
    first = await program.report(raw, idempotency_key=key)
    if worked_off:
        await work_off(program.home.desk)
        program.on(program.home.desk)  # a node that was started again remembers nothing else
    second = await program.report(raw, idempotency_key=key)
    assert (second.status, second.json["id"]) == (202, first.json["id"])
    assert len(program.home.kept.records) == 1


@pytest.mark.parametrize("worked_off", [False, True])
async def test_a_key_stands_for_one_message(worked_off: bool) -> None:
    """Another message under it is refused, and not kept."""
    program = await client()
    await program.report(program.home.mail(), idempotency_key="k")
    if worked_off:
        await work_off(program.home.desk)
    assert (await program.report(program.home.mail(), idempotency_key="k")).status == 422
    assert len(program.home.kept.records) == 1


async def test_a_message_that_was_reported_already_is_told_so() -> None:
    """By another way before: refused, with the sentence of the rule."""
    program = await client()
    raw = program.home.mail()
    await program.home.report(raw)
    taken = await program.report(raw)
    await work_off(program.home.desk)
    told = (await program.ask("GET", taken.place)).json
    assert told["state"] == "refused"
    assert told["refusals"] == [{"rule": "not-duplicate", "sentence": "This message was reported already."}]


async def test_a_message_past_the_limits_of_reading_is_told_so() -> None:
    """Durable it was; what became of it is a sentence."""
    program = await client()
    taken = await program.report(b"X: y\r\n" * 1001 + b"\r\nbody")
    await work_off(program.home.desk)
    told = (await program.ask("GET", taken.place)).json
    assert (told["state"], told["refusals"][0]["rule"]) == ("refused", "within-limits")


async def test_without_a_good_ticket_the_body_is_not_read() -> None:
    """None, a wrong one, another scheme, one that ended, one of somebody who left: 401, and nothing is kept."""
    program = await client()
    good, raw = program.ticket, program.home.mail()
    for authorization in ("", "Bearer", "Bearer x", f"Basic {good}", f"Bearer {good}x", f"Bearer {PREFIX}"):
        answer = await program.ask("POST", "/api/v1/reports", raw, authorization=authorization)
        assert (answer.status, answer.read) == (401, False)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await program.report(raw, authorization=f"bearer {good}")).status == 202
    program.home.time.at = Instant(program.home.time.at + 90 * DAY)
    assert (await program.report(raw)).status == 401
    left = await client()
    await revoke(left.home.desk, MEMBER)
    assert (await left.report(raw)).status == 401


async def test_a_ticket_that_is_taken_back_ends_at_once() -> None:
    """By the beginning of its name; the others stay."""
    program = await client()
    _, other = await make_ticket(program.home.desk, MEMBER, name="phone", days=1)
    named = {ticket.name: ticket for ticket in await tickets_of(program.home.desk, MEMBER)}
    await take_ticket_back(program.home.desk, named["mutt"].secret.hex()[:10])
    assert (await program.report(program.home.mail())).status == 401
    assert await tickets_of(program.home.desk, MEMBER) == [other]
    for word in ("", "zz", named["mutt"].secret.hex()):
        with pytest.raises(MalformedInput):
            await take_ticket_back(program.home.desk, word)


async def test_the_text_of_a_ticket_is_kept_nowhere() -> None:
    """Its digest is, with a name, a member and when it was last used, to the hour."""
    program = await client()
    program.home.time.at = Instant(program.home.time.at + 90 * 60_000_000)
    await program.report(program.home.mail())
    (ticket,) = await program.home.all(Ticket)
    assert program.ticket.startswith(PREFIX)
    assert program.ticket not in repr(ticket)
    assert ticket.used_at == program.home.time.at // HOUR * HOUR


@pytest.mark.parametrize(("name", "days"), [("", 1), ("x" * 61, 1), ("a\nb", 1), ("x", 0), ("x", MOST_DAYS + 1)])
async def test_a_ticket_has_a_name_and_an_end(name: str, days: int) -> None:
    """Stated limits; and only a member has one."""
    home = await Household().open()
    with pytest.raises(MalformedInput):
        await make_ticket(home.desk, MEMBER, name=name, days=days)
    with pytest.raises(RefusedByLaw):
        await make_ticket(home.desk, "stranger@home.example", name="x", days=MOST_DAYS)
    assert (await make_ticket(home.desk, MEMBER, name="x" * 60, days=MOST_DAYS))[0]


async def test_of_an_erased_member_no_ticket_and_no_submission_is_left() -> None:
    """Nothing of them leads back."""
    program = await client()
    await program.report(program.home.mail())
    await work_off(program.home.desk)
    assert len(await program.home.all(Submission)) == len(await program.home.all(Ticket)) == 1
    await leave(program.home.desk, MEMBER)
    assert await program.home.all(Submission) == await program.home.all(Ticket) == []


async def test_a_member_sees_its_own_reports_only() -> None:
    """To another ticket a report is not there, whatever is done to it."""
    program = await client()
    await program.home.enrol(OTHER)
    stranger = await client(OTHER, program.home)
    place = (await program.report(program.home.mail())).place
    for _ in range(2):
        for method in ("GET", "DELETE"):
            assert (await stranger.ask(method, place)).status == 404
        await work_off(program.home.desk)
    (report,) = await program.home.all(Report)
    assert report.state is ReportState.ACCEPTED


@pytest.mark.parametrize("name", ["x", "0" * 31, "0" * 32, "0" * 33, "G" * 32, "%2e%2e"])
async def test_a_report_that_is_not_there_is_not_there(name: str) -> None:
    """Whatever the name."""
    program = await client()
    assert (await program.ask("GET", f"/api/v1/reports/{name}")).status == 404


@pytest.mark.parametrize(("size", "status"), [(MESSAGE_BYTES, 202), (MESSAGE_BYTES + 1, 413)])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_message_has_a_limit(size: int, status: int, announced: bool) -> None:
    """Announced or not; an announced one is refused before it is read."""
    program = await client()
    raw = b"A: b\r\n\r\n".ljust(size, b"x")
    headers = {"content_length": str(size)} if announced else {}
    answer = await program.report(raw, **headers)
    assert answer.status == status
    assert answer.read is (status == 202 or not announced)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("POST", "/reports", {"content_type": "text/plain"}, b"x", 415),
        ("POST", "/reports", {"content_type": "message/rfc822", "idempotency_key": "a b"}, b"x", 400),
        ("POST", "/reports", {"content_type": "message/rfc822", "idempotency_key": "x" * 65}, b"x", 400),
        ("POST", "/reports", {"content_type": "message/rfc822", "idempotency_key": " "}, b"x", 400),
        ("POST", "/reports", {"content_type": "message/rfc822", "content_length": "-1"}, b"x", 413),
        ("POST", "/reports", {"content_type": "message/rfc822"}, b" \r\n", 400),
        ("PUT", "/reports", {}, b"", 405),
        ("POST", "/retractions", {"content_type": "text/plain"}, b"x", 415),
        ("POST", "/retractions", {"content_type": "message/rfc822"}, b" ", 400),
        ("GET", "/retractions", {}, b"", 405),
        ("POST", "/reports/0", {}, b"", 405),
        ("GET", "/nothing", {}, b"", 404),
    ],
)
async def test_what_is_not_understood_is_a_problem(
    method: str, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    """With its status, and nothing is kept."""
    program = await client()
    assert (await program.ask(method, f"/api/v1{path}", body, **headers)).status == status
    assert program.home.kept.records == {}


@pytest.mark.parametrize(
    ("path", "methods"), [("/reports", "POST"), ("/reports/0", "DELETE, GET"), ("/openapi.json", "GET")]
)
@pytest.mark.parametrize("asked", ["OPTIONS", "PATCH", "TRACE"])
async def test_what_a_path_takes_is_said(asked: str, path: str, methods: str) -> None:
    """RFC 9110 §10.2.1: exactly the methods of the table, also for whoever asks which there are."""
    answer = await (await client()).ask(asked, f"/api/v1{path}")
    assert (answer.status, answer.headers["allow"]) == (405, methods)


async def test_a_ticket_that_comes_too_often_waits() -> None:
    """429 with when to come again; other tickets are not slowed."""
    program = await client()
    answers = [(await program.ask("GET", "/api/v1/reports/0")).status for _ in range(BURST)]
    assert answers == [404] * BURST
    late = await program.report(program.home.mail())
    assert (late.status, late.read) == (429, False)
    assert int(late.headers["retry-after"]) >= 1
    text, _ = await make_ticket(program.home.desk, MEMBER, name="other", days=1)
    program.ticket = text
    assert (await program.ask("GET", "/api/v1/reports/0")).status == 404


async def test_what_can_not_be_kept_is_not_acknowledged() -> None:
    """503, and when to come again."""

    class Full:
        async def append(self, record: bytes) -> int:
            raise StorageFailed("The disk is full.")

    program = await client()
    program.on(replace(program.home.desk, spool=Full()))  # type: ignore[arg-type]  # the part that is called
    answer = await program.report(program.home.mail())
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
