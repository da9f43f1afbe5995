"""The doctor on a real home: findings for programs and people, exit codes by severity, probes through its doors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.backends import machine
from antiphon.backends.home import Home
from antiphon.cli.doctoring import EXIT
from antiphon.cli.premises import look_around
from antiphon.settings import Doors, Settings
from antiphon.world.child import free_port

PROGRAM = [sys.executable, "-m", "antiphon"]


class Node:
    """A home with all its doors on loopback; its name server is nobody."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.ports = {name: free_port() for name in ("milter", "lmtp", "smtp", "http")}
        doors = "".join(f'{name} = "127.0.0.1:{port}"\n' for name, port in self.ports.items())
        begin = folder / "begin.toml"
        begin.write_text(f'dns = "127.0.0.1:{free_port()}"\n[doors]\n{doors}', "utf-8")
        assert self.run("init", "--settings", str(begin)).returncode == 0
        self.running: subprocess.Popen[bytes] | None = None

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*PROGRAM, "--home", str(self.home), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def start(self) -> None:
        self.running = subprocess.Popen([*PROGRAM, "--home", str(self.home), "run"], stderr=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while not (self.home / "control.sock").exists():
            assert time.monotonic() < until
            time.sleep(0.05)

    def stop(self) -> None:
        if self.running is not None:
            self.running.terminate()
            self.running.wait(timeout=30)

    def findings(self, *words: str) -> tuple[dict[str, str], int]:
        """Severity by what was looked at, and the exit code."""
        done = self.run("doctor", "--json", *words)
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        for row in rows:
            assert all(row[name] for name in ("check", "severity", "trigger", "effect", "fix")), row
        return {row["check"]: row["severity"] for row in rows}, done.returncode


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    made.stop()


def test_a_fresh_home_is_looked_over(node: Node) -> None:
    """It does not run, its name server is silent; each finding says all four things; people read the same."""
    found, code = node.findings()
    assert (found["running"], found["dns"], found["master-key"]) == ("warning", "error", "note")
    assert code == 3
    said = node.run("doctor").stdout
    assert "The name server gives no answer." in said
    assert "> Look at the system's resolver" in said


def test_a_running_node_passes_a_probe_through_every_door(node: Node) -> None:
    """Doors without a probe are noted, afterwards not; the ledger is as long as before, and there is no report."""
    node.start()
    before = json.loads(node.run("status", "--json").stdout)
    doors = {"probe-lmtp", "probe-smtp", "probe-milter", "probe-reports", "probe-http"}
    found, _ = node.findings()
    assert doors <= set(found)
    assert not {name for name in found if name.startswith("door-")}
    found, _ = node.findings("--probe")
    assert not doors & set(found)
    after = json.loads(node.run("status", "--json").stdout)
    assert (after["ledger"], after["reports"]) == (before["ledger"], before["reports"])


def test_the_zone_can_be_pasted(node: Node) -> None:
    """Two keys, each string at most 255 bytes long (RFC 1035 §3.3.14); a parser of zone files takes them."""
    import dns.zone

    text = (
        "$ORIGIN antiphon.invalid.\n@ 3600 IN SOA a. b. 1 1 1 1 1\n@ 3600 IN NS a.\n"
        + node.run("doctor", "--zone").stdout
    )
    zone = dns.zone.from_text(text, relativize=False)
    assert len([name for name in zone.nodes if b"_domainkey" in name.labels]) == 2


def test_what_a_mail_server_lacks_is_printed_and_nothing_written(node: Node) -> None:
    """The diff alone on standard output, with 1; what to do with it beside; where all is there, nothing, with 0."""
    main = node.folder / "postfix" / "main.cf"
    main.parent.mkdir()
    main.write_text("biff = no\n", "utf-8")
    done = node.run("doctor", "--propose", "postfix", "--etc", str(node.folder))
    assert (done.returncode, main.read_text("utf-8")) == (1, "biff = no\n")
    assert done.stdout.startswith("diff --git") and f"inet:127.0.0.1:{node.ports['milter']}," in done.stdout
    assert "patch -p1 -d /" in done.stderr and "postfix reload" in done.stderr
    subprocess.run(["patch", "-p1", "-d", "/"], input=done.stdout, text=True, check=True, capture_output=True)
    done = node.run("doctor", "--propose", "postfix", "--etc", str(node.folder))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Nothing is lacking.\n")
    assert node.run("doctor", "--propose", "exim", "--etc", str(node.folder)).returncode == 66


def test_an_acknowledged_finding_rests(node: Node) -> None:
    """It is still shown, last, with its reason and its day; without a reason it is refused."""
    node.start()
    assert node.run("acknowledge", "dns").returncode == 65
    assert node.run("acknowledge", "dns", "--why", "a machine without a network").returncode == 0
    done = node.run("doctor", "--json")
    rows = json.loads(done.stdout)
    rests = [row["check"] for row in rows if row["acknowledged"] == "a machine without a network" and row["until"]]
    assert rests == ["dns"] == [rows[-1]["check"]]
    assert done.returncode == max(EXIT[row["severity"]] for row in rows[:-1]) < EXIT["error"]
    assert "known    dns (error), until " in node.run("doctor").stdout


def checks(home: Home, doors: Doors) -> set[str]:
    return {finding.check for finding in look_around(home, Settings(doors=doors, master_key="elsewhere"), running=True)}


def test_what_is_wrong_on_the_machine_is_found(node: Node) -> None:
    """A key that others can read, a folder that others can enter, doors that others can reach, files of nobody."""
    home, quiet = Home(node.home), Doors(milter="127.0.0.1:1", http="")
    wrong = {"home", "keys", "reports-open", "reports-broken", "reports-waiting", "open-milter", "no-mta"}
    wrong.add("spool-damaged")
    assert not checks(home, quiet) & wrong
    home.reports.mkdir()
    (home.reports / "x.broken").touch()
    (home.spool / f"{0:020d}.damaged").touch()
    (home.reports / "x.handed").touch()
    home.reports.chmod(0o777)
    (home.keys / "master").chmod(0o644)
    home.path.chmod(0o755)
    assert checks(home, Doors(milter="0.0.0.0:1", http="")) & wrong == wrong - {"no-mta"}
    assert "no-mta" in checks(home, Doors(http=""))


def test_a_kernel_that_keeps_half_open_connections_is_found(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """SYN cookies are all that stands there, before any program."""
    for value, found in (("1", False), ("0", True)):
        (node.folder / "cookies").write_text(value, "ascii")
        monkeypatch.setattr(machine, "SYN_COOKIES", node.folder / "cookies")
        assert ("syn-cookies" in checks(Home(node.home), Doors(http=""))) is found


def test_a_home_that_is_none_is_one_finding_of_it(tmp_path: Path) -> None:
    """With what to type."""
    done = subprocess.run(
        [*PROGRAM, "--home", str(tmp_path), "doctor", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert any("antiphon init" in row["fix"] for row in json.loads(done.stdout))
    assert os.listdir(tmp_path) == []
