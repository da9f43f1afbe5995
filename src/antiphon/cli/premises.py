"""What may be wrong around a node, on its machine: permissions, disk, clock, doors, and the mail servers beside it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import apsw

from antiphon.backends.home import Home
from antiphon.backends.machine import clock_is_kept, half_open_are_kept_out
from antiphon.desk.diagnose import Finding, Severity, broken
from antiphon.errors import AntiphonError
from antiphon.intake.handing import BROKEN
from antiphon.intake.pipe import ENDING
from antiphon.settings import Settings, host_and_port

SQLITE_MENDED = (3, 51, 3)
"""Before this a reset of the write-ahead log could damage the database (sqlite.org, 2026)."""
COMFORTABLE_BYTES = 1024 * 1024 * 1024
ENTER_SECONDS = 2.0
PORTS = ("lmtp", "smtp", "milter", "http")
LOOPBACK = ("127.", "localhost", "::1")
Place = tuple[str, int] | Path


def look_around(home: Home, settings: Settings, *, running: bool) -> Iterator[Finding]:
    """Every finding that needs no word of the node. A check that fails itself is a finding and stops no other."""
    try:
        home.check()
    except AntiphonError as error:
        yield Finding("home", Severity.ERROR, error.what, "The node does not start.", error.advice or "Mend it.")
    if not running:
        yield Finding("running", Severity.WARNING, "No node runs on this home.",
                      "Mail goes by uncommitted; reports wait.",
                      "systemctl start antiphon, or antiphon run")  # fmt: skip
    parts = {
        "keys": _keys(home, settings),
        "machine": _machine(home),
        "places": _places(home, settings),
        "mail-servers": _mail_servers(settings),
    }
    for name, findings in parts.items():
        try:
            yield from findings
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one check, the others are still told
            yield broken(name, error)


def doors_of(home: Home, settings: Settings) -> dict[str, Place]:
    """Every door that the settings open, by name, and where it is reached from this machine."""
    found: dict[str, Place] = {}
    for name in PORTS:
        if value := str(getattr(settings.doors, name)):
            host, port = host_and_port(value)
            found[name] = ("127.0.0.1" if host in ("0.0.0.0", "::", "") else host, port)
    found["reports"] = Path(settings.doors.reports) if settings.doors.reports else home.reports
    return found


async def shut_doors(doors: dict[str, Place]) -> list[Finding]:
    """Those of a running node that nobody can enter."""
    found = []
    for name, place in doors.items():
        if isinstance(place, tuple) and place[1] and not await _enter(place):
            found.append(
                Finding(f"door-{name}", Severity.ERROR, f"Nobody answers at the {name} door, {place[0]}:{place[1]}.",
                        "What comes this way is not taken.", "Look at the node's log, then start it again.")
            )  # fmt: skip
    return found


async def _enter(place: tuple[str, int]) -> bool:
    try:
        async with asyncio.timeout(ENTER_SECONDS):
            _, writer = await asyncio.open_connection(*place)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _keys(home: Home, settings: Settings) -> Iterator[Finding]:
    for key in sorted(home.keys.glob("*")) if home.keys.is_dir() else ():
        if key.stat().st_mode & 0o077:
            yield Finding("keys", Severity.ERROR, f"{key} can be read by others.", "Whoever reads it can be this node.",
                          f"chmod 600 {key}")  # fmt: skip
    if not settings.master_key:
        yield Finding("master-key", Severity.NOTE, "The master key lies in the home, beside what it opens.",
                      "Who copies the home can read the mail in it.", "Set master_key to another file.")  # fmt: skip

    if not settings.member_keys_copy:
        yield Finding("member-keys", Severity.NOTE, "The members' keys lie in the home alone.",
                      "With its disk all sealed mail is lost: they are in no backup.",
                      "Name an empty file on another disk as member_keys_copy.")  # fmt: skip


def _machine(home: Home) -> Iterator[Finding]:
    if not clock_is_kept():
        yield Finding("clock", Severity.WARNING, "Nothing keeps this machine's clock right.",
                      "Windows and ledger days may begin too early or too late.",
                      "timedatectl set-ntp true, or install chrony")  # fmt: skip
    if not half_open_are_kept_out():
        yield Finding("syn-cookies", Severity.WARNING, "This machine keeps half-open connections until they time out.",
                      "Whoever sends enough of them shuts every door.",
                      "sysctl -w net.ipv4.tcp_syncookies=1, and in /etc/sysctl.d")  # fmt: skip
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SQLITE_MENDED:
        yield Finding("sqlite", Severity.ERROR, f"SQLite {apsw.sqlite_lib_version()} can damage a database.",
                      "The home may be lost in a crash.", "pip install --upgrade apsw")  # fmt: skip
    if home.path.is_dir() and (free := shutil.disk_usage(home.path).free) < COMFORTABLE_BYTES:
        yield Finding("disk", Severity.WARNING, f"{free // 2**20} MiB are free below {home.path}.",
                      "When it is full, no report is kept.", "Free some space.")  # fmt: skip
    if damaged := sorted(home.spool.glob("*.damaged")):
        yield Finding("spool-damaged", Severity.ERROR, f"The disk has changed what lay in {damaged[0]}.",
                      "A mail that was acknowledged may be unreadable.",
                      f"Look at the disk, then mv {home.spool}/*.damaged away")  # fmt: skip


def _places(home: Home, settings: Settings) -> Iterator[Finding]:
    if not settings.doors.milter and not settings.doors.lmtp:
        yield Finding("no-mta", Severity.WARNING, "No mail server tells this node of mail.",
                      "Every report is of class C, and pays for nothing but a click.",
                      "Set doors.milter: docs/how-to/postfix-and-dovecot.md")  # fmt: skip
    for name in ("lmtp", "milter", "http"):
        value = str(getattr(settings.doors, name))
        if value and not value.strip("[").startswith(LOOPBACK):
            yield Finding(f"open-{name}", Severity.WARNING, f"The {name} door at {value} is not on loopback alone.",
                          "Whoever reaches it is believed.", f"Set doors.{name} to a 127.0.0.1 address.")  # fmt: skip
    folder = doors_of(home, settings)["reports"]
    if not isinstance(folder, Path) or not folder.is_dir():
        return
    if folder.stat().st_mode & 0o007:
        yield Finding("reports-open", Severity.ERROR, f"Everybody on this machine may come into {folder}.",
                      "Whoever writes there is believed to be the mail store.", f"chmod o= {folder}")  # fmt: skip
    if broken := len(list(folder.glob(f"*{BROKEN}"))):
        yield Finding("reports-broken", Severity.WARNING, f"{broken} files in {folder} were not sealed to this node.",
                      "They are not taken.", f"Look at them, then rm {folder}/*{BROKEN}")  # fmt: skip
    if waiting := len(list(folder.glob(f"*{ENDING}"))):
        yield Finding("reports-waiting", Severity.NOTE, f"{waiting} reports wait in {folder}.",
                      "They are taken when the node runs.", "antiphon run")  # fmt: skip


def _mail_servers(settings: Settings) -> Iterator[Finding]:
    if settings.doors.milter and (said := _said("postconf", "-xh", "smtpd_milters")) is not None:
        port = settings.doors.milter.rpartition(":")[2]
        ours = [part for part in said.replace("}", "{").split("{") if f":{port}" in part]
        line = f"{{ inet:{settings.doors.milter}, connect_timeout=2s, default_action=accept }}"
        if not ours:
            yield Finding("postfix", Severity.WARNING, "Postfix does not speak to the milter door.",
                          "No mail is committed at delivery.", f"postconf -e 'smtpd_milters={line}'")  # fmt: skip
        elif "default_action=accept" not in ours[0].replace(" ", ""):
            yield Finding("postfix-default", Severity.ERROR, "Postfix has no default_action=accept for this milter.",
                          "Mail is refused while the node is down.", f"postconf -e 'smtpd_milters={line}'")  # fmt: skip
    if (said := _said("doveconf", "-n")) is not None and "junked.sieve" not in said:
        yield Finding("dovecot", Severity.WARNING, "Dovecot does not tell of mail that is moved to Junk.",
                      "Members report by forwarding alone.",
                      "Copy contrib/dovecot: docs/how-to/postfix-and-dovecot.md")  # fmt: skip


def _said(*words: str) -> str | None:
    """What a program of this machine says; None where it is not there, or says nothing."""
    program = shutil.which(words[0], path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        return None
    try:
        done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
