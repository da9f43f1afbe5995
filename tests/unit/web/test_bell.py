"""When the bell rings: what is counted, Monday's digest, and what `antiphon notify` shows."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes

import pytest

from antiphon.desk.desk import OnCall
from antiphon.desk.ring import SENTENCES
from antiphon.optout.destination import Halt, Pair, PairState
from antiphon.terms import DAY, HOUR, Identifier, Instant
from antiphon.web.bell import Bell, occasions, verbs
from tests.unit.desk.household import Household

MAIL = "root@home.example"


async def opened(told: OnCall) -> Household:
    """A household whose operator is on call."""
    home = await Household().open()
    home.desk = replace(home.desk, house=replace(home.desk.house, on_call=told))
    home.names.rows["home.example", "A"] = ("9.9.9.9",)
    home.names.rows["elsewhere.example", "A"] = ("9.9.9.9",)
    return home


async def test_all_that_is_counted_has_its_sentence() -> None:
    """Needs, halts by an answer and not by a person, the anchor."""
    home = await opened(OnCall(mail=MAIL))
    pair = Pair("x.example", "9.9.9.0/24", "p", PairState.HELD, "9.9.9.9", "", "", "", Identifier(bytes(16)), "",
                Instant(0))  # fmt: skip
    await home.store.write(lambda tx: tx.add(pair))
    await home.store.write(lambda tx: tx.add(Halt("host", "a", Instant(0), None, "node", "answered 403")))
    await home.store.write(lambda tx: tx.add(Halt("host", "b", Instant(0), None, "bo", "a call")))
    found = await home.store.read(lambda tx: occasions(tx, home.desk))
    assert found["halt"] == 1 and found["pair"] == 1 and found.keys() <= SENTENCES.keys()
    home.reopen()
    assert (await home.store.read(lambda tx: occasions(tx, home.desk)))["anchor"] == 1


@pytest.mark.parametrize(
    ("told", "letters"),
    [
        (OnCall(mail=MAIL, weekly=True), 2),
        (OnCall(mail=MAIL), 0),
        (OnCall(mail="me@elsewhere.example", weekly=True), 0),
    ],
)
async def test_the_week_is_mailed_on_monday(told: OnCall, letters: int) -> None:
    """Once a week, to an address of a hosted domain alone, since it names senders; the first week is not whole."""
    home, sent = await opened(told), []
    bell = Bell(home.desk)
    await home.delivered(home.mail())
    for hour in range(0, 24 * 20, 6):
        await bell.keep_up()
        sent += [(hour, letter) for letter in home.out.answers if "the week" in str(letter.message)]
        home.out.answers.clear()
        home.time.at = Instant(home.time.at + 6 * HOUR)
    assert len(sent) == letters
    for _, letter in sent:
        assert message_from_bytes(letter.message)["Subject"] == "Home: the week"
    if sent:
        assert sent[1][0] - sent[0][0] == 7 * 24
        assert b"reports: 1 accepted; by 1 members" in sent[0][1].message and b"shop.example" in sent[0][1].message
        assert b"reports: none" in sent[1][1].message


async def test_a_digest_whose_turn_is_taken_waits() -> None:
    """The cap holds for it, and it is not lost."""
    home = await opened(OnCall(mail=MAIL, weekly=True))
    bell = Bell(home.desk)
    await bell.keep_up()
    home.time.at = Instant(home.time.at + 7 * DAY)
    await home.store.write(lambda tx: tx.add(Halt("host", "a", Instant(0), None, "node", "answered 403")))
    await bell.keep_up()
    assert len(home.out.answers) == 1 and b"the week" not in home.out.answers[0].message
    home.time.at = Instant(home.time.at + HOUR)
    await bell.keep_up()
    assert len(home.out.answers) == 2 and b"the week" in home.out.answers[1].message


async def test_show_sends_nothing_and_test_sends_once() -> None:
    """The preview is the body."""
    home = await opened(OnCall(mail=MAIL, console="http://127.0.0.1:8765/"))
    do = verbs(home.desk)
    shown, tried = await do["notify-show"]({}), None
    assert not home.out.answers
    tried = await do["notify-test"]({})
    assert isinstance(shown, dict) and isinstance(tried, dict)
    assert shown["ways"] == [{"kind": "mail", "where": MAIL, "against": ""}]
    assert tried["ways"] == [{"kind": "mail", "where": MAIL, "taken": True, "why_not": ""}]
    assert "this is a test" in tried["title"] and "http://127.0.0.1:8765/" in shown["body"]
    assert len(home.out.answers) == 1
