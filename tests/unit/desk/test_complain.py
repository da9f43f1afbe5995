"""A complaint as it would leave: what it rests on, what it may not hold, and when nobody is told."""

from __future__ import annotations

import base64
import json
import quopri
import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from hashlib import md5, sha1, sha256
from urllib.parse import quote

import arf
import pytest
import xarf

from antiphon.complaint.contact import best
from antiphon.desk.complain import Draft, draft
from antiphon.errors import RefusedByLaw
from antiphon.formats.arf import parse_feedback
from antiphon.formats.message import parse_message
from antiphon.optout.case import Case, State
from antiphon.terms import DAY, Identifier
from tests.unit.desk.household import MEMBER, Household

PEER = "9.9.9.9"
MEMBERS = [f"canary{n}.of.home@home.example" for n in range(6)]


async def with_mails(consents: str = "count,token,complain", *, state: State = State.UNDELIVERABLE) -> Household:
    """Six members got one mail each, reported it and waited; the network's contact has two sources."""
    house = await Household().open()
    house.names.contacts[PEER] = (("abuse@net.example",), ())
    house.names.call(PEER, "host.net.example")
    house.names.rows["net.example", "MX"] = ("10 mx.net.example",)
    await house.knows("shop.example")
    for address in MEMBERS:
        await house.enrol(address, consents)
        sender = f"bounce-{address.replace('@', '=')}@b.shop.example"
        await house.delivered(house.mail(to=address, Subject="Offers of the week"), address, peer=PEER, sender=sender)
    await house.wait(3 * DAY)
    (case,) = await house.all(Case)
    await house.store.write(lambda tx: tx.put(replace(case, state=state)))
    return house


async def drafted(house: Household) -> Draft:
    """The complaint about its one case."""
    (case,) = await house.all(Case)
    return await draft(house.desk, case.case)


async def test_the_host_of_a_deaf_originator_is_told() -> None:
    """One report for all incidents, to the contact that two sources name, readable by another parser."""
    found = await drafted(await with_mails())
    chosen = best(found.candidates)
    assert chosen is not None and str(chosen.address) == "abuse@net.example" and found.why_not == ()
    report = parse_feedback(parse_message(found.message))
    assert (report.kind, report.one("source-ip"), report.one("incidents")) == ("abuse", PEER, "6")
    assert report.one("reported-domain") == "shop.example"
    assert b"Subject: Offers of the week\r\n" in report.reported
    theirs = message_from_bytes(found.message)
    assert theirs["To"] == "abuse@net.example" and theirs.get_content_type() == "multipart/report"
    assert b"DKIM-Signature:" in found.message


async def test_every_field_comes_back_in_another_parser() -> None:
    """RFC 5965 §3.1 requires them, RFC 6650 §5.4 and RFC 6692 §3 recommend them; arf-mime knows nothing of us."""
    message = (await drafted(await with_mails())).message
    theirs = arf.ARFMessage(message.decode("ascii")).get_feedback_report()
    assert (theirs.get_feedback_type(), theirs.get_version()) == ("abuse", "1")
    assert theirs.get_user_agent().startswith("Antiphon/")
    assert (theirs.get_source_ip(), theirs["Source-Port"], theirs.get_incidents()) == (PEER, "25", "6")
    assert theirs.get_reporting_mta() == "dns; node.example"
    assert parsedate_to_datetime(theirs.get_arrival_date()).utcoffset() == timedelta(0)
    assert re.fullmatch(r"<[a-z2-7]{24}@shop\.example>", theirs.get_original_mail_from())
    assert re.fullmatch(r"<[a-z2-7]{24}@home\.example>", theirs.get_original_rcpt_to())
    assert theirs.get_reported_domain() == "shop.example"
    names = ("Original-Mail-From", "Arrival-Date", "Source-IP", "Source-Port", "Original-Rcpt-To", "Reported-Domain",
             "Feedback-Type", "User-Agent", "Version", "Reporting-MTA", "Incidents")  # fmt: skip
    assert sorted(theirs.keys()) == sorted(names), "each once"


@pytest.mark.parametrize("listed", ["Abuse@net.example", "net.example"])
async def test_a_contact_that_asked_for_xarf_gets_it(listed: str) -> None:
    """It, or its domain, stands in the settings; members are words in it too."""
    house = await with_mails()
    house.desk = replace(house.desk, house=replace(house.desk.house, xarf_contacts=(listed,)))
    message = (await drafted(house)).message
    document = next(p for p in message_from_bytes(message).walk() if p.get_content_type() == "application/json")
    payload = document.get_payload(decode=True)
    assert isinstance(payload, bytes)
    read = xarf.parse(payload.decode())
    assert read.errors == [] and isinstance(read.report, xarf.SpamReport)
    assert (read.report.source_identifier, read.report.source_port) == (PEER, 25)
    assert str(read.report.smtp_to).endswith("@home.example") and b"Incidents: 6\r\n" in message
    inside = payload + base64.b64decode(json.loads(payload)["evidence"][0]["payload"])
    assert not [address for address in MEMBERS if address.partition("@")[0].encode() in inside]


async def test_all_other_contacts_get_arf() -> None:
    """The control: somebody else asked."""
    house = await with_mails()
    house.desk = replace(house.desk, house=replace(house.desk.house, xarf_contacts=("abuse@other.example",)))
    assert b"application/json" not in (await drafted(house)).message


def encodings(private: str) -> list[bytes]:
    """A text as it may hide in a mail."""
    raw = private.encode()
    shifted = [base64.b64encode(b"x" * n + raw)[2 * n : -4].strip(b"=") for n in (0, 1, 2)]
    digests = [digest(raw).hexdigest().encode() for digest in (md5, sha1, sha256)]
    return [raw, raw[::-1], raw.hex().encode(), quopri.encodestring(raw), quote(private).encode(), *shifted, *digests]


async def test_no_identity_is_in_it_in_any_encoding() -> None:
    """Members' addresses, local parts, tokens, Message-IDs and links: what is built of few facts can not leak more."""
    house = await with_mails()
    message = (await drafted(house)).message
    private = [*MEMBERS, *(address.partition("@")[0] for address in MEMBERS), MEMBER]
    for number in range(1, 8):
        private.append(f"<{number}@shop.example>")
    private += [sha256(f"{to}{n}".encode()).hexdigest()[:20] for to in MEMBERS for n in range(1, 8)]
    lowered = message.lower()
    assert not [text for text in private for form in encodings(text) if form.lower() in lowered]
    assert b"home.example>" in message, "the control: the tenant's domain is there"


async def test_a_subject_that_few_mailboxes_share_stays_here() -> None:
    """Nothing about a text leaves before five mailboxes share it (LAW §7)."""
    house = await with_mails()
    await house.delivered(house.mail(to=MEMBERS[0], Subject="Offers for canary0"), MEMBERS[0], peer=PEER)
    await house.wait(3 * DAY)
    found = await drafted(house)
    assert len(found.ground.incidents) == 7 and b"canary0" not in found.message


@pytest.mark.parametrize("state", sorted(set(State) - {State.UNDELIVERABLE}))
async def test_nobody_is_told_before_the_originator_had_its_time_or_after_the_end(state: State) -> None:
    """The order is kept, a dispute silences, and whoever ignored a notice gets a request before its host is told."""
    found = await drafted(await with_mails(state=state))
    assert found.why_not and found.why_not[0] == found.ground.route.sentence


async def test_only_members_who_agreed_to_complaints_count() -> None:
    """*token* is not *complain*."""
    found = await drafted(await with_mails("count,token"))
    assert found.message == b"" and found.ground.incidents == () and len(found.why_not) == 1


async def test_one_source_is_nobody() -> None:
    """Without the PTR the registry's word stands alone."""
    house = await with_mails()
    house.names.rows.pop((PEER, "PTR"))
    found = await drafted(house)
    assert found.message == b"" and best(found.candidates) is None


async def test_a_case_that_is_not_there_is_a_clear_error() -> None:
    """With advice."""
    house = await Household().open()
    with pytest.raises(RefusedByLaw) as refused:
        await draft(house.desk, Identifier(bytes(16)))
    assert "cases" in refused.value.advice
