"""A member's own copy: all that is kept about it, and nothing about anybody else."""

from __future__ import annotations

import json

import pytest

from antiphon.errors import RefusedByLaw
from antiphon.registry.agreement import VERSION
from antiphon.web.export import copy_of
from tests.unit.desk.household import MEMBER, Household

BOB = "bob@home.example"


async def test_a_member_gets_mandate_text_and_reports_and_no_other_member() -> None:
    """Who asks for its copy sees its own mail only."""
    house = await Household().open()
    await house.enrol(BOB)
    await house.delivered(house.mail(Subject="Boats"))
    await house.delivered(house.mail(to=BOB, Subject="Bicycles"), BOB)
    copy = await house.store.read(lambda tx: copy_of(tx, house.desk, f" {MEMBER.upper()} "))
    said = json.dumps(copy)
    assert VERSION in said and "is read" in said and "Boats" in said and MEMBER in said
    assert BOB not in said and "Bicycles" not in said


async def test_a_stranger_gets_no_copy() -> None:
    """One sentence and a name of the rule."""
    house = await Household().open()
    with pytest.raises(RefusedByLaw) as refused:
        await house.store.read(lambda tx: copy_of(tx, house.desk, BOB))
    assert refused.value.rules == ("known",)
