"""The world's time and the client that follows it, over a real socket."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from antiphon.backends.worldclock import WorldClock
from antiphon.errors import MalformedInput, Unreachable
from antiphon.terms import HOUR, MINUTE, SECOND, Instant
from antiphon.world.clock import GRAIN, MOST_CREEPS, TimeCreeps, WorldTime

START = Instant(1_000_000 * HOUR)


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """A path that is short enough for a unix socket."""
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        yield Path(folder) / "clock"


@pytest.fixture(autouse=True)
async def all_hang_up() -> AsyncIterator[None]:
    """Every client made here is closed, and the loop sees it."""
    Worker.all.clear()
    yield
    for clock in Worker.all:
        clock.close()
    await asyncio.sleep(0)


@pytest.fixture
async def time(socket_path: Path) -> AsyncIterator[WorldTime]:
    """A served clock."""
    time = WorldTime(socket_path, START)
    await time.open()
    yield time
    await time.close()


class Worker:
    """A process of the run: has work at fixed instants and writes down when it did it."""

    all: ClassVar[list[WorldClock]] = []

    def __init__(self, path: Path, dues: list[int]) -> None:
        self.clock = WorldClock(str(path))
        self.all.append(self.clock)
        self.dues = sorted(dues)
        self.done: list[tuple[int, int]] = []
        self.presents: list[int] = []

    async def step(self, now: Instant) -> Instant | None:
        """Does all that is due by now, slowly."""
        self.presents.append(now)
        await asyncio.sleep(0)
        while self.dues and self.dues[0] <= now:
            self.done.append((self.dues.pop(0), now))
        return Instant(self.dues[0]) if self.dues else None

    async def start(self, name: str = "node") -> asyncio.Task[None]:
        """Joins and works."""
        await self.clock.connect(name)
        return asyncio.create_task(self.clock.run(self.step))


async def test_time_jumps_from_one_due_instant_to_the_next(time: WorldTime, socket_path: Path) -> None:
    """Every piece of work is done at its own instant, and nothing is asked in between."""
    worker = Worker(socket_path, [START + 5, START + HOUR])
    await worker.start()
    time.expect("node")
    await time.run(Instant(START + 2 * HOUR))
    assert worker.done == [(START + 5, START + 5), (START + HOUR, START + HOUR)]
    assert set(worker.presents) == {START, START + 5, START + HOUR, START + 2 * HOUR}


async def test_the_world_acts_on_the_grid_and_asks_again_at_the_same_instant(
    time: WorldTime, socket_path: Path
) -> None:
    """A process learns the present before the world acts in it, and is asked once more after."""
    seen: list[tuple[int, list[int]]] = []
    worker = Worker(socket_path, [])

    async def act() -> None:
        seen.append((time.now(), list(worker.presents)))

    await worker.start()
    time.expect("node")
    time.at(Instant(START + 3 * MINUTE), act)
    await time.run(Instant(START + 2 * HOUR))
    assert seen[0][0] == START + GRAIN
    assert seen[0][1][-1] == START + GRAIN
    assert worker.presents.count(START + GRAIN) == 2


async def test_what_an_act_brings_about_happens_before_time_goes_on(time: WorldTime) -> None:
    """Acts that are added for the present or the past are done at the present."""
    order: list[str] = []

    async def second() -> None:
        order.append(f"second {time.now() - START}")

    async def first() -> None:
        order.append(f"first {time.now() - START}")
        time.soon(second)
        time.shortly(MINUTE, second)

    time.at(Instant(START), first)
    await time.run(Instant(START + HOUR))
    assert order == ["first 0", "second 0", f"second {MINUTE}"]


async def test_time_waits_for_an_expected_process_and_serves_a_new_one_first(
    time: WorldTime, socket_path: Path
) -> None:
    """A process that was killed and started again finds the instant at which it went."""
    first, second = Worker(socket_path, [START + 3 * GRAIN]), Worker(socket_path, [START + 3 * GRAIN])
    time.expect("node")
    running = asyncio.create_task(time.run(Instant(START + 4 * GRAIN)))
    task = await first.start()

    async def kill() -> None:
        task.cancel()
        first.clock.close()

    time.at(Instant(START + 2 * GRAIN), kill)
    await asyncio.wait([task])
    for _ in range(20):
        await asyncio.sleep(0)
    assert not running.done()
    assert time.now() == START + 2 * GRAIN
    await second.start()
    await running
    assert second.presents[0] == START + 2 * GRAIN
    assert second.done == [(START + 3 * GRAIN, START + 3 * GRAIN)]


async def test_a_vanished_process_that_nobody_expects_is_dropped(time: WorldTime, socket_path: Path) -> None:
    """It does not hold up the others."""
    worker = Worker(socket_path, [START + HOUR])
    task = await worker.start("visitor")
    await time.settle()
    task.cancel()
    worker.clock.close()
    await time.run(Instant(START + 2 * HOUR))
    assert time.now() == START + 2 * HOUR


async def test_a_due_instant_in_the_past_does_not_stop_the_world(time: WorldTime, socket_path: Path) -> None:
    """Who is idle and yet wants the present is asked again a second later."""
    clock = WorldClock(str(socket_path))
    await clock.connect("odd")
    presents: list[int] = []

    async def step(now: Instant) -> Instant | None:
        presents.append(now)
        return Instant(0) if len(presents) < 5 else None

    task = asyncio.create_task(clock.run(step))
    await time.run(Instant(START + MINUTE))
    assert sorted(set(presents))[:3] == [START, START + 1_000_000, START + 2_000_000]
    await time.close()
    await task


@pytest.mark.parametrize("line", [b"idle\n", b"idle x\n", b"busy 3\n", b"idle 1\nidle 2\n", b"x" * 100])
async def test_a_process_that_breaks_the_protocol_is_dropped(time: WorldTime, socket_path: Path, line: bytes) -> None:
    """Nothing that it says moves the world or stops it."""
    reader, writer = await asyncio.open_unix_connection(str(socket_path))
    writer.write(b"hello odd\n")
    assert (await reader.readline()).startswith(b"at ")
    writer.write(line)
    while await reader.readline():
        pass
    writer.close()
    await time.run(Instant(START + HOUR))


@pytest.mark.parametrize("line", [b"at x\n", b"at -1\n", b"no\n", b"at 5", b"a" * 70 + b"\n"])
async def test_a_clock_that_speaks_another_language_is_an_error(socket_path: Path, line: bytes) -> None:
    """The client does not guess what time it is."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(line)
        writer.close()

    async with await asyncio.start_unix_server(serve, str(socket_path)):
        clock = WorldClock(str(socket_path))
        with pytest.raises(MalformedInput):
            await clock.connect("node")
        clock.close()
        await asyncio.sleep(0.01)


async def test_a_clock_never_goes_back(socket_path: Path) -> None:
    """An earlier instant than the last is an error, not a time."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"at 6\nat 5\n")
        await reader.read()
        writer.close()

    async def step(now: Instant) -> Instant | None:
        return None

    async with await asyncio.start_unix_server(serve, str(socket_path)):
        clock = WorldClock(str(socket_path))
        await clock.connect("node")
        with pytest.raises(MalformedInput):
            await clock.run(step)
        assert clock.now() == 6
        clock.close()
        await asyncio.sleep(0.01)


async def test_nobody_knows_the_time_before_the_world_was_asked(socket_path: Path) -> None:
    """No clock, no time: an error that may pass."""
    clock = WorldClock(str(socket_path))
    with pytest.raises(Unreachable):
        clock.now()
    with pytest.raises(Unreachable):
        await clock.connect("node")
    with pytest.raises(Unreachable):
        await clock.run(Worker(socket_path, []).step)


async def test_the_end_of_the_world_ends_the_run(time: WorldTime, socket_path: Path) -> None:
    """`run` returns when the clock is closed."""
    worker = Worker(socket_path, [])
    task = await worker.start()
    await time.settle()
    await time.close()
    await task


async def test_an_act_that_fails_ends_the_run_with_its_error(time: WorldTime) -> None:
    """A broken world is not covered up."""

    async def fail() -> None:
        raise LookupError("broken")

    time.at(START, fail)
    with pytest.raises(ExceptionGroup) as caught:
        await time.run(Instant(START + HOUR))
    assert caught.group_contains(LookupError)


class Creeper(Worker):
    """Wants one second more, so many times; then the next hour."""

    def __init__(self, path: Path, times: int) -> None:
        super().__init__(path, [])
        self.left = times

    async def step(self, now: Instant) -> Instant | None:
        self.left -= 1
        return Instant(now + SECOND) if self.left >= 0 else None


async def test_whoever_keeps_time_from_passing_is_named(time: WorldTime, socket_path: Path) -> None:
    """At the limit the day passes; one past it the run ends and says who it was, instead of standing still."""
    creeper = Creeper(socket_path, MOST_CREEPS)
    await creeper.start("slow")
    time.expect("slow")
    await time.run(Instant(START + HOUR))
    creeper.left = MOST_CREEPS + 2
    with pytest.raises(TimeCreeps, match=r"^slow wanted to be asked again a second later 1,000 times"):
        await time.run(Instant(START + 2 * HOUR))
