"""`antiphon quickstart`: a newcomer sees what would be asked of whom, why not of the others, and what is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.letters import BOUNCE, newsletter, put, run, shown, unsigned

SECTIONS = (
    "Campaigns: ", "Originators: ", "Cases: ", "What would be asked: ", "Why nothing would be asked about the other ",
    "What you can do next",
)  # fmt: skip


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """A signed newsletter, one that points at a stranger, one without a signature, and a bounce."""
    stranger = newsletter(2, List_Unsubscribe="<https://innocent.example/u/k3j5h2g9d8s7a6>")
    return put(tmp_path / "in", a=newsletter(1), b=stranger, c=unsigned(3), d=BOUNCE)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_newcomer_sees_everything_in_its_order(tmp_path: Path, mail: Path, columns: str) -> None:
    """From a home that is not there yet, in the width of the terminal."""
    ended = run(tmp_path / "home", "quickstart", str(mail), COLUMNS=columns)
    assert ended.exit_code == 0, ended.output
    places = [ended.stdout.index(f"\n{title}") for title in SECTIONS]
    assert places == sorted(places)
    assert max(map(len, ended.stdout.splitlines())) <= int(columns)
    assert "Since the last time" not in ended.stdout


def test_what_would_be_asked_is_marked_and_the_others_have_a_reason(tmp_path: Path, mail: Path) -> None:
    """Each message stands once: asked about, or under the reason that decides, or refused."""
    found = shown(run(tmp_path / "home", "quickstart", str(mail), "--json"))
    assert [(w["originator"], w["kind"], w["host"], w["messages"], w["assumed"]) for w in found["would"]] == [
        ("shop.example", "one-click", "shop.example", 1, True)
    ]
    assert {row["reason"]: row["messages"] for row in found["why_not"]} == {"own-host": 1, "opt-out-offered": 1}
    counted = sum(row["messages"] for row in (*found["would"], *found["why_not"]))
    assert counted == found["messages"] == found["read"]["evidence_only"] == 3
    assert found["read"]["refused"] == 1
    (case,) = found["cases"]
    assert (case["state"], case["would_be"], case["members"], case["case"]) == ("watching", True, 1, None)


def test_what_stands_in_the_way_of_an_originator_is_said(tmp_path: Path, mail: Path) -> None:
    """Nobody asked a registry, so its age is unknown, click or not."""
    (originator,) = shown(run(tmp_path / "home", "quickstart", str(mail), "--json"))["originators"]
    assert [each["rule"] for each in originator["unaccountable"]] == ["age-known"]


def test_a_second_run_says_what_is_new(tmp_path: Path, mail: Path) -> None:
    """It does not fail; the first time is not news, the same again is none."""
    first = shown(run(tmp_path / "home", "quickstart", str(mail), "--json"))
    assert first["new"]["first_run"]
    assert "nothing is new" in run(tmp_path / "home", "quickstart", str(mail)).stdout
    put(mail, e=newsletter(5, From="News <news@other.shop.example>"), f=unsigned(6))
    again = shown(run(tmp_path / "home", "quickstart", str(mail), "--json"))
    assert (again["new"]["messages"], again["read"]["already_there"], again["read"]["new"]) == (2, 4, 2)
    assert len(again["new"]["campaigns"]) + len(again["new"]["grown"]) == 2


def test_nothing_leaves_and_nothing_is_armed(tmp_path: Path, mail: Path) -> None:
    """A home that was made for looking observes."""
    run(tmp_path / "home", "quickstart", str(mail))
    status = shown(run(tmp_path / "home", "status", "--json"))
    assert (status["armed"], status["sightings"], status["attempts"]) == ("observing", 0, 0)


def test_a_folder_without_mail_is_one_sentence(tmp_path: Path) -> None:
    """No tables of nothing, and a code that says so."""
    (tmp_path / "empty").mkdir()
    ended = run(tmp_path / "home", "quickstart", str(tmp_path / "empty"))
    assert (ended.exit_code, ended.stdout) == (66, "")
    assert "There is no mail in it. Give .eml files, an mbox" in ended.stderr


def test_a_stray_file_does_not_spoil_it(tmp_path: Path, mail: Path) -> None:
    """It is told, and the mail is shown."""
    (mail / "notes.txt").write_text("no mail\n")
    ended = run(tmp_path / "home", "quickstart", str(mail))
    assert ended.exit_code == 0
    assert "notes.txt: This does not look like mail." in ended.stderr


def test_a_subject_can_not_move_the_cursor(tmp_path: Path) -> None:
    """What came in a mail is only text on a terminal."""
    mail = put(tmp_path / "in", a=unsigned(1).replace(b"Number 1\r\n", b"=?utf-8?q?=1B[2Jcleared?=\r\n"))
    assert "\x1b" not in run(tmp_path / "home", "quickstart", str(mail)).stdout
