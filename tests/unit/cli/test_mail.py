"""Campaigns on the command line: the biggest first, found by the beginning of their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.letters import ME, newsletter, put, run, shown, unsigned

TEXT = (
    b"\r\n".join(b"Our offer of this week, number %d: %s." % (n, b"abcdefghijklmn"[n:] * 2) for n in range(12))
    + b"\r\n"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one campaign of two mails and one of one."""
    same = [unsigned(n).partition(b"\r\n\r\n")[0].replace(f"Number {n}".encode(), b"Offers") for n in (1, 2)]
    mail = put(tmp_path / "in", a=same[0] + b"\r\n\r\n" + TEXT, b=same[1] + b"\r\n\r\n" + TEXT, c=newsletter(3))
    assert run(tmp_path / "home", "quickstart", str(mail), "--member", ME).exit_code == 0
    return tmp_path / "home"


def test_campaigns_are_listed_by_size(home: Path) -> None:
    """With a name that a person can type."""
    first, second = shown(run(home, "campaigns", "--json"))
    assert (first["messages"], second["messages"]) == (2, 1)
    lines = run(home, "campaigns").stdout.splitlines()
    assert lines[0].split() == ["campaign", "mails", "first", "seen", "subject", "of", "the", "first"]
    assert lines[1].startswith(first["campaign"][:8])


def test_a_campaign_says_why_its_mails_belong_together(home: Path) -> None:
    """In sentences, without a score."""
    name = shown(run(home, "campaigns", "--json"))[0]["campaign"]
    found = shown(run(home, "campaign", name[:6], "--json"))
    assert sum(reason["mails"] for reason in found["why"]) == len(found["mails"]) == 2
    assert all(reason["why"].endswith(".") for reason in found["why"])
    said = run(home, "campaign", name[:6]).stdout
    assert "Why they belong together" in said and "nobody answers for it" in said
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("word", ["zz", "ffffffffffffffffffffffffffffffff", "0" * 33])
def test_a_name_of_no_campaign_is_told(home: Path, word: str) -> None:
    """With what to do."""
    ended = run(home, "campaign", word)
    assert ended.exit_code == 65
    assert "names no campaign. `antiphon campaigns` lists them." in ended.stderr


def test_an_empty_home_says_how_to_begin(tmp_path: Path) -> None:
    """Never an empty screen."""
    run(tmp_path / "home", "init")
    assert "No campaign yet." in run(tmp_path / "home", "campaigns").stdout


def test_a_split_is_shown_before_it_is_done(home: Path) -> None:
    """Naming a mail shows what would leave and changes nothing; --yes does it, and a merge takes it back."""
    large, small = shown(run(home, "campaigns", "--json"))
    leaving = shown(run(home, "campaign", small["campaign"], "--json"))["mails"][0]["report"]
    one = shown(run(home, "regroup", large["campaign"], small["campaign"], "--json"))["campaign"]
    said = run(home, "regroup", one, "--split", leaving).stdout
    assert "1 mail would leave" in said and "2 would stay. Nothing was changed: --yes does it." in said
    assert max(map(len, said.splitlines())) <= 80
    assert shown(run(home, "campaign", one, "--json"))["messages"] == 3
    done = shown(run(home, "regroup", one, "--split", leaving, "--yes", "--json"))
    assert (done["staying"], [each["report"] for each in done["leaving"]]) == (2, [leaving])
    assert shown(run(home, "campaign", one, "--json"))["messages"] == 2
    assert [each["report"] for each in shown(run(home, "campaign", done["part"], "--json"))["mails"]] == [leaving]
    assert shown(run(home, "regroup", one, done["part"], "--json"))["campaign"] == one


@pytest.mark.parametrize("words", [("a", "b", "c"), ("a", "b", "--never", "--split")])
def test_one_word_at_a_time(home: Path, words: tuple[str, ...]) -> None:
    """Two campaigns at once, or never and split together, are refused."""
    assert run(home, "regroup", *words).exit_code == 2


def test_a_mail_of_another_campaign_can_not_leave(home: Path) -> None:
    """With what to do."""
    large, small = shown(run(home, "campaigns", "--json"))
    stranger = shown(run(home, "campaign", small["campaign"], "--json"))["mails"][0]["report"]
    ended = run(home, "regroup", large["campaign"], "--split", stranger, "--yes")
    assert ended.exit_code == 65
    assert "Not all of these mails are in this campaign." in ended.stderr
