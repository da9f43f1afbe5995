"""The HTTP API of a running node keeps what its own OpenAPI document promises: Schemathesis asks and reads."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.web.admission import BURST
from antiphon.world.child import free_port
from tests.door.conftest import MEMBER, Node
from tests.door.servers import HERE, wait_for

ROOT = Path(__file__).resolve().parents[2]
SEED, MOST_TICKETS = 1, 10
pytestmark = pytest.mark.timeout(300)
KEYS_MEET = """
# Two made-up requests may bear one Idempotency-Key over other bodies: 422 is then the right answer to good data.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "422", "429", "5xx"]
"""


class Counter(Node):
    """A node that members' programs reach over HTTP, and by nothing else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.http = free_port()

    def open(self) -> None:
        self.begin(f'http = "{HERE}:{self.http}"', consents="count")
        self.start_node()
        wait_for(self.http)

    def ticket(self, name: str) -> str:
        """A program's leave to come."""
        return str(self.ask("ticket-make", address=MEMBER, name=name, days=1)["ticket"])

    def close(self) -> None:
        self.stop_node()
        self.dns.close()


@pytest.fixture(scope="module")
def counter() -> Iterator[Counter]:
    folder = Path(tempfile.mkdtemp(prefix="antiphon-openapi-"))
    place = Counter(folder)
    try:
        place.open()
        yield place
    finally:
        place.close()
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("phases", "mode", "examples"), [("coverage,fuzzing", "all", 25), ("stateful", "positive", 40)]
)
def test_the_document_is_kept(counter: Counter, tmp_path: Path, phases: str, mode: str, examples: int) -> None:
    """No error of ours; status, fields and content as documented; nothing without a ticket; from answer to answer."""
    (tmp_path / "schemathesis.toml").write_text(KEYS_MEET, "utf-8")
    tickets = [counter.ticket(f"{mode} {number}") for number in range(MOST_TICKETS)]
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"http://{HERE}:{counter.http}/api/v1/openapi.json",
            "--header", f"Authorization: Bearer {tickets[0]}", "--seed", str(SEED), "--phases", phases,
            "--mode", mode, "--max-examples", str(examples), "--no-color", "--warnings", "off", "--checks", "all",
            # What was taken back is still told of: as retracted.
            "--exclude-checks", "use_after_free",
        ],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.door.openapi", "TICKETS_OF_THE_TEST": " ".join(tickets),
             "PYTHONPATH": f"{ROOT}:{os.environ['PYTHONPATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Selected: 4/4" in done.stdout and "API Links:    0 covered" not in done.stdout, done.stdout


@pytest.mark.parametrize("on_one_line", [True, False])
def test_whoever_comes_too_often_is_told_when_to_come_again(counter: Counter, on_one_line: bool) -> None:
    """On one connection and on a new one each time: 429 with its field, as a problem."""
    ticket = counter.ticket(f"hasty {on_one_line}")
    line = http.client.HTTPConnection(HERE, counter.http, timeout=30)
    for _ in range(2 * BURST):
        line.request("GET", f"/api/v1/reports/{'0' * 32}", headers={"Authorization": f"Bearer {ticket}"})
        answer = line.getresponse()
        said = json.loads(answer.read())
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert said["status"] == answer.status
        if answer.status == 429:
            break
        if not on_one_line:
            line.close()
    line.close()
    assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1
