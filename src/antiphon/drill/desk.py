"""D5 to D8 for a whole desk: mail comes in at the LMTP door, goes through spool, store and ledger, and pays. A fault at
every k-th call of its disk; then the node is started again, and what was counted is held against what it has left."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import apsw

from antiphon.drill.disk import HONEST, Fault, Machine
from antiphon.drill.faults import added, calls
from antiphon.drill.ladder import climbed
from antiphon.drill.life import Piece, desk_on, hand_in, pass_time
from antiphon.drill.remains import Remains, known_by
from antiphon.drill.street import DEAF, MEMBERS, PROMPT, SHOPS, Folder, Street
from antiphon.errors import AntiphonError
from antiphon.terms import DAY, MINUTE


@dataclass(frozen=True, slots=True)
class DeskFigures:
    """What the drill ends with. `lost`: mails and reports that were acknowledged and are not there. `twice`: links that
    were asked again. `broken`: of the `checks`, those where more attempts were counted than intents were written down,
    or more intents than sightings were spent. `stuck`: nodes that did not come up again. `control`: all of these on a
    disk that lies about syncing."""

    runs: int = 0
    acknowledged: int = 0
    lost: int = 0
    attempts: int = 0
    twice: int = 0
    checks: int = 0
    broken: int = 0
    stuck: int = 0
    control: int = 0

    @property
    def holds(self) -> bool:
        """Nothing lost, nothing twice, the inequality at every check, each node up again, the lying disk found out."""
        sound = not (self.lost or self.twice or self.broken or self.stuck)
        return sound and min(self.runs, self.acknowledged, self.attempts, self.checks, self.control) > 0


async def desk_faults(progress: Callable[[str], None], *, every: int = 1, seed: int = 0) -> DeskFigures:
    """Fails every `every`-th call in every way, in a temporary folder; each life begins on the same street, whose case
    is ready for requests."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-"))
    ready, figures = folder / "ready", DeskFigures()
    try:
        ready.mkdir()
        street = await climbed(ready)
        for fault in (*HONEST, Fault.LIES):
            for fail_at in calls(seed, every):
                machine = Machine(fault, fail_at=fail_at, seed=seed + fail_at)
                home = shutil.copytree(ready, folder / f"{fault}-{fail_at}")
                found = await _Run(street, home, machine).figures()
                shutil.rmtree(home)
                if not machine.hit:
                    break
                if fault is Fault.LIES:
                    found = DeskFigures(control=found.lost + found.broken + found.stuck)
                figures = added(figures, found)
            progress(f"{fault}: {figures.runs} lives, {figures.acknowledged} acknowledged, {figures.lost} lost, "
                     f"{figures.attempts} attempts, broken at {figures.broken} of {figures.checks} checks")  # fmt: skip
        return figures
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Run:
    """One life of a desk on a failing disk, and the next life on a sound one."""

    def __init__(self, street: Street, home: Path, machine: Machine) -> None:
        self._street = replace(street, posts=street.posts.copy(), mails=street.mails.copy())
        self._home, self._machine, self._shelf = home, machine, Folder()
        self._before = sum(map(street.attempts, SHOPS))
        self._pieces = [Piece(shop, member, self._street.newsletter(shop, member)) for shop, member in _ADDRESSED]
        self._checks = self._broken = 0

    async def figures(self) -> DeskFigures:
        """Lives, dies, is looked at; lives again, and is looked at."""
        with suppress(AntiphonError):
            await self._live(self._machine, "first")
        if self._machine.off or self._machine.calls % 2:
            self._machine.power_off()
        stuck = 0
        try:
            self._check()
            await self._live(Machine(Fault.ERROR, fail_at=0, seed=0), "second")
        except (AntiphonError, apsw.Error):
            stuck = 1
        lost = self._check() if not stuck else 0
        return DeskFigures(
            runs=1,
            acknowledged=sum(piece.delivered + piece.reported for piece in self._pieces),
            lost=lost,
            attempts=sum(map(self._street.attempts, SHOPS)) - self._before,
            twice=sum(times - 1 for times in self._street.posts.values()),
            checks=self._checks,
            broken=self._broken,
            stuck=stuck,
        )

    async def _live(self, machine: Machine, which: str) -> None:
        async with desk_on(self._street, self._home, machine, seed=f"{machine.fail_at}/{which}") as desk:
            await hand_in(desk, self._street, self._pieces)
            for span in (MINUTE, 3 * DAY, DAY):
                await pass_time(desk, self._street, self._shelf, span)

    def _check(self) -> int:
        """The inequality for both originators, while nothing moves; returns what was acknowledged and is not there."""
        with Remains(self._home) as remains:
            for shop in SHOPS:
                counted, intents, spent = self._street.attempts(shop), remains.intents(shop), remains.spent(shop)
                self._checks += 1
                self._broken += not counted <= intents <= spent
            lost = sum(not remains.has_delivery(p.member, known_by(p.raw)) for p in self._pieces if p.delivered)
            return lost + sum(not remains.has_report(p.member, known_by(p.raw)) for p in self._pieces if p.reported)


_ADDRESSED = [*((DEAF, member) for member in MEMBERS[:3]), *((PROMPT, member) for member in MEMBERS[4:])]
"""Who gets a mail in the life on the failing disk: some may ask again, some ask for the first time."""
