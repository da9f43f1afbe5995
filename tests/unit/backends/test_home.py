"""The home: who may have it, who may enter it, and what it says when it can not be used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.backends.home import Home
from antiphon.errors import HomeUnusable, StorageFailed

HOLD = """
import sys
from pathlib import Path
from antiphon.backends.home import Home
Home(Path(sys.argv[1])).lock()
child = __import__("os").fork()
if child == 0:
    __import__("signal").pause()
print(child, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home as `init` leaves it."""
    home = Home(tmp_path / "home")
    home.create()
    home.keys.mkdir(mode=0o700)
    (home.keys / "log").touch()
    home.database.touch()
    return home


def test_a_new_home_is_for_its_owner_only(home: Home) -> None:
    """Mode 700, also when an empty folder stood there; making it again changes nothing."""
    assert home.path.stat().st_mode & 0o777 == 0o700
    home.create()
    home.check()
    other = Home(home.path.parent / "other")
    other.path.mkdir(mode=0o755)
    other.create()
    assert other.path.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_init_did_not_finish_is_no_home(home: Home) -> None:
    """Without the log key, which is written last, or without a database, the advice is to run init."""
    (home.keys / "log").unlink()
    assert not home.is_home()
    with pytest.raises(HomeUnusable, match="no Antiphon home"):
        home.check()


def test_a_home_that_others_can_enter_is_refused(home: Home) -> None:
    """One bit for the group is one too many; the advice is the command that closes it."""
    home.path.chmod(0o710)
    with pytest.raises(HomeUnusable) as caught:
        home.check()
    assert caught.value.advice == f"chmod 700 {home.path}"


def test_a_home_where_a_file_stands_is_refused(tmp_path: Path) -> None:
    """One sentence, no traceback."""
    (tmp_path / "file").touch()
    with pytest.raises(HomeUnusable, match="can not be made"):
        Home(tmp_path / "file" / "home").create()


def test_a_full_disk_is_said_before_it_hurts(home: Home) -> None:
    """The free bytes are compared with what is needed."""
    home.check_space(0)
    with pytest.raises(StorageFailed, match="are free"):
        home.check_space(2**60)


def test_the_same_process_can_not_take_a_home_twice(home: Home) -> None:
    """The second holder is refused by name, also through another path to it; given back, it can be taken."""
    home.lock()
    link = home.path.parent / "link"
    link.symlink_to(home.path)
    with pytest.raises(HomeUnusable, match=f"process {os.getpid()}"):
        Home(link).lock()
    home.unlock()
    home.unlock()
    again = Home(home.path)
    again.lock()
    again.unlock()


def test_another_process_keeps_the_home_until_it_dies(home: Home) -> None:
    """The refusal names its process; its death gives the home back though a child of it lives on."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(HomeUnusable, match=f"process {holder.pid}"):
            home.lock()
        holder.kill()
        holder.wait()
        home.lock()
        home.unlock()
    finally:
        os.kill(child, 9)
        holder.stdin.close()
        holder.stdout.close()
