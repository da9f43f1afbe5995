"""The way of one mail, with the real servers: Postfix tells the milter, Dovecot keeps it, a person moves it."""

from __future__ import annotations

import imaplib
import itertools
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from antiphon.terms import to_instant
from antiphon.world.letter import Seal, mail_date, sign_mail
from tests.door.conftest import MEMBER, SHOP, House

NUMBERS = itertools.count(1)


def newsletter(house: House, subject: str, *, to: str = MEMBER, **more: str) -> bytes:
    """Bulk mail as it should be: signed, with a personal one-click channel."""
    now, number = to_instant(datetime.now(UTC)), next(NUMBERS)
    fields = [
        ("From", f"Shop <news@{SHOP}>"),
        ("To", to),
        ("Subject", subject),
        ("Date", mail_date(now)),
        ("Message-ID", f"<{number}.{now}@{SHOP}>"),
        ("List-Unsubscribe", f"<https://{SHOP}/u/{number:08}abcdefABCDEF>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("X-Long", "one line\r\n\tand  another"),
        *((name.replace("_", "-"), value) for name, value in more.items()),
    ]
    body = f"{subject}.\r\n.dots\r\n..and more\r\n".encode() + b"All the good things of this week.\r\n" * 400
    return sign_mail(fields, body, [Seal(SHOP, "s1", house.key)], now)


def deliver(house: House, raw: bytes, to: str = MEMBER) -> None:
    """Through Postfix."""
    with smtplib.SMTP("127.0.0.1", house.postfix.smtp, "client.example", timeout=30) as client:
        client.sendmail(f"bounce@{SHOP}", [to], raw)


class Person:
    """A member at a mail program."""

    def __init__(self, house: House, address: str = MEMBER) -> None:
        self.house = house
        self.imap = imaplib.IMAP4("127.0.0.1", house.dovecot.imap, timeout=30)
        self.imap.login(address, "secret")

    def find(self, subject: str, folder: str = "INBOX") -> str:
        """The number of the mail with this subject, once it is there."""

        def look() -> str:
            self.imap.select(folder)
            _, (found,) = self.imap.uid("SEARCH", "HEADER", "Subject", f'"{subject}"')
            return found.decode()

        return self.house.eventually(look)

    def move(self, subject: str, to: str, folder: str = "INBOX") -> None:
        """As mail programs do it. The report is durable when this returns: Dovecot waits for what it started."""
        status, said = self.imap.uid("MOVE", self.find(subject, folder), to)
        assert status == "OK", said

    def expunge(self, subject: str, folder: str) -> None:
        """Deleted for good."""
        self.imap.uid("STORE", self.find(subject, folder), "+FLAGS", "(\\Deleted)")
        self.imap.expunge()

    def append(self, folder: str, raw: bytes) -> None:
        """An upload."""
        status, said = self.imap.append(folder, None, None, raw)
        assert status == "OK", said


@pytest.fixture
def ann(house: House) -> Iterator[Person]:
    person = Person(house)
    yield person
    person.imap.logout()


def reported(house: House, ann: Person, subject: str) -> dict[str, Any]:
    """Delivered, moved into Junk, and in a campaign."""
    deliver(house, newsletter(house, subject))
    ann.move(subject, "Junk")
    return house.eventually(lambda: house.reported(subject))[0]


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
    raw = newsletter(house, "Past the milter")
    with smtplib.LMTP("127.0.0.1", house.dovecot.lmtp, "client.example") as client:
        client.sendmail(f"bounce@{SHOP}", [MEMBER], raw)
    ann.move("Past the milter", "Junk")
    (mail,) = house.eventually(lambda: house.reported("Past the milter"))
    assert (mail["state"], mail["evidence_class"], mail["sighting"]) == ("accepted", "B", True)


def test_a_mail_that_nobody_saw_arrive_is_of_class_c(house: House, ann: Person) -> None:
    """Appended to the inbox and moved: a report, which can pay for nothing by itself; no key was asked for."""
    ann.append("INBOX", newsletter(house, "Foreign copy"))
    ann.move("Foreign copy", "Junk")
    (mail,) = house.eventually(lambda: house.reported("Foreign copy"))
    assert (mail["state"], mail["evidence_class"], mail["sighting"]) == ("accepted", "C", False)
    assert mail["originator"] == ""


def test_out_of_junk_takes_the_report_back(house: House, ann: Person) -> None:
    """Moved to another folder, the report is retracted, and nothing of it is held any more."""
    report = reported(house, ann, "Wanted after all")["report"]
    ann.move("Wanted after all", "Keep", "Junk")
    house.eventually(lambda: house.reported("Wanted after all")[0]["state"] == "retracted")
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
    deliver(house, newsletter(house, "Filed by a filter", X_Filter="junk"))
    number = ann.find("Filed by a filter", "Junk")
    ann.imap.uid("STORE", number, "+FLAGS", "($Junk)")
    ann.imap.uid("COPY", number, "Junk")
    ann.append("Junk", newsletter(house, "Appended to junk"))
    last_report(house, ann)
    assert [house.reported(subject) for subject in ("Filed by a filter", "Appended to junk")] == [[], []]


def test_a_mailbox_without_a_mandate_is_not_read(house: House, ann: Person) -> None:
    """Whoever is no member may move what they like."""
    address = MEMBER.replace("ann", "bob")
    deliver(house, newsletter(house, "For somebody else", to=address), address)
    bob = Person(house, address)
    bob.move("For somebody else", "Junk")
    bob.imap.logout()
    last_report(house, ann)
    assert house.reported("For somebody else") == []


def test_while_the_node_is_down_mail_arrives_and_reports_wait(house: House, ann: Person) -> None:
    """Postfix goes on, Dovecot lays the report down sealed, and the node takes it when it is back."""
    deliver(house, newsletter(house, "Before the break"))
    ann.find("Before the break")
    house.stop_node()
    deliver(house, newsletter(house, "In the break"))
    ann.move("In the break", "Junk")
    ann.move("Before the break", "Junk")
    waiting = list(house.reports.glob("*.handed"))
    assert len(waiting) == 3
    assert not any(b"Before the break" in file.read_bytes() for file in waiting)
    house.start_node()
    (before,) = house.eventually(lambda: house.reported("Before the break"))
    (during,) = house.eventually(lambda: house.reported("In the break"))
    assert (before["evidence_class"], during["evidence_class"]) == ("A", "B")
    assert list(house.reports.glob("*.handed")) == []
