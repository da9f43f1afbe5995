"""Debian's mutt with the lines of its page: a key hands the mail in."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.door.conftest import DOMAIN, MEMBER, House
from tests.door.letters import Person, deliver, eventually, newsletter

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "mutt.md"
LINES = re.compile(r"^```muttrc\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MUTT = shutil.which("mutt")
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(MUTT is None and not os.environ.get("CI"), reason="mutt is not installed"),
]


def press(house: House, folder: Path, keys: str) -> None:
    """mutt in a terminal, on the mailbox as Dovecot keeps it. Ends when the keys are pressed."""
    (lines,) = LINES.findall(PAGE.read_text("utf-8"))
    command = f"{sys.executable} -m antiphon report --folder {house.reports}"
    (folder / "Mail").mkdir()  # it asks to make it
    settings = folder / "muttrc"
    settings.write_text(lines.replace("antiphon report", command).replace("ann@mail.example", MEMBER), "utf-8")
    box = house.dovecot.mail / DOMAIN / "ann"
    words = [str(MUTT), "-n", "-F", str(settings), "-R", "-f", str(box), "-e", f'push "{keys}<exit>"']
    screen, terminal = pty.openpty()
    surroundings = {**os.environ, "TERM": "xterm", "HOME": str(folder)}
    termios.tcsetwinsize(terminal, (24, 80))
    os.set_blocking(screen, False)
    mutt = subprocess.Popen(words, stdin=terminal, stdout=terminal, stderr=terminal, env=surroundings)
    os.close(terminal)
    said, until = b"", time.monotonic() + 40
    while mutt.poll() is None and time.monotonic() < until:
        try:
            said += os.read(screen, 65536)
        except OSError:
            time.sleep(0.05)
    mutt.kill()
    os.close(screen)
    assert mutt.wait() == 0, said[-2000:]


def arrive(house: House, ann: Person, subject: str) -> None:
    """A newsletter is in the inbox."""
    deliver(house.postfix.smtp, newsletter(house.key, subject, MEMBER), MEMBER)
    ann.find(subject)


def test_a_key_reports_a_mail_and_all_that_are_tagged(house: House, tmp_path: Path) -> None:
    """The signature stands: each is a sighting of class A, as if moved; what was not pointed at is no report."""
    ann = Person(house.dovecot.imap, MEMBER)
    for subject in ("By one key", "Tagged one", "Tagged two", "Left alone"):
        arrive(house, ann, subject)
    ann.imap.logout()
    press(house, tmp_path, "<search>~s 'By one key'<enter>S<tag-pattern>~s Tagged<enter><tag-prefix>S")
    for subject in ("By one key", "Tagged one", "Tagged two"):
        (mail,) = eventually(lambda wanted=subject: house.reported(wanted))  # type: ignore[misc]  # bound now
        found = (mail["state"], mail["evidence_class"], mail["source"], mail["sighting"])
        assert found == ("accepted", "A", "pipe", True)
    assert house.reported("Left alone") == []
