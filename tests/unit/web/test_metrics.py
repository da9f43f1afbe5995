"""Metrics and health of a running node: a format that monitors read, and nobody in it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from antiphon.web.metrics import METRICS, WELL, word_of

SAMPLE = re.compile(r'^(antiphon_[a-z_]+)(?:\{([a-z]+)="([^"\\\n]*)"\})? ([0-9.e+]+)$')
MEMBER = "anna@mail.example"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int, str]]]:
    """What a node with a member answers at each address, while it runs."""
    home = tmp_path_factory.mktemp("node") / "home"
    program = [sys.executable, "-m", "antiphon", "--home", str(home)]
    subprocess.run([*program, "init"], check=True, capture_output=True)
    subprocess.run([*program, "member", "add", MEMBER], check=True, capture_output=True)
    settings = home / "settings.toml"
    text = settings.read_text().replace('http = "127.0.0.1:8765"', 'http = "127.0.0.1:0"')
    settings.write_text(text.replace('lmtp = ""', 'lmtp = "127.0.0.1:0"'))
    node = subprocess.Popen([*program, "run", "--log", "json"], stderr=subprocess.PIPE, text=True)
    try:
        assert node.stderr is not None
        said = ""
        while '"running"' not in said:
            said = node.stderr.readline()
            assert said, "the node ended"
            if found := re.search(r"http://(127\.0\.0\.1:\d+)", said):
                place = found.group(1)
        yield {path: fetch(place, path) for path in ("/metrics", "/healthz", "/healthz/lmtp", "/healthz/smtp")}
    finally:
        node.terminate()
        node.communicate(timeout=20)
    assert node.returncode == 0


def fetch(place: str, path: str) -> tuple[int, str]:
    """Status and body, by a client that is not ours."""
    line = HTTPConnection(place, timeout=20)
    try:
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read().decode()
    finally:
        line.close()


def test_every_line_is_of_the_text_format(shown: dict[str, tuple[int, str]]) -> None:
    """HELP, TYPE, then the samples of each family, each family once."""
    status, body = shown["/metrics"]
    assert status == 200
    families = []
    for line in body.splitlines():
        if line.startswith("# HELP "):
            families.append(line.split()[2])
        elif not line.startswith("# TYPE "):
            sample = SAMPLE.match(line)
            assert sample, line
            assert sample.group(1) == families[-1]
    assert families == [metric.name for metric in (*METRICS, WELL)]
    assert {'antiphon_well{part="lmtp"} 1', "antiphon_stopped 0"} <= set(body.splitlines())


def test_nobody_is_named_and_series_are_few(shown: dict[str, tuple[int, str]]) -> None:
    """No address, no domain, and not one series more for one more member, campaign or case."""
    body = shown["/metrics"][1]
    assert "@" not in body
    assert "mail.example" not in body
    assert 'antiphon_members{state="pending"} 1' in body
    assert len(body.splitlines()) < 200


def test_health_is_one_word_for_all_and_for_each_door(shown: dict[str, tuple[int, str]]) -> None:
    """A door that is not open has no health."""
    assert shown["/healthz/lmtp"] == (200, "OK\n")
    assert shown["/healthz/smtp"] == (404, "UNKNOWN\n")
    assert shown["/healthz"][1] in ("OK\n", "NOT OK\n")


def test_one_part_that_is_not_well_makes_the_whole_not_well() -> None:
    """And the part itself, but not its neighbours."""
    health = {"anchor": lambda: False, "lmtp": lambda: True}
    assert word_of(health) == (503, "NOT OK\n")
    assert word_of(health, "anchor") == (503, "NOT OK\n")
    assert word_of(health, "lmtp") == (200, "OK\n")
    assert word_of({"lmtp": lambda: True}) == (200, "OK\n")
