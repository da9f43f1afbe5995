"""A notice to try things with: of the form of a real one, marked, signed, and about nobody."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from email import message_from_bytes, policy

import pytest

from antiphon.desk.sample import EXPIRES, WORDS, sample_notice
from antiphon.formats.dkim import KeyAnswer, KeyStatus, keys_needed, verify
from antiphon.formats.message import parse_message
from antiphon.optout.case import Case
from antiphon.optout.wording import LANGUAGES
from antiphon.terms import DAY, SECOND, Domain
from tests.unit.desk.household import MEMBER, Household


async def case_of(house: Household) -> Case:
    """One case, of reported mail."""
    await house.knows("shop.example")
    await house.delivered(house.mail(to=MEMBER), MEMBER)
    await house.wait(4 * DAY)
    (case,) = await house.all(Case)
    return case


@pytest.mark.parametrize(("ending", "language"), [("example", "en"), ("de", "de"), ("fr", "fr")])
async def test_it_is_marked_and_about_nobody(ending: str, language: str) -> None:
    """In subject and first line, in its language; no link, box or row of the case is in it."""
    house = await Household().open()
    case = replace(await case_of(house), domain=Domain(f"shop.{ending}"))
    mail = message_from_bytes(sample_notice(house.desk, case), policy=policy.default)
    assert str(mail["Subject"]).startswith("[TEST] ") and mail["To"] == f"abuse@shop.{ending}"
    body = mail.get_body()
    assert body is not None
    text = body.get_content()
    assert text.startswith(WORDS[language].splitlines()[0])
    assert case.reply_token not in mail.as_string() and "@home.example" not in mail.as_string()
    (sheet,) = mail.iter_attachments()
    assert [row["token"] for row in csv.DictReader(io.StringIO(sheet.get_content()))] == ["TEST-NOBODY"]


async def test_it_is_signed_as_ours_are_and_for_three_days() -> None:
    """Who tries a filter on it sees what a real notice would do."""
    house = await Household().open()
    message = parse_message(sample_notice(house.desk, await case_of(house)))
    records = house.desk.mail_signer.records()
    keys = {name: KeyAnswer(name, records[name], KeyStatus.FOUND) for name in keys_needed(message)}
    assert [(s.domain, s.passes) for s in verify(message, keys)] == [("node.example", True)] * 2
    assert message.raw.count(f"x={(house.time.now() + EXPIRES) // SECOND}".encode()) == 2


def test_every_language_of_a_notice_has_its_mark() -> None:
    """And no other."""
    assert set(WORDS) == set(LANGUAGES)
