"""Complaints and contacts for people and programs: lists, one whole, sending now, barring, and the status page."""

from __future__ import annotations

import pytest

from antiphon.complaint.known import ContactState, KnownContact
from antiphon.desk.hear import hear
from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.optout.case import Case
from antiphon.web.complaints import verbs
from antiphon.web.pages import Pages
from antiphon.world.post import answer_mail
from tests.unit.desk.household import Household
from tests.unit.desk.test_complain_sends import DESK, mails, one_left, told, town


async def body_of(house: Household) -> str:
    """The status page."""
    return bytes((await Pages(house.desk, {}).home(None)).body).decode()  # type: ignore[arg-type]  # asks nothing of it


async def test_what_left_is_listed_and_shown_whole_with_its_answers() -> None:
    """To whom, about whom, for how many mails, what came of it, and the very bytes."""
    house = await one_left()
    (complaint,) = await told(house)
    await hear(house.desk, complaint.token, answer_mail("Ticket 77", DESK, "x@node.example", "<x@y.example>"))
    asked = verbs(house.desk)
    (line,) = await asked["complaints"]({})  # type: ignore[misc]  # it is a list
    assert (line["contact"], line["originator"], line["incidents"]) == (DESK, "shop.example", 3)
    assert (line["outcome"], line["answers"], line["rule"]) == ("accepted", 1, 4)
    whole = await asked["complaint"]({"complaint": line["complaint"]})
    assert whole["message"].encode() == house.out.letters[0].message  # type: ignore[index]  # it is an object
    assert "Ticket 77" in whole["heard"][0]["text"]  # type: ignore[index]  # as above
    assert DESK in await body_of(house)


async def test_a_house_that_told_nobody_has_no_such_table() -> None:
    """And its contacts are none."""
    house = await town()
    assert "Complaints" not in await body_of(house)
    assert await verbs(house.desk)["contacts"]({}) == []
    with pytest.raises(MalformedInput):
        await verbs(house.desk)["complaint"]({"complaint": 7})


async def test_sending_now_breaks_no_rule() -> None:
    """Before the hold is over the command says that nothing may be told, and nothing leaves."""
    house = await town()
    await mails(house)
    (case,) = await house.all(Case)
    with pytest.raises(RefusedByLaw) as refused:
        await verbs(house.desk)["complain"]({"case": case.case.hex()})
    assert "dry-run" in refused.value.what and house.out.mails == []


async def test_a_person_bars_a_domain_and_lets_it_go_again() -> None:
    """With a reason; those that get no more stand first in the list."""
    house = await one_left()
    asked = verbs(house.desk)
    with pytest.raises(MalformedInput):
        await asked["contact-bar"]({"contact": "host.example", "why": " "})
    assert await asked["contact-bar"]({"contact": "host.example", "why": "they called"}) == {
        "contact": "@host.example", "state": "declined"
    }  # fmt: skip
    listed = await asked["contacts"]({})
    assert [c["contact"] for c in listed] == ["@host.example", DESK]  # type: ignore[attr-defined]  # it is a list
    await asked["contact-allow"]({"contact": "@host.example", "why": "a mistake"})
    assert {c.state for c in await house.all(KnownContact)} == {ContactState.OPEN}
