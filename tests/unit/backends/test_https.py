"""One POST, one answer's head, and nothing else ever."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.backends.dialer import WorldDialer
from antiphon.backends.https import (
    RETRY_MOST_SECONDS,
    RETRY_UNREADABLE_SECONDS,
    HookClient,
    OneClickClient,
    Outcome,
    RdapFetcher,
    retry_after_seconds,
)
from antiphon.backends.wire import UNASKED_BYTES
from antiphon.errors import MalformedInput, RefusedByLaw, Unreachable
from antiphon.formats.domain import parse_url
from antiphon.ledger import allowance
from antiphon.ledger.allowance import ONE_CLICK_RESERVE, Act, Permit
from antiphon.ports import Exchange

ADDRESS = "5.5.5.5"
URL = parse_url("https://one.example/u/AbC123?list=7&x=%2B")


@dataclass
class Desk:
    """An originator's unsubscribe host that answers with fixed bytes and remembers every request."""

    answer: bytes
    requests: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0)
        self.requests.append(head + await reader.readexactly(length))
        writer.write(self.answer)
        await writer.drain()


def leave(reserve_bytes: int = ONE_CLICK_RESERVE) -> Permit:
    """A permit without the purse that pays for it: only its reserve matters here."""
    return Permit(allowance._SEAL, Act.OWN_OPT_OUT, 17, reserve_bytes)


def one_click(dialer: WorldDialer, authority, **options) -> OneClickClient:
    return OneClickClient(dialer, authority.client(), "Antiphon/0 (+about)", **options)


@pytest.fixture
def post(serve, authority):
    """Posts once to a desk that gives this answer."""

    async def once(desk, *, host="one.example", reserve_bytes=ONE_CLICK_RESERVE, **options) -> Exchange:
        async with serve(desk, authority.server(host)) as port:
            client = one_click(WorldDialer({(ADDRESS, 443): port}), authority, **options)
            return await client.post(leave(reserve_bytes), URL.text, ADDRESS, position="17")

    return once


@pytest.fixture
def fetch(serve, authority):
    """GETs once from a registry that gives this answer."""

    async def once(desk, **options):
        async with serve(desk, authority.server("one.example")) as port:
            fetcher = RdapFetcher(WorldDialer({(ADDRESS, 443): port}), authority.client(), "Antiphon/0")
            return await fetcher.fetch(URL, ADDRESS, **{"max_bytes": 1000, **options})

    return once


async def test_the_request_is_the_one_of_rfc_8058_and_nothing_more(post) -> None:
    """The very URI, the pair, no cookie, no authentication, no context."""
    desk = Desk(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    await post(desk)
    assert desk.requests == [
        b"POST /u/AbC123?list=7&x=%2B HTTP/1.1\r\nHost: one.example\r\nUser-Agent: Antiphon/0 (+about) entry/17\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 26\r\n"
        b"Connection: close\r\n\r\nList-Unsubscribe=One-Click"
    ]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "accepted"),
        (202, "accepted"),
        (204, "accepted"),
        (301, "redirected"),
        (302, "redirected"),
        (307, "redirected"),
        (308, "redirected"),
        (304, "redirected"),
        (400, "failed"),
        (401, "failed"),
        (403, "refused"),
        (404, "failed"),
        (410, "failed"),
        (429, "too-many"),
        (500, "failed"),
        (503, "failed"),
    ],
)
async def test_the_status_decides(post, status: int, outcome: str) -> None:
    """A table; a redirect is a failure of its own kind and is asked for exactly once."""
    desk = Desk(b"HTTP/1.1 %d X\r\nLocation: https://innocent.example/\r\nContent-Length: 0\r\n\r\n" % status)
    exchange = await post(desk)
    assert (exchange.outcome, exchange.status, exchange.wrote) == (outcome, str(status), True)
    assert len(desk.requests) == 1
    assert 0 < exchange.bytes_out + exchange.bytes_in <= ONE_CLICK_RESERVE


async def test_informational_answers_are_passed_over(post) -> None:
    """Early hints are no answer."""
    exchange = await post(Desk(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"))
    assert exchange.status == "200"


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 2", b"nonsense\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\n", b"\x00" * 5000]
)
async def test_no_status_line_after_the_request_left_is_unknown(post, answer: bytes) -> None:
    """It may have worked; nobody can know, so it is spent and never asked again."""
    desk = Desk(answer)
    exchange = await post(desk)
    assert (exchange.outcome, exchange.status, exchange.wrote) == (Outcome.UNKNOWN, "", True)
    assert len(desk.requests) == 1


async def test_the_status_line_is_enough(post) -> None:
    """Header fields without end, beyond the reserve: the status that came still counts."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"One-Click")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            await writer.drain()
            writer.write(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 10)

    exchange = await post(endless)
    assert (exchange.outcome, exchange.status) == (Outcome.ACCEPTED, "200")
    assert exchange.bytes_out + exchange.bytes_in == ONE_CLICK_RESERVE


async def test_a_talkative_answer_without_status_is_cut_at_the_reserve(post) -> None:
    """Unknown, spent, and the count is the whole reserve."""
    exchange = await post(Desk(b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000))
    assert (exchange.outcome, exchange.bytes_out + exchange.bytes_in) == (Outcome.UNKNOWN, ONE_CLICK_RESERVE)


async def test_a_reserve_too_small_for_the_request_sends_none(post) -> None:
    """Judged before the bytes leave: the handshake may be spent, the request is not written."""
    desk = Desk(b"HTTP/1.1 200 OK\r\n\r\n")
    exchange = await post(desk, reserve_bytes=UNASKED_BYTES + 600)
    assert (exchange.outcome, exchange.wrote, desk.requests) == (Outcome.FAILED, False, [])


async def test_silence_after_the_request_is_unknown(post) -> None:
    """The time limit is real time."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    exchange = await post(silent, timeout_seconds=0.3)
    assert (exchange.outcome, exchange.wrote) == (Outcome.UNKNOWN, True)


async def test_silence_before_the_request_is_a_failure(serve, authority) -> None:
    """No byte of the request left."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serve(silent) as port:
        client = one_click(WorldDialer({(ADDRESS, 443): port}), authority, timeout_seconds=0.3)
        exchange = await client.post(leave(), URL.text, ADDRESS, position="17")
    assert (exchange.outcome, exchange.wrote) == (Outcome.FAILED, False)


async def test_nobody_there_is_a_failure_without_a_byte(authority) -> None:
    """The dialer's refusal becomes an outcome, not an error."""
    exchange = await one_click(WorldDialer(), authority).post(leave(), URL.text, ADDRESS, position="17")
    assert (exchange.outcome, exchange.wrote, exchange.bytes_out) == (Outcome.FAILED, False, 0)


async def test_a_wrong_certificate_is_an_outcome_of_its_own(post) -> None:
    """One certificate failure bars the pair; nothing of the request left."""
    desk = Desk(b"HTTP/1.1 200 OK\r\n\r\n")
    exchange = await post(desk, host="two.example")
    assert (exchange.outcome, exchange.wrote, desk.requests) == (Outcome.CERTIFICATE, False, [])


async def test_an_expired_certificate_is_a_certificate_failure(serve, authority) -> None:
    """As above, with the right name."""
    async with serve(Desk(b""), authority.server("one.example", year=2021)) as port:
        client = one_click(WorldDialer({(ADDRESS, 443): port}), authority)
        exchange = await client.post(leave(), URL.text, ADDRESS, position="17")
    assert exchange.outcome is Outcome.CERTIFICATE


async def test_old_tls_is_not_spoken(serve, authority) -> None:
    """Below TLS 1.2 there is no conversation."""
    context = authority.server("one.example")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serve(Desk(b""), context) as port:
        client = one_click(WorldDialer({(ADDRESS, 443): port}), authority)
        exchange = await client.post(leave(), URL.text, ADDRESS, position="17")
    assert (exchange.outcome, exchange.wrote) == (Outcome.FAILED, False)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254", "::ffff:5.5.5.5"])
async def test_an_address_that_is_not_public_is_never_dialled(serve, authority, address: str) -> None:
    """The client judges again, although the desk has judged already."""
    desk = Desk(b"HTTP/1.1 200 OK\r\n\r\n")
    async with serve(desk, authority.server("one.example")) as port:
        dialer = WorldDialer({(address, 443): port})
        exchange = await one_click(dialer, authority).post(leave(), URL.text, address, position="17")
        with pytest.raises(RefusedByLaw):
            await RdapFetcher(dialer, authority.client(), "Antiphon/0").fetch(URL, address, max_bytes=10)
    assert (exchange.outcome, exchange.bytes_out, desk.requests) == (Outcome.FAILED, 0, [])


BARRED = ["http://one.example/u", "https://one.example:8443/u", "https://5.5.5.5/u", "https://x@one.example/", "x"]


@pytest.mark.parametrize("url", BARRED)
async def test_a_url_that_the_parser_refuses_is_never_dialled(serve, authority, url: str) -> None:
    """The one parser that also connects judges again."""
    desk = Desk(b"HTTP/1.1 200 OK\r\n\r\n")
    async with serve(desk, authority.server("one.example")) as port:
        client = one_click(WorldDialer({(ADDRESS, 443): port}), authority)
        exchange = await client.post(leave(), url, ADDRESS, position="17")
    assert (exchange.outcome, exchange.bytes_out, desk.requests) == (Outcome.FAILED, 0, [])


async def test_no_header_can_be_smuggled_into_the_position(authority) -> None:
    """RFC 8058 §3.2: no cookies, no authentication, no other context."""
    with pytest.raises(ValueError):
        await one_click(WorldDialer(), authority).post(leave(), URL.text, ADDRESS, position="1\r\nCookie: a")


async def test_the_time_to_answer_is_told(post) -> None:
    """What the pace goes by; also when no answer came."""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"One-Click")
        with suppress(TimeoutError):
            await asyncio.wait_for(reader.read(), 0.2)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

    assert 0.2 <= (await post(slow)).took_seconds < 2
    assert 0.05 <= (await post(slow, timeout_seconds=0.15)).took_seconds < 2


def test_a_client_that_does_not_verify_can_not_be_made() -> None:
    """No setting can turn the guard off."""
    blind = ssl.create_default_context()
    blind.check_hostname = False
    lax = ssl.create_default_context()
    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
    for context in (blind, lax):
        with pytest.raises(ValueError):
            OneClickClient(WorldDialer(), context, "Antiphon/0")
        with pytest.raises(ValueError):
            RdapFetcher(WorldDialer(), context, "Antiphon/0")
    with pytest.raises(ValueError):
        OneClickClient(WorldDialer(), ssl.create_default_context(), "Antiphon\r\nCookie: a")


@pytest.mark.parametrize("least", [ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_3])
def test_every_client_begins_at_tls_1_2_whatever_python_it_runs_on(least: ssl.TLSVersion) -> None:
    """Debian's begins below; who begins above stays there."""
    context = ssl.create_default_context()
    context.minimum_version = least
    OneClickClient(WorldDialer(), context, "Antiphon/0")
    assert context.minimum_version == max(least, ssl.TLSVersion.TLSv1_2)


def test_the_one_click_client_can_do_nothing_but_post() -> None:
    """A GET on such a URL may unsubscribe somebody: there is no method for it."""
    assert [name for name in vars(OneClickClient) if not name.startswith("_")] == ["post"]


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ((), None),
        (("retry-after", "120"), 120),
        (("retry-after", " 0 "), 0),
        (("retry-after", "9" * 30), RETRY_MOST_SECONDS),
        (("retry-after", "soon"), RETRY_UNREADABLE_SECONDS),
        (("retry-after", "-5"), RETRY_UNREADABLE_SECONDS),
        (("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), RETRY_UNREADABLE_SECONDS),
        (("date", "Wed, 21 Oct 2026 07:00:00 GMT", "retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), 28 * 60),
        (("date", "Wed, 21 Oct 2026 07:00:00 GMT", "retry-after", "Tue, 20 Oct 2026 07:28:00 GMT"), 0),
        (("retry-after", "5", "retry-after", "60"), 60),
    ],
)
def test_retry_after_is_read_as_seconds(fields: tuple[str, ...], seconds: int | None) -> None:
    """RFC 9110 §10.2.3: seconds or a date; what can not be read is a day."""
    assert retry_after_seconds(tuple(zip(fields[::2], fields[1::2], strict=True))) == seconds


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_retry_after_is_a_pause(value: str, date: str) -> None:
    """Hostile text never raises and never means zero by mistake of ours."""
    pause = retry_after_seconds((("date", date), ("retry-after", value)))
    assert pause is not None and 0 <= pause <= RETRY_MOST_SECONDS


async def test_a_pause_is_reported_whatever_the_status(post) -> None:
    """429 and 503 alike."""
    for status, outcome in ((429, Outcome.TOO_MANY), (503, Outcome.FAILED)):
        exchange = await post(Desk(b"HTTP/1.1 %d X\r\nRetry-After: 3600\r\n\r\n" % status))
        assert (exchange.outcome, exchange.retry_after_seconds) == (outcome, 3600)


async def test_a_registry_answer_is_read_whole(fetch) -> None:
    """Status, header fields, body, in any framing."""
    plain = await fetch(Desk(b"HTTP/1.1 200 OK\r\nExpires: never\r\nContent-Length: 3\r\n\r\n{ }"))
    chunked = await fetch(Desk(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n2\r\n }\r\n0\r\n\r\n"))
    until_close = await fetch(Desk(b"HTTP/1.1 404 No\r\n\r\n{ }"))
    assert (plain.status, plain.body, plain.header("expires")) == (200, b"{ }", "never")
    assert (chunked.body, until_close.status, until_close.body) == (b"{ }", 404, b"{ }")


async def test_a_form_is_posted_once_and_its_answer_read(fetch) -> None:
    """To a token endpoint: the form as it is, and the same limits as for any answer."""
    desk = Desk(b"HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\n{}")
    found = await fetch(desk, form=b"a=b", accept="application/json")
    assert (found.status, found.body) == (400, b"{}")
    (request,) = desk.requests
    assert request.startswith(b"POST /u/") and request.endswith(b"Content-Length: 3\r\nConnection: close\r\n\r\na=b")
    assert b"\r\nContent-Type: application/x-www-form-urlencoded\r\n" in request


async def test_a_registry_answer_has_a_stated_size(fetch) -> None:
    """At the limit and one past it; and a flood beyond the reserve."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" + b"x" * 1001
    assert len((await fetch(Desk((answer % 1000)[:-1]))).body) == 1000
    with pytest.raises(MalformedInput):
        await fetch(Desk(answer % 1001))
    with pytest.raises(MalformedInput):
        await fetch(Desk(b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000))


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
async def test_a_broken_registry_answer_is_a_declared_error(fetch, answer: bytes) -> None:
    """Nothing of the libraries underneath comes out."""
    with pytest.raises((MalformedInput, Unreachable)):
        await fetch(Desk(answer))


async def test_a_registry_redirect_is_returned_not_followed(fetch) -> None:
    """Each step is judged anew by the caller."""
    desk = Desk(b"HTTP/1.1 302 Found\r\nLocation: https://two.example/\r\n\r\n")
    answer = await fetch(desk)
    assert (answer.status, answer.header("Location"), len(desk.requests)) == (302, "https://two.example/", 1)


@pytest.mark.parametrize(
    ("status", "said"), [(200, ""), (204, ""), (302, "It answered 302."), (500, "It answered 500.")]
)
async def test_the_on_call_is_posted_to_once_and_a_redirect_is_not_followed(serve, authority, status, said) -> None:
    """The body and its fields as given, at the pinned address, over verified TLS."""
    desk = Desk(b"HTTP/1.1 %d X\r\nLocation: https://innocent.example/\r\nContent-Length: 0\r\n\r\n" % status)
    async with serve(desk, authority.server("one.example")) as port:
        client = HookClient(WorldDialer({(ADDRESS, 443): port}), authority.client(), "Antiphon/0")
        assert await client.post(URL, ADDRESS, b"two things", {"webhook-id": "7"}) == said
    (request,) = desk.requests
    assert request.startswith(
        b"POST /u/AbC123?list=7&x=%2B HTTP/1.1\r\nHost: one.example\r\nUser-Agent: Antiphon/0\r\n"
    )
    assert b"webhook-id: 7\r\nContent-Length: 10\r\n" in request and request.endswith(b"\r\n\r\ntwo things")


async def test_the_on_call_is_neither_here_nor_behind_a_wrong_certificate(serve, authority) -> None:
    """A private address is not dialled, and a certificate of another name gets no byte of ours."""
    desk = Desk(b"HTTP/1.1 200 OK\r\n\r\n")
    async with serve(desk, authority.server("two.example")) as port:
        client = HookClient(WorldDialer({(ADDRESS, 443): port}), authority.client(), "Antiphon/0")
        assert "certificate" in await client.post(URL, ADDRESS, b"x", {})
        assert "public" in await client.post(URL, "127.0.0.1", b"x", {})
    assert desk.requests == []
