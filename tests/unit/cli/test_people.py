"""Operators sign on their own machine; the node learns public keys and signatures only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from antiphon.cli import main


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A fresh home, whose first operator's key lies beside it."""
    made = run(tmp_path / "home", "init", "--operator-name", "ada")
    assert made.exit_code == 0, made.output
    return tmp_path / "home"


def run(home: Path, *words: str) -> Result:
    """One command on this home, which no node has open."""
    return CliRunner().invoke(main, ["--home", str(home), *words])


def operators(home: Path) -> list[dict[str, object]]:
    """Who may sign, as programs read it."""
    return list(json.loads(run(home, "operator", "list", "--json").stdout))


def test_an_operator_is_added_and_revoked_without_naming_entries(home: Path) -> None:
    """The node tells the entry of a key from the key."""
    new = home.with_name("bo.key")
    assert run(home, "operator", "add", "bo", "--new-key", str(new)).exit_code == 0
    assert [row["name"] for row in operators(home)] == ["ada", "bo"]
    # The new one may sign at once for keys; what a key counts for has its own age.
    said = run(home, "operator", "revoke", "ada", "--key", str(new))
    assert said.exit_code == 0, said.output
    assert [row["revoked"] for row in operators(home)] == [True, False]


def test_the_blocklist_is_kept_by_people_with_keys(home: Path) -> None:
    """Also for an originator that nobody reported yet; shown with who, when and why, and lifted by name."""
    nothing = json.loads(run(home, "originator", "shop.example", "--json").stdout)
    assert (nothing["blocked"], nothing["first_seen_at"], nothing["cases"]) == ("", None, [])
    said = run(home, "originator", "www.shop.example", "block", "--why", "it sells what it learns")
    assert said.exit_code == 0 and "shop.example is on the blocklist" in said.output
    shown = json.loads(run(home, "originator", "shop.example", "--json").stdout)
    assert (shown["blocked"], shown["blocked_by"]) == ("it sells what it learns", "ada") and shown["blocked_at"]
    assert shown["unaccountable"][0] == "not-blocklisted" and shown["why_not"][0] == "It is on the blocklist."
    assert run(home, "originator", "other.example", "unblock", "--why", "a slip").exit_code == 77
    stranger = home.with_name("stranger.key")
    stranger.write_text("11" * 32)
    refused = run(home, "originator", "shop.example", "unblock", "--why", "mine", "--key", str(stranger))
    assert refused.exit_code == 66
    lifted = run(home, "originator", "shop.example", "unblock", "--why", "another owner", "--json")
    assert json.loads(lifted.stdout) == {"originator": "shop.example", "deed": "unblock", "by": "ada"}
    assert json.loads(run(home, "originator", "shop.example", "--json").stdout)["blocked"] == ""


def test_harm_is_found_only_in_what_a_domain_signed_itself(home: Path) -> None:
    """A stranger's name, a provider's customer, and a finding that was never made: each refused in a sentence."""
    for name, what in (("bank.example", "phishing"), ("esp.example/4711", "malware"), ("bank.example", "harmless")):
        refused = run(home, "originator", name, "found", what, "--why", "imitates a bank")
        assert refused.exit_code == 77, refused.output
    assert json.loads(run(home, "originator", "bank.example", "--json").stdout)["found"] == ""
    assert run(home, "originator", "bank.example", "found", "spam", "--why", "x").exit_code == 2


def test_private_keys_stay_outside_the_home(home: Path) -> None:
    """Nothing below the home holds a byte of them, in hex or raw."""
    new = home.with_name("bo.key")
    run(home, "operator", "add", "bo", "--new-key", str(new))
    for file in (new, home.with_name("home-operator.key")):
        private = file.read_text().strip()
        for kept in (path for path in home.rglob("*") if path.is_file()):
            assert private.encode() not in kept.read_bytes()
            assert bytes.fromhex(private) not in kept.read_bytes()


@pytest.mark.parametrize("content", [None, "no hex", "abcd"])
def test_a_key_that_can_not_be_read_is_one_sentence(home: Path, content: str | None) -> None:
    """Missing, not hex, or too short: what and where, no traceback, nothing signed."""
    file = home.with_name("odd.key")
    if content is not None:
        file.write_text(content)
    said = run(home, "operator", "add", "bo", "--new-key", str(home.with_name("bo.key")), "--key", str(file))
    assert said.exit_code == 66
    assert str(file) in said.stderr
    assert len(operators(home)) == 1


def test_a_key_of_a_stranger_is_told_apart(home: Path) -> None:
    """A key that this node does not know signs nothing."""
    file = home.with_name("stranger.key")
    file.write_text("11" * 32)
    said = run(home, "operator", "revoke", "ada", "--key", str(file))
    assert said.exit_code == 66
    assert "knows no operator" in said.stderr


def test_what_keeps_a_node_from_being_armed_is_told(home: Path) -> None:
    """One line a rule, and nothing changes."""
    said = run(home, "arm", "own")
    assert said.exit_code == 77
    assert "\n  - no member has a proved mandate" in said.stderr
    assert json.loads(run(home, "status", "--json").stdout)["armed"] == "observing"


def test_a_halt_is_lifted_by_name_only(home: Path) -> None:
    """Stopping needs no word, going on needs one."""
    assert run(home, "disarm", "--host", "shop.example", "--why", "angry call").exit_code == 0
    (halt,) = json.loads(run(home, "status", "--json").stdout)["halts"]
    assert (halt["scope"], halt["value"], halt["why"]) == ("host", "shop.example", "angry call")
    assert run(home, "resume").exit_code == 2
    assert run(home, "resume", "--host", "shop.example").exit_code == 0
    assert json.loads(run(home, "status", "--json").stdout)["halts"] == []
