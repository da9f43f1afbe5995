"""One life of a desk on a street, on a disk that may break: it is opened, mail is handed in, time passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from antiphon.backends.sqlite import SqliteStore
from antiphon.desk.desk import Desk
from antiphon.desk.round import take_round
from antiphon.desk.settle import settle_interrupted
from antiphon.drill.disk import Disk, Machine
from antiphon.drill.files import FailingFiles
from antiphon.drill.street import NODE, Folder, Street, open_desk
from antiphon.intake.mailport import MailPort
from antiphon.ports import CABINETS
from antiphon.registry.mandate import Mandate
from antiphon.terms import MINUTE, Instant
from antiphon.web.door import MailDoor
from antiphon.world.letter import mail_date
from antiphon.world.post import Post, Taken, forward, received

BURST = 12
"""Rounds that follow each other within minutes, as pace allows."""


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
