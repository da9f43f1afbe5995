"""Roundcube's driver, in real PHP, before a real node: marked is reported, unmarked is taken back, the move goes on."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from antiphon.drill.overload import Stand, enrol, mail
from tests.door.letters import eventually

HERE = Path(__file__).parent
DRIVER = HERE.parents[1] / "contrib" / "roundcube"
PHP = shutil.which("php")
SETTING = re.compile(r"(?m)^\$config\['(markasjunk_\w+)'\] = (.*);$")
COMPOSER = shutil.which("composer")
pytestmark = pytest.mark.skipif(PHP is None and not os.environ.get("CI"), reason="php-cli is not installed")


class Click:
    """What one person does in Roundcube, with that person's ticket."""

    def __init__(self, folder: Path, port: int, ticket: str) -> None:
        self.node, self.ticket = f"http://127.0.0.1:{port}", ticket
        self.tickets = folder / "tickets"
        self.tickets.write_text(f"bert@mail.example antiphon_other\nanna@mail.example {ticket}\n", "utf-8")

    def mark(self, act: str, raw: bytes) -> list[str]:
        """The lines that Roundcube would log, and whether the mail was moved."""
        words = [str(PHP), "-d", "display_errors=stderr", str(HERE / "mark.php"), str(DRIVER / "antiphon.php")]
        done = subprocess.run(
            [*words, self.node, str(self.tickets), act], input=raw, capture_output=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, b""), done.stderr
        return done.stdout.decode().splitlines()

    def state(self, raw: bytes) -> str:
        """What became of the report of this mail, as a program of the member learns it, which reports it anew."""
        headers = {"Authorization": f"Bearer {self.ticket}", "Content-Type": "message/rfc822"}
        with urlopen(Request(f"{self.node}/api/v1/reports", raw, headers), timeout=20) as answer:
            name = json.load(answer)["id"]

        def look() -> str:
            with urlopen(Request(f"{self.node}/api/v1/reports/{name}", headers=headers), timeout=20) as answer:
                found = json.load(answer)
            if found["state"] == "waiting":
                return ""
            return " ".join([found["state"], *(each["rule"] for each in found["refusals"])])

        return eventually(look)


async def _at_a_node(folder: Path, work: object) -> None:
    assert callable(work)
    node = Stand(folder, (sys.executable, "-m", "antiphon"))
    try:
        await node.init(Path(), "ada", os.urandom(32))
        await node.start()
        tickets, _ = await enrol(node)
        await asyncio.to_thread(work, Click(folder, node.http, tickets[0]))
    finally:
        await node.stop()


def test_what_is_marked_is_reported_and_what_is_unmarked_is_taken_back(tmp_path: Path) -> None:
    """A real node knows the mail already when it is reported anew; after *not junk* it takes it as a new report."""

    def work(anna: Click) -> None:
        raw, other = mail(1, "roundcube"), mail(2, "roundcube")
        assert anna.mark("spam", raw) == ["moved"]
        assert anna.state(raw) == "refused not-duplicate"
        assert anna.mark("spam", other) == ["moved"]
        assert anna.mark("ham", other) == ["moved"]
        assert anna.state(other) == "accepted"

    asyncio.run(_at_a_node(tmp_path, work))


def test_a_ticket_that_is_not_known_is_a_line_in_the_log(tmp_path: Path) -> None:
    """And the mail is moved."""

    def work(anna: Click) -> None:
        stranger = Click(tmp_path, int(anna.node.rpartition(":")[2]), "antiphon_" + "A" * 40)
        assert stranger.mark("spam", mail(1, "roundcube")) == ["moved", "antiphon: the node answered 401"]

    asyncio.run(_at_a_node(tmp_path, work))


def test_a_node_that_is_away_or_silent_stops_no_move(tmp_path: Path) -> None:
    """Nobody listens; or somebody does and never answers: one line, and an end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        lines = Click(tmp_path, port, "antiphon_x").mark("spam", mail(1, "roundcube"))
        assert lines[0] == "moved" and lines[1].startswith("antiphon: the node did not answer")
    lines = Click(tmp_path, port, "antiphon_x").mark("spam", mail(1, "roundcube"))
    assert lines[0] == "moved" and lines[1].startswith("antiphon: the node did not answer")


def test_a_ticket_goes_over_no_open_wire(tmp_path: Path) -> None:
    """Another machine without https is refused before anything is sent; so is a person without a ticket."""
    anna = Click(tmp_path, 1, "antiphon_x")
    for node in ("http://node.example", "http://127.0.0.1.node.example", "http://127.0.0.1@node.example", "ftp://x"):
        anna.node = node
        (said, moved) = anna.mark("spam", mail(1, "roundcube"))
        assert "wants https" in said and moved == "moved"
    anna.tickets.write_text("bert@mail.example antiphon_x\n", "utf-8")
    assert anna.mark("spam", mail(1, "roundcube")) == ["moved"]


def test_a_mail_past_the_limit_is_left_out(tmp_path: Path) -> None:
    """What no node takes is not read; the mail is moved."""
    said = Click(tmp_path, 1, "antiphon_x").mark("spam", b"A: b\r\n\r\n" + b"x" * 10 * 1024 * 1024)
    assert said == ["antiphon: a message was left out: it is too big, or there are too many at once", "moved"]


def test_the_one_file_under_another_licence_says_so() -> None:
    """At its head, in the text beside it, and nowhere else in the repository is a file of that licence."""
    assert "SPDX-License-Identifier: GPL-3.0-or-later" in (DRIVER / "antiphon.php").read_text("utf-8")[:200]
    assert "GPL-3.0-or-later" in (DRIVER / "README.md").read_text("utf-8")
    assert "Version 3, 29 June 2007" in (DRIVER / "COPYING").read_text("utf-8")[:200]


@pytest.mark.skipif(COMPOSER is None and not os.environ.get("CI"), reason="composer is not installed")
def test_composer_calls_its_description_whole(tmp_path: Path) -> None:
    """Strictly: no error and no warning; its licence is that of the one file, not that of the repository."""
    for name in ("composer.json", "antiphon.php"):
        shutil.copy(DRIVER / name, tmp_path)
    apart = {"COMPOSER_HOME": str(tmp_path / "c"), "COMPOSER_DISABLE_NETWORK": "1", "COMPOSER_ALLOW_SUPERUSER": "1"}
    words = [str(COMPOSER), "validate", "--strict", "--no-interaction", "--no-ansi", "--working-dir", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **apart})
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads((DRIVER / "composer.json").read_text("utf-8"))
    assert f"SPDX-License-Identifier: {said['license']}" in (DRIVER / "antiphon.php").read_text("utf-8")


def test_the_configuration_to_copy_is_what_the_how_to_says() -> None:
    """PHP reads it; it sets what the page sets, to the same, and names nothing that driver and plugin do not know."""
    example = DRIVER / "config.inc.php.dist"
    subprocess.run([str(PHP), "-l", str(example)], check=True, capture_output=True, timeout=60)
    page = (HERE.parents[1] / "docs" / "how-to" / "roundcube.md").read_text("utf-8")
    set_here = SETTING.findall(example.read_text("utf-8"))
    assert set_here and set_here == SETTING.findall(page)
    ours = {name for name, _ in set_here if "antiphon" in name}
    assert all(name in (DRIVER / "antiphon.php").read_text("utf-8") for name in ours)
