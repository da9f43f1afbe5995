"""The pages are whole: links lead somewhere, errors have their entry, decisions have their parts."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from antiphon import errors
from tests.unit.house.repository import ROOT, below, name, text

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<(?:img|source)[^>]+(?:src|srcset)=\"([^\"]+)\"")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
DECISION_PARTS = ("## Context", "## Decision", "## Consequences")
KINDS = ("feature", "fix", "law", "docs")
ERRORS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.AntiphonError)]


def pages() -> list[Path]:
    """Every page."""
    return [file for file in below("README.md", "SECURITY.md", "docs", "changelog.d") if file.suffix == ".md"]


def links(page: Path) -> list[str]:
    """The targets inside the repository that a page names."""
    found = [first or second for first, second in LINK.findall(FENCED.sub("", text(page)))]
    return [target.split("#")[0] for target in found if not re.match(r"[a-z]+:|#", target)]


def anchor(code: str) -> str:
    """An error's heading on its page, by its code."""
    return f"## {code} "


def test_docs_links_lead_to_a_file() -> None:
    """No link to a page that is not there."""
    broken = [
        f"{name(page)}: {target}" for page in pages() for target in links(page) if not (page.parent / target).exists()
    ]
    assert not broken, "\n".join(broken)


def test_docs_pages_can_all_be_reached() -> None:
    """Each page is linked from another."""
    reached = {(page.parent / target).resolve() for page in pages() for target in links(page)}
    folders = {target for target in reached if target.is_dir()}
    lost = [name(p) for p in below("docs", ending=".md") if p not in reached and not folders & set(p.parents)]
    assert [page for page in lost if page != "docs/index.md"] == []


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_docs_have_an_entry_for_every_error(kind: type[errors.AntiphonError]) -> None:
    """The entry has the code, the name, the promise of the class, the exit code, and whether it may pass."""
    page = text(ROOT / "docs" / "reference" / "errors.md")
    assert anchor(kind.code) in page
    entry = page.split(anchor(kind.code))[1].split("\n## ")[0]
    assert entry.startswith(kind.__name__)
    assert " ".join((inspect.getdoc(kind) or "").split()) in " ".join(entry.split())
    assert f"Exit code {kind.exit_code}" in entry
    assert ("May pass" if kind.temporary else "Stays") in entry


def test_error_codes_are_unique() -> None:
    """A code names one error."""
    codes = [kind.code for kind in ERRORS]
    assert len(codes) == len(set(codes))


def test_docs_decisions_are_numbered_and_have_their_parts() -> None:
    """0001, 0002, ... without a gap, each with context, decision, and consequences that include what is lost."""
    records = [file for file in below("docs/decisions", ending=".md") if file.name[0].isdigit()]
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        page = text(record)
        assert [part for part in DECISION_PARTS if part not in page] == [], name(record)
        assert "**What it costs.**" in page, name(record)


def test_docs_changelog_fragments_have_a_kind() -> None:
    """changelog.d/<what>.<kind>.md, one paragraph each."""
    fragments = [file for file in below("changelog.d") if file.name != "README.md"]
    assert [name(file) for file in fragments if file.suffixes[-2:] not in [[f".{kind}", ".md"] for kind in KINDS]] == []
    assert [name(file) for file in fragments if "\n\n" in text(file).strip()] == []
