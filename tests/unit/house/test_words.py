"""The words that this house does not use (LAW: words), in the package, the pages and the outgoing texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.house.repository import below, name, text

# What is said of others' deeds: the history, and the drills, which are turned on ourselves.
ELSEWHERE = (
    "src/antiphon/drill/",
    "docs/explanation/history.md",
    "docs/explanation/threats.md",
    "docs/reference/drills.md",
)
STEMS = (
    r"spammers?",
    r"enem(?:y|ies)",
    r"attack(?:s|ed|er|ers|ing)?",
    r"str(?:ike|ikes|iking|uck)",
    r"flood(?:s|ed|er|ers|ing)?",
    r"retaliat(?:e|es|ed|ing|ion|ory)",
    r"punish(?:es|ed|ing|ment|ments)?",
    r"weapon(?:s|ed|ise|ised|ize|ized|ry)?",
    r"vigilant(?:es?|ism)",
    r"deter(?:s|red|ring|rent|rents|rence)?",
    r"(?:list)?wash(?:es|ed|ing)?",
)
UNWANTED = re.compile(rf"^(?:{'|'.join(STEMS)})$", re.IGNORECASE)
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def unwanted(line: str) -> list[str]:
    """The unwanted words of a line; snake_case and CamelCase are read as the words that they are made of."""
    return [word for word in WORD.findall(line) if UNWANTED.match(word)]


def is_ours(file: Path) -> bool:
    """Whether the words of this file are this house's own."""
    return not name(file).startswith(ELSEWHERE) and "vendor" not in file.parts


@pytest.mark.parametrize("line", ["floodGate", "strike_count", "an Attacker came", "list-washing", "RETALIATE"])
def test_an_unwanted_word_is_seen_in_every_dress(line: str) -> None:
    """Case, compounds and endings do not hide a word."""
    assert unwanted(line)


@pytest.mark.parametrize("line", ["determine", "enemata", "washington", "striped", "deterministic"])
def test_an_innocent_word_passes(line: str) -> None:
    """A word that only begins alike is none of them."""
    assert not unwanted(line)


def test_nothing_here_speaks_of_conflict() -> None:
    """Identifiers, texts, comments and pages use the field's words."""
    places = [*below("src", "docs", "changelog.d", "contrib"), *below("README.md", "SECURITY.md", "Makefile")]
    found = [
        f"{name(file)}:{number}: {', '.join(words)}"
        for file in filter(is_ours, places)
        for number, line in enumerate(text(file).splitlines(), 1)
        if (words := unwanted(line))
    ]
    assert not found, "\n".join(found)
