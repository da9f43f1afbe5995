"""Each how-to is run as it is written: every `sh` block, in order, on a new home, on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = {page.name: "\n".join(BLOCK.findall(page.read_text("utf-8"))) for page in sorted(HOW_TO.glob("*.md"))}


@pytest.mark.parametrize("page", [name for name, script in PAGES.items() if script])
def test_the_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    """No line of the page fails."""
    beside = Path(sys.executable).parent
    surroundings = {**os.environ, "PATH": f"{beside}:{os.environ['PATH']}", "ANTIPHON_DOORS__HTTP": "127.0.0.1:0"}
    surroundings.pop("ANTIPHON_HOME", None)
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", PAGES[page]],
        cwd=tmp_path,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_day_by_day_page_is_run() -> None:
    """The test above is no empty loop."""
    assert "antiphon init" in PAGES["run-a-node.md"]
