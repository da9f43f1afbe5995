"""What a notice says: days and size classes, of what is no longer held, and never a number of people."""

from __future__ import annotations

import re
from email import message_from_bytes, policy

from antiphon.ledger.allowance import Armed
from antiphon.optout.approval import Draft
from antiphon.terms import DAY, HOUR
from tests.unit.desk.household import Household

NAMES = tuple(f"{name}@home.example" for name in ("amy", "ben", "cat", "dan", "eli"))


async def test_a_notice_counts_only_what_is_no_longer_held() -> None:
    """The last day named is that of a mail whose hold is over: a newer one would tell when somebody read it."""
    house = await Household().open(armed=Armed.OBSERVING)
    for address in NAMES:
        await house.enrol(address)
    for address in NAMES[:4]:
        await house.delivered(house.mail(to=address), address)
    await house.wait(4 * DAY)
    await house.delivered(house.mail(to=NAMES[4]), NAMES[4])
    await house.wait(2 * DAY)
    await house.delivered(house.mail(to=NAMES[0]), NAMES[0])
    await house.wait(12 * HOUR)
    (draft,) = await house.all(Draft)
    body = message_from_bytes(draft.message, policy=policy.default).get_body().get_content()  # type: ignore[union-attr]  # it has one
    days = re.findall(r"20\d\d-\d\d-\d\d", body)
    assert days == ["2026-06-01", "2026-06-05"]


async def test_no_number_of_people_stands_in_a_notice() -> None:
    """The rows are for finding recipients; how many report is a size class in the text and nothing in the subject."""
    house = await Household().open(armed=Armed.OBSERVING)
    for address, consents in zip(NAMES, ("count,token", *["count"] * 4), strict=True):
        await house.enrol(address, consents)
        await house.delivered(house.mail(to=address), address)
    await house.wait(4 * DAY)
    (draft,) = await house.all(Draft)
    message = message_from_bytes(draft.message, policy=policy.default)
    text = str(message.get_body().get_content())  # type: ignore[union-attr]  # it has one
    assert not re.search(r"\d", str(message["Subject"]))
    assert re.findall(r"\b\d+ (?:mails|mailboxes|recipients|more)", text) == ["5 mails", "5 mailboxes"]
    assert "more are not named" not in text
