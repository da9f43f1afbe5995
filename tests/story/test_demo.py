"""The main job, end to end, with real processes: a short world, and the same world with one rule taken out."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import Any

import pytest

from antiphon.terms import DAY, to_instant
from antiphon.world.demo import START, run_demo
from tests.story.conftest import Seen, chosen

pytestmark = pytest.mark.timeout(600)


def without(module: str, table: str, rule: str) -> list[str]:
    """A node that lacks one rule: only a test can start such a one."""
    program = (
        f"import {module} as m; m.{table} = tuple(r for r in m.{table} if r.name != {rule!r});"
        "from antiphon.cli import main; main(prog_name='antiphon')"
    )
    return [sys.executable, "-c", program]


def row(found: dict[str, Any], temper: str) -> dict[str, Any]:
    """The figures of one originator."""
    return next(r for r in found["originators"] if r["temper"] == temper)


@pytest.fixture(scope="module")
def found(world: Seen) -> dict[str, Any]:
    """The figures of one world of forty days, and the complaint about the deaf one that was drafted before it ended."""
    return {**world.found, "complaint": world.complaint}


def test_the_ledger_is_lawful(found: dict[str, Any]) -> None:
    """The auditor, a program of its own, says so with the openings."""
    assert found["audit"] == {**found["audit"], "consistent": True, "lawful": True, "offence": None}


def test_a_deaf_originator_gets_one_request_for_each_sighting_after_the_window(found: dict[str, Any]) -> None:
    """Exactly as many, counted at its own socket, and one notice."""
    deaf = row(found, "deaf")
    assert deaf["notices"] == 1
    assert deaf["sightings_after_window"] > 0
    assert deaf["attempts_at_destination"] - 1 == deaf["sightings_after_window"]


def test_notice_and_window_come_when_they_were_computed_to(world: Seen) -> None:
    """A week until keys count and a notice leaves, three days until it is accepted, sixteen for the window."""
    case = world.said["case", "deaf-shop.example"]
    at = {event["what"]: day(event["at"]) for event in reversed(case["events"])}
    assert 7 <= at["proposed -> noticed"] < 8
    assert 10 <= at["noticed -> waiting"] < 11
    assert 26 <= day(case["notice_window_end"]) <= 27
    # The first mail after it waits for its hold and batch.
    first = min(day(made["at"]) for made in case["attempts_made"] if made["act"] == "request")
    assert first - day(case["notice_window_end"]) > 1


def day(at: str) -> float:
    """Days since the world began."""
    return (to_instant(datetime.fromisoformat(at)) - START) / DAY


def test_a_compliant_one_gets_the_notice_and_nothing_else(found: dict[str, Any]) -> None:
    """It acted on the rows, so silence follows."""
    assert row(found, "compliant")["attempts_at_destination"] == 1
    assert row(found, "compliant")["sightings_after_window"] == 0


def test_a_prompt_one_gets_one_opt_out_for_each_member(found: dict[str, Any]) -> None:
    """Ten members, ten ordinary opt-outs, no notice."""
    prompt = row(found, "prompt")
    assert (prompt["attempts_at_destination"], prompt["notices"], prompt["mails"]) == (10, 0, 10)


def test_who_asks_for_feedback_gets_one_report_for_each_member(found: dict[str, Any]) -> None:
    """Through the address in its own header, since its links prove nothing; it acts on each, so silence follows."""
    asking = row(found, "feedback")
    assert (asking["attempts_at_destination"], asking["notices"], asking["mails"]) == (10, 0, 10)
    assert asking["bytes_in"] > 10 * 1024


def test_small_mail_gets_no_more_bytes_than_it_sent(found: dict[str, Any]) -> None:
    """Several small mails pay for one request."""
    small = row(found, "small-mail")
    assert 0 < small["attempts_at_destination"] - 1 < small["sightings_after_window"]


def test_an_originator_that_is_its_own_host_is_not_told_of_itself(found: dict[str, Any]) -> None:
    """Registry and PTR name it, and that is what speaks against it."""
    complaint = found["complaint"]
    assert (complaint["contact"], complaint["route"]["tier"]) == (None, "network")
    assert {"address": "abuse@deaf-shop.example", "rules": ["not-itself"]} in complaint["candidates"]
    assert complaint["incidents"] > 5 and complaint["message"] == ""


def test_the_host_of_a_deaf_originator_gets_one_complaint_and_disconnects_it(world: Seen) -> None:
    """One mail at its socket, fewer bytes than the mails that paid for it; then no mail of that customer any more."""
    host, customer = row(world.found, "host-acting"), row(world.found, "hosted-acting")
    (told,) = (c for c in world.said["complaints",] if c["contact"] == "abuse@host-acting.example")
    assert host["attempts_at_destination"] == 1
    assert (told["contact"], told["originator"]) == ("abuse@host-acting.example", customer["name"])
    assert told["incidents"] > 1 and 0 < host["bytes_in"] + host["bytes_out"] < 12_000 * told["incidents"]
    last = max(delivered for delivered in world.said["complaint",]["message"].splitlines() if "Date:" in delivered)
    assert last and customer["sightings_after_window"] > customer["attempts_at_destination"] - 2


def test_a_dispute_by_dns_stops_a_case_before_the_next_attempt(world: Seen) -> None:
    """Suspended once, however often the button is pressed, then closed: mail that goes on brings about nothing."""
    brand, case = row(world.found, "disputing-daily"), world.said["case", "disputing-daily-shop.example"]
    assert (brand["notices"], brand["attempts_at_destination"], case["state"]) == (1, 1, "closed")
    assert brand["sightings_after_window"] > 0, "the control: there was something to ask for"
    steps = [(event["who"], event["what"]) for event in reversed(case["events"])]
    disputes = [step for step in steps if step[1].endswith("-> disputed")]
    assert disputes == [("the holder of the domain, by DNS", "waiting -> disputed")]
    assert brand["name"] not in {told["originator"] for told in world.said["complaints",]}


def test_nobody_else_hears_a_complaint(world: Seen) -> None:
    """All other tempers are deaf or hidden in networks of their own: two hosts and a registrar are told, once each."""
    told = sorted(each["contact"] for each in world.said["complaints",])
    assert told == ["abuse@host-acting.example", "abuse@host-phishing.example", "abuse@registrar.example"]
    assert sorted(known["contact"] for known in world.said["contact", "list"]) == told


def test_a_registrar_is_told_after_the_host_and_suspends_the_domain(world: Seen) -> None:
    """Of what a person found; the originator itself hears nothing, and is silent from then on. No authority is told."""
    phisher = row(world.found, "hosted-phishing")
    registrar, host = (c for c in world.said["complaints",] if c["originator"] == phisher["name"])
    assert (host["rule"], registrar["rule"], registrar["object"]) == (5, 6, phisher["name"])
    assert day(registrar["at"]) >= day(host["at"]) + 3
    assert (phisher["attempts_at_destination"], phisher["notices"]) == (0, 0)
    assert 0 < phisher["mails"] < row(world.found, "hosted-acting")["mails"], "it could have written as much"
    assert row(world.found, "registrar")["attempts_at_destination"] == 1


def test_what_each_party_counts_stays_within_what_its_mail_paid_for(world: Seen) -> None:
    """Attempts and bytes at all of its hosts and channels, by the world's own count, against the node's books."""
    for party in world.found["originators"]:
        intents, spent, size = world.books[party["temper"]]
        assert party["attempts_at_destination"] <= intents <= spent, party["temper"]
        assert party["bytes_in"] + party["bytes_out"] <= size, party["temper"]
    busy = [party["temper"] for party in world.found["originators"] if party["attempts_at_destination"]]
    assert {"deaf", "feedback", "prompt", "small-mail", "host-acting", "hosted-acting"} <= set(busy)


def test_mail_without_a_name_causes_nothing(found: dict[str, Any]) -> None:
    """Unsigned mail and replayed copies reach nobody."""
    for temper in ("unaccountable", "replayer"):
        assert row(found, temper)["mails"] > 50
        assert row(found, temper)["attempts_at_destination"] == 0


def test_innocents_get_no_packet_while_their_controls_count(found: dict[str, Any]) -> None:
    """A zero counts only where the counter is shown to count."""
    assert all(innocent["packets"] == 0 for innocent in found["innocents"])
    assert len(found["controls"]) > len(found["innocents"])
    assert all(control["count"] > 0 for control in found["controls"])


def test_without_the_host_rule_the_innocent_is_reached() -> None:
    """The rule is what keeps the zero: taken out, the same world sends packets to an innocent."""
    command = without("antiphon.optout.channel", "RULES", "host")
    found = asyncio.run(run_demo(days=36, tempers=chosen("joe-jobber"), node_command=command))
    assert sum(innocent["packets"] for innocent in found["innocents"]) > 0


def test_without_the_rule_on_to_a_replayed_copys_author_is_asked() -> None:
    """A newsletter's genuine copies, passed on to members, would be its author's sightings."""
    command = without("antiphon.campaign.acceptance", "SPENDABLE", "only-to-member")
    found = asyncio.run(run_demo(days=14, tempers=chosen("replayer"), node_command=command))
    assert {i["name"]: i["packets"] for i in found["innocents"] if i["packets"]}.keys() == {"village-letter.example"}


def test_kept_files_are_where_the_help_says(world: Seen) -> None:
    """`--keep` leaves home, ledger, openings and anchor."""
    assert {path.name for path in world.folder.iterdir()} >= {"home", "ledger", "openings", "anchor"}


def test_a_seed_replays() -> None:
    """Two runs of one world tell the same to the byte, another seed another story."""
    tempers = chosen("prompt", "feedback", "deaf")
    first, again, other = (asyncio.run(run_demo(seed=seed, days=7, tempers=tempers)) for seed in (7, 7, 8))
    assert sum(row["attempts_at_destination"] for row in first["originators"]) > 10
    assert first == again
    assert first["originators"] != other["originators"]
