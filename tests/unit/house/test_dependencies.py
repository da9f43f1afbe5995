"""What is installed is used: each run-time dependency is imported somewhere, or says who needs it."""

from __future__ import annotations

import ast
import re

from tests.unit.house.repository import below, project, tree

IMPORTED_AS = {"dnspython": "dns"}
# Needed, but never named by us.
BEHIND = {"httptools": "uvicorn reads HTTP with it"}


def test_each_dependency_is_imported() -> None:
    """A library that nothing imports is weight, and something more to trust."""
    wanted = {re.split(r"[<>=]", line)[0] for line in project()["project"]["dependencies"]} - set(BEHIND)
    used = set()
    for file in below("src", ending=".py"):
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Import):
                used |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                used.add(node.module.partition(".")[0])
    idle = {name for name in wanted if IMPORTED_AS.get(name, name.replace("-", "_")) not in used}
    assert not idle
