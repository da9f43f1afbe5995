"""One message, one visit, and a verdict that never claims more than is known."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.backends.dialer import WorldDialer
from antiphon.backends.submission import (
    ANSWER_BYTES,
    LINE_MOST_BYTES,
    PATH_CHARS,
    REPLY_LINES,
    DeliveryOutcome,
    Submission,
)
from antiphon.ledger import allowance
from antiphon.ledger.allowance import MAIL_OVERHEAD, Act, Permit
from antiphon.ports import Exchange, Letter

ADDRESS = "5.5.5.5"
MESSAGE = b"Subject: one\r\n\r\nfirst\r\n.second\r\n..third\r\n"
POLITE = {"EHLO": "250-mx.example\r\n250 SIZE 1000000", "DATA": "354 go", "": "250 2.0.0 taken"}


class Host:
    """A mail host that follows a table of replies; remembers commands, contents, and whether TLS began."""

    def __init__(self, greeting: str = "220 mx.example ESMTP", **replies: str | None) -> None:
        self.greeting = greeting
        self.replies = {**POLITE, **{key: value for key, value in replies.items() if key != "dot"}}
        if "dot" in replies:
            self.replies[""] = replies["dot"]
        self.commands: list[str] = []
        self.contents: list[bytes] = []
        self.context: ssl.SSLContext | None = None
        self.starttls_tail = ""
        self.secured = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting.encode() + b"\r\n")
        while line := await reader.readline():
            command = line.decode("latin-1").rstrip("\r\n")
            self.commands.append(command)
            verb = command.split(" ")[0].upper()
            reply = self.replies.get(verb, "250 fine")
            if reply is None:
                return
            writer.write(
                reply.encode("latin-1") + b"\r\n" + (self.starttls_tail.encode() if verb == "STARTTLS" else b"")
            )
            await writer.drain()
            if verb == "STARTTLS" and self.context:
                await writer.start_tls(self.context)
                self.secured = True
            elif verb == "DATA" and reply.startswith("354"):
                self.contents.append(await reader.readuntil(b"\r\n.\r\n"))
                if (reply := self.replies[""]) is None:
                    return
                if reply == "silence":
                    await reader.read()
                writer.write(reply.encode() + b"\r\n")


def leave(reserve_bytes: int = 10_000) -> Permit:
    """A permit without the purse that pays for it: only its reserve matters here."""
    return Permit(allowance._SEAL, Act.NOTICE, 17, reserve_bytes)


def letter(message: bytes = MESSAGE, **options: str) -> Letter:
    return Letter(
        **{
            "mail_from": "b@node.example",
            "recipient": "u+x@one.example",
            "exchanger": "one.example",
            "address": ADDRESS,
            "message": message,
            **options,
        }
    )


def submission(authority, known=None, **options) -> Submission:
    return Submission(WorldDialer(known), authority.client(), "node.example", **options)


@pytest.fixture
def send(serve, authority):
    """Delivers once to this host."""

    async def once(host: Host, message: bytes = MESSAGE, **options) -> Exchange:
        reserve_bytes = options.pop("reserve_bytes", len(message) + MAIL_OVERHEAD)
        timeout_seconds = options.pop("timeout_seconds", 5.0)
        async with serve(host) as port:
            client = submission(authority, {(ADDRESS, 25): port}, timeout_seconds=timeout_seconds)
            return await client.send(leave(reserve_bytes), letter(message, **options))

    return once


async def test_a_message_arrives_byte_for_byte_with_its_dots(send) -> None:
    """Envelope as given, dots doubled on the way (RFC 5321 §4.5.2), QUIT at the end."""
    host = Host()
    delivery = await send(host)
    assert (delivery.outcome, delivery.status, delivery.reason) == (DeliveryOutcome.ACCEPTED, "250 2.0.0 taken", "")
    assert host.commands == [
        "EHLO node.example",
        "MAIL FROM:<b@node.example>",
        "RCPT TO:<u+x@one.example>",
        "DATA",
        "QUIT",
    ]
    assert host.contents == [b"Subject: one\r\n\r\nfirst\r\n..second\r\n...third\r\n.\r\n"]
    assert delivery.wrote
    sent = sum(len(command) + 2 for command in host.commands) + len(host.contents[0])
    assert delivery.bytes_out == sent


async def test_the_null_path_is_an_empty_sender(send) -> None:
    """For what must never be answered."""
    host = Host()
    await send(host, mail_from="")
    assert host.commands[1] == "MAIL FROM:<>"


async def test_tls_is_used_where_it_is_offered(send, authority) -> None:
    """And EHLO is said again; all of TLS is on the bill, within the reserve."""
    host = Host(EHLO="250-mx.example\r\n250-starttls\r\n250 8BITMIME", STARTTLS="220 go")
    host.context = authority.server("one.example")
    delivery = await send(host)
    assert (delivery.outcome, host.secured, host.commands.count("EHLO node.example")) == ("accepted", True, 2)
    assert 1500 < delivery.bytes_out + delivery.bytes_in <= len(MESSAGE) + MAIL_OVERHEAD


async def test_failed_tls_is_no_reason_to_go_on_in_plain_text(send, authority) -> None:
    """A wrong certificate under a verifying context; nothing of the message left."""
    host = Host(EHLO="250-mx.example\r\n250 STARTTLS", STARTTLS="220 go")
    host.context = authority.server("two.example")
    delivery = await send(host)
    assert (delivery.outcome, delivery.wrote, host.contents) == (DeliveryOutcome.FAILED, False, [])
    assert "MAIL" not in "".join(host.commands)


async def test_words_before_tls_are_not_believed_after_it(send, authority) -> None:
    """RFC 3207 §5: what was injected in plain text ends the visit."""
    host = Host(EHLO="250-mx.example\r\n250 STARTTLS", STARTTLS="220 go")
    host.context = authority.server("one.example")
    host.starttls_tail = "250 injected\r\n"
    delivery = await send(host)
    assert (delivery.outcome, host.contents) == (DeliveryOutcome.FAILED, [])


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize(
    ("reply", "outcome"),
    [("550 5.7.1 no", "refused"), ("554 no", "refused"), ("450 4.2.0 later", "temporary"), ("421 busy", "temporary")],
)
async def test_a_refusal_at_any_step_is_the_verdict(send, step: str, reply: str, outcome: str) -> None:
    """5xx and 4xx, with the code and words of the other side."""
    host = Host(**{step: reply})
    delivery = await send(host)
    assert (delivery.outcome, delivery.status, delivery.wrote) == (outcome, reply, step == "dot")
    assert len(host.contents) == (1 if step == "dot" else 0)
    assert host.commands[-1] == "QUIT"


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("reply", [None, "250", "354 odd", "999 what", "nonsense", "25", "220 early"])
async def test_before_the_final_dot_nothing_was_taken(send, step: str, reply: str | None) -> None:
    """Silence, nonsense and replies out of place: failed, for certain; unless the reply lets us go on."""
    if (reply == "250" and step != "DATA") or (reply == "354 odd" and step == "DATA"):
        return
    delivery = await send(Host(**{step: reply}))
    assert (delivery.outcome, delivery.wrote) == (DeliveryOutcome.FAILED, False)


@pytest.mark.parametrize("reply", [None, "nonsense", "999 what", "354 more", "25"])
async def test_after_the_final_dot_silence_is_unknown(send, reply: str | None) -> None:
    """Nobody can know, so it is spent and never sent again (RFC 1047 §2)."""
    host = Host(dot=reply)
    delivery = await send(host)
    assert (delivery.outcome, delivery.wrote, len(host.contents)) == (DeliveryOutcome.UNKNOWN, True, 1)
    assert host.commands.count("DATA") == 1


async def test_slow_words_are_cut_by_the_time_limit(send) -> None:
    """Before the dot failed, after it unknown."""

    class Mute(Host):
        async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

    delivery = await send(Mute(), timeout_seconds=0.2)
    assert (delivery.outcome, delivery.reason) == (DeliveryOutcome.FAILED, "TimeoutError")
    assert (await send(Host(dot="silence"), timeout_seconds=0.5)).outcome is DeliveryOutcome.UNKNOWN


async def test_nobody_there_is_a_failure(authority) -> None:
    """The dialer's refusal becomes an outcome."""
    delivery = await submission(authority).send(leave(), letter())
    assert (delivery.outcome, delivery.bytes_out, delivery.wrote) == (DeliveryOutcome.FAILED, 0, False)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1"])
async def test_an_address_that_is_not_public_is_never_dialled(serve, authority, address: str) -> None:
    """The client judges again."""
    host = Host()
    async with serve(host) as port:
        client = submission(authority, {(address, 25): port})
        delivery = await client.send(leave(), letter(address=address))
    assert (delivery.outcome, host.commands) == (DeliveryOutcome.FAILED, [])


async def test_a_message_that_does_not_fit_its_reserve_is_not_begun(send) -> None:
    """Judged before MAIL, not halfway."""
    host = Host()
    big = b"Subject: x\r\n\r\n" + b"y" * 70 + b"\r\n"
    delivery = await send(host, big * 1000, reserve_bytes=20_000)
    assert (delivery.outcome, delivery.wrote) == (DeliveryOutcome.FAILED, False)
    assert host.commands == ["EHLO node.example", "QUIT"]


async def test_a_talkative_host_is_cut_at_the_reserve(send) -> None:
    """Endless replies; the count reported is the whole reserve."""
    delivery = await send(Host(greeting="220-" + "x" * 500 + "\r\n220-x" * 5000))
    assert delivery.outcome is DeliveryOutcome.FAILED
    assert delivery.bytes_out + delivery.bytes_in <= len(MESSAGE) + MAIL_OVERHEAD


async def test_a_reply_has_a_stated_number_of_lines(send) -> None:
    """At the limit and one past it."""

    def hello(lines: int) -> str:
        return "250-x\r\n" * (lines - 1) + "250 x"

    assert (await send(Host(EHLO=hello(REPLY_LINES)))).outcome is DeliveryOutcome.ACCEPTED
    assert (await send(Host(EHLO=hello(REPLY_LINES + 1)))).outcome is DeliveryOutcome.FAILED


async def test_a_reply_line_without_end_is_a_failure(send) -> None:
    """A line has a stated size."""
    delivery = await send(Host(EHLO="250 " + "x" * 6000))
    assert delivery.outcome is DeliveryOutcome.FAILED


async def test_hostile_words_come_out_printable(send) -> None:
    """A reply is shown to people and kept in logs."""
    delivery = await send(Host(RCPT="550 \x1b[31mred\xff\x00"))
    assert delivery.status == "550 ?[31mred??"


async def test_eight_bit_text_needs_the_extension(send) -> None:
    """Never re-encoded, never sent to a host that does not take it (RFC 6152 §3)."""
    message = "Subject: x\r\n\r\nGrüße\r\n".encode()
    assert (await send(Host(), message)).outcome is DeliveryOutcome.FAILED
    host = Host(EHLO="250-mx.example\r\n250 8BITMIME")
    assert (await send(host, message)).outcome is DeliveryOutcome.ACCEPTED
    assert host.commands[1].endswith(" BODY=8BITMIME")


BROKEN = [
    b"",
    b"no line end",
    b"bare\nfeed\r\n",
    b"bare\rreturn\r\n",
    b"smuggled\r\n.\n\r\n",
    b"nul\0\r\n",
    b"x\r\n\r",
    b"x" * (LINE_MOST_BYTES + 1) + b"\r\n",
]


@pytest.mark.parametrize("message", BROKEN)
async def test_a_message_that_smtp_can_not_carry_is_refused_before_any_connection(authority, message: bytes) -> None:
    """Nothing is repaired: a signature would break."""
    delivery = await submission(authority).send(leave(), letter(message))
    assert (delivery.outcome, delivery.bytes_out) == (DeliveryOutcome.FAILED, 0)
    assert delivery.reason.startswith("The message")


PATHS = [
    "",
    "a",
    "a@",
    "@b",
    "a b@c",
    "a@b>\r\nRCPT TO:<c@d",
    "a@b\n",
    "<a@b>",
    "ä@b",
    "a@b@c",
    "x" * PATH_CHARS + "@b",
]


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_can_carry_no_second_command(authority, path: str) -> None:
    """Envelope addresses are plain or refused."""
    for envelope in ({"recipient": path}, {"mail_from": path or "x"}):
        delivery = await submission(authority).send(leave(), letter(**envelope))
        assert (delivery.outcome, delivery.reason[:12]) == (DeliveryOutcome.FAILED, "This address")


async def test_the_longest_line_and_path_pass(authority) -> None:
    """At the limits; one past them stands among the broken ones."""
    path = "x" * (PATH_CHARS - 2) + "@b"
    delivery = await submission(authority).send(leave(), letter(b"x" * LINE_MOST_BYTES + b"\r\n", recipient=path))
    assert "could not be reached" in delivery.reason


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_a_hostile_host_gets_a_verdict(replies: Iterable[bytes]) -> None:
    """Whatever is said, an Exchange comes out; accepted only after a final dot."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\r\n".join(replies) + b"\r\n")
        writer.write_eof()
        await reader.read()
        writer.close()

    async def run() -> Exchange:
        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server:
            dialer = WorldDialer({(ADDRESS, 25): server.sockets[0].getsockname()[1]})
            client = Submission(dialer, ssl.create_default_context(), "node.example", timeout_seconds=2)
            delivery = await client.send(leave(), letter())
            await asyncio.sleep(0)
            return delivery

    delivery = asyncio.run(run())
    assert delivery.wrote or delivery.outcome is not DeliveryOutcome.ACCEPTED


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ({}, ""),
        ({"RCPT": "550 5.1.1 no such mailbox"}, "550 5.1.1 no such mailbox"),
        ({"MAIL": "451 4.3.0 later"}, "451 4.3.0 later"),
        ({"greeting": "554 go away"}, "554 go away"),
        ({"EHLO": None}, "The other side"),
    ],
)
async def test_a_host_is_asked_whether_it_would_take_mail_and_gets_none(serve, authority, replies, said) -> None:
    """MAIL and RCPT, then QUIT: no DATA, whatever it answers."""
    host = Host(**replies)
    async with serve(host) as port:
        client = submission(authority, {(ADDRESS, 25): port})
        found = await client.takes(ADDRESS, "one.example", "reply+x@one.example")
    assert bool(found) is bool(said) and (said in found or "other side" in said)
    assert not any(command.startswith("DATA") for command in host.commands) and host.contents == []
    if not said:
        assert host.commands == ["EHLO node.example", "MAIL FROM:<>", "RCPT TO:<reply+x@one.example>", "QUIT"]


async def test_an_answer_goes_over_the_null_path_only_and_is_small(serve, authority) -> None:
    """No permit pays for it, so it has limits of its own."""
    host = Host()
    async with serve(host) as port:
        client = submission(authority, {(ADDRESS, 25): port})
        letter = Letter("", "eve@one.example", "one.example", ADDRESS, b"Subject: x\r\n\r\nYes.\r\n")
        assert (await client.answer(letter)).outcome == "accepted"
        assert "MAIL FROM:<>" in host.commands and len(host.contents) == 1
        with pytest.raises(ValueError, match="null path"):
            await client.answer(replace(letter, mail_from="desk@node.example"))
        large = await client.answer(replace(letter, message=b"x\r\n" * ANSWER_BYTES))
        assert large.outcome == "failed" and len(host.contents) == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1"])
async def test_no_host_of_a_private_address_is_asked(authority, address) -> None:
    """The guard judges the real address, as for every mail."""
    assert await submission(authority).takes(address, "one.example", "reply+x@one.example")
