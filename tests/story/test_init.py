"""`init` is broken off, wherever it is: the next one makes the home, and one more changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.story.script import PROGRAM, picture

DIES = """
import os, sys
real, left = os.fsync, [int(sys.argv.pop(1))]

def sync(handle):
    left[0] -= 1
    if not left[0]:
        os._exit(9)
    real(handle)

os.fsync = sync
from antiphon.cli import main
main(prog_name="antiphon")
"""


def run(folder: Path, *words: str, command: tuple[str, ...] = tuple(PROGRAM)) -> subprocess.CompletedProcess[str]:
    """The program in a folder of its own."""
    surroundings = {**os.environ, "ANTIPHON_HOME": str(folder / "home")}
    return subprocess.run(
        [*command, *words], cwd=folder, env=surroundings, text=True, capture_output=True, check=False, timeout=100
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("sync", [1, 4, 8, 11, 12, 13])
def test_a_broken_off_init_is_begun_again(sync: int, tmp_path: Path) -> None:
    """The process dies at its n-th sync, the last of them those of the anchor; no home is there, then one is."""
    assert run(tmp_path, str(sync), "init", command=(sys.executable, "-c", DIES)).returncode == 9
    assert run(tmp_path, "status").returncode == 73
    assert run(tmp_path, "init").returncode == 0
    assert json.loads(run(tmp_path, "anchor", "--json").stdout)["agrees"]
    before = picture(tmp_path / "home")
    again = run(tmp_path, "init")
    assert (again.returncode, picture(tmp_path / "home")) == (0, before)
