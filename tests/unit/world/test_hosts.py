"""Hosts that count: each byte at the socket, whatever the other side says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest

from antiphon.world.authority import Authority
from antiphon.world.hosts import BODY_BYTES, HEAD_BYTES, Delivery, Host, Request, Response, Tally

NAME = "u.shop.example"


class Shop:
    """A host with an opt-out page and a mailbox, and what came to it."""

    def __init__(self) -> None:
        self.authority = Authority()
        self.host = Host(NAME)
        self.requests: list[Request] = []
        self.mails: list[Delivery] = []
        self.credit = Tally()
        self.port = 0

    async def take(self, request: Request) -> Response:
        """One request."""
        self.requests.append(request)
        return Response(200, {"X-Shop": "yes"}, b"hello", self.credit if request.target == "/credit" else None)

    async def keep(self, delivery: Delivery) -> str:
        """One mail."""
        self.mails.append(delivery)
        return "250 2.0.0 taken"

    async def say(self, data: bytes, *, secure: bool = False) -> bytes:
        """Everything that comes back to these bytes."""
        context = ssl.create_default_context(cadata=self.authority.certificate.decode()) if secure else None
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=NAME if secure else None
        )
        writer.write(data)
        if not secure:
            writer.write_eof()
        answer = await reader.read()
        writer.close()
        await asyncio.sleep(0.01)
        return answer


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """An HTTPS host."""
    shop = Shop()
    serve = shop.host.web(shop.authority.context(NAME), shop.take)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        shop.port = server.sockets[0].getsockname()[1]
        yield shop


@pytest.fixture
async def mailbox() -> AsyncIterator[Shop]:
    """A mail exchanger."""
    shop = Shop()
    async with await asyncio.start_server(shop.host.mail(shop.keep), "127.0.0.1", 0) as server:
        shop.port = server.sockets[0].getsockname()[1]
        yield shop


def post(target: str, body: bytes, *, length: int | None = None) -> bytes:
    """A request as the one-click client sends it."""
    size = len(body) if length is None else length
    return f"POST {target} HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: {size}\r\n\r\n".encode() + body


async def test_a_request_is_answered_and_counted(shop: Shop) -> None:
    """One connection, one request, and more bytes than HTTP alone has, since TLS counts."""
    answer = await shop.say(post("/u/abc", b"List-Unsubscribe=One-Click"), secure=True)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"X-Shop: yes\r\n\r\nhello")
    assert [(r.method, r.target, r.body) for r in shop.requests] == [("POST", "/u/abc", b"List-Unsubscribe=One-Click")]
    tally = shop.host.tally
    assert (tally.connections, tally.done) == (1, 1)
    assert tally.bytes_in > 400
    assert tally.bytes_out > 800
    assert tally.packets > 2


async def test_a_customer_is_credited_with_the_whole_connection(shop: Shop) -> None:
    """Handshake included, and nothing of other connections."""
    await shop.say(post("/other", b"x"), secure=True)
    first = Tally()
    first.add(shop.host.tally)
    await shop.say(post("/credit", b"x"), secure=True)
    shop.host.tally.take_away(first)
    assert shop.credit == shop.host.tally
    assert shop.credit.connections == 1


async def test_a_connection_counts_without_a_handshake(shop: Shop) -> None:
    """An innocent must see it too."""
    await shop.say(b"")
    await shop.say(b"not TLS at all\r\n\r\n")
    assert (shop.host.tally.connections, shop.host.tally.done) == (2, 0)
    assert shop.host.tally.packets == 3
    assert shop.host.tally.bytes_in == 18


async def test_a_name_that_is_not_its_own_fails_the_certificate(shop: Shop) -> None:
    """The world's authority vouches for names, as any does."""
    context = ssl.create_default_context(cadata=shop.authority.certificate.decode())
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", shop.port, ssl=context, server_hostname="u.bank.example")
    await asyncio.sleep(0.01)
    assert shop.host.tally.connections == 1


@pytest.mark.parametrize(
    ("request_bytes", "answered"),
    [
        (post("/u", b"x" * BODY_BYTES), True),
        (post("/u", b"", length=BODY_BYTES + 1), False),
        (b"GET /" + b"x" * (HEAD_BYTES - 20) + b" HTTP/1.1\r\n\r\n", True),
        (b"GET /" + b"x" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n", False),
        (b"nonsense\r\n\r\n", False),
        (post("/u", b"", length=-1), False),
    ],
)
async def test_a_request_has_limits(shop: Shop, request_bytes: bytes, answered: bool) -> None:
    """At the limit it is read, past it the line is closed."""
    assert bool(await shop.say(request_bytes, secure=True)) is answered


async def test_a_mail_is_taken_whole(mailbox: Shop) -> None:
    """Envelope, dots and all, and counted to the byte."""
    said = (
        b"EHLO node\r\nMAIL FROM:<bounce+1@choir.example>\r\nRCPT TO:<abuse@shop.example>\r\nDATA\r\n"
        b"Subject: x\r\n\r\n..one\r\ntwo\r\n.\r\nQUIT\r\n"
    )
    answer = await mailbox.say(said)
    assert mailbox.mails == [
        Delivery("bounce+1@choir.example", ("abuse@shop.example",), b"Subject: x\r\n\r\n.one\r\ntwo\r\n")
    ]
    assert [line[:3] for line in answer.split(b"\r\n") if line[3:4] == b" "] == [
        b"220", b"250", b"250", b"250", b"354", b"250", b"221",
    ]  # fmt: skip
    tally = mailbox.host.tally
    assert (tally.connections, tally.done) == (1, 1)
    assert (tally.bytes_in, tally.bytes_out) == (len(said), len(answer))


@pytest.mark.parametrize(
    "said",
    [
        b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\ncut off",
        b"DATA\r\nno recipient\r\n.\r\n",
        b"x" * 100_000,
        b"\xff\xfe\r\n\r\n",
        b"",
    ],
)
async def test_what_is_no_whole_mail_is_not_taken(mailbox: Shop, said: bytes) -> None:
    """A connection all the same."""
    await mailbox.say(said)
    assert mailbox.mails == []
    assert (mailbox.host.tally.connections, mailbox.host.tally.done) == (1, 0)
