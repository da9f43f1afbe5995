"""D5 over every door: mail and reports go on coming in at all of them while the node is killed again and again. Whoever
had no answer comes again, as mail programs do; what was acknowledged has to be there at the end, and once."""

from __future__ import annotations

import asyncio
import os
import random  # noqa: TID251 - a seeded source: a drill can be had again
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from antiphon.backends.home import Home
from antiphon.desk.work_off import work_off
from antiphon.drill.overload import Members, Stand, mail
from antiphon.drill.remains import Remains, known_by
from antiphon.intake.milter import packet
from antiphon.intake.pipe import ENDING
from antiphon.node import open_desk
from antiphon.settings import Settings
from antiphon.world.child import HOSTED, free_port, local
from antiphon.world.post import Post, Taken, forward

PAUSE_SECONDS = 0.1
"""Between two mails at one door, and before one that had no answer comes again."""
LIVES_SECONDS = (0.05, 0.8)
"""How long the node lives, from its first answer to its next kill."""
CALMING_TRIES = 600
DELIVERED, REPORTED = ("lmtp", "milter"), ("smtp", "http", "pipe")
SENDER = "news@shop.example"

Hand = Callable[[bytes], Awaitable[bool]]
"""Hands one mail in at a door; whether it was acknowledged."""


@dataclass
class Gate:
    """One door, and what its mail program knows: the member whose it is, every mail that was acknowledged, and how
    often one had no answer."""

    name: str
    member: str
    hand: Hand
    acknowledged: list[bytes] = field(default_factory=list)
    unanswered: int = 0

    async def go_on(self) -> None:
        """One mail after the other, each until it is acknowledged. Ends by being cancelled."""
        while True:
            raw = mail(len(self.acknowledged), os.urandom(8).hex())
            while not await self._handed(raw):
                self.unanswered += 1
                await asyncio.sleep(PAUSE_SECONDS)
            self.acknowledged.append(raw)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _handed(self, raw: bytes) -> bool:
        with suppress(OSError, EOFError):
            return await self.hand(raw)
        return False


@dataclass(frozen=True, slots=True)
class GateFigures:
    """By door: `acknowledged`, of these `lost`, and `unanswered` tries, which came again. `twice`: mails that the node
    keeps more than once."""

    kills: int
    acknowledged: dict[str, int]
    unanswered: dict[str, int]
    lost: dict[str, int]
    twice: int

    @property
    def holds(self) -> bool:
        """Every door acknowledged something, nothing of it is lost, nothing is there twice; and it was killed."""
        some = min(self.kills, *self.acknowledged.values(), sum(self.unanswered.values())) > 0
        return some and not sum(self.lost.values()) and not self.twice


class Gates(Stand):
    """A node with every door open."""

    milter = 0

    def settings(self, world: str) -> Settings:
        """As a stand's, with the milter."""
        self.milter = self.milter or free_port()
        doors = msgspec.structs.replace(super().settings(world).doors, milter=local(self.milter))
        return msgspec.structs.replace(super().settings(world), doors=doors)


async def gates_drill(say: Callable[[str], None], *, kills: int, seed: int, node_command: Sequence[str]) -> GateFigures:
    """Until the node was killed so often. Raises RuntimeError when it does not come up again."""
    folder, chance = Path(tempfile.mkdtemp(prefix="antiphon-")), random.Random(seed)
    node = Gates(folder, node_command)
    lmtp, smtp = Post(node.lmtp), Post(node.smtp, greeting="EHLO")
    try:
        await node.init(Path(), "ada", os.urandom(32))
        await node.start()
        gates = await _gates(node, node_command, lmtp=lmtp, smtp=smtp)
        tasks = [asyncio.create_task(gate.go_on()) for gate in gates]
        for number in range(kills):
            await asyncio.sleep(chance.uniform(*LIVES_SECONDS))
            await node.kill()
            await node.start()
            say(f"killed {number + 1} of {kills}; acknowledged {sum(len(gate.acknowledged) for gate in gates)}")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _taken_up(Home(node.home).reports)
        await node.stop()
        async with open_desk(Home(node.home)) as (desk, _, _):
            await work_off(desk)
        with Remains(node.home) as remains:
            return _figures(kills, gates, remains)
    finally:
        lmtp.hang_up()
        smtp.hang_up()
        await node.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _taken_up(reports: Path) -> None:
    """Waits until the node has taken what was laid down for it while it was away."""
    for _ in range(CALMING_TRIES):
        if not await asyncio.to_thread(lambda: list(reports.rglob(f"*{ENDING}"))):
            return
        await asyncio.sleep(PAUSE_SECONDS)


def _figures(kills: int, gates: Sequence[Gate], remains: Remains) -> GateFigures:
    copies = {
        gate.name: [remains.copies(gate.member, known_by(raw), gate.name in REPORTED) for raw in gate.acknowledged]
        for gate in gates
    }
    return GateFigures(
        kills=kills,
        acknowledged={gate.name: len(gate.acknowledged) for gate in gates},
        unanswered={gate.name: gate.unanswered for gate in gates},
        lost={name: found.count(0) for name, found in copies.items()},
        twice=sum(count > 1 for found in copies.values() for count in found),
    )


async def _gates(node: Gates, command: Sequence[str], *, lmtp: Post, smtp: Post) -> list[Gate]:
    """Each door with a member of its own."""
    members = {name: f"{name}@{HOSTED}" for name in (*DELIVERED, *REPORTED)}
    boxes = {}
    for name, address in members.items():
        boxes[name] = str((await node.remote.call("member-add", address=address, consent="count"))["report_address"])
    made = await node.remote.call("ticket-make", address=members["http"], name="drill")
    web = Members(node.http, [made["ticket"]])
    folder = Home(node.home).reports

    async def by_lmtp(raw: bytes) -> bool:
        return await lmtp.deliver(SENDER, members["lmtp"], raw) is Taken.ACKNOWLEDGED

    async def by_smtp(raw: bytes) -> bool:
        letter = forward(members["smtp"], boxes["smtp"], raw)
        return await smtp.deliver(members["smtp"], boxes["smtp"], letter) is Taken.ACKNOWLEDGED

    async def by_http(raw: bytes) -> bool:
        before = len(web.acknowledged)
        await web.report_one(raw)
        return len(web.acknowledged) > before

    async def by_milter(raw: bytes) -> bool:
        return await tell_milter(node.milter, members["milter"], raw)

    async def by_pipe(raw: bytes) -> bool:
        process = await asyncio.create_subprocess_exec(
            *command, "report", "--member", members["pipe"], "--folder", str(folder),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        await process.communicate(raw)
        return process.returncode == 0

    hands = {"lmtp": by_lmtp, "milter": by_milter, "smtp": by_smtp, "http": by_http, "pipe": by_pipe}
    return [Gate(name, members[name], hand) for name, hand in hands.items()]


async def tell_milter(port: int, recipient: str, raw: bytes) -> bool:
    """One mail as an MTA tells a milter of it, that agrees to all that saves answers; whether it had the last answer.
    Raises OSError or EOFError when the line breaks."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head, _, body = raw.partition(b"\r\n\r\n")
        fields = (line.partition(b":") for line in head.split(b"\r\n"))
        said = [packet(b"M", f"<{SENDER}>\0".encode()), packet(b"R", f"<{recipient}>\0".encode()), packet(b"T")]
        said += [packet(b"L", name + b"\0" + value + b"\0") for name, _, value in fields]
        writer.write(packet(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF)))
        writer.write(b"".join(said) + packet(b"B", body) + packet(b"E"))
        answers = [await _packet(reader) for _ in ("what was agreed", "the body's beginning", "its end")]
        return answers[-1][:1] in {b"a", b"c"}
    finally:
        writer.close()


async def _packet(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
