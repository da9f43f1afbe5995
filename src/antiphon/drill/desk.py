"""D5 to D8 for a whole desk: mail comes in at the LMTP door, goes through spool, store and ledger, and pays. A fault at
every k-th call of its disk; then the node is started again, and what was counted is held against what it has left."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import apsw

from antiphon.backends.sqlite import SqliteStore
from antiphon.desk.desk import Desk
from antiphon.desk.round import take_round
from antiphon.desk.settle import settle_interrupted
from antiphon.drill.disk import HONEST, Disk, Fault, Machine
from antiphon.drill.faults import added, calls
from antiphon.drill.files import FailingFiles
from antiphon.drill.remains import Remains, known_by
from antiphon.drill.street import DEAF, MEMBERS, NODE, PROMPT, SHOPS, Folder, Street, open_desk
from antiphon.errors import AntiphonError
from antiphon.intake.mailport import MailPort
from antiphon.ports import CABINETS
from antiphon.registry.mandate import Mandate
from antiphon.terms import DAY, MINUTE, Instant
from antiphon.web.door import MailDoor
from antiphon.world.letter import mail_date
from antiphon.world.post import Post, Taken, forward, received

BURST = 12
"""Rounds that follow each other within minutes, as pace allows."""


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


@dataclass(slots=True)
class Piece:
    """One mail of the drill, and what of it the node has acknowledged."""

    shop: str
    member: str
    raw: bytes
    delivered: bool = False
    reported: bool = False


@asynccontextmanager
async def desk_on(street: Street, home: Path, machine: Machine, *, seed: str, new: bool = False) -> AsyncIterator[Desk]:
    """A desk as `antiphon run` starts it: the anchor is compared, what was interrupted is settled; a new one has
    neither. Raises an AntiphonError where the home can not be opened."""
    files, disk = FailingFiles(machine), Disk(f"drill-{home.name}-{id(machine)}", machine)
    street.power = machine
    try:
        store = SqliteStore(str(home / "antiphon.db"), CABINETS, vfs=disk.name)
        try:
            desk = await open_desk(street, home, store, files, seed=seed)
            if not new:
                await desk.log.check_anchor()
                await settle_interrupted(desk)
            yield desk
        finally:
            await store.close()
    finally:
        files.hang_up()
        disk.unregister()


async def hand_in(desk: Desk, street: Street, pieces: list[Piece]) -> None:
    """Delivers each mail at the LMTP door, then its member's report, as far as neither was acknowledged before."""
    door = MailDoor(desk, asyncio.Event())
    port = MailPort(door.accept, door.knows, protocol="lmtp", hostname=NODE)
    post = Post(await port.open())
    tokens = {m.address: m.report_token for m in await desk.store.read(lambda tx: tx.find(Mandate))}
    try:
        for piece in pieces:
            if not piece.delivered:
                mail = _passed_on(piece, street.now())
                piece.delivered = await post.deliver("bounce@relay.example", piece.member, mail) is Taken.ACKNOWLEDGED
            to = f"report+{tokens[piece.member]}@{NODE}"
            if piece.delivered and not piece.reported:
                said = await post.deliver(piece.member, to, forward(piece.member, to, piece.raw))
                piece.reported = said is Taken.ACKNOWLEDGED
    finally:
        post.hang_up()
        await port.close()


def _passed_on(piece: Piece, now: Instant) -> bytes:
    return received(piece.raw, by="mx.home.example", source=f"mx.{piece.shop}", address="8.8.4.25", date=mail_date(now))


async def pass_time(desk: Desk, street: Street, shelf: Folder, span: int) -> None:
    """The clock jumps; then rounds follow each other as long as one waits for the next."""
    street.now_at = Instant(street.now_at + span)
    for _ in range(BURST):
        due = await take_round(desk, shelf)
        if due > street.now_at + 10 * MINUTE:
            return
        street.now_at = max(due, street.now_at)


async def desk_faults(progress: Callable[[str], None], *, every: int = 1, seed: int = 0) -> DeskFigures:
    """Fails every `every`-th call in every way, in a temporary folder; each life begins on the same street, whose case
    is ready for requests."""
    from antiphon.drill.ladder import climbed

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
