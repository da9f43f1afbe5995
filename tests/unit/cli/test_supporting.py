"""The bundle for whoever helps: shown first, asked for, and with nobody in it, whatever the home holds."""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from antiphon.cli import main
from antiphon.settings import load_settings
from tests.unit.cli.letters import ME, newsletter, put

CANARIES = ("canary-member@hosted.example", "canary.example", "canaryholder", "canarysubject", "canarykey")
SETTINGS = """
name = "canaryholder"
domain = "canary.example"
hosted_domains = ["hosted.canary.example"]
public_url = "https://canary.example/"
two_day_originators = ["canary.example"]
[operator]
legal_name = "canaryholder e.V."
postal_address = "canaryholder way 1"
[on_call]
url = "https://canary.example/canarykey"
mail = "canary-member@hosted.example"
[doors]
http = ""
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Canaries in the settings, in file names, as a member, and in mail: subject, sender, address."""
    (tmp_path / "s.toml").write_text(SETTINGS, "utf-8")
    place = tmp_path / "home"
    assert run(place, "init", "--settings", str(tmp_path / "s.toml")).exit_code == 0
    assert run(place, "member", "add", CANARIES[0]).exit_code == 0
    mail = newsletter(1).replace(b"Subject: ", b"Subject: canarysubject ")
    put(tmp_path / "mail", a=mail, b=newsletter(2))
    assert run(place, "member", "add", ME).exit_code == 0
    assert run(place, "import", str(tmp_path / "mail"), "--member", ME).exit_code == 0
    assert run(place, "disarm", "--host", "u.canary.example", "--why", "canaryholder called").exit_code == 0
    (place / "canarykey.txt").write_text("canarysubject", "utf-8")
    (place / "reports" / "canary-member@hosted.example.handed").parent.mkdir(exist_ok=True)
    (place / "reports" / "canary-member@hosted.example.handed").touch()
    return place


def run(home: Path, *words: str) -> Result:
    """One command, no terminal."""
    return CliRunner().invoke(
        main, ["--home", str(home), *words], env={"COLUMNS": "80", "NO_COLOR": None, "ANTIPHON_DNS": "127.0.0.1:9"}
    )


def test_no_canary_is_in_the_bundle(home: Path, tmp_path: Path) -> None:
    """Not one of those that were planted, no address at all, no name of this machine; but something is in it."""
    bundle = tmp_path / "b.zip"
    assert CANARIES[0].encode() in b"".join(f.read_bytes() for f in home.rglob("*") if f.is_file())
    assert run(home, "support", "--yes", str(bundle)).exit_code == 0
    with zipfile.ZipFile(bundle) as opened:
        parts = {name: opened.read(name).decode() for name in opened.namelist()}
    whole = "\n".join(parts.values())
    assert not [canary for canary in CANARIES if canary in whole]
    assert "canary" not in whole and "@" not in whole and str(home) not in whole and os.uname().nodename not in whole
    assert not re.search(r"\b[a-z0-9-]+\.example\b", whole)
    assert json.loads(parts["node.json"])["records"]["report"] == 2
    assert json.loads(parts["settings.json"])["on_call"]["url"] == "set"
    assert json.loads(parts["settings.json"])["window_hours"] == load_settings(home / "settings.toml").window_hours
    assert json.loads(parts["home.json"])["others"] >= 1 and json.loads(parts["doctor.json"])


def test_all_of_it_is_shown_and_nothing_written_unasked(home: Path, tmp_path: Path) -> None:
    """Without a terminal it does not ask, and does not write."""
    bundle = tmp_path / "b.zip"
    done = run(home, "support", str(bundle))
    assert done.exit_code == 1 and not bundle.exists()
    for name in ("about.json", "home.json", "settings.json", "doctor.json", "node.json"):
        assert f"== {name}" in done.stdout
    told = json.loads(run(home, "support", str(bundle), "--json").stdout)
    assert told["file"] is None and told["parts"].keys() >= {"about.json", "node.json"} and not bundle.exists()


def test_it_is_for_its_owner_and_overwrites_nothing(home: Path, tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    bundle = tmp_path / "b.zip"
    assert run(home, "support", "--yes", str(bundle)).exit_code == 0
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    before = bundle.read_bytes()
    assert run(home, "support", "--yes", str(bundle)).exit_code == 74
    assert bundle.read_bytes() == before


def test_a_home_that_is_none_still_gets_help(tmp_path: Path) -> None:
    """That is when one needs it: the parts that can be had are there, the others say which error."""
    told = json.loads(run(tmp_path / "none", "support", "--json").stdout)["parts"]
    assert told["node.json"] == {"error": "E301"} and told["about.json"]["antiphon"]
