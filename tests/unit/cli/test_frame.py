"""Every command keeps the same promises: help that teaches, JSON for programs, no escape bytes, never a prompt."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from antiphon.cli import main
from antiphon.cli.shell import commands
from tests.unit.cli.letters import ME, newsletter, put

EVERY = dict(commands(main))
LEAVES = {path: each for path, each in EVERY.items() if not isinstance(each, click.Group)}
ITS_OWN_FORM = {
    ("audit",): "its own parser takes --json, since the audit is one file that imports nothing of the rest",
    ("completion",): "what it prints is a shell's script",
    ("group",): "a stream: JSON lines only",
    ("report",): "a pipe says nothing: its exit code tells the mail system",
    ("run",): "a log, JSON lines where it is no terminal",
}
EXAMPLE = re.compile(r"^ +(?:antiphon|\$ antiphon)( .*)$", re.MULTILINE)
PROGRAM = (sys.executable, "-m", "antiphon")
ESCAPE = "\x1b"


def examples(command: click.Command, path: tuple[str, ...]) -> list[list[str]]:
    """The words of each example in a command's help that shows this command."""
    shown = [found.split(" | ")[0].split() for found in EXAMPLE.findall(command.help or "")]
    return [words for words in shown if all(word in words for word in path)]


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_help_teaches_by_example(path: tuple[str, ...]) -> None:
    """Each help shows the command as one would type it, with options that it has."""
    command = EVERY[path]
    names = {name for each in (main, *above(path), command) for p in each.params for name in p.opts}
    below = {name for _, each in commands(command) for p in each.params for name in p.opts} if group(command) else set()
    reads_itself = command.context_settings.get("ignore_unknown_options", False)
    told = set(re.findall(r"--[a-z-]+", command.help or "")) if reads_itself else set()
    assert examples(command, path)
    for words in examples(command, path):
        assert {word for word in words if word.startswith("--")} <= names | below | told


def above(path: tuple[str, ...]) -> list[click.Command]:
    """The groups that a command lies in."""
    return [EVERY[path[:length]] for length in range(1, len(path))]


def group(command: click.Command) -> bool:
    """Whether it has commands of its own."""
    return isinstance(command, click.Group)


@pytest.mark.parametrize("path", sorted(LEAVES.keys() - ITS_OWN_FORM.keys()), ids=" ".join)
def test_every_command_speaks_json(path: tuple[str, ...]) -> None:
    """But those whose output has a form of its own, each named with its reason."""
    assert any("--json" in parameter.opts for parameter in LEAVES[path].params)


def test_the_exceptions_are_commands() -> None:
    """The list of exceptions names no command that is gone."""
    assert ITS_OWN_FORM.keys() <= LEAVES.keys()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with some mail in it, and mail beside it."""
    folder = tmp_path_factory.mktemp("h")
    put(folder / "mail", a=newsletter(1), b=newsletter(2))
    run(folder / "home", "quickstart", str(folder / "mail"), "--member", ME)
    return folder / "home"


def run(home: Path, *words: str, code: int = 0) -> Result:
    """One command as a program runs it: no terminal, no input."""
    done = CliRunner().invoke(main, ["--home", str(home), *words], env={"COLUMNS": "80", "NO_COLOR": None})
    assert done.exit_code == code, (words, done.stderr, done.exception)
    return done


def session(home: Path) -> list[tuple[int, tuple[str, ...]]]:
    """A line for every command that needs no world, in an order in which each finds what it needs."""
    mail, report = str(home.parent / "mail"), first_report(home)
    return [
        (0, ("init",)),
        (0, ("init", "--anchor", str(home.parent / "fresh" / "anchor"))),
        (0, ("status",)),
        (0, ("cases",)),
        (66, ("case", "nobody.example")),
        (0, ("campaigns",)),
        (0, ("campaign", campaign(home)[:8])),
        (0, ("held",)),
        (0, ("import", mail, "--member", ME)),
        (0, ("inspect", mail)),
        (0, ("quickstart", mail, "--member", ME)),
        (77, ("arm", "own")),
        (0, ("disarm", "--host", "u.shop.example", "--why", "a call")),
        (0, ("resume", "--host", "u.shop.example")),
        (0, ("disarm",)),
        (0, ("operator", "list")),
        (0, ("operator", "add", "bo", "--new-key", str(home.parent / "bo.key"))),
        (0, ("operator", "revoke", "bo")),
        (0, ("originator", "shop.example")),
        (0, ("originator", "shop.example", "block", "--why", "known")),
        (0, ("originator", "shop.example", "unblock", "--why", "a slip")),
        (77, ("originator", "shop.example", "vouch", "--why", "known")),
        (77, ("originator", "shop.example", "confirm", "--member", ME, "--why", "no order")),
        (77, ("pair", "0f3a5c7e9b1d", "allow", "--why", "own network")),
        (77, ("optout", report, "--yes")),
        (0, ("undo", report[:8])),
        (0, ("member", "add", "bea@own.example")),
        (0, ("member", "list")),
        (0, ("member", "revoke", "bea@own.example", "--erase")),
        (0, ("ledger", "publish", str(home.parent / "ledger"))),
        (0, ("ledger", "openings", str(home.parent / "openings"))),
        (0, ("ledger", "proof", "0")),
        (0, ("backup", str(home.parent / "copy.sqlite"))),
    ]


def first_report(home: Path) -> str:
    """A report's identifier."""
    return str(json.loads(run(home, "campaign", campaign(home), "--json").stdout)["mails"][0]["report"])


def campaign(home: Path) -> str:
    """A campaign's identifier."""
    return str(json.loads(run(home, "campaigns", "--json").stdout)[0]["campaign"])


def test_what_a_program_reads_is_json_and_nothing_else(home: Path) -> None:
    """One JSON value on standard output, talk on standard error, no byte of a terminal; without input nothing waits."""
    for code, words in session(home):
        place = home if words[1:2] != ("--anchor",) else home.parent / "fresh" / "home"
        done = run(place, *words, "--json", code=code)
        assert is_json(done.stdout) if done.stdout else code, words
        assert done.stdout or done.stderr, words
        assert ESCAPE not in done.stdout + done.stderr, words
        assert isinstance(done.exception, SystemExit | None), words


def is_json(data: str) -> bool:
    """Whether it is one JSON value; raises where it is none."""
    json.loads(data)
    return True


READS = ("status", "cases", "campaigns", "held", "operator list", "inspect MAIL")


@pytest.mark.parametrize("words", READS)
@pytest.mark.parametrize("columns", [80, 120])
def test_what_a_person_reads_fits_the_terminal(home: Path, words: str, columns: int) -> None:
    """No line is wider than the terminal, and there is always something to read."""
    argv = [str(home.parent / "mail") if word == "MAIL" else word for word in words.split()]
    said = CliRunner().invoke(main, ["--home", str(home), *argv], env={"COLUMNS": str(columns)})
    assert said.exit_code == 0 and said.stdout.strip()
    assert max(map(len, said.stdout.splitlines())) <= columns
    assert ESCAPE not in said.output


@pytest.mark.parametrize("words", ["", "--help", "--no-color status", "nonsense"])
def test_no_byte_of_a_terminal_leaves_where_there_is_none(home: Path, words: str) -> None:
    """As a process, without input, also where colour was asked for: plain text, and it ends by itself."""
    surroundings = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color", "ANTIPHON_HOME": str(home)}
    done = subprocess.run(
        [*PROGRAM, *words.split()], env=surroundings, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == (2 if words == "nonsense" else 0)
    assert done.stdout or done.stderr
    assert ESCAPE not in done.stdout + done.stderr
