"""Messages a second, on the same messages in the same run: ours step by step, and the peers that can be run here."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from bench.grouping import daemons, ours, peers
from bench.grouping.gold import Mail
from bench.grouping.machine import processor_seconds, resident_bytes

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one thing is: the best of ROUNDS by the clock and by processor time; memory of its processes then."""

    name: str
    messages: int
    seconds: float
    processor_seconds: float
    resident_bytes: int

    @property
    def each_second(self) -> float:
        """Messages a second by the clock, with whatever else the machine did."""
        return self.messages / self.seconds

    @property
    def each_core_second(self) -> float:
        """Messages per second of processor time: what one core does."""
        return self.messages / self.processor_seconds


def measure(raws: Sequence[bytes], told: Callable[[str], None]) -> list[Speed]:
    """Ours for the evidence alone, with joining, and in two processes; then the peers."""
    mails = [Mail(raw, 1_700_000_000 + at * 60, "") for at, raw in enumerate(raws)]
    found = []
    gc.freeze()  # as `antiphon group` does

    def timed(name: str, act: Callable[[], object], rounds: int = ROUNDS) -> None:
        told(f"cost: {name}")
        found.append(Speed(name, len(raws), *_best(act, rounds, time.process_time), resident_bytes()))

    timed("ours: evidence", lambda: ours.evidence_of(mails))
    timed("ours: evidence and joining", lambda: ours.placed(ours.evidence_of(mails), mails))
    for processes in (1, 2):
        told(f"cost: ours, evidence, worker processes: {processes}")
        found.append(_parallel(mails, processes))
    if peers.version("pyzor") is not None:
        timed("Pyzor: digest", lambda: [peers.pyzor_digest(raw) for raw in raws], 1)
    return found + [Speed(*spent) for spent in daemons.speeds(raws, told)]


def _best(act: Callable[[], object], rounds: int, clock: Callable[[], float]) -> tuple[float, float]:
    """The least seconds by the clock, and the least of processor time."""
    spent = []
    for _ in range(rounds):
        begun, worked = time.perf_counter(), clock()
        act()
        spent.append((time.perf_counter() - begun, clock() - worked))
    return min(seconds for seconds, _ in spent), max(min(worked for _, worked in spent), 1e-9)


def _parallel(mails: Sequence[Mail], processes: int) -> Speed:
    """The evidence of the messages dealt out to workers that are already running."""
    hands = [mails[at :: processes * 4] for at in range(processes * 4)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(_hand, [hand[:5] for hand in hands]))
        spent = _best(lambda: list(pool.map(_hand, hands)), ROUNDS, lambda: processor_seconds(os.getpid()))
        return Speed(f"ours: evidence, worker processes: {processes}", len(mails), *spent, resident_bytes())


def _hand(mails: Sequence[Mail]) -> int:
    return sum(print_ is not None for print_ in ours.evidence_of(mails))
