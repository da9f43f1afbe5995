"""D18: all that ever came in at the doors of a node, mail, forwards and originators' answers, comes in once more,
thirty days after the last of it. Nothing of it may count: no sighting more, no attempt more."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon.drill.remains import Remains
from antiphon.terms import DAY, Instant
from antiphon.world.demo import START, Demo, audit_of
from antiphon.world.party import TEMPERS
from antiphon.world.post import Post, Taken

CAST = ("deaf", "prompt", "compliant", "disputing", "feedback")
LATER_DAYS, AFTERWARDS_DAYS = 30, 12
"""How long after the last of it, and how long whatever it brings about has time to show."""


@dataclass(frozen=True, slots=True)
class Count:
    """What there is at one instant: the node's sightings, and those that have paid; attempts that all destinations
    counted at their sockets."""

    sightings: int
    spent: int
    attempts: int


@dataclass(frozen=True, slots=True)
class ReplayFigures:
    """`replayed` letters, `taken` of them acknowledged again; `judged_again`, reports that they became all the same,
    which are evidence and nothing more. The rest before and after."""

    replayed: int
    taken: int
    judged_again: int
    sightings_before: int
    sightings_after: int
    attempts_before: int
    attempts_after: int
    spent_before: int
    spent_after: int
    lawful: bool

    @property
    def holds(self) -> bool:
        """Nothing more, of something; and a node that listened."""
        same = self.sightings_before == self.sightings_after and self.attempts_before == self.attempts_after
        some = min(self.replayed, self.taken, self.sightings_before, self.attempts_before, self.spent_before) > 0
        return some and same and self.spent_before == self.spent_after and self.lawful


async def replay_drill(
    *, days: int, seed: int, node_command: Sequence[str], progress: Callable[[str], None], later_days: int = LATER_DAYS
) -> ReplayFigures:
    """A world of so many days, a pause, and everything once more. Raises RuntimeError when the node ends."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-"))
    tempers = [temper for temper in TEMPERS if temper.name in CAST]
    demo = Demo(folder, seed=seed, days=days, node_command=node_command, tempers=tempers)
    try:
        demo.post.kept, demo.answers.kept = [], []
        await demo.prepare()
        demo.schedule()
        await _until(demo, days + later_days)
        before, reports = _count(demo)
        replayed = [*_letters(demo.post), *_letters(demo.answers)]
        progress(f"{days} days and {later_days} more have passed; {len(replayed)} letters come once more")
        taken = 0
        for number, (door, letter) in enumerate(replayed):
            taken += await door.deliver(*letter) is Taken.ACKNOWLEDGED
            if number % HOURLY == 0:
                await demo.clock.settle()
        await _until(demo, days + later_days + AFTERWARDS_DAYS)
        after, judged = _count(demo)
        await demo.finish()
        verdict = await audit_of(node_command, folder)
        return ReplayFigures(
            replayed=len(replayed),
            taken=taken,
            judged_again=judged - reports,
            sightings_before=before.sightings,
            sightings_after=after.sightings,
            attempts_before=before.attempts,
            attempts_after=after.attempts,
            spent_before=before.spent,
            spent_after=after.spent,
            lawful=bool(verdict["lawful"]),
        )
    finally:
        await demo.close()
        shutil.rmtree(folder, ignore_errors=True)


HOURLY = 50
"""Letters after which the node has time to work them off."""


def _letters(post: Post) -> list[tuple[Post, tuple[str, str, bytes]]]:
    kept, post.kept = post.kept or [], None
    return [(post, letter) for letter in kept]


async def _until(demo: Demo, day: int) -> None:
    await demo.until(Instant(START + day * DAY))


def _count(demo: Demo) -> tuple[Count, int]:
    """The present, and how many reports there are."""
    attempts = sum(party.tally.connections for party in (*demo.parties, *demo.innocents))
    with Remains(demo.child.home) as remains:
        spent = sum(remains.spent(party.case) for party in demo.parties)
        return Count(remains.sightings(), spent, attempts), remains.reports()
