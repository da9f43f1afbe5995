"""docs/reference/json.md is what the commands write: each field with its type, and no field that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from antiphon.cli.drilling import DRILLS
from antiphon.drill.copies import CopiesFigures
from antiphon.drill.crash import CrashFigures
from antiphon.drill.desk import DeskFigures
from antiphon.drill.faults import StoreFigures
from antiphon.drill.mutations import MutationFigures
from antiphon.drill.overload import OverloadFigures, Run
from antiphon.drill.spooled import SpoolFigures
from tests.drill.test_gates import SOUND as GATES
from tests.drill.test_hostile import SOUND as HOSTILE
from tests.drill.test_redaction import SOUND as REDACTION
from tests.drill.test_replay import SOUND as REPLAY
from tests.story.conftest import Seen
from tests.unit.cli.letters import ME, newsletter, put, run, unsigned

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "json.md"
SECTION = re.compile(r"^## ([a-z][a-z ]*)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TYPES: Mapping[str, Any] = {
    "text": lambda v: isinstance(v, str),
    "time": lambda v: isinstance(v, str) and TIME.fullmatch(v),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "yes or no": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}


def told() -> dict[str, dict[str, list[str]]]:
    """What the page says: by command and field, the types that it may have."""
    page = PAGE.read_text("utf-8")
    return {name: {field: types(kind) for field, kind, _ in ROW.findall(rows)} for name, rows in SECTION.findall(page)}


def types(said: str) -> list[str]:
    """`time or null` is two; `absent` says that the field may be missing."""
    return ["yes or no"] if said == "yes or no" else said.split(" or ")


def fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of a JSON value with its path; empty lists and objects end a path of their own."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from fields(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from fields(inner, f"{path}[]")
    else:
        yield path, value


def pattern(field: str) -> re.Pattern[str]:
    """A field of the page as what it matches."""
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^\\\\[\\\\]]+", re.escape(field)))


def compare(name: str, value: Any) -> None:
    """Every field that is written is on the page, with its type; every field on the page is written, but what lies in
    a list or object that is empty here."""
    page = told()[name]
    written = list(fields(value))
    empty = {path for path, leaf in written if leaf in ([], {}) and not isinstance(leaf, bool)}
    for path, leaf in written:
        if path in empty:
            assert any(field.startswith(path) for field in page), f"{name}: {path} is not on the page"
            continue
        kinds = [kinds for field, kinds in page.items() if pattern(field).fullmatch(path)]
        assert kinds, f"{name}: {path} is not on the page"
        assert any(TYPES[kind](leaf) for kind in kinds[0] if kind != "absent"), f"{name}: {path} is {leaf!r}"
    paths = {path for path, _ in written}
    for field, kinds in page.items():
        there = any(pattern(field).fullmatch(path) for path in paths)
        assert there or "absent" in kinds or any(field.startswith(path) for path in empty), f"{name}: no {field}"


@pytest.mark.parametrize(
    "name",
    [
        "status",
        "cases",
        "campaigns",
        "held",
        "member list",
        "operator list",
        "campaign",
        "complaints",
        "complaint",
        "contact list",
    ],
)
def test_what_a_node_says_of_itself_is_on_the_page(world: Seen, name: str) -> None:
    """As a running node with forty days behind it said it."""
    compare(name, world.said[tuple(name.split())])


def test_a_case_is_on_the_page(world: Seen) -> None:
    """One that climbed the whole ladder, with approvals, attempts and what waits."""
    found = world.said["case", "deaf-shop.example"]
    assert found["approvals"] and found["attempts_made"] and found["would"] and found["waiting"]
    compare("case", found)
    compare("complain", world.complaint)


def test_the_figures_of_a_run_are_on_the_page(world: Seen) -> None:
    """Exactly the fields that programs rely on."""
    audit = {name: value for name, value in world.found["audit"].items() if name != "offence" or value}
    compare("demo", {**world.found, "audit": audit})


QUIET = Run("quiet", 9, 9, 0.01, 0.02, 0.1, 70_000, 0.1, 1, 1, {}, 0.0, {})


def test_the_figures_of_each_drill_are_on_the_page() -> None:
    """All that `antiphon drill --json` prints."""
    figures: dict[str, Any] = {
        "kill": CrashFigures(),
        "gates": GATES,
        "disk": StoreFigures(),
        "spool": SpoolFigures(),
        "desk": DeskFigures(),
        "copies": CopiesFigures(),
        "replay": REPLAY,
        "redaction": REDACTION,
        "ledger": MutationFigures(),
        "hostile": HOSTILE,
        "overload": OverloadFigures((QUIET,), 0),
    }
    assert figures.keys() == set(DRILLS)
    said = {name: asdict(each) | {"holds": each.holds} for name, each in figures.items()}
    compare("drill", json.loads(json.dumps({"seed": 1, **said})))


def test_what_reading_mail_says_is_on_the_page(tmp_path: Path) -> None:
    """Quickstart, import, inspect, group, and the ledger of that home."""
    home, mail = tmp_path / "home", str(put(tmp_path / "mail", a=newsletter(1), b=newsletter(2), c=unsigned(3)))
    compare("init", json.loads(run(home, "init", "--json").stdout))
    compare("quickstart", json.loads(run(home, "quickstart", mail, "--member", ME, "--json").stdout))
    compare("import", json.loads(run(home, "import", mail, str(home / "no"), "--member", ME, "--json").stdout))
    compare("backup", json.loads(run(home, "backup", str(tmp_path / "b"), "--json").stdout))
    compare("digest", json.loads(run(home, "digest", "--json").stdout))
    compare("anchor", json.loads(run(home, "anchor", "--json").stdout))
    compare("originator", json.loads(run(home, "originator", "shop.example", "--json").stdout))
    compare("member add", json.loads(run(home, "member", "add", "x@y.example", "--json").stdout))
    for line in run(home, "inspect", "--assume-signatures-valid", mail, "--jsonl").stdout.splitlines():
        compare("inspect", json.loads(line))
    for line in run(home, "group", mail, "--jsonl").stdout.splitlines():
        compare("group", json.loads(line))
    compare("doctor", json.loads(run(home, "doctor", "--json", ANTIPHON_DNS="127.0.0.1:9").stdout))
    run(home, "ledger", "publish", str(tmp_path / "ledger"))
    compare("audit", json.loads(run(home, "audit", str(tmp_path / "ledger"), "--json").stdout))


def test_what_is_watched_is_on_the_page(tmp_path: Path) -> None:
    """One that waits for its proof; nothing of its secret, which lies in a file."""
    home, secret = tmp_path / "home", tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("hunter-seventeen", "utf-8")
    run(home, "init")
    run(home, "member", "add", "x@y.example")
    place = ("--server", "[::1]:1143", "--plain", "--user", "x", "--secret-file", str(secret))
    added = run(home, "watch", "add", "x@y.example", *place, "--json").stdout
    listed = run(home, "watch", "list", "--json").stdout
    compare("watch list", json.loads(listed))
    assert json.loads(listed) == [json.loads(added)]
    assert "hunter" not in added + listed and str(secret) not in added + listed
    assert json.loads(run(home, "watch", "remove", "x@y.example", "--json").stdout) == {"address": "x@y.example"}
    assert json.loads(run(home, "watch", "list", "--json").stdout) == []


def test_what_was_done_has_the_fields_of_the_page(tmp_path: Path) -> None:
    """Those that need neither a world nor a case."""
    home, page = tmp_path / "home", PAGE.read_text("utf-8").partition("## What was done")[2]
    run(home, "init")
    for words in (
        ("disarm", "--host", "h.example"),
        ("resume", "--host", "h.example"),
        ("operator", "add", "bo", "--new-key", str(tmp_path / "bo")),
        ("operator", "revoke", "bo"),
        ("ledger", "publish", str(tmp_path / "ledger")),
        ("ledger", "openings", str(tmp_path / "openings")),
        ("ledger", "proof", "0"),
        ("rspamd",),
    ):
        found = json.loads(run(home, *words, "--json").stdout)
        (row,) = re.findall(rf"^\| `{' '.join(w for w in words[:2] if w.isalpha())}` \| (.*) \|$", page, re.MULTILINE)
        assert {path for path, _ in fields(found)} == set(re.findall(r"`([^`]+)`", row)), words
