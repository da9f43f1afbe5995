"""Dovecot and Postfix as Debian ships them, on loopback, from private folders, with our own files of contrib."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import antiphon
from antiphon.world.child import free_port
from tests.door import syntax

CONTRIB = Path(__file__).resolve().parents[2] / "contrib"
MAIL_USER = "mail"
HERE = "127.0.0.1"


def wait_for(port: int, seconds: float = 30) -> None:
    """Until somebody listens there."""
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((HERE, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def python_for_all() -> Path | None:
    """A Python like this one that every user can start; None where there is none."""
    for path in (Path(sys.executable).resolve(), Path("/usr/bin/python3")):
        open_to_all = path.exists() and all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
        question = [path, "-c", "import sys; print(sys.version_info[:2])"]
        if open_to_all and subprocess.check_output(question, text=True).strip() == str(sys.version_info[:2]):
            return path
    return None


def lay_out_program(folder: Path) -> Path:
    """The program where every user can start it: this checkout may lie where only its owner can go."""
    library, beside = folder / "lib", Path(sysconfig.get_path("platlib"))
    cache = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(antiphon.__file__).parent, library / "antiphon", ignore=cache)
    shutil.copytree(beside / "cryptography", library / "cryptography", ignore=cache)
    for backend in beside.glob("_cffi_backend*"):
        shutil.copy(backend, library)
    program = folder / "antiphon"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={library} exec {python_for_all()} -m antiphon "$@"\n', "utf-8")
    program.chmod(0o755)
    return program


class Dovecot:
    """IMAP and LMTP for anybody with the password `secret`. Sieve files what has `X-Filter: junk` into Junk. Without
    our `program` it is somebody else's house."""

    def __init__(self, folder: Path, program: Path | None) -> None:
        self.folder, self.imap, self.lmtp = folder, free_port(), free_port()
        (folder / "filter.sieve").write_text(
            'require "fileinto"; if header :is "X-Filter" "junk" { fileinto "Junk"; }\n', "utf-8"
        )
        self.mail = folder / "mail"
        self.mail.mkdir()
        ours = self._ours(program) if program is not None else syntax.sorted_at_delivery()
        for each in (folder, self.mail):
            shutil.chown(each, MAIL_USER, MAIL_USER)
        self._configure(self.mail, ours)

    def _ours(self, program: Path) -> str:
        """Our files of contrib, laid out as the page has it."""
        folder = self.folder
        scripts = folder / "antiphon"
        shutil.copytree(CONTRIB / "dovecot", scripts)
        report = scripts / "antiphon-report"
        text = report.read_text("utf-8").replace("/var/lib/antiphon/reports", str(folder.parent / "reports"))
        report.write_text(text.replace("exec antiphon", f"exec {program}"), "utf-8")
        kind = "-2.4.conf" if syntax.newer() else ".conf"
        files = [scripts / f"{name}{kind}" for name in ("antiphon", "antiphon-delivered")]
        ours = "".join(file.read_text("utf-8") for file in files).replace("/etc/dovecot/antiphon", str(scripts))
        shutil.chown(scripts, MAIL_USER, MAIL_USER)
        return ours

    def _configure(self, mail: Path, ours: str) -> None:
        folder = self.folder
        self.config = folder / "dovecot.conf"
        self.config.write_text(
            f"""{syntax.head()}
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap lmtp
listen = {HERE}
{syntax.open_talk()}first_valid_uid = 1
first_valid_gid = 1
mail_uid = {MAIL_USER}
mail_gid = {MAIL_USER}
{syntax.people(str(mail), MAIL_USER)}
namespace inbox {{
  inbox = yes
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
  mailbox Trash {{
    auto = create
    special_use = \\Trash
  }}
  mailbox Keep {{
    auto = create
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
{syntax.lmtp(self.lmtp)}
{syntax.sorted_last_by(f"{folder}/filter.sieve")}
{ours}
""",
            "utf-8",
        )

    def start(self) -> None:
        """Ready when this returns."""
        with open(self.folder / "out", "wb") as out:
            self._master = subprocess.Popen(
                ["/usr/sbin/dovecot", "-F", "-c", self.config], stdout=out, stderr=out, start_new_session=True
            )
        wait_for(self.imap)
        wait_for(self.lmtp)

    def stop(self) -> None:
        """Ended when this returns."""
        self._master.terminate()
        self._master.wait(timeout=30)

    def kill(self) -> None:
        """At once, and every connection with it."""
        os.killpg(self._master.pid, signal.SIGKILL)
        self._master.wait(timeout=30)


class Postfix:
    """SMTP on loopback, into an LMTP server, with the milter lines of contrib. Nothing else can leave it."""

    def __init__(self, folder: Path, domain: str, *, lmtp: int, milter: int) -> None:
        self.folder, self.smtp = folder, free_port()
        queue, data = folder / "queue", folder / "data"
        queue.mkdir()
        data.mkdir()
        shutil.chown(data, "postfix")
        ours = (CONTRIB / "postfix" / "antiphon.cf").read_text("utf-8").replace(":8892", f":{milter}")
        (folder / "main.cf").write_text(
            f"""
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = {HERE}
inet_protocols = ipv4
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
virtual_mailbox_domains = {domain}
virtual_transport = lmtp:inet:{HERE}:{lmtp}
default_transport = error:nothing leaves
relay_transport = error:nothing leaves
disable_dns_lookups = yes
smtputf8_enable = no
{ours}
""",
            "utf-8",
        )
        public, private = (
            ("cleanup", "qmgr", "showq", "flush"),
            ("bounce", "error", "lmtp", "anvil", "scache", "proxymap"),
        )
        rows = [f"{HERE}:{self.smtp} inet n - n - - smtpd", "postlog unix-dgram n - n - 1 postlogd"]
        rows += [f"{name} unix n - n - {'1' if name == 'qmgr' else '0'} {name}" for name in public]
        rows += [f"{name} unix - - n - - {name}" for name in private]
        rows += ["rewrite unix - - n - - trivial-rewrite", "retry unix - - n - - error"]
        rows += [f"{name} unix - - n - 0 bounce" for name in ("defer", "trace")]
        (folder / "master.cf").write_text("\n".join(rows) + "\n", "utf-8")

    def start(self) -> None:
        """Ready when this returns."""
        self._postfix("start")
        wait_for(self.smtp)

    def stop(self) -> None:
        """Ended when this returns."""
        self._postfix("stop")

    def _postfix(self, word: str) -> None:
        # Not a pipe: the master keeps what it was started with.
        with open(self.folder / "out", "ab") as out:
            subprocess.run(
                ["/usr/sbin/postfix", "-c", str(self.folder), word], stdout=out, stderr=out, check=True, timeout=60,
                env={**os.environ, "MAIL_CONFIG": str(self.folder)},
            )  # fmt: skip
