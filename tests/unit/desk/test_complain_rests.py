"""A case whose incidents are worth no report rests, and is not looked at without end."""

from __future__ import annotations

from dataclasses import replace

from antiphon.complaint.known import Matter
from antiphon.optout.case import Case
from antiphon.terms import DAY, HOUR, Instant
from tests.unit.desk.test_complain_sends import DESK, mails, one_left


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
