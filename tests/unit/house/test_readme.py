"""The README says what the program says, and the one door lists what is behind it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.unit.house.repository import ROOT, SOURCE, text

USAGE = re.compile(r"<!-- usage -->\n+```(?:text)?\n(.*?)```", re.DOTALL)
TARGET = re.compile(r"^([a-z-]+):.*?(?:## (.*))?$", re.MULTILINE)


def run(*command: str) -> str:
    """What a command prints, on a terminal of 100 columns, without colour."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "LANG": "C.UTF-8"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    ).stdout


@pytest.mark.skipif(not (SOURCE / "cli").exists(), reason="the command line comes later")
def test_readme_usage_is_the_help() -> None:
    """The fenced block after `<!-- usage -->` is what `antiphon --help` prints."""
    page = (ROOT / "README.md").read_text("utf-8")
    block = USAGE.search(page)
    assert block, "README.md has no fenced block after <!-- usage -->"
    printed = [line.rstrip() for line in run(sys.executable, "-m", "antiphon", "--help").strip().splitlines()]
    if os.environ.get("ANTIPHON_WRITE_DOCS"):
        start, end = block.span(1)
        (ROOT / "README.md").write_text(page[:start] + "\n".join(printed) + "\n" + page[end:], "utf-8")
        return
    assert [line.rstrip() for line in block.group(1).strip().splitlines()] == printed


def test_readme_commands_are_behind_the_door() -> None:
    """Each `make` target that a page tells people to type is there."""
    targets = {target for target, _ in TARGET.findall(text(ROOT / "Makefile"))}
    told = set(re.findall(r"^ *(?:\$ )?make ([a-z-]+)", text(ROOT / "README.md"), re.MULTILINE))
    assert {"run", "test"} <= told <= targets


def test_make_help_lists_every_target() -> None:
    """`make` alone tells what can be done, each with a text; only the inner step of `test` is not listed."""
    listed = set(re.findall(r"^  make ([a-z-]+) +\S", run("make", "help"), re.MULTILINE))
    assert listed == {target for target, _ in TARGET.findall(text(ROOT / "Makefile"))} - {"debian"}
    assert listed >= {"help", "run", "test", "drill", "lint", "law", "bench", "docs", "clean"}


def test_make_alone_is_make_help() -> None:
    """Nothing happens by itself."""
    assert run("make") == run("make", "help")
