"""Real mail: nobody innocent has a channel, who published one has it, and nothing raises."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from antiphon.errors import MalformedInput
from antiphon.formats.message import parse_message
from antiphon.formats.unsubscribe import parse_offer, scheme_of
from antiphon.optout.channel import Kind
from antiphon.optout.inspection import FIELDS, inspect_message
from antiphon.terms import Instant
from tests.unit.optout.census import assumed, census, has_aligned_pair, messages
from tests.unit.optout.test_evidence import NOW, RULES

ARCHIVES = Path(os.environ.get("ANTIPHON_CORPORA", "/nonexistent"))
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "census.md"
HONEYPOTS = ARCHIVES / "phishing_pot_to_2024"

pytestmark = pytest.mark.skipif(not ARCHIVES.is_dir(), reason="ANTIPHON_CORPORA names no folder of real mail")


def open_channels(raw: bytes) -> list[str]:
    """The kinds that are usable, or would be on a click, with every signature assumed valid."""
    return [offer.kind.value for offer in assumed(parse_message(raw)).offers if offer.usable or offer.on_click]


@pytest.mark.parametrize("archive", ["list_relayed/orphan_one_click", "list_relayed/ham", "one_click_ham"])
def test_list_mail_has_no_channel(archive: str) -> None:
    """A form-only check would write to an innocent list host for each of these."""
    found = [(path.name, raw) for path, raw in messages(ARCHIVES / archive)]
    assert found
    assert [name for name, raw in found if open_channels(raw)] == []


def test_mail_of_one_list_host_is_relayed() -> None:
    """All 300: in the right form, and not the author's."""
    assert all(assumed(parse_message(raw)).relayed for _, raw in messages(ARCHIVES / "one_click_ham"))


def test_scheme_less_values_have_no_channel() -> None:
    """Hundreds that name innocent brands; not one is read as an address."""
    seen = 0
    for path, raw in messages(HONEYPOTS):
        offered = parse_message(raw).one("list-unsubscribe")
        items = parse_offer(offered.value).items if offered else ()
        if any(not scheme_of(item) for item in items):
            seen += 1
            assert open_channels(raw) == [], path.name
    assert seen > 400


def test_an_aligned_pair_has_a_channel_and_nobody_else_but_a_mapped_provider() -> None:
    """Counted twice, independently: by fields, gate and names alone, and by the channels."""
    aligned = on_click = 0
    for path, raw in messages(HONEYPOTS):
        message = parse_message(raw)
        if not message.count("list-unsubscribe"):
            continue
        evidence = assumed(message)
        expected = has_aligned_pair(message)
        found = any(offer.on_click for offer in evidence.offers if offer.kind is Kind.ONE_CLICK)
        aligned, on_click = aligned + expected, on_click + found
        assert found or not expected, path.name
        assert expected or not found or evidence.esp, path.name
    assert (aligned, on_click) == (14, 21)


def test_the_page_of_the_census_is_what_is_counted() -> None:
    """Each row of the page, and no row missing."""
    rows = dict(re.findall(r"^\| ([^|]+?) \| (\d+) \|$", PAGE.read_text("utf-8"), re.MULTILINE))
    assert {name: int(count) for name, count in rows.items()} == dict(census(HONEYPOTS))


def test_every_bounce_is_a_robot() -> None:
    """500 bounces and feedback reports of forty mail systems: none could be taken for a person's mail."""
    found = [
        (path.name, assumed(parse_message(raw)).robot) for path, raw in messages(ARCHIVES / "bounces_and_feedback")
    ]
    assert len(found) == 500
    assert [name for name, robot in found if not robot] == []


def test_few_unwanted_mailings_pass_for_robots() -> None:
    """A robot is never reported, so it must not be easy to look like one."""
    robots = sum(bool(assumed(parse_message(raw)).robot) for _, raw in messages(HONEYPOTS))
    assert robots <= 3


@pytest.mark.parametrize("archive", ["parser_tests", "bounces_and_feedback", "glitchyzorua"])
def test_everything_hostile_passes_through_inspection(archive: str) -> None:
    """All 875 damaged messages among them: every one a line, every attachment reached, nothing raised."""
    for path, raw in messages(ARCHIVES / archive):
        for keys in (None, {}):
            assert tuple(inspect_message(raw, path.name, RULES, keys=keys, now=NOW)) == FIELDS
        try:
            message = parse_message(raw)
            message.attached_messages()
            [part.text() for part in message.parts()]
        except MalformedInput:
            continue
        assert all(found.text.encode("utf-8") is not None for found in message.fields)
        assert message.date_at() is None or message.date_at() != Instant(-1)
