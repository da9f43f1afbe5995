"""What a monitor reads: counts for Prometheus, and one word on health. No label names anybody."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from antiphon import __version__
from antiphon.campaign.report import Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.desk import Desk, armed
from antiphon.desk.log import PUBLISHED, SIZE, number
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case, State
from antiphon.optout.destination import Halt
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate, MandateState
from antiphon.terms import ledger_day
from antiphon.web.views import needs

Samples = Iterable[tuple[str, float]]
"""Values by the one label, which is a word of our own; an empty word is no label."""


LONGEST_ROUND_SECONDS = 600
"""A round that takes longer is told as not well."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of the Prometheus text format. `label` is the name of its one label, empty where it has none."""

    name: str
    text: str
    samples: Callable[[Transaction, Desk], Samples]
    label: str = ""


def _one(value: Callable[[Transaction, Desk], float]) -> Callable[[Transaction, Desk], Samples]:
    return lambda tx, desk: [("", value(tx, desk))]


def _by(kind: type, field: str, words: type[StrEnum]) -> Callable[[Transaction, Desk], Samples]:
    return lambda tx, _: [(word.value, tx.count(kind, **{field: word})) for word in words]


METRICS: tuple[Metric, ...] = (
    Metric("antiphon_build_info", "The running version; always 1.", lambda *_: [(__version__, 1)], "version"),
    Metric("antiphon_armed", "How far it may go: 0 observing, 1 own opt-outs, 2 all.", _one(lambda tx, _: armed(tx))),
    Metric("antiphon_stopped", "1 where the file STOP lies in the home.", _one(lambda _, desk: desk.stopped())),
    Metric("antiphon_anchor_agrees", "1 where the anchor is there and fits.", _one(lambda _, desk: desk.log.agrees)),
    Metric("antiphon_ledger_entries", "Entries in the ledger.", _one(lambda tx, _: number(tx, SIZE))),
    Metric("antiphon_ledger_published_entries", "Of these, published.", _one(lambda tx, _: number(tx, PUBLISHED))),
    Metric("antiphon_ledger_day", "The ledger day.", _one(lambda _, desk: ledger_day(desk.clock.now()))),
    Metric("antiphon_members", "Mandates by state.", _by(Mandate, "state", MandateState), "state"),
    Metric("antiphon_reports", "Reports kept, by state.", _by(Report, "state", ReportState), "state"),
    Metric("antiphon_sightings", "Sightings by state.", _by(Sighting, "state", SightingState), "state"),
    Metric("antiphon_cases", "Cases by state.", _by(Case, "state", State), "state"),
    Metric("antiphon_attempts", "Attempts by outcome.", _by(Attempt, "outcome", Outcome), "outcome"),
    Metric("antiphon_halts", "Hosts, cases and channels that are stopped.", _one(lambda tx, _: tx.count(Halt))),
    Metric(
        "antiphon_needs_person", "What waits for a person.", _one(lambda tx, desk: len(needs(tx, desk.clock.now())))
    ),
)
"""All are gauges: counts of what is kept, which erasure can make smaller."""


Health = Mapping[str, Callable[[], bool]]
"""What has to be well, by name: each door, the anchor, the rounds."""


WELL = Metric("antiphon_well", "1 where this part is well, as /healthz says it.", lambda *_: (), "part")
"""Its samples are not in the store: what `Health` holds."""


def exposition(tx: Transaction, desk: Desk, health: Health) -> str:
    """The page of /metrics (Prometheus text format 0.0.4)."""
    families = [(metric, metric.samples(tx, desk)) for metric in METRICS]
    families.append((WELL, [(part, holds()) for part, holds in health.items()]))
    lines = []
    for metric, samples in families:
        lines += [f"# HELP {metric.name} {metric.text}", f"# TYPE {metric.name} gauge"]
        for word, value in samples:
            label = f'{{{metric.label}="{word}"}}' if metric.label else ""
            lines.append(f"{metric.name}{label} {float(value):g}" if value < 1e6 else f"{metric.name}{label} {value}")
    return "\n".join(lines) + "\n"


def word_of(health: Health, name: str = "") -> tuple[int, str]:
    """Status and the one word: of one part, or of all where no name is given. 404 for a part that is not there."""
    if name and name not in health:
        return 404, "UNKNOWN\n"
    well = all(holds() for part, holds in health.items() if name in ("", part))
    return (200, "OK\n") if well else (503, "NOT OK\n")


class Pulse:
    """When the last round ended, by the machine's own steady clock."""

    def __init__(self) -> None:
        self._at = -math.inf

    def beat(self) -> None:
        """A round ended."""
        self._at = asyncio.get_running_loop().time()

    def beats(self) -> bool:
        """Whether one ended lately; the longest pause between two is a minute."""
        return asyncio.get_running_loop().time() - self._at < LONGEST_ROUND_SECONDS
