"""The system's own record of a node's calls: whatever it does, it makes and changes files below its home alone.

Outside of it lie what `init` is told to put there (the anchor, the operator's key) and what a person names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from antiphon.world.child import free_port
from tests.door.letters import eventually
from tests.door.servers import HERE, wait_for

STRACE = shutil.which("strace")
pytestmark = [
    pytest.mark.skipif(STRACE is None and not os.environ.get("CI"), reason="strace is missing"),
    pytest.mark.timeout(300),
]
PROGRAM = (sys.executable, "-m", "antiphon")
CALLS = (
    "trace=open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,"
    "truncate,chmod,fchmodat,chown,lchown,fchownat,mknod,mknodat,utimensat,bind"
)
OPENED = re.compile(r"\d+ +open(at)?\(")
CHANGES = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE)")
PATH = re.compile(r'(?:<(?P<below>/[^>]*)>, )?"(?P<path>[^"]*)"')
DEVICES = {"/dev/null", "/dev/tty"}
WORLD = """
import asyncio, json, sys
from pathlib import Path
from antiphon.world.demo import run_demo
from antiphon.world.party import TEMPERS
tempers = [temper for temper in TEMPERS if temper.name == "deaf"]
found = asyncio.run(run_demo(days=10, tempers=tempers, keep=Path(sys.argv[1]), node_command=json.loads(sys.argv[2])))
assert found["originators"][0]["notices"] == 1, found
"""


class Watched:
    """Commands whose calls are written down, a file each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.http = free_port()
        # Python keeps compiled modules beside its sources where it may; pip makes them once, and a service can not.
        caches = {"PYTHONDONTWRITEBYTECODE": "1"}
        self.surroundings = {**os.environ, **caches, "ANTIPHON_DOORS__HTTP": f"{HERE}:{self.http}"}
        self.books: list[Path] = []

    def program(self) -> list[str]:
        """The node's own command, as the child of whoever starts it; who watches it is not."""
        book = self.folder / f"calls-{len(self.books)}"
        self.books.append(book)
        watch = [str(STRACE), "-D", "-f", "-q", "--seccomp-bpf", "-y", "-s", "4096", "-e", CALLS]
        return [*watch, "-e", "signal=none", "-A", "-o", str(book), *PROGRAM]

    def start(self, *words: str | Path) -> subprocess.Popen[bytes]:
        """One command of the node."""
        command = [*self.program(), "--home", self.home, *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.surroundings, cwd="/", stdin=pipe, stdout=pipe)

    def end(self, child: subprocess.Popen[bytes], given: bytes = b"") -> bytes:
        """What it said; it ended well, and its book is whole."""
        said, _ = child.communicate(given, timeout=60)
        assert child.returncode == 0, said
        book = self.books[-1]
        eventually(lambda: re.search(rf"(?m)^{child.pid} +\+\+\+ exited", book.read_text("utf-8")))
        return said

    def node(self, *words: str | Path, mail: bytes = b"") -> bytes:
        """One command, whole."""
        return self.end(self.start(*words), mail)

    def outside(self, *allowed: Path) -> set[str]:
        """What was changed, or tried to be, anywhere else."""
        lines = [line for book in self.books for line in book.read_text("utf-8").splitlines()]
        places = [*(str(path) for path in allowed)]
        return {path for path in changed(lines) if not any(path == it or path.startswith(f"{it}/") for it in places)}


def changed(lines: Iterable[str]) -> Iterator[str]:
    """Every path that a call would make, change or take away."""
    for line in lines:
        if "AF_INET" not in line and (not OPENED.match(line) or CHANGES.search(line)):
            for found in PATH.finditer(line.partition(" = ")[0]):
                path = os.path.normpath(os.path.join(found["below"] or "/", found["path"]))
                if path not in DEVICES:
                    yield path


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """In a folder of its own."""
    return Watched(tmp_path)


def mail(subject: str) -> bytes:
    """One that a member reports."""
    return f"From: a@shop.example\r\nTo: ann@home.example\r\nSubject: {subject}\r\n\r\nBuy {subject}.\r\n".encode()


def test_a_node_writes_below_its_home_alone(watched: Watched) -> None:
    """Made, run with its doors and its reader, reported to by pipe and over HTTP, looked at, backed up, and stopped."""
    settings = watched.folder / "begin.toml"
    settings.write_text('domain = "node.example"\nhosted_domains = ["home.example"]\n', "utf-8")
    watched.node("init", "--settings", settings)
    home, anchor, key = watched.home, watched.folder / "home-anchor", watched.folder / "home-operator.key"
    by_init = {str(key.parent), str(key), str(key.parent / f".{key.name}.new")}
    assert watched.outside(home, anchor) == by_init
    node = watched.start("run")
    book = watched.books[-1]
    wait_for(watched.http)
    watched.node("member", "add", "ann@home.example")
    ticket = json.loads(watched.node("ticket", "make", "ann@home.example", "--name", "x", "--json"))["ticket"]
    line = HTTPConnection(HERE, watched.http, timeout=20)
    head = {"Authorization": f"Bearer {ticket}", "Content-Type": "message/rfc822"}
    line.request("POST", "/api/v1/reports", mail("over HTTP"), head)
    assert line.getresponse().status == 202
    line.close()
    watched.node("report", "--member", "ann@home.example", mail=mail("by pipe"))
    eventually(lambda: sum(row["messages"] for row in json.loads(watched.node("campaigns", "--json"))) == 2, 60)
    for words in ("status", "digest", "notify show"):
        watched.node(*words.split())
    elsewhere = watched.folder / "elsewhere"
    elsewhere.mkdir()
    watched.node("backup", elsewhere / "copy")
    node.terminate()
    watched.books.append(book)
    watched.end(node)
    assert len(set(changed(book.read_text("utf-8").splitlines()))) > 20
    assert watched.outside(home, anchor, elsewhere) == by_init


def test_a_notice_leaves_nothing_elsewhere(watched: Watched) -> None:
    """The node of a world of one originator until its notice left: DNS, mail, keys, ledger, anchor and all."""
    kept = watched.folder / "kept"
    command = [sys.executable, "-c", WORLD, kept, json.dumps(watched.program())]
    subprocess.run(command, env=watched.surroundings, cwd="/", check=True, timeout=240)
    assert len(set(changed(watched.books[0].read_text("utf-8").splitlines()))) > 20
    assert watched.outside(kept) == set()
