"""Alerts and dashboard of contrib name only what /metrics shows, and every alert says what it means and what to do."""

from __future__ import annotations

import json
import re
from typing import Any

from antiphon.optout.attempt import Outcome
from antiphon.web.metrics import METRICS, WELL
from tests.unit.house.repository import ROOT, text

RULES = ROOT / "contrib" / "prometheus" / "antiphon.rules.yml"
BOARD = ROOT / "contrib" / "grafana" / "antiphon.json"
SHOWN = {metric.name: metric for metric in (*METRICS, WELL)}
NAMED = re.compile(r"\bantiphon_[a-z_]+\b")
ALERT = re.compile(r"^ +- alert: (\w+)$(.*?)(?=^ +- alert:|\Z)", re.MULTILINE | re.DOTALL)


def expressions() -> list[str]:
    """What alerts and panels ask."""
    board: dict[str, Any] = json.loads(text(BOARD))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [*asked, *re.findall(r"^ +expr: (.+)$", text(RULES), re.MULTILINE)]


def test_every_metric_that_is_asked_for_exists() -> None:
    """No alert that can never fire, and no empty panel, because a metric was renamed."""
    assert len(expressions()) > 15
    for asked in expressions():
        assert set(NAMED.findall(asked)) <= SHOWN.keys() and NAMED.search(asked), asked


def test_every_label_that_is_asked_for_exists() -> None:
    """Selectors and legends use the one label of their metric."""
    for named, label, word in re.findall(r'(antiphon_[a-z_]+)\{(\w+)="(\w+)"\}', "\n".join(expressions())):
        assert SHOWN[named].label == label and word in set(Outcome)
    for panel in json.loads(text(BOARD))["panels"]:
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert label == SHOWN[NAMED.findall(target["expr"])[0]].label


def test_every_metric_is_on_the_board() -> None:
    """A new one gets its panel."""
    board = " ".join(target["expr"] for panel in json.loads(text(BOARD))["panels"] for target in panel["targets"])
    assert SHOWN.keys() == set(NAMED.findall(board))


def test_every_alert_has_a_meaning_and_an_action() -> None:
    """Somebody is woken by it and has to know what to do."""
    alerts = ALERT.findall(text(RULES))
    assert len(alerts) == text(RULES).count("- alert:") > 5
    for alert, said in alerts:
        for field in ("severity", "summary", "meaning", "action"):
            assert re.search(rf"{field}: \S+", said), (alert, field)
