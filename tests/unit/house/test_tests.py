"""Tests say what they show, mirror the tree, and exceptions to the rules say why they are made."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.unit.house.repository import ROOT, SOURCE, below, name, text, tree

NOQA = re.compile(r"#\s*noqa(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?\s*(?P<reason>.*)$")
IGNORE = re.compile(r"#\s*type:\s*ignore(?:\[[^\]]*\])?\s*(?P<reason>.*)$")
# Rooms of tests/unit that mirror no package: the house itself, and the benches.
NOT_MIRRORED = frozenset({"house", "bench"})


def test_every_test_says_in_one_line_what_it_shows() -> None:
    """A test has a docstring of one line."""
    silent = [
        f"{name(file)}:{node.lineno}: {node.name}"
        for file in below("tests", ending=".py")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if len((ast.get_docstring(node) or "\n").splitlines()) != 1
    ]
    assert not silent, "\n".join(silent)


def test_unit_tests_mirror_the_tree() -> None:
    """tests/unit/<package>/test_<module>.py stands for src/antiphon/<package>/<module>.py, or a part of it."""
    lost = []
    for file in below("tests/unit", ending=".py"):
        room = file.parent.relative_to(ROOT / "tests" / "unit")
        if not file.name.startswith("test_") or NOT_MIRRORED & set(room.parts):
            continue
        modules = [module.stem for module in (SOURCE / room).glob("*")]
        if not any(file.stem.removeprefix("test_").startswith(module) for module in modules):
            lost.append(name(file))
    assert not lost, "\n".join(lost)


def test_no_test_patches_our_own_code() -> None:
    """The world is faked, never patched."""
    patched = [name(file) for file in below("tests", ending=".py") if imports(file) & {"unittest.mock", "mock"}]
    assert not patched


def imports(file: Path) -> set[str]:
    """The modules that a file imports, and their parents."""
    nodes = list(ast.walk(tree(file)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return plain | named


def test_every_exception_to_a_rule_has_a_reason() -> None:
    """A `noqa` or `type: ignore` goes on with the reason why it stands there."""
    bare = [
        f"{name(file)}:{number}: {line.strip()}"
        for file in below("src", "tests", "bench", ending=".py")
        if file != Path(__file__)
        for number, line in enumerate(text(file).splitlines(), 1)
        for match in (NOQA.search(line), IGNORE.search(line))
        if match and len(match.group("reason").strip(" #-:")) < len("a reason")
    ]
    assert not bare, "\n".join(bare)


def test_every_rule_that_is_off_for_a_folder_has_a_reason() -> None:
    """Each line of the per-file exceptions in pyproject.toml ends with a comment."""
    section = text(ROOT / "pyproject.toml").split("[tool.ruff.lint.per-file-ignores]")[1].split("\n[")[0]
    lines = [line for line in section.splitlines() if "=" in line]
    assert lines
    assert all("# " in line for line in lines)


def test_the_audit_stands_alone() -> None:
    """The audit imports nothing of the rest: it can be carried to another machine as one file."""
    audit = SOURCE / "ledger" / "audit.py"
    if audit.exists():
        assert not [module for module in imports(audit) if module.split(".")[0] == "antiphon"]
