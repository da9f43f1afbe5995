"""A mail house on loopback: Postfix, Dovecot and a node, with name servers of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from antiphon.world.child import free_port
from antiphon.world.letter import RsaKey
from tests.door.letters import SHOP, eventually
from tests.door.nameserver import NameServer
from tests.door.servers import HERE, MAIL_USER, Dovecot, Postfix, lay_out_program, python_for_all, wait_for

DOMAIN = "home.example"
MEMBER = f"ann@{DOMAIN}"
Place = TypeVar("Place", bound="Openable")
PROGRAM = [sys.executable, "-m", "antiphon"]
NEEDED = ("/usr/sbin/postfix", "/usr/sbin/dovecot", "/usr/lib/dovecot/modules/lib95_imap_sieve_plugin.so")


class Openable(Protocol):
    """A place of some servers, laid out in a folder."""

    def __init__(self, folder: Path) -> None: ...

    def open(self) -> None:
        """Everything runs when this returns."""

    def close(self) -> None:
        """Nothing does."""


class Node:
    """A node of its own, with name servers, and the ways to use it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.dns, self.key = folder, folder / "home", NameServer(), RsaKey()
        self.dns.record(f"s1._domainkey.{SHOP}", "TXT", self.key.record)
        self.surroundings: dict[str, str] = {}
        self._node: subprocess.Popen[bytes] | None = None

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [*PROGRAM, "--home", str(self.home), *words], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_node(self) -> None:
        with open(self.folder / "node.log", "ab") as log:
            self._node = subprocess.Popen(
                [*PROGRAM, "--home", str(self.home), "run", "--log", "json"],
                stderr=log, env={**os.environ, **self.surroundings},
            )  # fmt: skip
        eventually((self.home / "control.sock").exists)

    def hang_node(self) -> None:
        """It is there, takes connections as far as the kernel does, and says nothing."""
        assert self._node is not None
        self._node.send_signal(signal.SIGSTOP)

    def begin(self, doors: str, *, hosted: str = DOMAIN, consents: str = "") -> None:
        """A home with these doors; with `consents`, MEMBER is enrolled."""
        settings = self.folder / "begin.toml"
        house = f'domain = "node.example"\nhosted_domains = ["{hosted}"]\n' if hosted else 'domain = "node.example"\n'
        dns = f'dns = "{HERE}:{self.dns.names.port}"\nrdap = ""\n'
        settings.write_text(f"{house}{dns}[doors]\n{doors}\n", "utf-8")
        self.run("init", "--settings", str(settings))
        if consents:
            self.run("member", "add", MEMBER, "--consent", consents)

    def wake_node(self) -> None:
        """It goes on where it stood."""
        assert self._node is not None
        self._node.send_signal(signal.SIGCONT)

    def stop_node(self) -> None:
        if self._node is not None:
            self._node.terminate()
            assert self._node.wait(timeout=30) == 0, (self.folder / "node.log").read_text("utf-8")
            self._node = None

    def ask(self, verb: str, **words: object) -> Any:
        """One verb to the running node."""
        with socket.socket(socket.AF_UNIX) as line, line.makefile("rwb") as file:
            line.connect(str(self.home / "control.sock"))
            file.write(json.dumps({"verb": verb, **words}).encode() + b"\n")
            file.flush()
            answer = json.loads(file.readline())
        assert answer["ok"], answer
        return answer["result"]

    def reported(self, subject: str) -> list[dict[str, Any]]:
        """The reports of one mailing, by the subject of its mails."""
        campaigns = [row["campaign"] for row in self.ask("campaigns")]
        mails = [mail for name in campaigns for mail in self.ask("campaign", campaign=name)["mails"]]
        return [mail for mail in mails if mail["subject"] == subject]


class House(Node):
    """A mail house with its node: everything on one machine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reports, self.milter = folder / "reports", free_port()
        # As the how-to has it: the mail store's group may write here, and what it writes keeps the group.
        self.reports.mkdir()
        shutil.chown(self.reports, group=MAIL_USER)
        self.reports.chmod(0o2770)
        for name in ("dovecot", "postfix", "program"):
            (folder / name).mkdir()
        self.dovecot = Dovecot(folder / "dovecot", lay_out_program(folder / "program"))
        self.postfix = Postfix(folder / "postfix", DOMAIN, lmtp=self.dovecot.lmtp, milter=self.milter)

    def open(self) -> None:
        doors = f'milter = "{HERE}:{self.milter}"\nreports = "{self.reports}"\nhttp = ""'
        self.begin(doors, consents="count,token")
        self.start_node()
        self.dovecot.start()
        self.postfix.start()

    def start_node(self) -> None:
        super().start_node()
        wait_for(self.milter)

    def close(self) -> None:
        self.postfix.stop()
        self.dovecot.stop()
        self.stop_node()
        self.dns.close()


class Elsewhere(Node):
    """A node whose members' mailboxes are at another house, which knows nothing of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "dovecot").mkdir()
        self.dovecot = Dovecot(folder / "dovecot", None)
        self.secret = folder / "secret"
        self.secret.write_text("secret\n", "utf-8")
        self.secret.chmod(0o600)

    def open(self) -> None:
        self.begin('http = ""', hosted="")
        self.dovecot.start()
        self.start_node()

    def watch(self, address: str, *more: str) -> dict[str, Any]:
        """A member's mailbox is looked at, and that has begun."""
        secret = [] if "--secret-command" in more else ["--secret-file", str(self.secret)]
        place = ["--server", f"{HERE}:{self.dovecot.imap}", "--plain", "--user", address]
        found = json.loads(self.run("watch", "add", address, *place, *secret, *more, "--json"))
        eventually(lambda: self.state(address) == "watching")
        return dict(found)

    def state(self, address: str) -> str:
        """How it goes with one mailbox."""
        return str(self.row(address)["state"])

    def row(self, address: str) -> dict[str, Any]:
        """What is said of one mailbox."""
        (found,) = [row for row in self.ask("watch-list") if row["address"] == address]
        return dict(found)

    def close(self) -> None:
        self.stop_node()
        self.dovecot.stop()
        self.dns.close()


def missing_servers() -> str:
    """Why the servers can not be run here; empty where they can."""
    missing = [path for path in NEEDED if not os.path.exists(path)]
    if missing:
        return f"needs Debian's postfix, dovecot-imapd, dovecot-lmtpd and dovecot-sieve: no {', '.join(missing)}"
    if os.geteuid() != 0:
        return "Postfix and Dovecot change users, which only root can"
    return "" if python_for_all() else "no Python of this version that every user can start"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    yield from opened(House)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    yield from opened(Elsewhere)


def opened(kind: type[Place]) -> Iterator[Place]:
    """A whole place, for the tests of one file: what was taken back there stays with its sender."""
    if reason := missing_servers():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="antiphon-door-"))
    folder.chmod(0o755)
    place = kind(folder)
    try:
        place.open()
        yield place
    finally:
        place.close()
        shutil.rmtree(folder)
