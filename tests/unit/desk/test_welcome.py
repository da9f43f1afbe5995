"""The one answer to a mail that proved an address: where the operator wants it, once, and never to anybody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes

import pytest

from antiphon.desk.erase import leave
from antiphon.desk.welcome import A_ROUND, send_welcomes
from antiphon.formats.message import parse_message
from antiphon.formats.robot import robot_of
from antiphon.registry.mandate import MandateState
from antiphon.registry.welcome import Welcome
from antiphon.terms import DAY, HOUR
from tests.unit.desk.household import Household
from tests.unit.desk.test_enrol import STRANGER, prove

MAIL_HOST = "mx.elsewhere.example"


async def opened(*, wanted: bool = True) -> Household:
    """A node to which a stranger was added, who has a mail host; `wanted`: the switch."""
    house = await Household().open()
    house.desk = replace(house.desk, house=replace(house.desk.house, answers_enrolment=wanted))
    house.names.key("elsewhere.example")
    house.names.rows["elsewhere.example", "MX"] = (f"10 {MAIL_HOST}.",)
    house.names.rows[MAIL_HOST, "A"] = ("8.8.4.4",)
    await house.enrol(STRANGER)
    return house


async def test_whoever_proved_an_address_gets_one_answer() -> None:
    """Marked as an answer (RFC 3834 §3.1), over the null path, signed, and with the member's own report address."""
    house = await opened()
    assert await prove(house) == ()
    await house.wait(HOUR)
    (letter,) = house.out.answers
    mandate = await house.member(STRANGER)
    assert (letter.mail_from, letter.recipient, letter.exchanger, letter.address) == (
        "",
        STRANGER,
        MAIL_HOST,
        "8.8.4.4",
    )
    mail = message_from_bytes(letter.message)
    assert mail["Auto-Submitted"] == "auto-replied" and mail["In-Reply-To"] == "<1@e>" and mail["DKIM-Signature"]
    assert robot_of(parse_message(letter.message)) is not None
    said = mail.get_payload(decode=True)
    assert isinstance(said, bytes) and f"report+{mandate.report_token}@node.example".encode() in said
    assert (await house.all(Welcome))[0].sent_at is not None
    assert await prove(house, Message_ID="<2@e>") == ()
    await house.wait(2 * DAY)
    assert len(house.out.answers) == 1


async def test_a_mail_that_proves_nothing_is_answered_by_nobody() -> None:
    """An answer to it would go to whoever it names as its author."""
    house = await opened()
    assert await prove(house, domain="other.example")
    assert await prove(house, body=b"I am away until Monday.\r\n")
    await house.wait(DAY)
    assert not house.out.answers and not await house.all(Welcome)


async def test_a_fresh_node_answers_nobody() -> None:
    """The switch is off at first; switched on later it answers nobody who came before."""
    house = await opened(wanted=False)
    assert await prove(house) == ()
    await house.wait(HOUR)
    house.desk = replace(house.desk, house=replace(house.desk.house, answers_enrolment=True))
    await house.wait(DAY)
    assert not house.out.answers


@pytest.mark.parametrize("what", ["stop", "left", "no host", "null mx", "private host"])
async def test_what_stands_in_the_way_of_an_answer(what: str) -> None:
    """STOP holds it; a member that left, and a mail host that is none, get none at all."""
    house, stopped = await opened(), [what == "stop"]
    house.desk = replace(house.desk, stopped=lambda: stopped[0])
    rows = house.names.rows
    changes: dict[str, Callable[[], object]] = {
        "no host": lambda: rows.pop((MAIL_HOST, "A")),
        "null mx": lambda: rows.update({("elsewhere.example", "MX"): ("0 .",)}),
        "private host": lambda: rows.update({(MAIL_HOST, "A"): ("10.0.0.1",)}),
    }
    assert await prove(house) == ()
    changes.get(what, dict)()
    if what == "left":
        await leave(house.desk, STRANGER)
    await house.wait(2 * HOUR)
    assert not house.out.answers
    stopped[0] = False
    await house.wait(2 * HOUR)
    assert len(house.out.answers) == (what == "stop")


async def test_it_is_written_down_before_it_leaves_and_never_tried_again() -> None:
    """A host that fails, or a node that dies meanwhile, gets no second one."""
    house = await opened()
    assert await prove(house) == ()
    house.out.outcome = "failed"
    await house.wait(HOUR)
    house.out.outcome = "accepted"
    await house.wait(DAY)
    assert len(house.out.answers) == 1


async def test_many_wait_for_each_other() -> None:
    """A few in a round, so that hosts which do not answer hold up little."""
    house = await opened()
    mandate = await house.member(STRANGER)
    for number in range(A_ROUND + 2):
        member = replace(mandate, member=bytes([number]) * 16, address=f"n{number}@elsewhere.example",
                         report_token=f"t{number}", state=MandateState.LIVE, proved_at=house.time.now())  # fmt: skip
        await house.store.write(lambda tx, m=member: (tx.put(m), tx.put(Welcome(m.member, "", None))))
    await send_welcomes(house.desk)
    assert len(house.out.answers) == A_ROUND
    await send_welcomes(house.desk)
    assert len(house.out.answers) == A_ROUND + 2
