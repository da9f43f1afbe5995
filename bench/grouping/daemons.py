"""rspamd and SpamAssassin, where Debian's packages are there: local tests only, in a network name space of their own.

Each runs in an empty name space (`unshare`), whose loopback is its whole world, and is spoken to over a Unix socket: no
name can be looked up, no map fetched, no list asked. rspamd has its own rules and a fuzzy storage of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from bench.grouping import machine
from bench.grouping.pairs import components

_OFF = (
    *("antivirus", "arc", "asn", "bimi", "clickhouse", "dcc", "dkim", "dkim_signing", "dmarc", "elastic"),
    *("external_services", "greylist", "history_redis", "metadata_exporter", "metric_exporter", "mx_check", "neural"),
    *("p0f", "ratelimit", "rbl", "replies", "reputation", "spf", "url_redirector"),
)
_CONFIG = """
.include "$CONFDIR/common.conf"
options {{
  pidfile = "{home}/rspamd.pid";
  .include "$CONFDIR/options.inc"
  filters = "chartable,regexp,fuzzy_check";
  control_socket = "{home}/rspamd.sock mode=0600";
  tempdir = "{home}";
  dns {{ nameserver = ["127.0.0.1"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "file"; filename = "{home}/rspamd.log"; level = "warning"; }}
worker "normal" {{ bind_socket = "{home}/scan mode=0600"; count = 1; }}
worker "controller" {{ bind_socket = "{home}/control mode=0600"; count = 1; }}
worker "fuzzy" {{
  bind_socket = "127.0.0.1:11335"; count = 1; backend = "sqlite"; hashfile = "{home}/fuzzy.db"; sync = 0.2s;
  expire = 365d; allow_update = ["127.0.0.1"];
}}
"""
_FUZZY = """
rule "rspamd.com" { enabled = false; }
rule "own" {
  algorithm = "mumhash"; servers = "127.0.0.1:11335"; symbol = "OWN_FUZZY"; mime_types = ["*"]; read_only = no;
  skip_unknown = yes; max_score = 20.0; fuzzy_map = { OWN_FUZZY_DENIED { max_score = 20.0; flag = 1; } }
}
"""
_ROOT = os.geteuid() == 0
_APART = (
    *("unshare", "--net", *(() if _ROOT else ("--map-current-user", "--keep-caps"))),
    *("sh", "-c", 'ip link set lo up && exec "$0" "$@"'),
)
"""Begins a program in an empty network name space; what follows is the program and its arguments."""
_READY_SECONDS = 120
_KNOWN = re.compile(r"\d+:([0-9a-f]{10}):")
SPAMD_MESSAGES = 300
"""SpamAssassin is slow: fewer messages tell its speed as well."""


class _Line(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = str(path)

    def connect(self) -> None:
        """Opens the socket in the file system."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _installed(name: str) -> str | None:
    """Where a program is, if it can be run apart."""
    return shutil.which(name) if shutil.which("unshare") and shutil.which("ip") else None


class Rspamd:
    """A running rspamd of our own."""

    def __init__(self, process: subprocess.Popen[bytes], home: Path) -> None:
        self.process, self._home = process, home

    def _ask(self, worker: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, object]:
        line = _Line(self._home / worker)
        try:
            line.request("POST", path, body, headers)
            answer: dict[str, object] = json.loads(line.getresponse().read() or b"{}")
            return answer
        finally:
            line.close()

    def check(self, raw: bytes) -> dict[str, object]:
        """The verdict on one message."""
        return self._ask("scan", "/checkv2", raw, {"Pass": "all"})

    def met(self, raw: bytes) -> list[str]:
        """The beginnings of the learned digests that the fuzzy storage knows as alike."""
        symbols = self.check(raw).get("symbols")
        found = []
        for symbol in symbols.values() if isinstance(symbols, dict) else ():
            if str(symbol.get("name", "")).startswith("OWN_FUZZY"):
                found += [known[1] for option in symbol.get("options", ()) if (known := _KNOWN.match(option))]
        return found

    def learn(self, raw: bytes) -> list[str]:
        """Puts one message into the fuzzy storage; the digests under which its parts are known."""
        learned = self._ask("control", "/fuzzyadd", raw, {"Flag": "1", "Weight": "10"}).get("hashes", [])
        return [str(digest) for digest in learned] if isinstance(learned, list) else []


@contextmanager
def rspamd() -> Iterator[Rspamd | None]:
    """rspamd in a folder of its own; None where it is not installed or does not start."""
    program = _installed("rspamd")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as folder:
        home = Path(folder)
        (home / "local.d").mkdir()
        for module in _OFF:
            (home / "local.d" / f"{module}.conf").write_text("enabled = false;\n", "utf-8")
        (home / "local.d" / "fuzzy_check.conf").write_text(_FUZZY, "utf-8")
        (home / "rspamd.conf").write_text(_CONFIG.format(home=home), "utf-8")
        places = [f"--var={name}={home}" for name in ("DBDIR", "RUNDIR", "LOGDIR", "LOCAL_CONFDIR")]
        command = [*_APART, program, "-f", "-i", "-c", str(home / "rspamd.conf"), *places]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            own = Rspamd(process, home)
            yield own if _ready(process, lambda: own.check(b"Subject: ready\n\nready\n")) else None
        finally:
            _end(process)


@contextmanager
def spamassassin() -> Iterator[tuple[subprocess.Popen[bytes], Callable[[bytes], bytes]] | None]:
    """spamd with local tests only, one child; what is given is the process and a way to check one message."""
    program = _installed("spamd")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as home:
        os.chmod(home, 0o755)  # spamd leaves root before it reads its home
        Path(home).chmod(0o755)  # spamd leaves root before it reads its home
        door = f"{home}/spamd"
        user = ("-u", "nobody") if _ROOT else ()
        few = ("-m", "1", "--min-children=1")
        command = [*_APART, program, *user, *few, "-L", "-x", "-s", "null", f"--socketpath={door}"]
        process = subprocess.Popen([*command, "-H", home], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def check(raw: bytes) -> bytes:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(60)
                line.connect(door)
                line.sendall(b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(raw) + raw)
                line.shutdown(socket.SHUT_WR)
                answer = b""
                while piece := line.recv(4096):
                    answer += piece
            if b"EX_OK" not in answer:
                raise OSError("spamd gave no verdict")
            return answer

        try:
            yield (process, check) if _ready(process, lambda: check(b"Subject: ready\n\nready\n")) else None
        finally:
            _end(process)


def _ready(process: subprocess.Popen[bytes], ask: Callable[[], object]) -> bool:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            ask()
        except (OSError, ValueError):
            time.sleep(0.2)
        else:
            return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


Spent = tuple[str, int, float, float, int]
"""Name, messages, seconds by the clock, seconds of processor time, resident bytes."""


def speeds(raws: Sequence[bytes], told: Callable[[str], None]) -> Iterator[Spent]:
    """Each that is there, on these messages, one at a time."""
    with rspamd() as one:
        if one is not None:
            told("cost: rspamd, local only")
            yield _timed("rspamd: local only", raws, one.process.pid, one.check)
    with spamassassin() as other:
        if other is not None:
            told("cost: SpamAssassin, local only")
            process, check = other
            yield _timed("SpamAssassin: local only", raws[:: max(1, len(raws) // SPAMD_MESSAGES)], process.pid, check)


def _timed(name: str, raws: Sequence[bytes], pid: int, check: Callable[[bytes], object]) -> Spent:
    for raw in raws[:20]:
        check(raw)
    spent, begun = machine.processor_seconds(pid), time.perf_counter()
    for raw in raws:
        check(raw)
    seconds = time.perf_counter() - begun
    return name, len(raws), seconds, machine.processor_seconds(pid) - spent, machine.resident_bytes(pid)


def fuzzy_labels(raws: Sequence[bytes]) -> list[Hashable] | None:
    """Grouping by rspamd's own fuzzy storage: each message is checked against all before it, then learned."""
    with rspamd() as one:
        if one is None:
            return None
        edges: list[tuple[int, int]] = []
        holders: dict[str, int] = {}
        for at, raw in enumerate(raws):
            edges += [(at, holders[known]) for known in one.met(raw) if known in holders]
            for digest in one.learn(raw):
                holders.setdefault(digest[:10], at)
        return list(components(len(raws), edges))
