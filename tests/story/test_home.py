"""What a person meets who keeps a node: backups that come back, anchors that are lost, and everything in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.story.script import Story


@pytest.mark.timeout(400)
@pytest.mark.parametrize("script", ["restore", "trouble"])
def test_the_script_goes_as_it_is_written(script: str, tmp_path: Path) -> None:
    """Every line of it, with real processes."""
    Story(tmp_path).tell(Path(__file__).with_name(f"{script}.txt"))
