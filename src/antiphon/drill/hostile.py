"""D4: mails made to hurt their reader. What each costs a program that reads it as a node does; then a node is handed
all of them, while its process for compiled readers is killed again and again and other members go on reporting."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import SIGKILL
from time import process_time

from antiphon.backends.home import Home
from antiphon.backends.machine import SystemClock
from antiphon.campaign.fingerprint import fingerprint
from antiphon.drill.bombs import BOMBS, MIB, ORDINARY
from antiphon.drill.overload import Members, Stand, enrol, mail, peak_of, unknown
from antiphon.errors import MalformedInput
from antiphon.formats.message import parse_message
from antiphon.node import rulebook
from antiphon.optout.inspection import inspect_message
from antiphon.settings import Settings

MOST_TIMES, MOST_SECONDS, MOST_MEMORY_KIB = 5.0, 0.05, 32 * 1024
SEED = bytes(32)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one bomb: its size, the processor time for reading and judging it and for its fingerprint, and the memory that
    this took at most, beyond what the reader had before."""

    name: str
    size: int
    seconds: float
    memory_kib: int


@dataclass(frozen=True, slots=True)
class HostileFigures:
    """`over`: bombs that cost more than their share: five times what an ordinary page costs for each byte, or 50 ms
    where that is more, or 32 MiB. `lost`: reports that were acknowledged and that the node does not know afterwards."""

    bombs: int
    ordinary_seconds_per_mib: float
    slowest: str
    slowest_seconds: float
    most_memory_kib: int
    over: tuple[str, ...]
    readers_killed: int
    handed_in: int
    answers: dict[str, int]
    others_reports: int
    others_acknowledged: int
    lost: int

    @property
    def holds(self) -> bool:
        """No bomb costs more than its share, every one had an answer, nobody else went without, nothing was lost."""
        answered = sum(self.answers.values()) == self.handed_in > 0 and "no answer" not in self.answers
        others = self.others_acknowledged == self.others_reports > 0
        return answered and others and not self.over and not self.lost and min(self.bombs, self.readers_killed) > 0


def over_of(costs: Sequence[Cost], per_mib: float) -> tuple[str, ...]:
    """Those that cost more than their share."""
    return tuple(
        cost.name
        for cost in costs
        if cost.seconds > max(MOST_SECONDS, MOST_TIMES * per_mib * cost.size / MIB) or cost.memory_kib > MOST_MEMORY_KIB
    )


async def hostile_drill(
    say: Callable[[str], None], *, node_command: Sequence[str], names: Sequence[str] = tuple(BOMBS)
) -> HostileFigures:
    """All that are named. Raises RuntimeError when the node does not come up or its reader ends."""
    ordinary, costs = await _costs(names)
    slowest = max(costs, key=lambda cost: cost.seconds)
    say(f"{len(costs)} bombs read; the slowest is {slowest.name}: {slowest.seconds:.3f} s for {slowest.size:,} bytes")
    folder = Path(tempfile.mkdtemp(prefix="antiphon-"))
    node = Stand(folder, node_command)
    try:
        await node.init(Path(), "ada", os.urandom(32))
        await node.start()
        tickets, _ = await enrol(node)
        hostile, others = Members(node.http, tickets[:1]), Members(node.http, tickets[-20:])
        killed = await _hand_in(node, hostile, others, names)
        say(f"{len(hostile.acknowledged)} of {len(names)} bombs taken, {killed} readers killed")
        await node.stop()
        return HostileFigures(
            bombs=len(costs),
            ordinary_seconds_per_mib=round(ordinary.seconds * MIB / ordinary.size, 4),
            slowest=slowest.name,
            slowest_seconds=round(slowest.seconds, 4),
            most_memory_kib=max(cost.memory_kib for cost in costs),
            over=over_of(costs, ordinary.seconds * MIB / ordinary.size),
            readers_killed=killed,
            handed_in=hostile.sent,
            answers={"202": len(hostile.acknowledged), **hostile.refused},
            others_reports=others.sent,
            others_acknowledged=len(others.acknowledged),
            lost=await unknown(Home(node.home), [*hostile.acknowledged, *others.acknowledged]),
        )
    finally:
        await node.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _hand_in(node: Stand, hostile: Members, others: Members, names: Sequence[str]) -> int:
    """Each bomb, and behind it a report of somebody else; returns how many readers were killed meanwhile."""
    killed = 0
    for number, name in enumerate(names):
        await hostile.report_one(BOMBS[name]())
        await others.report_one(mail(number, os.urandom(8).hex()))
        for child in _children(node.number):
            with suppress(ProcessLookupError):
                os.kill(child, SIGKILL)
                killed += 1
    return killed


def _children(process: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()]


async def _costs(names: Sequence[str]) -> tuple[Cost, list[Cost]]:
    """As a program of its own measures them, the ordinary page first."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "antiphon.drill.hostile", *names, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"The program that reads the bombs ended with {process.returncode}.")
    ordinary, *costs = [Cost(**row) for row in json.loads(out)]
    return ordinary, costs


def measured(name: str, raw: bytes, read: Callable[[bytes], None]) -> Cost:
    """What reading it costs this process."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before, begun = peak_of(os.getpid()), process_time()
    read(raw)
    return Cost(name, len(raw), round(process_time() - begun, 4), max(0, peak_of(os.getpid()) - before))


def start() -> None:
    """The program: reads the ordinary page, then the bombs that are named, as a node reads a report."""
    rules, now = rulebook(Settings()), SystemClock().now()

    def read(raw: bytes) -> None:
        inspect_message(raw, "", rules, keys=None, now=now)
        with suppress(MalformedInput):
            fingerprint(parse_message(raw), seed=SEED, signers=())

    ordinary = ORDINARY()
    read(ordinary)  # whatever is loaded on first use is no part of any mail's cost
    rows = [measured("an ordinary page", ordinary, read)]
    rows += [measured(name, BOMBS[name](), read) for name in sys.argv[1:]]
    print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    start()
