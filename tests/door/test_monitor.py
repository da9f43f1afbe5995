"""Debian's promtool reads the metrics of a running node and the alerts of contrib, and sees the alerts come and go."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from antiphon.world.child import free_port
from tests.door.conftest import Node
from tests.door.letters import eventually
from tests.door.servers import CONTRIB, HERE

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(
    PROMTOOL is None and not os.environ.get("CI"), reason="promtool is missing (prometheus)"
)
RULES = CONTRIB / "prometheus" / "antiphon.rules.yml"
STORY = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'antiphon_well{{part="lmtp"}}', values: '1x5 0x10'}}
      - {{series: antiphon_anchor_agrees, values: '1x15'}}
      - {{series: 'antiphon_build_info{{version="1"}}', values: '1x15'}}
    alert_rule_test:
      - {{eval_time: 5m, alertname: AntiphonPartNotWell, exp_alerts: []}}
      - eval_time: 12m
        alertname: AntiphonPartNotWell
        exp_alerts:
          - exp_labels: {{severity: page, part: lmtp}}
            exp_annotations:
              summary: The part lmtp is not well.
              meaning: A door takes nothing, no round ended for ten minutes, or the anchor does not agree.
              action: antiphon doctor; journalctl -u antiphon
      - {{eval_time: 12m, alertname: AntiphonAnchorLost, exp_alerts: []}}
      - {{eval_time: 12m, alertname: AntiphonAway, exp_alerts: []}}
"""


def promtool(*words: str, told: str = "") -> str:
    """What it says; it has nothing against us."""
    done = subprocess.run([str(PROMTOOL), *words], input=told, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[str]:
    """The page /metrics of a running node."""
    node, port = Node(tmp_path), free_port()
    node.surroundings = {"ANTIPHON_DOORS__HTTP": f"{HERE}:{port}"}
    node.run("init")
    node.start_node()
    try:
        eventually(lambda: "pages on" in (tmp_path / "node.log").read_text("utf-8"))
        line = HTTPConnection(HERE, port, timeout=20)
        line.request("GET", "/metrics")
        yield line.getresponse().read().decode()
        line.close()
    finally:
        node.stop_node()


def test_promtool_has_nothing_against_the_metrics(metrics: str) -> None:
    """Names, types, texts and units are as Prometheus wants them."""
    assert "antiphon_well" in metrics
    assert promtool("check", "metrics", told=metrics).strip() == ""


def test_promtool_reads_the_alerts_and_sees_one_come(tmp_path: Path) -> None:
    """A door that is not well wakes somebody after three minutes; what is well wakes nobody."""
    assert "8 rules found" in promtool("check", "rules", str(RULES))
    story = tmp_path / "story.yml"
    story.write_text(STORY.format(rules=RULES), "utf-8")
    assert "SUCCESS" in promtool("test", "rules", str(story))
