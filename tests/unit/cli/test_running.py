"""Homes: made once, written nowhere else, and told in one sentence where they can not be used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.unit.cli.letters import ME, newsletter, put, run

PROGRAM = (sys.executable, "-m", "antiphon")
OPENED = re.compile(r'^(?:\d+ +)?openat\([^,]+, "([^"]+)", ([A-Z_|]+)')
WRITES = ("O_WRONLY", "O_RDWR", "O_CREAT")


def prints(folder: Path) -> dict[str, str]:
    """Every file below a folder but the lock, by its digest."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal", "lock"))
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A fresh one."""
    assert run(tmp_path / "home", "init").exit_code == 0
    return tmp_path / "home"


def test_making_a_home_again_changes_nothing(home: Path) -> None:
    """Not a byte in it, beside it, or in its anchor, whatever is asked for."""
    before = prints(home.parent)
    again = run(home, "init", "--operator-name", "eve", "--anchor", str(home.parent / "other"))
    assert "nothing was changed" in again.stdout
    assert prints(home.parent) == before


def test_files_are_written_below_the_home_only(tmp_path: Path) -> None:
    """But key and anchor: by what lies in strange folders after, and by what strace saw opened, where it is."""
    mail, around = put(tmp_path / "mail", a=newsletter(1)), tmp_path / "around"
    for name in ("user", "tmp", "cwd", "home"):
        (around / name).mkdir(parents=True)
    surroundings = {
        **os.environ, "HOME": str(around / "user"), "TMPDIR": str(around / "tmp"), "PYTHONDONTWRITEBYTECODE": "1",
        "ANTIPHON_OPERATOR_KEY": str(around / "home" / "op.key"),
    }  # fmt: skip
    for name in [name for name in surroundings if name.startswith("XDG_")]:
        del surroundings[name]
    strace, trace = shutil.which("strace"), tmp_path / "trace"
    watched = [strace, "-f", "-e", "trace=openat", "-o", str(trace)] if strace else []
    node = str(around / "home" / "node")
    subprocess.run(
        [*watched, *PROGRAM, "--home", node, "quickstart", str(mail), "--member", ME],
        cwd=around / "cwd", env=surroundings, capture_output=True, check=True, timeout=100,
    )  # fmt: skip
    assert {path.name for path in (around / "home").iterdir()} == {"node", "node-anchor", "op.key"}
    assert [path for name in ("user", "tmp", "cwd") for path in (around / name).rglob("*")] == []
    if strace:
        opened = [found.groups() for line in trace.read_text().splitlines() if (found := OPENED.match(line))]
        written = {path for path, flags in opened if any(word in flags for word in WRITES)}
        guard = os.environ.get("ANTIPHON_GUARD_LOG", "")
        strange = {path for path in written if not path.startswith((str(around / "home"), "/dev/", "/proc/"))} - {guard}
        assert written and strange == set()


def spoil_settings(home: Path) -> None:
    (home / "settings.toml").write_text("name = [")


def spoil_field(home: Path) -> None:
    (home / "settings.toml").write_text("nme = 'x'")


def spoil_door(home: Path) -> None:
    text = (home / "settings.toml").read_text()
    (home / "settings.toml").write_text(text.replace("127.0.0.1:8765", "nonsense"))


def spoil_database(home: Path) -> None:
    for file in home.glob("antiphon.db*"):
        file.unlink()
    (home / "antiphon.db").write_bytes(b"no database at all")


def spoil_key(home: Path) -> None:
    (home / "keys" / "master").unlink()


def spoil_home(home: Path) -> None:
    (home / "keys" / "log").unlink()


@pytest.mark.parametrize(
    ("spoil", "code", "word", "command"),
    [
        (spoil_settings, 78, "settings.toml", "status"),
        (spoil_field, 78, "nme", "status"),
        (spoil_door, 78, "nonsense", "run"),
        (spoil_database, 66, "antiphon.db", "status"),
        (spoil_key, 73, "keys/master", "status"),
        (spoil_home, 73, "antiphon init", "status"),
    ],
)
def test_what_is_broken_is_one_sentence(
    home: Path, spoil: Callable[[Path], None], code: int, word: str, command: str
) -> None:
    """What and where, an exit code of its own, no traceback, and nothing written."""
    spoil(home)
    before = prints(home)
    done = subprocess.run(
        [*PROGRAM, "--home", str(home), command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1 and lines[0].startswith("antiphon: ") and word in lines[0]
    assert done.stdout == ""
    assert prints(home) == before


def test_a_lost_anchor_is_told_and_keeps_everything_in(home: Path) -> None:
    """The home opens, says what is wrong at once, and can not be armed."""
    shutil.rmtree(home.with_name("home-anchor"))
    said = run(home, "status").stdout
    assert "The anchor is missing" in said and "IT STANDS STILL" in said
    assert "anchor" in run(home, "arm", "own").stderr


@pytest.mark.parametrize("blocks", [64, 512])
def test_a_full_disk_is_one_sentence_and_nothing_is_half_done(tmp_path: Path, blocks: int) -> None:
    """Files that may not grow: the home is made later, by the same command, as if nothing had been."""
    home = tmp_path / "home"
    cut = ["bash", "-c", f'ulimit -f {blocks}; exec "$@"', "bash", *PROGRAM, "--home", str(home), "init"]
    done = subprocess.run(cut, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        assert done.returncode == 74, done.stderr
        assert done.stderr.startswith("antiphon: ") and "Traceback" not in done.stderr
    assert run(home, "init").exit_code == 0
    assert run(home, "status").exit_code == 0
