"""The way of one mail, with the real servers: Postfix tells the milter, Dovecot keeps it, a person moves it."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.door.conftest import MEMBER, House
from tests.door.letters import NUMBERS, SHOP, Person, eventually, newsletter
from tests.door.letters import deliver as send

pytestmark = pytest.mark.timeout(300)


def letter(house: House, subject: str, *, to: str = MEMBER, **more: str) -> bytes:
    """A newsletter of the shop."""
    return newsletter(house.key, subject, to, **more)


def deliver(house: House, raw: bytes, to: str = MEMBER) -> None:
    """Through Postfix."""
    send(house.postfix.smtp, raw, to)


@pytest.fixture
def ann(house: House) -> Iterator[Person]:
    person = Person(house.dovecot.imap, MEMBER)
    yield person
    person.imap.logout()


def reported(house: House, ann: Person, subject: str) -> dict[str, Any]:
    """Delivered, moved into Junk, and in a campaign."""
    deliver(house, letter(house, subject))
    ann.move(subject, "Junk")
    return eventually(lambda: house.reported(subject))[0]


def last_report(house: House, ann: Person) -> str:
    """A report that comes after all that was done before: when it is there, the rest has been taken."""
    return str(reported(house, ann, f"Last of {next(NUMBERS)}")["report"])


def test_a_signed_mail_moved_to_junk_is_a_class_a_sighting_in_a_campaign(house: House, ann: Person) -> None:
    """Postfix, milter, Dovecot, a move over IMAP: a sighting that our own MTA had committed."""
    mail = reported(house, ann, "Autumn offer")
    assert (mail["state"], mail["evidence_class"], mail["source"]) == ("accepted", "A", "junk")
    assert mail["sighting"]
    assert mail["originator"] == SHOP
    assert SHOP in [row["originator"] for row in house.ask("held")["reports"]]


def test_a_mail_that_only_the_store_delivered_is_of_class_b(house: House, ann: Person) -> None:
    """No MTA told of it; the store's own log, at delivery, knows it."""
    raw = letter(house, "Past the milter")
    with smtplib.LMTP("127.0.0.1", house.dovecot.lmtp, "client.example") as client:
        client.sendmail(f"bounce@{SHOP}", [MEMBER], raw)
    ann.move("Past the milter", "Junk")
    (mail,) = eventually(lambda: house.reported("Past the milter"))
    assert (mail["state"], mail["evidence_class"], mail["sighting"]) == ("accepted", "B", True)


def test_a_mail_that_nobody_saw_arrive_is_of_class_c(house: House, ann: Person) -> None:
    """Appended to the inbox and moved: a report, which can pay for nothing by itself; no key was asked for."""
    ann.append("INBOX", letter(house, "Foreign copy"))
    ann.move("Foreign copy", "Junk")
    (mail,) = eventually(lambda: house.reported("Foreign copy"))
    assert (mail["state"], mail["evidence_class"], mail["sighting"]) == ("accepted", "C", False)
    assert mail["originator"] == ""


def test_out_of_junk_takes_the_report_back(house: House, ann: Person) -> None:
    """Moved to another folder, the report is retracted, and nothing of it is held any more."""
    report = reported(house, ann, "Wanted after all")["report"]
    ann.move("Wanted after all", "Keep", "Junk")
    eventually(lambda: house.reported("Wanted after all")[0]["state"] == "retracted")
    assert report not in [row["report"] for row in house.ask("held")["reports"]]


def test_into_the_bin_or_out_of_the_world_takes_nothing_back(house: House, ann: Person) -> None:
    """From Junk to Trash, and expunged from Junk, a report stands."""
    reported(house, ann, "Thrown away")
    reported(house, ann, "Wiped out")
    ann.move("Thrown away", "Trash", "Junk")
    ann.expunge("Wiped out", "Junk")
    last_report(house, ann)
    assert [house.reported(subject)[0]["state"] for subject in ("Thrown away", "Wiped out")] == ["accepted"] * 2


def test_what_no_person_moved_is_no_report(house: House, ann: Person) -> None:
    """Filed by Sieve, appended into Junk, flagged, or copied within Junk: nothing comes of it."""
    deliver(house, letter(house, "Filed by a filter", X_Filter="junk"))
    number = ann.find("Filed by a filter", "Junk")
    ann.imap.uid("STORE", number, "+FLAGS", "($Junk)")
    ann.imap.uid("COPY", number, "Junk")
    ann.append("Junk", letter(house, "Appended to junk"))
    last_report(house, ann)
    assert [house.reported(subject) for subject in ("Filed by a filter", "Appended to junk")] == [[], []]


def test_a_mailbox_without_a_mandate_is_not_read(house: House, ann: Person) -> None:
    """Whoever is no member may move what they like."""
    address = MEMBER.replace("ann", "bob")
    deliver(house, letter(house, "For somebody else", to=address), address)
    bob = Person(house.dovecot.imap, address)
    bob.move("For somebody else", "Junk")
    bob.imap.logout()
    last_report(house, ann)
    assert house.reported("For somebody else") == []


def test_while_the_node_is_down_mail_arrives_and_reports_wait(house: House, ann: Person) -> None:
    """Postfix goes on, Dovecot lays the report down sealed, and the node takes it when it is back."""
    deliver(house, letter(house, "Before the break"))
    ann.find("Before the break")
    house.stop_node()
    deliver(house, letter(house, "In the break"))
    ann.move("In the break", "Junk")
    ann.move("Before the break", "Junk")
    waiting = list(house.reports.glob("*.handed"))
    assert len(waiting) == 3
    assert not any(b"Before the break" in file.read_bytes() for file in waiting)
    house.start_node()
    (before,) = eventually(lambda: house.reported("Before the break"))
    (during,) = eventually(lambda: house.reported("In the break"))
    assert (before["evidence_class"], during["evidence_class"]) == ("A", "B")
    assert list(house.reports.glob("*.handed")) == []


def test_while_the_node_hangs_mail_arrives(house: House, ann: Person) -> None:
    """Postfix waits for the milter as long as its line says, and the mail goes on its way, uncommitted."""
    house.hang_node()
    try:
        deliver(house, letter(house, "While it hung"))
        ann.find("While it hung")
    finally:
        house.wake_node()
    ann.move("While it hung", "Junk")
    (mail,) = eventually(lambda: house.reported("While it hung"))
    assert mail["evidence_class"] != "A"
