"""The first screen, completion, and colours that can be turned off."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner

from antiphon.cli import main

LINES = 25


def test_the_program_alone_says_what_it_is_and_how_to_begin() -> None:
    """One screen: what, three examples, the next step."""
    said = CliRunner().invoke(main, [])
    assert said.exit_code == 0
    assert len(said.output.splitlines()) <= LINES
    assert said.output.count("\n  antiphon ") == 3
    assert "--help" in said.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    """What is printed asks the program itself for its words."""
    said = CliRunner().invoke(main, ["completion", shell])
    assert said.exit_code == 0
    assert f"_ANTIPHON_COMPLETE={shell}_complete" in said.output


def test_words_are_completed() -> None:
    """The program answers the shell."""
    told = {"_ANTIPHON_COMPLETE": "bash_complete", "COMP_WORDS": "antiphon quick", "COMP_CWORD": "1"}
    assert "quickstart" in CliRunner().invoke(main, [], prog_name="antiphon", env=told).output


def test_colours_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """--no-color is NO_COLOR for everything that prints in this run."""
    monkeypatch.setenv("NO_COLOR", "")
    assert CliRunner().invoke(main, ["--no-color"]).exit_code == 0
    assert os.environ["NO_COLOR"] == "1"
