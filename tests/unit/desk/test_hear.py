"""What comes back to a complaint: kept, heeded where it asks for less, answered never."""

from __future__ import annotations

import pytest

from antiphon.campaign.report import ReportState
from antiphon.complaint.known import ContactState, Heard, KnownContact, Matter
from antiphon.desk.arrival import node_key, spool_mail
from antiphon.desk.hear import MOST_HEARD, MOST_TEXT, RESTS, hear
from antiphon.desk.work_off import work_off
from antiphon.ledger.entry import ComplaintSettled, Outcome
from antiphon.optout.case import Case
from antiphon.terms import DAY, HOUR
from antiphon.world.post import answer_mail, bounce_mail
from tests.unit.desk.household import Household
from tests.unit.desk.test_complain_sends import DESK, MEMBERS, entries, mails, one_left, seen_and_allowed, told, town


async def just_left() -> Household:
    """A complaint left, and is not settled yet."""
    house = await town()
    await mails(house)
    await seen_and_allowed(house)
    while not house.out.mails:
        await house.wait(HOUR)
    return house


async def answered(house: Household, text: str) -> str:
    """An answer of the contact, through the spool as a door hands it over."""
    (complaint,) = await told(house)
    box = f"complaint+{complaint.token}@node.example"
    assert f"Reply-To: {box}".encode() in house.out.letters[0].message
    return await hear(house.desk, complaint.token, answer_mail(text, DESK, box, "<x@y.example>"))


async def test_an_answer_is_kept_with_its_case_and_nothing_is_written_back() -> None:
    """A person, or a program that does not say so: the loop ends here."""
    house = await just_left()
    for _ in range(3):
        assert await answered(house, "Thank you. Your ticket is 1001.") == "reply"
    heard = await house.all(Heard)
    assert [h.number for h in heard] == [0, 1, 2]
    assert b"1001" not in heard[0].sealed
    assert b"1001" in house.desk.vault.open(await node_key(house.desk), heard[0].sealed, b"heard")
    await house.wait(3 * DAY)
    assert house.out.mails == [DESK]


async def test_stop_ends_all_complaints_to_that_contact() -> None:
    """One word in the first line; what comes later is told to nobody."""
    house = await just_left()
    assert await answered(house, "Stop.") == "stop"
    (contact,) = await house.all(KnownContact)
    assert (contact.contact, contact.state) == (DESK, ContactState.DECLINED)
    for _ in range(4):
        await mails(house)
        await house.wait(5 * DAY)
    assert house.out.mails == [DESK]


@pytest.mark.parametrize("word", ["done", "not us"])
async def test_a_matter_that_is_done_or_not_theirs_rests(word: str) -> None:
    """For a month; the contact is still one."""
    house = await just_left()
    assert await answered(house, word) == word
    (matter,) = await house.all(Matter)
    assert matter.next_at >= house.time.now() + RESTS and word in matter.why
    assert [c.state for c in await house.all(KnownContact)] == [ContactState.OPEN]


async def test_a_bounce_to_either_box_settles_it() -> None:
    """Some hosts bounce to Reply-To, against the standard."""
    house = await just_left()
    (complaint,) = await told(house)
    to = f"bounce+{complaint.token}@node.example"
    assert await hear(house.desk, complaint.token, bounce_mail(to, DESK)) == "dsn"
    (settled,) = await entries(house, ComplaintSettled)
    assert isinstance(settled, ComplaintSettled) and settled.outcome is Outcome.BOUNCED


async def test_a_robot_that_says_stop_is_not_a_person() -> None:
    """What marks itself as automatic is kept, and its words are not heeded."""
    house = await just_left()
    (complaint,) = await told(house)
    marked = answer_mail("stop", DESK, "x@node.example", "<x@y.example>").replace(
        b"Subject:", b"Auto-Submitted: auto-replied\r\nSubject:"
    )
    assert await hear(house.desk, complaint.token, marked) == "auto-reply"
    assert [c.state for c in await house.all(KnownContact)] == [ContactState.OPEN]


async def test_only_so_much_is_kept() -> None:
    """Twenty answers, and of each the beginning."""
    house = await just_left()
    for _ in range(MOST_HEARD + 3):
        await answered(house, "x" * (2 * MOST_TEXT))
    heard = await house.all(Heard)
    assert len(heard) == MOST_HEARD and max(len(h.sealed) for h in heard) < MOST_TEXT + 200


async def test_a_token_that_nobody_has_changes_nothing() -> None:
    """Neither a word nor a bounce."""
    house = await just_left()
    assert await hear(house.desk, "f" * 20, answer_mail("stop", DESK, "x@node.example", "<x@y.example>")) == ""
    assert await house.all(Heard) == []


async def test_the_box_is_one_of_the_nodes_own() -> None:
    """From the spool to the case."""
    house = await just_left()
    (complaint,) = await told(house)
    raw = answer_mail("We look into it", DESK, "x@node.example", "<x@y.example>")
    await spool_mail(house.desk, "complaint", None, raw, token=complaint.token)
    await work_off(house.desk)
    assert [h.kind for h in await house.all(Heard)] == ["reply"]


async def test_what_a_desk_writes_to_a_member_is_no_report_for_thirty_days() -> None:
    """However it is marked; and after that it is mail like any other."""
    house = await one_left()
    raw = house.mail(to=MEMBERS[0], From=f"Desk <{DESK}>")
    report = await house.report(raw, MEMBERS[0])
    assert (report.state, report.reasons.split(",")[0]) == (ReportState.REFUSED, "not-ours")
    other = await house.report(house.mail(to=MEMBERS[0], From="Other <other@net.example>"), MEMBERS[0])
    assert other.state is ReportState.ACCEPTED
    await house.wait(31 * DAY)
    late = await house.report(house.mail(to=MEMBERS[0], From=f"Desk <{DESK}>"), MEMBERS[0])
    assert "not-ours" not in late.reasons


ABOUT_US = {
    "ARF": b'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n--b\r\n'
    b"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x\r\nVersion: 1\r\n--b--\r\n",
    "XARF 4": b'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n--b\r\n'
    b'Content-Type: application/json; name="xarf.json"\r\n\r\n{}\r\n--b--\r\n',
    "XARF 3": b'X-XARF: PLAIN\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
    b'Content-Type: application/json; name="xarf.json"\r\n\r\n{}\r\n--b--\r\n',
}


@pytest.mark.parametrize("form", ABOUT_US)
async def test_a_complaint_about_us_is_never_a_report(form: str) -> None:
    """Whoever wrote it, and whichever member moved it: refused, and no case begins."""
    house = await town()
    raw = b"From: abuse@other.example\r\nTo: m0@home.example\r\nSubject: your mail\r\nMessage-ID: <1@other.example>\r\n"
    report = await house.delivered(raw + ABOUT_US[form], MEMBERS[0])
    assert report.state is ReportState.REFUSED and "not-a-robot" in report.reasons
    assert await house.all(Case) == []
