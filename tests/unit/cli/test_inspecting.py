"""`antiphon inspect`: exactly its fields for programs, sentences for people, every file a line."""

from __future__ import annotations

import json
from pathlib import Path

from antiphon.optout.inspection import FIELDS
from tests.unit.cli.letters import BOUNCE, newsletter, put, run, shown, unsigned

ASSUME = "--assume-signatures-valid"


def test_every_file_is_a_line_with_exactly_the_fields(tmp_path: Path) -> None:
    """Mail, bounces, what is past a limit, and what is no mail."""
    mail = put(tmp_path / "in", a=newsletter(), b=BOUNCE, c=unsigned(), d=b"X: " + b"x" * 70_000 + b"\r\n\r\n", e=b"")
    ended = run(tmp_path, "inspect", "--jsonl", str(mail), str(tmp_path / "nowhere"))
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.exit_code == 66
    assert [set(line) for line in lines] == [set(FIELDS)] * 6
    assert [line["refusals"][0] for line in lines[3:]] == ["within-limits", "unreadable", "unreadable"]


def test_the_inner_fields_are_those_that_programs_rely_on(tmp_path: Path) -> None:
    """Of signatures, gate and channels."""
    view = shown(run(tmp_path, "inspect", "--json", ASSUME, str(put(tmp_path / "in", a=newsletter()))))
    assert list(view) == list(FIELDS)
    assert list(view["signatures"][0]) == ["domain", "selector", "covers", "result", "reason"]
    assert list(view["gate"]) == ["passes", "reasons"]
    assert list(view["channels"][0]) == ["kind", "destination", "usable", "on_click", "reasons"]
    assert (view["relayed"], view["accountable"], view["transactional"]) == (False, False, [])
    assert (view["channels"][0]["usable"], view["channels"][0]["on_click"]) == (False, True)


def test_without_the_diagnostic_no_signature_holds(tmp_path: Path) -> None:
    """Nobody is asked for a key."""
    view = shown(run(tmp_path, "inspect", "--json", str(put(tmp_path / "in", a=newsletter()))))
    assert view["signatures"][0]["result"] == "temporary"
    assert not any(channel["on_click"] for channel in view["channels"])


def test_several_messages_are_one_array(tmp_path: Path) -> None:
    """Written as it grows, whole at the end."""
    mail = put(tmp_path / "in", a=newsletter(), b=unsigned(), c=BOUNCE)
    assert [Path(view["path"]).stem for view in shown(run(tmp_path, "inspect", "--json", str(mail)))] == ["a", "b", "c"]


def test_a_person_is_told_each_reason_in_words(tmp_path: Path) -> None:
    """In eighty columns."""
    stranger = newsletter(List_Unsubscribe="<https://innocent.example/u/k3j5h2g9d8s7a6>")
    ended = run(tmp_path, "inspect", ASSUME, str(put(tmp_path / "in", a=newsletter(), b=stranger, c=unsigned())))
    first, second, third = ended.stdout.split("\n\n")[:3]
    assert "one-click    on your click: https://shop.example/u/k3j5h2g9d8s7a6" in first
    assert "host: It leads to somebody who did not sign this mail." in second
    assert "signature    none" in third
    assert "channel      none is offered" in third
    # A path is as long as it is; all else is ours.
    assert max(len(line) for line in ended.stdout.splitlines() if str(tmp_path) not in line) <= 80


def test_three_faults_are_three_refusals(tmp_path: Path) -> None:
    """The deciding one first."""
    faulty = b"Cfbl-Address: a@b.example\r\n" * 2 + newsletter(To="a@b.example, c@d.example", Subject="Your invoice")
    view = shown(run(tmp_path, "inspect", "--json", ASSUME, str(put(tmp_path / "in", a=faulty))))
    assert view["refusals"] == ["one-cfbl-address", "only-to-member", "not-transactional"]
