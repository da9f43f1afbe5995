"""What was acknowledged is never lost, and what does not fit is never given out."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.backends import spool as spool_module
from antiphon.backends.spool import END, HEAD, MARK, Files, FileSpool, parse_segment, print_record
from antiphon.errors import MalformedInput, StorageFailed
from tests.unit.backends.disk import FOLDER, Disk


def payload(number: int) -> bytes:
    return b"record %d " % number + bytes([number]) * (17 * number % 90)


class Run:
    """A day of a spool: appends alone and together, marks, segments that roll; keeps what was acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: dict[int, bytes] = {}
        self.done: set[int] = set()

    async def append(self, spool: FileSpool, data: bytes) -> None:
        with suppress(StorageFailed):
            number = await spool.append(data)
            assert number not in self.acknowledged, f"{number} was used twice"
            self.acknowledged[number] = data

    async def __call__(self, files: Files, folder: Path = FOLDER) -> None:
        for start in (0, 10):
            try:
                spool = FileSpool(folder, files, segment_bytes=300)
            except StorageFailed:
                continue
            for number in range(start, start + 4):
                await self.append(spool, payload(number))
            await asyncio.gather(*(self.append(spool, payload(number)) for number in range(start + 4, start + 9)))
            self.receive(spool, 5)
            await self.append(spool, payload(start + 9))
            self.receive(spool, 2)

    def receive(self, spool: FileSpool, most: int) -> None:
        try:
            for number, _ in list(spool.waiting())[:most]:
                spool.done(number)
                self.done.add(number)
        except StorageFailed:
            pass

    def check(self, files: Files, folder: Path = FOLDER) -> FileSpool:
        """The promise: each acknowledged record that was not received is there, and nothing that was never written."""
        spool = FileSpool(folder, files, segment_bytes=300)
        found = dict(spool.waiting())
        for number, data in self.acknowledged.items():
            assert number in self.done or found.get(number) == data, f"lost {number}"
        assert set(found.values()) <= {payload(number) for number in range(20)}
        return spool


def test_the_day_is_long_enough_to_mean_something() -> None:
    """Without a fault: all acknowledged, several segments, some removed."""
    disk, run = Disk(), Run()
    asyncio.run(run(disk))
    assert len(run.acknowledged) == 20 and len(run.done) == 14
    assert disk.calls.count("remove") >= 4 and disk.calls.count("sync_folder") >= 4
    assert run.check(disk).damaged == 0


def fault_points() -> int:
    disk = Disk()
    asyncio.run(Run()(disk))
    return len(disk.calls)


def test_no_acknowledged_record_is_lost_by_a_fault_at_any_call() -> None:
    """Every k-th call fails once; the spool is opened anew on what is there."""
    for k in range(1, fault_points() + 2):
        disk, run = Disk(), Run()
        disk.fails_at = k
        asyncio.run(run(disk))
        disk.fails_at = -1
        assert run.check(disk).damaged == 0, f"call {k}: {disk.calls[k - 1]}"


@pytest.mark.parametrize("mode", ["none", "part", "zeros", "all"])
def test_no_acknowledged_record_is_lost_by_a_power_loss_at_any_call(mode: str) -> None:
    """Every k-th call is the last one; what was not synced is gone, torn, or zeros; then all goes on."""
    for k in range(1, fault_points() + 2):
        disk, run = Disk(), Run()
        disk.dies_at = k
        asyncio.run(run(disk))
        survivor = disk.after_power_loss(mode)
        spool = run.check(survivor)
        again = Run()
        again.acknowledged, again.done = run.acknowledged, run.done
        asyncio.run(again.append(spool, payload(3)))
        assert len(again.acknowledged) > 0
        again.check(survivor.after_power_loss("none"))


def test_a_promise_that_is_broken_is_noticed() -> None:
    """The control: a disk that lies about its syncs loses records, and the check above says so."""

    class Liar(Disk):
        def sync(self, handle: int) -> None:
            self._call("sync")

    disk, run = Liar(), Run()
    asyncio.run(run(disk))
    with pytest.raises(AssertionError, match="lost"):
        run.check(disk.after_power_loss("none"))


@pytest.mark.parametrize("what", ["write", "sync"])
async def test_after_a_failed_write_or_sync_nothing_is_acknowledged_and_nothing_tried_again(what: str) -> None:
    """What a disk says after a failed sync is worth nothing; what waits can still be received."""
    disk = Disk()
    spool = FileSpool(FOLDER, disk)
    await spool.append(b"first")
    disk.fails_at = len(disk.calls) + (1 if what == "write" else 2)
    results = await asyncio.gather(*(spool.append(b"x") for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [StorageFailed] * 3
    calls = len(disk.calls)
    for _ in range(3):
        with pytest.raises(StorageFailed):
            await spool.append(b"y")
    assert len(disk.calls) == calls and disk.calls[-1] == what
    assert list(spool.waiting()) == [(0, b"first")]


async def test_appends_that_come_together_share_a_sync() -> None:
    """Two hundred callers, a handful of syncs, one record each, in the order of their numbers."""
    disk = Disk()
    spool = FileSpool(FOLDER, disk)
    numbers = await asyncio.gather(*(spool.append(b"%d" % number) for number in range(200)))
    assert sorted(numbers) == list(range(200))
    assert disk.calls.count("sync") <= 3
    assert [record for _, record in spool.waiting()] == [b"%d" % number for number in numbers]


async def test_a_record_does_not_show_before_it_is_durable(tmp_path: Path) -> None:
    """Nothing is received that a power loss could still take."""
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(Files):
        def sync(self, handle: int) -> None:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(10)
            super().sync(handle)

    spool = FileSpool(tmp_path, Slow())
    append = asyncio.ensure_future(spool.append(b"x"))
    await asyncio.wait({append}, timeout=0.1)
    assert list(spool.waiting()) == [] and not spool.empty
    gate.set()
    assert await append == 0 and list(spool.waiting()) == [(0, b"x")]
    spool.close()


async def test_a_caller_that_goes_away_harms_nobody(tmp_path: Path) -> None:
    """Its record may stay; the others are acknowledged."""
    spool = FileSpool(tmp_path)
    first, second = (asyncio.ensure_future(spool.append(data)) for data in (b"gone", b"here"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 1
    assert [record for _, record in spool.waiting()] == [b"gone", b"here"]
    spool.close()


async def test_a_real_disk_keeps_it_between_two_lives(tmp_path: Path) -> None:
    """Order, marks, file modes, and numbers that are never used again."""
    folder = tmp_path / "spool"
    spool = FileSpool(folder, segment_bytes=200)
    for number in range(10):
        assert await spool.append(payload(number)) == number
    for number in (0, 1, 2, 4, 999):
        spool.done(number)
    spool.close()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in folder.iterdir())
    spool = FileSpool(folder, segment_bytes=200)
    assert list(spool.waiting()) == [(number, payload(number)) for number in (3, 5, 6, 7, 8, 9)]
    for number in range(3, 10):
        spool.done(number)
    assert spool.empty and len(list(folder.glob("*.seg"))) == 1
    spool.close()
    spool = FileSpool(folder)
    assert spool.empty and await spool.append(b"later") == 10
    spool.close()


async def test_a_day_on_a_real_disk(tmp_path: Path) -> None:
    """The pretended disk above and a real one keep the same promise."""
    run = Run()
    await run(Files(), tmp_path)
    assert len(run.acknowledged) == 20
    run.check(Files(), tmp_path).close()


def segment(*records: bytes) -> bytes:
    return b"".join(print_record(number, record) for number, record in enumerate(records))


def opened(tmp_path: Path, data: bytes) -> tuple[FileSpool, Path]:
    file = tmp_path / f"{0:020d}.seg"
    file.write_bytes(data)
    return FileSpool(tmp_path), file


@pytest.mark.parametrize("cut", range(1, HEAD + 20 + len(END)))
def test_a_torn_tail_is_cut_wherever_it_tore(tmp_path: Path, cut: int) -> None:
    """It was never acknowledged; all before it is whole."""
    whole = segment(b"one", b"two")
    torn = print_record(2, b"x" * 20)[:cut]
    spool, file = opened(tmp_path, whole + torn)
    assert [record for _, record in spool.waiting()] == [b"one", b"two"]
    assert (file.read_bytes(), spool.damaged) == (whole, 0)
    spool.close()


def test_zeros_at_the_end_are_a_torn_tail_too(tmp_path: Path) -> None:
    """Some file systems grow a file before they fill it."""
    spool, file = opened(tmp_path, segment(b"one") + bytes(5000))
    assert (file.read_bytes(), spool.damaged) == (segment(b"one"), 0)
    spool.close()


@pytest.mark.parametrize("at", range(len(print_record(1, b"secret"))))
def test_a_flipped_bit_is_found_and_the_record_never_given_out(tmp_path: Path, at: int) -> None:
    """In head, payload or mark, of a record in the middle: the others are still served."""
    data = bytearray(segment(b"before", b"secret", b"after"))
    data[len(print_record(0, b"before")) + at] ^= 0x10
    spool, file = opened(tmp_path, bytes(data))
    assert list(spool.waiting()) == [(0, b"before"), (2, b"after")]
    assert spool.damaged == 1
    for number in (0, 2):
        spool.done(number)
    assert file.with_suffix(".damaged").read_bytes() == bytes(data) and not file.exists()
    spool.close()


def test_damage_at_the_end_is_not_mistaken_for_a_torn_tail(tmp_path: Path) -> None:
    """A last record with a flipped bit may have been acknowledged: it is kept for a person, not cut."""
    data = bytearray(segment(b"before", b"acknowledged"))
    data[len(print_record(0, b"before")) + 6] ^= 1
    spool, file = opened(tmp_path, bytes(data))
    assert list(spool.waiting()) == [(0, b"before")]
    assert (file.read_bytes(), spool.damaged) == (bytes(data), 1)
    assert asyncio.run(spool.append(b"next")) == 2
    spool.close()


async def test_damage_while_the_spool_is_open_is_found_when_it_is_read(tmp_path: Path) -> None:
    """Every record is checked each time it is given out."""
    spool = FileSpool(tmp_path)
    for record in (b"one", b"two"):
        await spool.append(record)
    file = tmp_path / f"{0:020d}.seg"
    file.write_bytes(file.read_bytes().replace(b"one", b"0ne"))
    assert list(spool.waiting()) == [(1, b"two")]
    assert spool.damaged == 1
    spool.close()


async def test_a_segment_that_lost_its_end_is_noticed_by_its_numbers(tmp_path: Path) -> None:
    """A cut between two records looks whole, but the next file begins later than it should."""
    spool = FileSpool(tmp_path, segment_bytes=100)
    for _ in range(4):
        await spool.append(b"x" * 40)
    spool.close()
    os.truncate(tmp_path / f"{0:020d}.seg", len(print_record(0, b"x" * 40)))
    spool = FileSpool(tmp_path)
    assert spool.damaged == 1 and [number for number, _ in spool.waiting()] == [0, 2, 3]
    spool.close()


async def test_a_disk_that_can_not_be_read_is_a_declared_error() -> None:
    """At opening and at receiving."""
    disk = Disk()
    spool = FileSpool(FOLDER, disk)
    await spool.append(b"x")
    disk.fails_at = len(disk.calls) + 1
    with pytest.raises(StorageFailed):
        list(spool.waiting())
    disk.fails_at = len(disk.calls) + 1
    with pytest.raises(StorageFailed):
        FileSpool(FOLDER, disk)


async def test_a_record_has_a_stated_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit and one past it, and a head that claims more is damage."""
    monkeypatch.setattr(spool_module, "MOST_RECORD", 1000)
    spool = FileSpool(tmp_path)
    await spool.append(bytes(1000))
    with pytest.raises(MalformedInput):
        await spool.append(bytes(1001))
    spool.close()
    assert parse_segment(print_record(0, bytes(1001)) + print_record(1, b"x")).damaged == 1


@given(st.binary(max_size=300) | st.lists(st.sampled_from([MARK, END, bytes(40), print_record(7, b"x")])).map(b"".join))
def test_any_bytes_are_scanned(data: bytes) -> None:
    """Never an error, never a record beyond the end."""
    scan = parse_segment(data)
    assert 0 <= scan.whole <= len(data)
    assert all(end <= scan.whole for _, _, end in scan.records)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5), st.data())
def test_no_damage_makes_a_record_that_was_never_written(records: list[bytes], data: st.DataObject) -> None:
    """Any byte changed, any piece cut out: what is served was written."""
    whole = segment(*records)
    at = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.integers(0, 50))
    changed = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 + cut :]
    scan = parse_segment(changed)
    written = dict(enumerate(records))
    for number, offset, end in scan.records:
        assert changed[offset + HEAD : end - len(END)] == written[number]
    assert len(scan.records) < len(records) or (cut == 0 and scan.damaged)


async def test_the_real_disk_is_asked_to_sync_before_the_number_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own call, on the whole segment and on its folder: a disk that is played can not show this."""
    real, seen = os.fsync, dict[int, int]()

    def sync(handle: int) -> None:
        found = os.fstat(handle)
        seen[found.st_ino] = found.st_size
        real(handle)

    monkeypatch.setattr(os, "fsync", sync)
    folder = tmp_path / "spool"
    spool = FileSpool(folder)
    for number in range(3):
        await spool.append(payload(number))
        sizes = {file.stat().st_ino: file.stat().st_size for file in folder.iterdir() if file.stat().st_size}
        assert sizes and sizes.items() <= seen.items()
        assert folder.stat().st_ino in seen
