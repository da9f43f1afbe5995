"""Mailboxes at another house, with the real Dovecot: what a person moves over IMAP is seen, and nothing is touched."""

from __future__ import annotations

import itertools
import json
import smtplib
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from antiphon.registry.agreement import VERSION
from antiphon.terms import to_instant
from antiphon.world.letter import mail_date
from tests.door.conftest import HERE, PROGRAM, Elsewhere
from tests.door.letters import SHOP, Person, eventually, newsletter

pytestmark = pytest.mark.timeout(300)
CY = "cy@big.example"
NUMBERS = itertools.count(1)
AGREED = f"\r\nI agree to mandate {VERSION}\r\n".encode()


def deliver(elsewhere: Elsewhere, raw: bytes, to: str) -> None:
    """As it comes into that house: nobody tells the node."""
    with smtplib.LMTP("127.0.0.1", elsewhere.dovecot.lmtp, "client.example") as client:
        client.sendmail(f"bounce@{SHOP}", [to], raw)


def letter(elsewhere: Elsewhere, subject: str, to: str = CY, **more: str) -> bytes:
    """A newsletter of the shop."""
    return newsletter(elsewhere.key, subject, to, **more)


def to_itself(address: str, word: str) -> bytes:
    """What a member sends to prove its mailbox."""
    written = mail_date(to_instant(datetime.now(UTC)))
    fields = {"From": address, "To": address, "Subject": word, "Date": written, "Message-ID": f"<{word}@{SHOP}>"}
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + AGREED


def prove(elsewhere: Elsewhere, address: str, word: str) -> None:
    """The member sends itself the word, and its mandate is live."""
    deliver(elsewhere, to_itself(address, word), address)
    eventually(lambda: elsewhere.row(address)["mandate"] == "live")


@pytest.fixture(scope="module")
def watched(elsewhere: Elsewhere) -> Elsewhere:
    """Cy's mailbox, proved."""
    elsewhere.run("member", "add", CY, "--consent", "count,token,optout")
    found = elsewhere.watch(CY)
    prove(elsewhere, CY, found["to_prove"].split()[1].strip(","))
    return elsewhere


@pytest.fixture
def cy(watched: Elsewhere) -> Iterator[Person]:
    person = Person(watched.dovecot.imap, CY)
    yield person
    person.imap.logout()


def seen(elsewhere: Elsewhere, subject: str) -> None:
    """Delivered, and looked at where it stands: its key was asked for before anybody reported it."""
    deliver(elsewhere, letter(elsewhere, subject), CY)
    settled(elsewhere)


def settled(elsewhere: Elsewhere) -> None:
    """Everything that lies in the mailbox now has been seen: what comes after it is reported."""
    subject = f"Filed last {next(NUMBERS)}"
    deliver(elsewhere, letter(elsewhere, subject, X_Filter="junk"), CY)
    eventually(lambda: elsewhere.reported(subject))


def report(elsewhere: Elsewhere, subject: str, state: str) -> dict[str, Any]:
    """The report of one mail, once it is so."""
    return eventually(lambda: next((m for m in elsewhere.reported(subject) if m["state"] == state), None)) or {}


def test_a_mail_moved_to_junk_is_an_accepted_report_of_class_c(watched: Elsewhere, cy: Person) -> None:
    """Its key was fixed when it came: the originator is known; it pays for a click of its member and nothing else."""
    seen(watched, "Elsewhere offer")
    cy.move("Elsewhere offer", "Junk")
    found = report(watched, "Elsewhere offer", "accepted")
    assert (found["evidence_class"], found["source"], found["sighting"]) == ("C", "imap", False)
    assert found["originator"] == SHOP
    (line,) = watched.ask("optout-prepare", reports=[found["report"]], mails=[], address="")["lines"]
    assert (line["act"], line["kind"], line["rules"]) == ("own opt-out", "one-click", [])


def test_what_the_filter_of_the_house_put_into_junk_is_evidence_only(watched: Elsewhere, cy: Person) -> None:
    """It was seen nowhere else before: grouped and shown, counted in no case, and nothing to click on."""
    deliver(watched, letter(watched, "Filed elsewhere", X_Filter="junk"), CY)
    found = report(watched, "Filed elsewhere", "evidence-only")
    assert (found["evidence_class"], found["sighting"]) == ("C", False)
    (line,) = watched.ask("optout-prepare", reports=[found["report"]], mails=[], address="")["lines"]
    assert "accepted" in line["rules"]


def test_out_of_junk_takes_back_and_into_junk_again_is_a_persons_word(watched: Elsewhere, cy: Person) -> None:
    """Into a folder that nobody waits in, too; what the filter said before does not make a duplicate of it."""
    seen(watched, "Wanted elsewhere")
    cy.move("Wanted elsewhere", "Junk")
    report(watched, "Wanted elsewhere", "accepted")
    cy.move("Wanted elsewhere", "Keep", "Junk")
    settled(watched)
    report(watched, "Wanted elsewhere", "retracted")
    deliver(watched, letter(watched, "Filed and found", X_Filter="junk"), CY)
    report(watched, "Filed and found", "evidence-only")
    cy.move("Filed and found", "INBOX", "Junk")
    report(watched, "Filed and found", "retracted")
    cy.move("Filed and found", "Junk")
    report(watched, "Filed and found", "accepted")


def test_into_the_bin_or_out_of_the_world_takes_nothing_back_elsewhere(watched: Elsewhere, cy: Person) -> None:
    """From Junk to Trash, and expunged from Junk, a report stands."""
    for subject in ("Thrown away there", "Wiped out there"):
        seen(watched, subject)
        cy.move(subject, "Junk")
        report(watched, subject, "accepted")
    cy.move("Thrown away there", "Trash", "Junk")
    cy.expunge("Wiped out there", "Junk")
    settled(watched)
    for subject in ("Thrown away there", "Wiped out there"):
        assert [mail["state"] for mail in watched.reported(subject)] == ["accepted"]


def test_what_is_copied_or_uploaded_into_junk_is_no_report(watched: Elsewhere, cy: Person) -> None:
    """While it still stands where it stood nothing was moved; deleted there, it was. An upload is evidence only."""
    seen(watched, "Copied there")
    number = cy.find("Copied there")
    cy.imap.uid("COPY", number, "Junk")
    cy.append("Junk", letter(watched, "Uploaded there"))
    settled(watched)
    assert watched.reported("Copied there") == []
    report(watched, "Uploaded there", "evidence-only")
    cy.imap.select("INBOX")
    cy.imap.uid("STORE", number, "+FLAGS", "(\\Deleted)")
    report(watched, "Copied there", "accepted")


def test_nothing_in_a_watched_mailbox_is_touched(watched: Elsewhere, cy: Person) -> None:
    """Read by the node, a mail is still unread, and nothing was added."""
    seen(watched, "Still unread")
    number = cy.find("Still unread")
    _, found = cy.imap.uid("FETCH", number, "(FLAGS)")
    assert b"Seen" not in found[0]
    _, names = cy.imap.list()
    assert len(names) == 4


def test_a_move_while_the_node_is_down_is_found_when_it_is_back(watched: Elsewhere, cy: Person) -> None:
    """It goes on where it was: what it had seen before, and stands in Junk now, a person moved."""
    seen(watched, "Before the night")
    watched.stop_node()
    cy.move("Before the night", "Junk")
    deliver(watched, letter(watched, "In the night", X_Filter="junk"), CY)
    watched.start_node()
    report(watched, "Before the night", "accepted")
    report(watched, "In the night", "evidence-only")


def test_a_server_that_dies_is_asked_again(watched: Elsewhere) -> None:
    """The node says so, comes back by itself, and sees what happened after."""
    seen(watched, "Before the crash")
    watched.dovecot.kill()
    eventually(lambda: watched.state(CY) == "failing")
    assert "could not be reached" in watched.row(CY)["why"] or "hung up" in watched.row(CY)["why"]
    watched.dovecot.start()
    eventually(lambda: watched.state(CY) == "watching", 60)
    person = Person(watched.dovecot.imap, CY)
    person.move("Before the crash", "Junk")
    report(watched, "Before the crash", "accepted")
    person.imap.logout()


def test_other_numbers_for_all_mail_report_nothing(watched: Elsewhere) -> None:
    """After another UIDVALIDITY in every folder what lies in Junk is no news; what is moved from then on is."""
    seen(watched, "Numbered anew")
    person = Person(watched.dovecot.imap, CY)
    before = {name: validity(person, name) for name in ("INBOX", "Junk")}
    rows = all_reports(watched)
    person.imap.logout()
    watched.dovecot.stop()
    eventually(lambda: watched.state(CY) == "failing")
    for file in watched.dovecot.mail.rglob("dovecot*"):
        if file.is_file() and "sieve" not in file.name:
            file.unlink()
    watched.dovecot.start()
    eventually(lambda: watched.state(CY) == "watching", 60)
    person = Person(watched.dovecot.imap, CY)
    assert all(validity(person, name) != old for name, old in before.items())
    settled(watched)
    assert len(all_reports(watched)) == len(rows) + 1
    person.move("Numbered anew", "Junk")
    report(watched, "Numbered anew", "accepted")
    person.imap.logout()


def validity(person: Person, folder: str) -> str:
    person.imap.select(folder)
    return str(person.imap.response("UIDVALIDITY")[1])


def all_reports(elsewhere: Elsewhere) -> list[dict[str, Any]]:
    names = [row["campaign"] for row in elsewhere.ask("campaigns")]
    return [mail for name in names for mail in elsewhere.ask("campaign", campaign=name)["mails"]]


def test_three_mailboxes_are_each_its_own_members(watched: Elsewhere, cy: Person) -> None:
    """One move is one member's report; what a keyring prints signs in as well as a file, and folders can be named."""
    for name, more in (("dee", ()), ("eli", ("--secret-command", "echo secret", "--folder", "INBOX"))):
        address = f"{name}@big.example"
        watched.run("member", "add", address)
        found = watched.watch(address, *more)
        deliver(watched, to_itself(address, found["to_prove"].split()[1].strip(",")), address)
        eventually(lambda address=address: watched.row(address)["mandate"] == "live")
    raw = {who: letter(watched, "To all three", f"{who}@big.example") for who in ("cy", "dee", "eli")}
    for who, each in raw.items():
        deliver(watched, each, f"{who}@big.example")
    settled(watched)
    persons = [cy, *(Person(watched.dovecot.imap, f"{who}@big.example") for who in ("dee", "eli"))]
    for number, person in enumerate(persons, 1):
        person.find("To all three")
        eventually(lambda: all(watched.row(f"{who}@big.example")["state"] == "watching" for who in raw))
        person.move("To all three", "Junk")
        eventually(lambda number=number: len(watched.reported("To all three")) == number)
    for person in persons[1:]:
        person.imap.logout()
    assert [mail["state"] for mail in watched.reported("To all three")] == ["accepted"] * 3
    watched.run("watch", "remove", "dee@big.example")
    watched.run("member", "revoke", "eli@big.example")
    assert [row["address"] for row in watched.ask("watch-list")] == [CY]


def test_a_secret_is_never_told(watched: Elsewhere) -> None:
    """Not where it is refused, not in the log, and not where others could read its file."""
    watched.run("member", "add", "fay@big.example")
    wrong = watched.folder / "wrong"
    wrong.write_text("hunter-seventeen", "utf-8")
    wrong.chmod(0o600)
    place = ["--server", f"{HERE}:{watched.dovecot.imap}", "--plain", "--user", "fay@big.example"]
    watched.run("watch", "add", "fay@big.example", *place, "--secret-file", str(wrong))
    eventually(lambda: watched.state("fay@big.example") == "failing")
    assert watched.row("fay@big.example")["why"] == "The server refuses this user and secret."
    said = watched.run("watch", "list", "--json") + (watched.folder / "node.log").read_text("utf-8")
    assert "hunter" not in said and "hunter" not in str(json.loads(watched.run("status", "--json")))
    wrong.chmod(0o644)
    add = [*PROGRAM, "--home", str(watched.home), "watch", "add", "fay@big.example", *place]
    done = subprocess.run([*add, "--secret-file", str(wrong)], capture_output=True, text=True, check=False)
    assert done.returncode == 73 and "can be read by others" in done.stderr
    watched.run("watch", "remove", "fay@big.example")
