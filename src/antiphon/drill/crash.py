"""D5, D7: `kill -9` at random instants of a running demo; then the world's counts and the auditor decide."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - a seeded source: a drill can be had again
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antiphon.terms import DAY, Instant
from antiphon.world.demo import START, Demo, audit_of
from antiphon.world.party import TEMPERS


@dataclass(frozen=True, slots=True)
class Figures:
    """What a drill ends with. `twice`: requests at a destination beyond what its sightings and notices pay."""

    kills: int
    acknowledged: int
    kept: int
    lost: int
    twice: int
    lawful: bool

    @property
    def holds(self) -> bool:
        """Nothing lost, nothing twice, and a ledger that agrees."""
        return not self.lost and not self.twice and self.lawful


async def kill_drill(
    *, kills: int, days: int, seed: int, node_command: list[str], progress: Callable[[str], None]
) -> Figures:
    """Runs a short world and kills the node at random instants while it works. Raises RuntimeError if it can not come
    up again."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-"))
    chance = random.Random(seed)
    tempers = [t for t in TEMPERS if t.name in ("deaf", "prompt", "compliant", "joe-jobber")]
    demo = Demo(folder, seed=seed, days=days, node_command=node_command, tempers=tempers)
    try:
        await demo.prepare()
        demo.schedule()
        killer = asyncio.ensure_future(_kill(demo, kills, chance, progress))
        for day in range(days):
            await demo.clock.run(Instant(START + (day + 1) * DAY))
        killer.cancel()
        done = demo.kills
        found = await demo.finish()
        return await _figures(demo, found, done, [*node_command])
    finally:
        await demo.close()
        shutil.rmtree(folder, ignore_errors=True)


async def _kill(demo: Demo, kills: int, chance: random.Random, progress: Callable[[str], None]) -> None:
    while demo.kills < kills:
        await asyncio.sleep(0.05 + chance.random() * 0.4)
        await demo.kill_and_restart()
        progress(f"killed {demo.kills} times")


async def _figures(demo: Demo, found: dict[str, Any], kills: int, command: list[str]) -> Figures:
    verdict = await audit_of(command, demo.folder)
    status = await demo.last_status()
    kept = sum(status["reports"].values())
    reported = sum(row["sightings"] for row in found["originators"])
    twice = sum(
        max(0, row["attempts_at_destination"] - row["notices"] - max(row["sightings_after_window"], 10))
        for row in found["originators"]
    )
    innocent = sum(row["packets"] for row in found["innocents"])
    return Figures(
        kills=kills,
        acknowledged=demo.post.acknowledged,
        kept=kept,
        lost=max(0, reported - kept),
        twice=twice + innocent,
        lawful=bool(verdict["lawful"]),
    )
