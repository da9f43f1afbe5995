"""A case whose incidents are worth no report rests, and is not looked at without end."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from antiphon.complaint.known import Matter
from antiphon.complaint.pacing import HALTS
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case
from antiphon.terms import DAY, HOUR, Instant
from tests.unit.desk.test_complain_sends import DESK, mails, one_left, told


async def test_a_case_rests_when_its_matter_has_been_quiet() -> None:
    """Mail that came while the contact had its time brings about nothing, a month later neither; the case waits."""
    house = await one_left()
    received = house.time.now()
    await mails(house)
    (matter,) = await house.all(Matter)
    then = replace(matter, last_at=Instant(received - DAY), next_at=Instant(received + 29 * DAY + HOUR))
    await house.store.write(lambda tx: tx.put(then))
    await house.wait(29 * DAY + 90 * HOUR // 60)
    for case in await house.all(Case):
        assert case.look_at is None or case.look_at > house.time.now()
    assert house.out.mails == [DESK]


async def test_a_complaint_that_was_not_taken_halts_the_contact_for_a_week() -> None:
    """Whatever stood in the way, the next does not follow the day after; the one before shows that it else would."""
    house = await one_left()
    for _ in range(30):
        await mails(house)
        await house.wait(DAY)
        if len(await told(house)) == 3:
            break
    newest = (await told(house))[-1]
    (attempt,) = [a for a in await house.all(Attempt) if a.intent == newest.intent]
    await house.store.write(lambda tx: tx.put(replace(attempt, outcome=Outcome.FAILED)))
    for _ in range(30):
        await mails(house)
        await house.wait(DAY)
    gaps = [b.at - a.at for a, b in pairwise(await told(house))]
    assert gaps[1] < HALTS <= gaps[2], gaps
