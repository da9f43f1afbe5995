"""A feedback report in the form that was asked for: ARF, or XARF where its facts are known."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from email import message_from_bytes
from email.message import Message
from email.utils import format_datetime

import pytest
import xarf

from antiphon.campaign.report import Delivery
from antiphon.campaign.sighting import Sighting
from antiphon.desk.handover import Handover, handover_of
from antiphon.desk.letter import letter_for
from antiphon.formats.arf import parse_feedback
from antiphon.formats.message import parse_message
from antiphon.formats.robot import Robot, robot_of
from antiphon.ledger.allowance import Armed
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import Case
from antiphon.optout.channel import Kind
from antiphon.terms import DAY, Instant, to_datetime
from tests.unit.desk.household import MEMBER, Household
from tests.unit.formats.dkim_vectors import sign
from tests.unit.optout.test_evidence import seen as evidence_of
from tests.unit.optout.test_feedback import ALL, mail

ANN = "ann@home.example"
VERP = "bounce-member=home.example@b7.shop.example"
SEEN = Handover("9.9.9.9", 40123, VERP, Instant(1_780_308_000_000_000))


async def letter(asked: str, seen: Handover | None) -> bytes:
    """The report on one mail whose author asks for reports in this form."""
    house = await Household().open()
    await house.knows("shop.example")
    await house.delivered(house.mail())
    (case,) = await house.all(Case)
    evidence = evidence_of(sign(mail(f"fbl@shop.example; report={asked}"), covers=ALL))
    offer = next(offer for offer in evidence.offers if offer.kind is Kind.CFBL)
    return letter_for(house.desk, case, offer, evidence, seen=seen)


def parts_of(raw: bytes) -> list[Message]:
    """The three parts, by another parser."""
    parts = message_from_bytes(raw).get_payload()
    assert isinstance(parts, list)
    return [part for part in parts if isinstance(part, Message)]


async def test_every_letter_leads_to_the_sender_desk_once_there_is_one() -> None:
    """A report and an opt-out by mail; a node without a public place names none, and keeps the word that stops it."""
    house = await Household().open()
    await house.knows("shop.example")
    await house.delivered(house.mail())
    (case,) = await house.all(Case)
    evidence = evidence_of(sign(mail("fbl@shop.example; report=arf"), covers=ALL))
    for url, shown in (("https://node.example/", True), ("", False)):
        house.desk = replace(house.desk, house=replace(house.desk.house, public_url=url))
        offer = next(offer for offer in evidence.offers if offer.kind is Kind.CFBL)
        for kind in (Kind.CFBL, Kind.MAILTO):
            text = letter_for(house.desk, case, replace(offer, kind=kind), evidence).decode("ascii")
            assert ("https://node.example/desk/\r\n" in text) is shown and 'answer with "stop"' in text


async def test_xarf_is_written_where_it_was_asked_for() -> None:
    """Message-ID and CFBL-Feedback-ID stand in its evidence (RFC 9477 §3.5), the reverse-path only as a word."""
    raw = await letter("xarf", SEEN)
    text, machine, document = parts_of(raw)
    assert [p.get_content_type() for p in (text, machine, document)] == [
        "text/plain", "message/feedback-report", "application/json",
    ]  # fmt: skip
    payload = document.get_payload(decode=True)
    assert isinstance(payload, bytes)
    read = xarf.parse(payload.decode())
    assert read.errors == [] and isinstance(read.report, xarf.SpamReport)
    assert (read.report.source_identifier, read.report.source_port) == ("9.9.9.9", 40123)
    assert str(read.report.smtp_from).endswith("@shop.example") and "bounce" not in str(read.report.smtp_from)
    block = json.loads(payload)["evidence"][0]["payload"]
    assert base64.b64decode(block) == b"Message-ID: <1@shop.example>\r\nCFBL-Feedback-ID: 1:2:3\r\n"
    assert b"Feedback-Type: xarf\r\n" in raw and b"DKIM-Signature:" in raw
    assert robot_of(parse_message(raw)) is Robot.ARF, "no node takes it for a report of a person"


async def test_no_member_is_in_it() -> None:
    """Neither address nor local part, in the open or inside the base64."""
    raw = await letter("xarf", SEEN)
    whole = raw + b"".join(part.get_payload(decode=True) or b"" for part in parts_of(raw))  # type: ignore[arg-type, misc]  # bytes here
    assert [word for word in (MEMBER.encode(), b"bounce-", b"member=home", b"b7.shop") if word in whole] == []


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("arf", SEEN),
        ("xarf", None),
        ("xarf", Handover("9.9.9.9", 0, VERP, SEEN.at)),
        ("xarf", Handover("9.9.9.9", 40123, "", SEEN.at)),
        ("xarf", Handover("9.9.9.9", 40123, None, SEEN.at)),
    ],
)
async def test_all_others_get_the_least_that_arf_may_hold(asked: str, seen: Handover | None) -> None:
    """ARF was asked for, or a fact is missing: the two identifiers and the three required fields, nothing else."""
    report = parse_feedback(parse_message(await letter(asked, seen)))
    assert [name for name, _ in report.fields] == ["feedback-type", "user-agent", "version"]
    assert report.reported == b"Message-ID: <1@shop.example>\r\nCFBL-Feedback-ID: 1:2:3\r\n"


async def test_how_a_mail_came_is_kept_with_its_delivery() -> None:
    """Address, port and reverse-path as the door told them; a private address is nobody's handover."""
    house = await Household().open()
    await house.delivered(house.mail(), sender=VERP)
    (row,) = {(d.delivery): d for d in await house.all(Delivery)}.values()
    found = handover_of(row)
    assert found is not None and (found.address, found.port, found.mail_from) == ("9.9.9.9", 25, VERP)
    assert handover_of(None) is None
    house = await Household().open()
    await house.delivered(house.mail(), peer="192.168.0.9", sender=VERP)
    assert [handover_of(d) for d in await house.all(Delivery)] == [None] * len(await house.all(Delivery))


async def test_from_the_mail_to_the_report_that_left() -> None:
    """The whole way: a signed `report=xarf`, a standing wish, and one XARF mail that one sighting paid."""
    house = await Household().open(armed=Armed.COMMUNITY)
    await house.knows("shop.example")
    await house.enrol(ANN, "count,token,optout")
    house.names.rows["shop.example", "MX"] = ("10 mx.shop.example",)
    house.names.rows["mx.shop.example", "A"] = ("8.8.4.4",)
    for day in (0, 4):
        fields = mail(
            "fbl@shop.example; report=xarf", To=ANN,
            **{"Date": format_datetime(to_datetime(house.time.now())), "Message-ID": f"<{day}@shop.example>",
               "List-Unsubscribe": "<https://stranger.example/u/k3j5h2g9d8s7a6>"},
        )  # fmt: skip
        raw = sign(fields, b"All the good things.\r\n" * 1200, covers=ALL)
        await house.delivered(raw, ANN, sender=f"b-{day}@b7.shop.example")
        await house.wait(4 * DAY)
        await house.allow_pairs()
    await house.wait(DAY)
    (left,) = house.out.letters
    (document,) = [p for p in message_from_bytes(left.message).walk() if p.get_content_type() == "application/json"]
    payload = document.get_payload(decode=True)
    assert isinstance(payload, bytes) and xarf.parse(payload.decode()).errors == []
    assert json.loads(payload)["message_id"] in ("<0@shop.example>", "<4@shop.example>")
    (attempt,) = await house.all(Attempt)
    assert attempt.channel == "cfbl" and len(await house.all(Sighting)) == 2
    assert sum(sighting.paid is not None for sighting in await house.all(Sighting)) == 1
