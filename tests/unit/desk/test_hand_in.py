"""What the mail store says of one message, from the place where it is handed in to the report and its class."""

from __future__ import annotations

import pytest

from antiphon.campaign.report import Delivery, EvidenceClass, Report, ReportState, Witness
from antiphon.campaign.sighting import Sighting
from antiphon.desk.hand_in import hand_in
from antiphon.desk.handover import handover_of
from antiphon.desk.withdraw import revoke
from antiphon.desk.work_off import work_off
from antiphon.errors import RefusedByLaw
from antiphon.formats.handed import Event, Handed
from antiphon.intake.mailport import Envelope
from antiphon.ledger.entry import DeliveriesCommitted, parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.ledger.tree import small_root
from antiphon.terms import DAY, HOUR, Instant
from antiphon.web.door import MailDoor
from antiphon.web.waiting import waiting
from tests.unit.desk.household import MEMBER, START, Household


class Wake:
    """Somebody looks."""

    def __init__(self) -> None:
        self.rung = 0

    def set(self) -> None:
        self.rung += 1


async def say(home: Household, event: Event, raw: bytes, mailbox: str = MEMBER, at: Instant | None = None) -> None:
    """Handed in, and taken by the next round."""
    await hand_in(home.desk, Handed(event, mailbox, raw), at)
    await work_off(home.desk)


async def milter(home: Household, raw: bytes, *recipients: str) -> None:
    """As an MTA tells of it."""
    door = MailDoor(home.desk, Wake())  # type: ignore[arg-type]  # it only rings
    await door.commit(Envelope("9.9.9.9", 40123, "b@shop.example", recipients or (MEMBER,), raw))
    await work_off(home.desk)


async def only_report(home: Household) -> Report:
    (report,) = await home.all(Report)
    return report


@pytest.mark.parametrize(
    ("seen_by", "event", "found"),
    [
        ("mta", Event.JUNKED, EvidenceClass.COMMITTED),
        ("mta", Event.REPORTED, EvidenceClass.COMMITTED),
        ("store", Event.JUNKED, EvidenceClass.STORED),
        ("store", Event.REPORTED, EvidenceClass.UPLOADED),
        ("both", Event.JUNKED, EvidenceClass.COMMITTED),
        ("both, the store first", Event.JUNKED, EvidenceClass.COMMITTED),
        ("nobody", Event.JUNKED, EvidenceClass.UPLOADED),
        ("nobody", Event.REPORTED, EvidenceClass.UPLOADED),
    ],
)
async def test_the_class_is_what_the_house_saw(seen_by: str, event: Event, found: EvidenceClass) -> None:
    """A committed by the MTA, B moved in the store whose log knows it, C everything else."""
    home = await Household().open()
    raw = home.mail()
    witnesses = {"mta": ["mta"], "store": ["store"], "both": ["mta", "store"], "nobody": []}
    for witness in witnesses.get(seen_by, ["store", "mta"]):
        await (milter(home, raw) if witness == "mta" else say(home, Event.DELIVERED, raw))
    await say(home, event, raw)
    report = await only_report(home)
    assert (report.state, report.evidence_class) == (ReportState.ACCEPTED, found)
    assert bool(await home.all(Sighting)) == (found is not EvidenceClass.UPLOADED)


async def test_no_key_is_asked_for_because_somebody_reported() -> None:
    """Of a mail that nobody saw arrive, a report makes no question to any name server."""
    home = await Household().open()
    await say(home, Event.JUNKED, home.mail())
    assert [name for name in home.names.asked if "_domainkey" in name] == []


async def test_only_what_an_mta_saw_is_in_the_ledgers_hour() -> None:
    """The store's own word is kept, and is no commitment."""
    home = await Household().open()
    await say(home, Event.DELIVERED, home.mail())
    await milter(home, home.mail())
    rows = {row.witness: row for row in await home.all(Delivery)}
    await home.wait(2 * HOUR)
    entries = [parse_entry(row.body) for row in await home.all(StoredEntry)]
    roots = [e.root for e in entries if isinstance(e, DeliveriesCommitted) and e.hour == START // HOUR]
    assert roots == [small_root([rows[Witness.MTA].leaf])]
    committed = {row.witness: row.committed for row in await home.all(Delivery)}
    assert committed[Witness.STORE] is None
    assert committed[Witness.MTA] is not None


async def test_the_mta_tells_who_connected() -> None:
    """Client address, port and reverse-path are kept with the delivery, for each member that got the mail, once."""
    home = await Household().open()
    await home.enrol("bob@home.example")
    await milter(home, home.mail(), MEMBER, MEMBER.upper(), "bob@home.example", "stranger@home.example")
    rows = await home.all(Delivery)
    assert {(row.peer_address, row.peer_port) for row in rows} == {("9.9.9.9", 40123)}
    seen = [handover_of(row) for row in rows]
    assert {found.mail_from for found in seen if found is not None} == {"b@shop.example"} and None not in seen
    assert len({row.member for row in rows}) == len({row.delivery for row in rows}) == 2


@pytest.mark.parametrize(
    ("recipient", "watched"),
    [
        (MEMBER, True),
        (MEMBER.upper(), True),
        ("stranger@home.example", False),
        ("", False),
        ("report+x@node.example", False),
    ],
)
async def test_only_members_mailboxes_are_watched(recipient: str, watched: bool) -> None:
    """What the milter asks before it reads a mail."""
    home = await Household().open()
    assert await MailDoor(home.desk, Wake()).watches(recipient) is watched  # type: ignore[arg-type]  # as above


async def test_out_of_junk_takes_back_what_has_not_left() -> None:
    """The report is retracted; a second time, and for a mail nobody reported, nothing happens."""
    home = await Household().open()
    raw = home.mail()
    await milter(home, raw)
    await say(home, Event.JUNKED, raw)
    await say(home, Event.RETRACTED, raw)
    await say(home, Event.RETRACTED, raw)
    await say(home, Event.RETRACTED, home.mail())
    assert (await only_report(home)).state is ReportState.RETRACTED


async def test_a_retracted_report_waits_for_nothing() -> None:
    """Of two mails one is taken back: only the other is held, before and after the daily batch."""
    home = await Household().open()
    for taken_back in (True, False):
        raw = home.mail()
        await milter(home, raw)
        await say(home, Event.JUNKED, raw)
        if taken_back:
            await say(home, Event.RETRACTED, raw)
    (kept,) = [report for report in await home.all(Report) if report.state is ReportState.ACCEPTED]
    for _ in range(2):
        lines = await home.store.read(lambda tx: waiting(tx, home.desk))
        assert [line["report"] for line in lines] == [kept.report.hex()]
        await home.wait(DAY)


async def test_the_same_move_told_twice_is_one_report() -> None:
    """A program that died after its message was kept is run again."""
    home = await Household().open()
    raw = home.mail()
    await milter(home, raw)
    await say(home, Event.JUNKED, raw)
    await say(home, Event.JUNKED, raw)
    assert len(await home.all(Sighting)) == 1
    assert (await only_report(home)).state is ReportState.ACCEPTED


async def test_a_laid_down_report_counts_from_when_it_was_made() -> None:
    """But never from later than now, whatever the file's time says."""
    home = await Household().open()
    for shift in (-HOUR, DAY):
        await say(home, Event.JUNKED, home.mail(), at=Instant(START + shift))
    assert sorted(report.reported_at for report in await home.all(Report)) == [START - HOUR, START]


@pytest.mark.parametrize("mailbox", ["ann", "Ann", MEMBER])
async def test_a_login_name_is_a_mailbox_of_the_one_hosted_domain(mailbox: str) -> None:
    """Mail stores often know their users without the domain."""
    home = await Household().open()
    await say(home, Event.JUNKED, home.mail(), mailbox)
    assert (await only_report(home)).state is ReportState.ACCEPTED


@pytest.mark.parametrize("gone", [False, True])
async def test_of_who_is_no_member_nothing_is_kept(gone: bool) -> None:
    """The store is thanked, the person is told; not a byte stays."""
    home = await Household().open()
    mailbox = "stranger@home.example"
    if gone:
        await revoke(home.desk, MEMBER)
        mailbox = MEMBER
    await say(home, Event.JUNKED, home.mail(), mailbox)
    with pytest.raises(RefusedByLaw):
        await hand_in(home.desk, Handed(Event.REPORTED, mailbox, home.mail()), None)
    assert home.kept.records == {}
