"""Reasons that hang on another person's mail look alike to a member; all others are told as they are (LAW §3)."""

from __future__ import annotations

from antiphon.campaign.acceptance import ACCEPTED, SPENDABLE
from antiphon.ledger.allowance import RULES, Armed
from antiphon.optout import channel
from antiphon.optout.originator import STANDING
from antiphon.web.eligible import ABOUT_OTHERS, for_member
from antiphon.web.waiting import waiting
from tests.unit.desk.household import MEMBER, Household


def test_what_others_did_looks_alike_and_what_the_member_did_is_told() -> None:
    """In order, each once."""
    assert for_member(["channel-usable", "personal", "quorum", "not-retracted"]) == [
        "channel-usable", "not-eligible", "not-retracted",
    ]  # fmt: skip
    assert for_member([]) == []


def test_every_reason_about_others_is_a_rule_that_there_is() -> None:
    """Another name would hide nothing."""
    tables = (RULES, STANDING, channel.RULES, ACCEPTED, SPENDABLE)
    assert {rule.name for table in tables for rule in table} | {"personal"} >= ABOUT_OTHERS


async def test_a_digest_does_not_tell_what_another_member_did() -> None:
    """Alone nobody has shown the link to be its own: not eligible; who works on the case sees the reason."""
    house = await Household().open(armed=Armed.OWN)
    await house.knows("shop.example")
    await house.enrol(MEMBER, "count,token,optout")
    report = await house.delivered(house.mail())
    (mine,) = await house.store.read(lambda tx: waiting(tx, house.desk))
    (full,) = await house.store.read(lambda tx: waiting(tx, house.desk, report.case))
    assert "personal" in str(full["rules"]) and "not-eligible" not in str(full["rules"])
    assert "personal" not in str(mine["rules"]) and "not-eligible" in str(mine["rules"])
    assert "second member" not in str(mine["why_not"]) and "Not eligible." in str(mine["why_not"])
