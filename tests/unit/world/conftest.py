"""A world without a node: what the tests of its rooms share."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from antiphon.terms import DAY, Instant
from antiphon.world.clock import WorldTime
from antiphon.world.hosts import Delivery, Host
from antiphon.world.network import Network
from antiphon.world.originator import Stage
from antiphon.world.party import innocents_of
from antiphon.world.post import Post

START = Instant(20_000 * DAY)
DOOR = "44.191.0.25"


class Door:
    """Stands in for one door of the node: keeps what comes, and says what it is told to say."""

    def __init__(self) -> None:
        self.taken: list[Delivery] = []
        self.replies: list[str] = []

    async def take(self, delivery: Delivery) -> str:
        """The next reply that was ordered; else the mail is taken."""
        reply = self.replies.pop(0) if self.replies else "250 2.0.0 kept"
        if reply.startswith("2"):
            self.taken.append(delivery)
        return reply


@pytest.fixture
async def door() -> Door:
    """A door of a node that is not there."""
    return Door()


@pytest.fixture
async def stage(door: Door) -> AsyncIterator[Stage]:
    """A world with its innocents; mail to the node ends at `door`."""
    with tempfile.TemporaryDirectory(prefix="ap") as short:
        folder = Path(short)
        time, network = WorldTime(folder / "clock", START), Network(folder, folder / "clock")
        await time.open()
        await network.start()
        await network.mail(DOOR, Host("door").name, door.take)
        post = Post(network.loopback_port(DOOR, 25), greeting="LHLO")
        stage = Stage(network, time, post, seed=1, start=START)
        await innocents_of(stage)
        yield stage
        post.hang_up()
        await time.close()
        await network.stop()
        await asyncio.sleep(0.01)
