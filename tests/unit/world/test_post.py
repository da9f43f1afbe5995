"""The mail system around the node: what is acknowledged counts, everything else comes again."""

from __future__ import annotations

import asyncio
from email import message_from_bytes

import pytest

from antiphon.formats.message import parse_message
from antiphon.world.originator import Stage
from antiphon.world.post import LINES, Post, Taken, answer_mail, bounce_mail, forward, received
from tests.unit.world.conftest import Door

MAIL = b"Subject: x\r\n\r\n.dot\r\n..two\r\nend"


async def test_mails_of_one_instant_arrive_together_and_whole(stage: Stage, door: Door) -> None:
    """More of them than there are connections, dots and all."""
    many = [stage.outbox.deliver("a@b.example", f"m{number}@choir.example", MAIL) for number in range(3 * LINES)]
    assert set(await asyncio.gather(*many)) == {Taken.ACKNOWLEDGED}
    assert stage.outbox.acknowledged == 3 * LINES
    assert {delivery.recipients[0] for delivery in door.taken} == {f"m{n}@choir.example" for n in range(3 * LINES)}
    assert {delivery.data for delivery in door.taken} == {MAIL + b"\r\n"}


@pytest.mark.parametrize(
    ("reply", "taken"), [("451 4.3.0 later", Taken.NOT_NOW), ("550 5.7.1 never", Taken.REFUSED), ("x", Taken.NOT_NOW)]
)
async def test_only_an_acknowledgement_counts(stage: Stage, door: Door, reply: str, taken: Taken) -> None:
    """And the next try may go well."""
    door.replies = [reply]
    assert await stage.outbox.deliver("a@b.example", "c@d.example", MAIL) is taken
    assert await stage.outbox.deliver("a@b.example", "c@d.example", MAIL) is Taken.ACKNOWLEDGED
    assert (stage.outbox.acknowledged, len(door.taken)) == (1, 1)


async def test_a_door_that_is_shut_or_breaks_off_means_not_now() -> None:
    """A node that was killed is away, or goes in the middle of a mail."""
    shut = Post(1)
    assert await shut.deliver("a@b.example", "c@d.example", MAIL) is Taken.NOT_NOW

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n250")
        await reader.readline()
        writer.close()

    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
        post = Post(server.sockets[0].getsockname()[1])
        assert await post.deliver("a@b.example", "c@d.example", MAIL) is Taken.NOT_NOW
        assert (post.not_now, post.acknowledged) == (1, 0)
        post.hang_up()


def test_a_forward_holds_the_mail_byte_for_byte() -> None:
    """Below the two lines that the mailbox has added."""
    mail = received(
        b"From: a\r\n\r\nbare\rCR and \xff\r\n",
        by="mx.choir.example",
        source="mx.shop.example",
        address="44.1.2.3",
        date="x",
    )
    wrapped = forward("ada@choir.example", "report+1@antiphon.choir.example", mail)
    assert mail in wrapped
    inner = message_from_bytes(wrapped).get_payload()[1]
    assert inner.get_content_type() == "message/rfc822"
    assert wrapped.partition(b"Delivered-To: ada@choir.example\r\n")[2].startswith(mail)


def test_answers_and_bounces_are_what_they_say() -> None:
    """One word in the first line; a status that says which mailbox failed."""
    answer = parse_message(answer_mail("done", "abuse@shop.example", "reply+1@choir.example", "<1@choir.example>"))
    assert next(iter(answer.parts())).text().splitlines()[0] == "done"
    bounce = message_from_bytes(bounce_mail("bounce+1@choir.example", "abuse@shop.example"))
    assert bounce.get_content_type() == "multipart/report"
    assert "abuse@shop.example" in bounce.as_string()
