"""A carrier is told in the town of the law, and every careless way to tell it is an offence by its own count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.complaint import pacing
from antiphon.complaint.known import Finding, Harm
from antiphon.desk import complain, question, rung
from antiphon.desk.judge import Deed
from antiphon.terms import DAY, HOUR, Instant
from tests.law.judging import judge_harm
from tests.law.node import Node
from tests.law.scenes import OPEN, at
from tests.law.stages import newsletter
from tests.law.tally import AUTHORITY, CARRIER, NAMELESS, REGISTRAR
from tests.law.town import PEOPLE


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Every node of a test ends with it."""
    yield
    while OPEN:
        OPEN.pop().close()


def lives_on(node: Node, days: int = 14) -> list[int]:
    """Mail goes on for some weeks, and a person allows every network; when complaints left."""
    for day in range(days):
        if day % 4 == 0:
            newsletter(node, "shop.example")
            newsletter(node, "nameless.example")
        node.wait(DAY)
        node.decide_pairs(allow=True)
    return [attempt.at for attempt in node.tally.attempts if attempt.act == "complaint"]


def test_a_carrier_is_told_of_both_and_nobody_of_itself(tmp_path: Path) -> None:
    """Of the one that went on after requests, and of the one that can not be asked; lawful by every count."""
    node = at("deaf")
    assert len(lives_on(node)) >= 2
    node.check()
    assert {attempt.host for attempt in node.tally.attempts if attempt.act == "complaint"} == {CARRIER}
    verdict = node.audited(tmp_path)
    assert verdict.lawful, verdict.text()


def test_tiers_are_told_in_order_about_what_a_person_found(tmp_path: Path) -> None:
    """Host, registrar, authority, about the one alone in which harm was found; lawful by every count."""
    node = at("deaf")
    judge_harm(node, NAMELESS, Deed.PHISHING)
    lives_on(node, 44)
    node.check()
    told = [(a.host, a.originator) for a in node.tally.attempts if a.act == "complaint"]
    assert [host for host in dict(told) if (host, NAMELESS) in told] == [CARRIER, REGISTRAR, AUTHORITY]
    assert {host for host, originator in told if originator != NAMELESS} <= {CARRIER}
    verdict = node.audited(tmp_path)
    assert verdict.lawful, verdict.text()


def test_without_its_time_a_registrar_sees_an_offence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host has just been told."""
    monkeypatch.setattr(rung, "REACTS_WITHIN", 0)
    node = at("deaf")
    judge_harm(node, NAMELESS, Deed.PHISHING)
    lives_on(node, 20)
    assert any("the one below it had its time" in offence for offence in node.tally.offences)


def test_without_a_person_s_finding_a_registrar_sees_an_offence() -> None:
    """Somebody wrote it into the store; nobody signed it."""
    node = at("deaf")
    forged = Finding(NAMELESS, Harm.PHISHING, node.now, "nobody", "a guess")
    node.run(node.store.write(lambda tx: tx.put(forged)))
    lives_on(node, 20)
    assert any("nobody found harm" in offence for offence in node.tally.offences)


def test_without_the_silence_the_carrier_sees_an_offence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second complaint comes too soon."""
    monkeypatch.setattr(question, "opens_at", lambda sent, **_: Instant(0))
    node = at("deaf")
    assert len(lives_on(node)) >= 2
    assert any("silence" in offence for offence in node.tally.offences)


def test_without_the_order_the_carrier_is_told_before_the_originator_had_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody has sent it a notice yet."""
    monkeypatch.setattr(rung, "_went_on", lambda tx, case, now: True)
    node = at("proposed")
    for person in PEOPLE:
        node.enrol(person, "count,token,complain")
    lives_on(node)
    assert any("had its time" in offence for offence in node.tally.offences)


def test_consent_is_looked_at_once_more_when_all_else_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member withdraws *complain* while the contact's name is looked up: the permit is refused, nothing leaves."""
    node, located = at("deaf"), complain.locate

    async def meanwhile(*args: object, **more: object) -> object:
        found = await located(*args, **more)  # type: ignore[arg-type]  # as it was called
        from antiphon.desk.enrol import add_member

        for person in PEOPLE:
            await add_member(node.desk, person, consents="count,token")
            node.tally.people[person].complain = False
        return found

    monkeypatch.setattr(complain, "locate", meanwhile)
    node.decide_pairs(allow=True)
    node.sleep(6 * HOUR)
    node.sleep(3 * DAY)
    assert [a for a in node.tally.attempts if a.act == "complaint"] == []
    node.check()


def test_the_measures_are_those_of_the_law() -> None:
    """A week after a probe, a day between two; ten in thirty days."""
    assert (pacing.PROBE_SILENCE, pacing.APART, pacing.CAP, pacing.CAP_WITHIN) == (7 * DAY, DAY, 10, 30 * DAY)
