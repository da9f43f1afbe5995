"""The mutants are the same each time, each changes one thing, and whoever is on the list of survivors is still one."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib

import pytest

from tests.mutation.__main__ import HERE, ROOT, SOURCE
from tests.mutation.mutants import mutants

TARGETS = tomllib.loads((HERE / "targets.toml").read_text("utf-8"))
SURVIVORS = tomllib.loads((HERE / "survivors.toml").read_text("utf-8"))
REASONS = ("equivalent", "harmless")
SMALL = '''
"""Text."""
LIMIT = 5
TABLE = ("a", "b")

class Word(StrEnum):
    A = "a"

def allowed(n: int, ok: bool = False) -> bool:
    """More text."""
    if n < LIMIT and ok:
        raise ValueError("a sentence")
    note(n)
    return not ok
'''


def changes(source: str) -> list[str]:
    """What each mutant changes, without where."""
    return [mutant.name.partition(" | ")[2] for mutant in mutants(source)]


def test_each_kind_of_change_is_made_and_text_is_left_alone() -> None:
    """Comparisons, numbers, words, rows, conditions, statements; no docstring, annotation, message or StrEnum."""
    assert changes(SMALL) == [
        "5 -> 6",
        "5 -> 4",
        "without 'a'",
        "without 'b'",
        "'a' -> 'a~'",
        "'b' -> 'b~'",
        "False -> True",
        "not (n < LIMIT and ok)",
        "n < LIMIT and ok -> n < LIMIT or ok",
        "n < LIMIT and ok -> ok",
        "n < LIMIT and ok -> n < LIMIT",
        "n < LIMIT -> n <= LIMIT",
        "n < LIMIT -> n >= LIMIT",
        "left out",
        "left out",
        "return None",
        "not ok -> ok",
    ]


def test_a_mutant_differs_in_one_place_and_leaves_the_original_alone() -> None:
    """The tree of each is another text than the source and than every other one."""
    texts = [ast.unparse(mutant.tree) for mutant in mutants(SMALL)]
    assert len(set(texts)) == len(texts) and ast.unparse(ast.parse(SMALL)) not in texts


def test_names_do_not_hang_on_lines() -> None:
    """A line above changes no name; two alike in one statement are told apart."""
    assert [m.name for m in mutants(SMALL)] == [m.name for m in mutants("\n\n" + SMALL)]
    names = [m.name for m in mutants("X = f(0, 0)")]
    assert len(set(names)) == len(names) == 4


@pytest.mark.parametrize("module", SURVIVORS)
def test_every_survivor_on_the_list_is_a_mutant_of_today_and_has_its_reason(module: str) -> None:
    """A name that is no more, or a reason of another kind, has to leave the list."""
    names = {mutant.name for mutant in mutants((SOURCE / f"{module}.py").read_text("utf-8"))}
    for row in SURVIVORS[module]:
        assert row["mutant"] in names, row
        assert row["why"].partition(":")[0] in REASONS and len(row["why"]) > 20, row
    assert len({row["mutant"] for row in SURVIVORS[module]}) == len(SURVIVORS[module])


def test_a_sample_is_run_and_found() -> None:
    """As `make mutate` does it: each mutant in a process of its own, all found by the tests of its module."""
    command = [sys.executable, "-m", "tests.mutation", "optout/holding", "--every", "6", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    (said,) = json.loads(done.stdout)
    assert done.returncode == 0 and said["killed"] == said["mutants"] >= 5, (said, done.stderr)
