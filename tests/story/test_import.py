"""A person's own mail is read in, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path

from tests.story.script import Story


def test_an_import_is_killed_and_resumed(tmp_path: Path) -> None:
    """Nothing is lost and nothing is taken twice; with a node and without one."""
    Story(tmp_path).tell(Path(__file__).with_name("import.txt"))
