"""The shipped unit, before Debian's own systemd-analyze: it reads it without complaint and calls it well kept in."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.door.servers import CONTRIB

ANALYZE = shutil.which("systemd-analyze")
pytestmark = pytest.mark.skipif(ANALYZE is None and not os.environ.get("CI"), reason="systemd is missing")
UNITS = sorted((CONTRIB / "systemd").glob("*.service"))
MOST_EXPOSURE = 20
"""In tenths: systemd calls 2.0 and less OK."""


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_not_exposed(unit: Path) -> None:
    """At most 2.0 of ten, and no line of it is one that systemd does not know."""
    command = [str(ANALYZE), "security", "--no-pager", "--offline=true", f"--threshold={MOST_EXPOSURE}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr
    assert not [line for line in done.stderr.splitlines() if line.startswith(str(unit))], done.stderr


def test_there_is_a_unit() -> None:
    """The one that the how-to enables."""
    assert [unit.name for unit in UNITS] == ["antiphon.service"]
