"""What `antiphon watch` refuses before it asks anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.letters import run

BASE = ("watch", "add", "x@y.example", "--user", "x")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--server", "h.example"), 2, "one of --secret-file"),
        (("--server", "h.example", "--secret-file", "f", "--secret-command", "c"), 2, "one of --secret-file"),
        (("--server", "h.example", "--plain", "--secret-command", "c"), 2, "another machine"),
        (("--server", "h.example:x", "--secret-command", "c"), 78, "is not host:port"),
        (("--server", "h.example", "--secret-file", "/nowhere/f"), 73, "can not be read"),
        (("--server", "h.example", "--secret-command", "c"), 77, "is not a member"),
        (("--server", "h.example:0", "--secret-command", "c"), 65, "has a port"),
        (("--server", "h\n.example", "--secret-command", "c"), 65, "as a text"),
    ],
)
def test_what_can_not_be_looked_at_is_refused_in_a_sentence(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    """Nothing is written down then."""
    home = tmp_path / "home"
    run(home, "init")
    done = run(home, *BASE, *words)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
    assert run(home, "watch", "list").stdout.strip() == "nothing"


def test_a_consent_that_can_not_be_used_is_refused_at_once(tmp_path: Path) -> None:
    """One that would show it to another house is; one that is good goes on, to the question of the member."""
    home, consent = tmp_path / "home", tmp_path / "consent"
    run(home, "init")
    text = 'client_id = "c"\nrefresh_token = "r"\ntoken_endpoint = "https://login.{}/t"\n'
    for house, code, said in (("victim.example", 78, "does not belong"), ("h.example", 77, "is not a member")):
        consent.write_text(text.format(house), "utf-8")
        consent.chmod(0o600)
        done = run(home, *BASE, "--server", "imap.h.example", "--oauth", "--secret-file", str(consent))
        assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
