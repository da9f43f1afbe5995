"""The reference pages say what the program says: settings, commands, and every byte that may leave."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Any

import click

from antiphon.campaign.acceptance import ACCEPTED, SPENDABLE
from antiphon.campaign.gate import GATE, UNAMBIGUOUS
from antiphon.cli import main
from antiphon.cli.shell import commands, manual
from antiphon.complaint import contact
from antiphon.formats.domain import URL_RULES
from antiphon.formats.mailto import MAILTO_RULES
from antiphon.formats.unsubscribe import LIST_RULES, MAIL_RULES, POST_RULES, WEB_RULES
from antiphon.ledger import allowance, audit
from antiphon.ledger.entry import KINDS
from antiphon.optout import channel, feedback
from antiphon.optout.click import CLICKABLE
from antiphon.optout.obstacle import OBSTACLES
from antiphon.optout.originator import STANDING
from antiphon.registry.agreement import TEXT, agreement
from antiphon.settings import Settings, print_settings
from antiphon.web.metrics import METRICS, WELL
from tests.unit.house.repository import ROOT, below, name, text

REFERENCE = ROOT / "docs" / "reference"
HOW = "written anew by running this test with ANTIPHON_WRITE_DOCS=1"
# Where code opens a socket to the outside: a call that dials, asks DNS, or fetches from a registry.
WAYS = "answer|hook|ask|post|send|takes|fetch|holder|(?:abuse|registrar)_contacts|registered_at|connect|open_connection"
EGRESS = re.compile(rf"\.(?:{WAYS})\(")
EGRESS_ROOMS = ("src/antiphon/desk", "src/antiphon/node.py", "src/antiphon/intake/imap.py")


NO_JSON = {"completion", "run", "report"}
EVERY_ACT = frozenset(allowance.Act)
RULEBOOKS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("An accepted report", "What is grouped, shown and counted.", ACCEPTED),
    ("A sighting", "What can pay, in addition.", SPENDABLE),
    ("Header fields", "What a sighting may hold once at most.", UNAMBIGUOUS),
    ("The gate", "What the signature must be and cover.", GATE),
    (
        "The form of an opt-out",
        "How List-Unsubscribe and its URLs must be written, with RFC 8058's field beside it.",
        (*LIST_RULES, *WEB_RULES, *URL_RULES, *POST_RULES, *MAIL_RULES, *MAILTO_RULES),
    ),
    ("A channel", "What makes a published channel usable.", channel.RULES),
    (
        "A feedback address",
        "The same for CFBL-Address, with this in place of the rule about the host.",
        tuple(rule for rule in feedback.RULES if rule not in channel.RULES),
    ),
    ("An accountable originator", "Who may be asked at all.", STANDING),
    ("A member's click", "What may be clicked.", CLICKABLE),
    ("At first sight", "What `quickstart` tells first, one for each mail.", OBSTACLES),
    (
        "The allowance",
        "What every attempt must pass before its permit is made, or only those acts in brackets.",
        allowance.RULES,
    ),
    ("A contact for complaints", "Whom a complaint may reach.", contact.RULES),
    ("The audit", "What the auditor looks for in a published ledger.", audit.RULES),
)


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


def mandate_page() -> str:
    """What a member agrees to, in every language."""
    head = (
        "# The mandate\n\nWhat a member agrees to, shown by `antiphon member add`. Another word is another version.\n"
        "`antiphon member export` gives a member its mandate with all that is kept about it.\n"
    )
    texts = (f"\n## {language}\n\n```text\n{agreement(language, 'NODE')}```\n" for language in TEXT)
    return head + "".join(texts)


def check(page: str, wanted: str) -> None:
    """The page, named from the reference's folder, is what the program says."""
    path = REFERENCE / page
    if os.environ.get("ANTIPHON_WRITE_DOCS"):
        path.write_text(wanted, "utf-8")
    assert path.read_text("utf-8") == wanted, HOW


def test_every_setting_has_its_text() -> None:
    """docs/reference/settings.md is what the code holds."""
    check("settings.md", settings_page())


def test_the_mandate_is_the_text_that_members_are_shown() -> None:
    """docs/reference/mandate.md is what `member add` shows."""
    check("mandate.md", mandate_page())


def test_every_command_has_its_text() -> None:
    """docs/reference/commands.md is what `--help` prints."""
    check("commands.md", commands_page())
    assert all(command.help for _, command in commands(main))


def test_every_command_says_what_it_writes_for_programs() -> None:
    """docs/reference/json.md has a section for each, or a row among those that say what was done."""
    page = text(REFERENCE / "json.md")
    sections = set(re.findall(r"^## ([a-z][a-z ]*)$", page, re.MULTILINE))
    rows = set(re.findall(r"^\| `([a-z -]+)` \|", page.partition("## What was done")[2], re.MULTILINE))
    leaves = {" ".join(path) for path, each in commands(main) if not isinstance(each, click.Group)}
    shown = {
        " ".join(path) for path, each in commands(main) if isinstance(each, click.Group) and each.invoke_without_command
    }
    assert sections | rows == leaves - NO_JSON | shown


def test_the_manual_page_is_the_help() -> None:
    """man/antiphon.1 is made from the same text, and troff has nothing to say against it."""
    check("../../man/antiphon.1", manual())
    if troff := shutil.which("groff"):
        page = ROOT / "man" / "antiphon.1"
        said = subprocess.run([troff, "-man", "-ww", "-z", "-Tutf8", page], check=True, capture_output=True)
        assert not said.stderr


def test_every_rule_has_its_text() -> None:
    """docs/reference/rules.md lists every rule that a refusal can name, with its sentence or question."""
    lines = [
        "# Rules",
        "",
        "Every name that a refusal, `inspect`, `held`, `case` or an import can show, in the order of asking:",
        "of all that fail, the first decides. What is asked stands as a question, which is answered no.",
    ]
    for title, said, rules in RULEBOOKS:
        lines += ["", f"## {title}", "", said, "", "| rule | what it says when it fails, or asks |", "|---|---|"]
        lines += [f"| `{rule.name}` | {told(rule)} |" for rule in rules]
    check("rules.md", "\n".join(lines) + "\n")


def told(rule: Any) -> str:
    """Its sentence or question, with the acts that it binds."""
    few = getattr(rule, "acts", EVERY_ACT) != EVERY_ACT
    acts = f" *({', '.join(sorted(rule.acts))})*" if few else ""
    return str(getattr(rule, "sentence", None) or rule.question).replace("|", "\\|") + acts


def test_every_entry_kind_has_its_text() -> None:
    """docs/formats/entries.md has a row for each kind, under its number and name, and none beside."""
    rows = re.findall(r"^\| ([0-9a-f]{2}) \| (\w+) \|", text(ROOT / "docs/formats/entries.md"), re.MULTILINE)
    assert dict(rows) == {f"{number:02x}": shape.__name__ for number, shape in KINDS.items()}


def test_every_metric_has_its_text() -> None:
    """docs/reference/metrics.md lists what /metrics shows; a text is a sentence, a label no free word."""
    rows = "\n".join(f"| `{metric.name}` | {metric.label or '-'} | {metric.text} |" for metric in (*METRICS, WELL))
    head = (
        "# Metrics and health\n\n`/metrics` of the pages' door speaks the Prometheus text format. All are gauges. No\n"
        "label names anybody: each is one of a few words of the program's own.\n\n"
        "| metric | label | what it is |\n|---|---|---|\n"
    )
    tail = (
        "\n\n`/healthz` answers `OK` (200) or `NOT OK` (503), and so do its parts: `/healthz/anchor`,\n"
        "`/healthz/rounds`, and one for each door that is open, `/healthz/lmtp`, `smtp`, `milter` and `reports`.\n"
        "\n`contrib/prometheus/antiphon.rules.yml` has alerts, each with what it means and what to do, and\n"
        "`contrib/grafana/antiphon.json` a dashboard: see [how to watch a node](../how-to/monitor-a-node.md).\n"
    )
    check("metrics.md", head + rows + tail)
    assert all(metric.text.endswith(".") for metric in METRICS)


def test_every_place_that_lets_bytes_out_is_on_the_page() -> None:
    """docs/reference/egress.md names each call in desk, node and watcher that reaches the network, and nothing else."""
    found = {
        f"{name(file)}: {match.group(0)[1:-1]}"
        for room in EGRESS_ROOMS
        for file in below(room, ending=".py")
        for line in text(file).splitlines()
        for match in [EGRESS.search(line)]
        if match and any(word in line for word in ("desk.", "resolver.", "fetcher.", "open_connection"))
    }
    page = set(re.findall(r"`(src/[^`]+: \w+)`", text(REFERENCE / "egress.md")))
    assert page == found
