"""The reference pages say what the program says: settings, commands, and every byte that may leave."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import click

from antiphon.cli import main
from antiphon.cli.shell import commands, manual
from antiphon.ledger.allowance import RULES
from antiphon.settings import Settings, print_settings
from antiphon.web.metrics import METRICS
from tests.unit.house.repository import ROOT, below, name, text

REFERENCE = ROOT / "docs" / "reference"
HOW = "written anew by running this test with ANTIPHON_WRITE_DOCS=1"
# Where code opens a socket to the outside: a call that dials, asks DNS, or fetches from a registry.
EGRESS = re.compile(r"\.(?:ask|post|send|fetch|holder|abuse_contacts|registered_at|connect)\(")
EGRESS_ROOMS = ("src/antiphon/desk", "src/antiphon/node.py")


def settings_page() -> str:
    """Every setting with its text and default."""
    return (
        "# Settings\n\nA TOML file `settings.toml` in the home; each line below is a default. An environment variable\n"
        "such as `ANTIPHON_DOORS__LMTP` wins over the file.\n\n```toml\n" + print_settings(Settings()) + "```\n"
    )


def commands_page() -> str:
    """Every command with its help."""
    lines = ["# Commands", "", "`antiphon [--home DIR] COMMAND`; each has `--help`."]
    for path, command in commands(main):
        usage = click.Context(command, info_name=" ".join(("antiphon", *path)))
        shown = "\n".join(line.rstrip() for line in command.get_help(usage).splitlines())
        lines += ["", f"## {' '.join(path)}", "", "```text", shown, "```"]
    return "\n".join(lines) + "\n"


def check(page: str, wanted: str) -> None:
    """The page, named from the reference's folder, is what the program says."""
    path = REFERENCE / page
    if os.environ.get("ANTIPHON_WRITE_DOCS"):
        path.write_text(wanted, "utf-8")
    assert path.read_text("utf-8") == wanted, HOW


def test_every_setting_has_its_text() -> None:
    """docs/reference/settings.md is what the code holds."""
    check("settings.md", settings_page())


def test_every_command_has_its_text() -> None:
    """docs/reference/commands.md is what `--help` prints."""
    check("commands.md", commands_page())
    assert all(command.help for _, command in commands(main))


def test_the_manual_page_is_the_help() -> None:
    """man/antiphon.1 is made from the same text, and troff has nothing to say against it."""
    check("../../man/antiphon.1", manual())
    if troff := shutil.which("groff"):
        page = ROOT / "man" / "antiphon.1"
        said = subprocess.run([troff, "-man", "-ww", "-z", "-Tutf8", page], check=True, capture_output=True)
        assert not said.stderr


def test_every_rule_of_the_law_has_its_text() -> None:
    """docs/reference/rules.md lists every rule by name with its sentence."""
    rows = "\n".join(f"| `{rule.name}` | {', '.join(sorted(rule.acts))} | {rule.sentence} |" for rule in RULES)
    head = "# Rules of the allowance\n\nEvery rule that an attempt must pass, in the table's order. A refusal names"
    check("rules.md", f"{head} all that failed.\n\n| rule | acts | when it fails |\n|---|---|---|\n{rows}\n")


def test_every_metric_has_its_text() -> None:
    """docs/reference/metrics.md lists what /metrics shows; a text is a sentence, a label no free word."""
    rows = "\n".join(f"| `{metric.name}` | {metric.label or '-'} | {metric.text} |" for metric in METRICS)
    head = (
        "# Metrics and health\n\n`/metrics` of the pages' door speaks the Prometheus text format. All are gauges. No\n"
        "label names anybody: each is one of a few words of the program's own.\n\n"
        "| metric | label | what it is |\n|---|---|---|\n"
    )
    tail = (
        "\n\n`/healthz` answers `OK` (200) or `NOT OK` (503), and so do its parts: `/healthz/anchor`,\n"
        "`/healthz/rounds`, and one for each door that is open, `/healthz/lmtp` and `/healthz/smtp`.\n"
    )
    check("metrics.md", head + rows + tail)
    assert all(metric.text.endswith(".") for metric in METRICS)


def test_every_place_that_lets_bytes_out_is_on_the_page() -> None:
    """docs/reference/egress.md names each call in desk and node that reaches the network, and nothing else."""
    found = {
        f"{name(file)}: {match.group(0)[1:-1]}"
        for room in EGRESS_ROOMS
        for file in below(room, ending=".py")
        for line in text(file).splitlines()
        for match in [EGRESS.search(line)]
        if match and ("desk." in line or "resolver." in line or "fetcher." in line)
    }
    page = set(re.findall(r"`(src/[^`]+: \w+)`", text(REFERENCE / "egress.md")))
    assert page == found
