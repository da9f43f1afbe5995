"""Stories as text: a script of commands and what they must say, run with real processes in a folder of its own."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import apsw

PROGRAM = [sys.executable, "-m", "antiphon"]
MAIL = """From: Shop {n} <news@shop-{n}.example>
To: me@own.example
Subject: Offer {n} of {total}
Date: Mon, {day:02} Nov 2026 10:00:{second:02} +0000
Message-ID: <{n}.{total}@shop-{n}.example>

Number {n} says something of its own: {words}.
"""


PASSING = ("antiphon.db-wal", "antiphon.db-shm", "control.sock", "lock")
"""What is there only while a home is open, or says nothing."""


def picture(home: Path) -> dict[str, str]:
    """Every file of a home with its digest, and for the database the digest of its rows: to open it moves pages."""
    found: dict[str, str] = {}
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if path.is_file() and name not in PASSING and name != "antiphon.db":
            found[name] = sha256(path.read_bytes()).hexdigest()
    if (home / "antiphon.db").exists():
        with closing(apsw.Connection(str(home / "antiphon.db"), apsw.SQLITE_OPEN_READWRITE)) as connection:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            for table in tables:
                rows = sorted(repr(row) for row in connection.execute(f'SELECT * FROM "{table}"'))
                found[f"antiphon.db/{table}"] = sha256("\n".join(rows).encode()).hexdigest()
    return found


class Story:
    """One run of a script. Its words:

    `mails N FOLDER` writes so many; `do WORDS` runs the program, `fails CODE WORDS` expects this exit code; `kills TEXT
    WORDS` ends it with SIGKILL as soon as it says TEXT; `starts TEXT WORDS` leaves it running once it said TEXT and
    `stops` ends that; `says TEXT` and `never says TEXT` look at what was said last; `shows NAME = VALUE` (or <, >)
    looks into the JSON that was written last; a line that begins with `#` is for readers. `writes FILE TEXT`, `loses
    FILE`, `modes FILE OCTAL` change a file, `keeps FILE` and `returns FILE` put it aside and back, `lacks FILE` looks
    for it; `remembers HOME` and `same HOME` compare a home's files and the rows of its database.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            **os.environ, "ANTIPHON_HOME": str(folder / "home"), "ANTIPHON_DOORS__HTTP": "", "COLUMNS": "80",
        }  # fmt: skip
        self._out = self._said = ""
        self._running: subprocess.Popen[str] | None = None
        self._kept: dict[str, tuple[bytes, int]] = {}
        self._pictures: dict[str, dict[str, str]] = {}

    def tell(self, script: Path) -> None:
        """Every line of it, the first that does not hold is named."""
        try:
            for number, line in enumerate(script.read_text("utf-8").splitlines(), 1):
                word, _, rest = line.strip().partition(" ")
                if word and not word.startswith("#"):
                    try:
                        getattr(self, f"_{word}")(rest)
                    except AssertionError as error:
                        raise AssertionError(f"{script.name}:{number}: {line}\n{error}\n{self._said}") from error
        finally:
            if self._running is not None:
                self._running.kill()
                self._running.communicate()

    def _mails(self, rest: str) -> None:
        count, name = rest.split()
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        for n in range(int(count)):
            words = " ".join(f"w{(n * k) % 7919}" for k in range(1, 30))
            text = MAIL.format(n=n, total=count, day=n % 28 + 1, second=n % 60, words=words)
            (folder / f"{n:05}.eml").write_text(text, "utf-8", newline="\r\n")

    def _start(self, words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*PROGRAM, *shlex.split(words)], cwd=self._folder, env=self._environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def _do(self, words: str) -> None:
        self._fails(f"0 {words}")

    def _fails(self, rest: str) -> None:
        code, _, words = rest.partition(" ")
        process = self._start(words)
        self._out, talk = process.communicate(timeout=60)
        self._said = self._out + talk
        assert process.returncode == int(code), f"exit code {process.returncode}"

    def _until(self, rest: str) -> subprocess.Popen[str]:
        text, words = shlex.split(rest, posix=True)[0], rest.split('" ', 1)[1]
        process = self._start(words)
        self._said = ""
        for line in process.stderr or ():
            self._said += line
            if text in line:
                return process
        process.communicate()
        raise AssertionError(f"it never said {text!r}")

    def _kills(self, rest: str) -> None:
        process = self._until(rest)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it was faster than its killer"

    def _starts(self, rest: str) -> None:
        self._running = self._until(rest)

    def _stops(self, _: str) -> None:
        running, self._running = self._running, None
        assert running is not None
        running.terminate()
        running.communicate(timeout=30)

    def _writes(self, rest: str) -> None:
        name, _, text = rest.partition(" ")
        (self._folder / name).write_text(text + "\n", "utf-8")

    def _loses(self, name: str) -> None:
        (self._folder / name).unlink()

    def _lacks(self, name: str) -> None:
        assert not (self._folder / name).exists(), "it is there"

    def _modes(self, rest: str) -> None:
        name, octal = rest.split()
        (self._folder / name).chmod(int(octal, 8))

    def _keeps(self, name: str) -> None:
        path = self._folder / name
        self._kept[name] = path.read_bytes(), path.stat().st_mode & 0o777

    def _returns(self, name: str) -> None:
        data, mode = self._kept[name]
        (self._folder / name).write_bytes(data)
        (self._folder / name).chmod(mode)

    def _remembers(self, name: str) -> None:
        self._pictures[name] = picture(self._folder / name)

    def _same(self, name: str) -> None:
        before, now = self._pictures[name], picture(self._folder / name)
        changed = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
        assert not changed, f"changed: {sorted(changed)}"

    def _says(self, text: str) -> None:
        assert " ".join(text.split()) in " ".join(self._said.split()), "it does not say so"

    def _never(self, rest: str) -> None:
        assert rest.removeprefix("says ") not in self._said, "it does say so"

    def _shows(self, rest: str) -> None:
        name, sign, value = rest.split(" ", 2)
        found = json.loads(self._out)
        for step in name.split("."):
            found = found[int(step)] if step.isdigit() else len(found) if step == "length" else found[step]
        wanted = json.loads(value)
        holds = {"=": lambda: found == wanted, "<": lambda: found < wanted, ">": lambda: found > wanted}[sign]()
        assert holds, f"{name} is {found!r}"
