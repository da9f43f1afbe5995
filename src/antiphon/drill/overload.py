"""D1-D3: members report at their pace while a crowd stands at the same door; each run is held against the quiet one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import msgspec

from antiphon.backends.home import Home
from antiphon.campaign.report import Submission
from antiphon.desk.work_off import work_off
from antiphon.drill.remains import Remains, known_by
from antiphon.node import open_desk
from antiphon.settings import Settings
from antiphon.terms import Identifier
from antiphon.web.api import BASE
from antiphon.world.child import HOSTED, Child, free_port, local
from antiphon.world.post import Post, Taken, forward

MEMBERS = 20
TICKETS = 10
"""Of each member, one for each of its programs."""
A_SECOND = 40.0
"""Reports of all members together."""
CAPACITY = 200
MAIL_BYTES = 4_000
LONGEST_P99, MOST_TIMES, MOST_MEMORY_KIB = 0.25, 10.0, 64 * 1024
CALMING_SECONDS = 3.0
RUNS: dict[str, tuple[tuple[str, float], ...]] = {
    "quiet": (),
    "strangers": (("strangers", 50 * CAPACITY),),
    "forged tickets": (("forged", 50 * CAPACITY),),
    "silent and dripping": (("silent", 2_000.0), ("dripping", 2_000.0)),
    "20,000 idle": (("idle", 4_000.0), ("idle", 4_000.0)),
    "a stolen ticket": (("ticket", 100.0),),
    "quiet, by mail": (),
    "silent, by mail": (("silent", 5_000.0),),
    "chatting, by mail": (("chatting", 300.0),),
    "endless, by mail": (("endless", 100.0),),
}
"""By name, the crowds: of which kind, and how many a second."""
QUIET, BY_MAIL = "quiet", ", by mail"
"""Runs whose members forward over SMTP, a session for each, and whose crowd stands at that door."""


@dataclass(frozen=True, slots=True)
class Run:
    """What members had in one run, and what the crowd did. Seconds are from the instant that a report was due, so that
    a door that stands still is not measured as a fast one."""

    name: str
    reports: int
    acknowledged: int
    p50_seconds: float
    p99_seconds: float
    worst_seconds: float
    node_memory_kib: int
    node_cpu_seconds: float
    crowd_opened: int
    crowd_a_second: float
    crowd_answers: dict[str, int]
    crowd_cpu_seconds: float
    others_refused: dict[str, int]
    crowd_at_once: int = 0

    @property
    def by_mail(self) -> bool:
        """Whether it was at the door for mail."""
        return self.name.endswith(BY_MAIL)


@dataclass(frozen=True, slots=True)
class OverloadFigures:
    """`lost`: reports that were acknowledged and that the node does not know afterwards."""

    runs: tuple[Run, ...]
    lost: int

    @property
    def holds(self) -> bool:
        """Every member answered, in time, within memory, nothing lost; and a crowd was there."""
        quiet = {run.by_mail: run for run in self.runs if run.name.startswith(QUIET)}
        crowded = [run for run in self.runs if run not in quiet.values()]
        answered = all(_all_answered(run) for run in quiet.values())
        return not self.lost and answered and all(_stood(run, quiet[run.by_mail]) for run in crowded)


def _stood(run: Run, quiet: Run) -> bool:
    in_time = run.p99_seconds <= min(LONGEST_P99, MOST_TIMES * quiet.p99_seconds)
    in_memory = run.node_memory_kib <= quiet.node_memory_kib + MOST_MEMORY_KIB
    return _all_answered(run) and in_time and in_memory and run.crowd_opened > 0


def _all_answered(run: Run) -> bool:
    return run.acknowledged == run.reports > 0


class Stand(Child):
    """A node without a world, that asks nobody."""

    def settings(self, world: str) -> Settings:
        """As a world's, but that no name server and no registry is there."""
        nobody = local(free_port())
        return msgspec.structs.replace(super().settings(""), public_url="", rdap="", rdap_networks="", dns=nobody)

    @property
    def number(self) -> int:
        """Of its process."""
        assert self._process is not None
        return self._process.pid


@dataclass
class Members:
    """Programs of members: each report is a connection of its own."""

    port: int
    tickets: Sequence[str]
    sent: int = 0
    acknowledged: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)

    async def report(self, rate: float, seconds: float) -> None:
        """At an even pace, whether or not the earlier ones are answered."""
        begun, tasks = monotonic(), []
        for number in range(int(rate * seconds)):
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - monotonic()))
            tasks.append(asyncio.create_task(self._one(due)))
        await asyncio.gather(*tasks)

    async def report_one(self, raw: bytes) -> None:
        """This mail, now."""
        await self._hand_in(raw, monotonic())

    async def _one(self, due: float) -> None:
        await self._hand_in(mail(self.sent + 1, os.urandom(8).hex()), due)

    async def _hand_in(self, raw: bytes, due: float) -> None:
        self.sent += 1
        ticket = self.tickets[self.sent % len(self.tickets)]
        head = (
            f"POST {BASE}/reports HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer {ticket}\r\nConnection: close\r\n"
            f"Content-Type: message/rfc822\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(10):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                with closing(writer):
                    writer.write(head.encode() + raw)
                    said = await reader.read()
        except (OSError, TimeoutError) as error:
            said = type(error).__name__.encode()
        if said[9:12] == b"202":
            self.acknowledged.append(json.loads(said.partition(b"\r\n\r\n")[2])["id"])
            self.times.append(monotonic() - due)
        else:
            self.refused[said[9:12].decode("ascii", "replace") or "no answer"] += 1


@dataclass
class Forwarders(Members):
    """Members' mail programs: each report is a forward to a member's own address, over a session of its own. `tickets`
    are these addresses, in the order of the members; `forwarded`, what was acknowledged."""

    forwarded: list[tuple[str, bytes]] = field(default_factory=list)

    async def _hand_in(self, raw: bytes, due: float) -> None:
        number = self.sent % len(self.tickets)
        self.sent += 1
        member, box, post = _address(number), self.tickets[number], Post(self.port, greeting="EHLO")
        taken = await post.deliver(member, box, forward(member, box, raw))
        post.hang_up()
        if taken is Taken.ACKNOWLEDGED:
            self.acknowledged.append(box)
            self.forwarded.append((member, raw))
            self.times.append(monotonic() - due)
        else:
            self.refused[taken] += 1


def mail(number: int, mark: str) -> bytes:
    """One unwanted mail, unlike any other."""
    head = (
        f"From: Shop <news{number}@shop-{number % 50}.example>\r\nTo: member@{HOSTED}\r\nSubject: Offer {mark}\r\n"
        f"Date: Thu, 26 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{mark}@shop.example>\r\n\r\n"
    )
    line = f"All good things of the week, number {number} with {mark}.\r\n"
    return (head + line * (MAIL_BYTES // len(line))).encode()


async def overload_drill(
    say: Callable[[str], None], *, seconds: float, node_command: Sequence[str], share: float = 1.0
) -> OverloadFigures:
    """Each run for so many seconds; `share` makes every crowd smaller. Raises RuntimeError when the node does not come
    up."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-"))
    node = Stand(folder, node_command)
    try:
        await node.init(Path(), "ada", os.urandom(32))
        await node.start()
        tickets, boxes = await enrol(node)
        runs, known, forwarded = [], list[str](), list[tuple[str, bytes]]()
        for name, crowds in RUNS.items():
            mailers = Forwarders(node.smtp, boxes)
            members = mailers if name.endswith(BY_MAIL) else Members(node.http, tickets)
            stolen = (await node.remote.call("ticket-make", address=_address(0), name="stolen"))["ticket"]
            held = {"ticket": stolen, "endless": _address(0)}
            crowd = [(kind, rate * share, held.get(kind, "")) for kind, rate in crowds]
            runs.append(await _run(name, node, members, crowd=crowd, seconds=seconds))
            known += members.acknowledged if members is not mailers else []
            forwarded += mailers.forwarded
            say(_told(runs[-1], next(run for run in reversed(runs) if run.name.startswith(QUIET))))
            await asyncio.sleep(CALMING_SECONDS)
        await node.stop()
        return OverloadFigures(tuple(runs), await unknown(Home(node.home), known) + _unreported(node.home, forwarded))
    finally:
        await node.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _told(run: Run, quiet: Run) -> str:
    slower, more = run.p99_seconds / quiet.p99_seconds, (run.node_memory_kib - quiet.node_memory_kib) / 1024
    at_once = f", {run.crowd_at_once} of the crowd at once" if run.crowd_at_once else ""
    said = f"{run.name}: {run.acknowledged} of {run.reports}, p99 {run.p99_seconds:.3f} s"
    return f"{said} ({slower:.1f} times the quiet run's), {more:+.0f} MiB{at_once}"


def _address(number: int) -> str:
    return f"m{number}@{HOSTED}"


async def enrol(node: Child) -> tuple[list[str], list[str]]:
    """Makes the members; returns their tickets, and their report addresses."""
    tickets, boxes = [], []
    for number in range(MEMBERS):
        added = await node.remote.call("member-add", address=_address(number), consent="count")
        boxes.append(str(added["report_address"]))
        for program in range(TICKETS):
            made = await node.remote.call("ticket-make", address=_address(number), name=f"program {program}")
            tickets.append(str(made["ticket"]))
    return tickets, boxes


async def _run(
    name: str, node: Stand, members: Members, *, crowd: Sequence[tuple[str, float, str]], seconds: float
) -> Run:
    _forgetpeak_of(node.number)
    used = _cpu_seconds(node.number)
    started = [await _crowd(members.port, *each, seconds=seconds + 1) for each in crowd]
    if crowd:
        await asyncio.sleep(0.5)  # it stands there when the first member comes
    await members.report(A_SECOND, seconds)
    seen = [json.loads((await process.communicate())[0]) for process in started]
    answers: Counter[str] = Counter()
    for each in seen:
        answers.update(each["answers"])
    times = sorted(members.times) or [float("inf")]
    opened = sum(each["opened"] for each in seen)
    return Run(
        name=name,
        reports=members.sent,
        acknowledged=len(members.acknowledged),
        p50_seconds=round(times[len(times) // 2], 4),
        p99_seconds=round(times[len(times) * 99 // 100], 4),
        worst_seconds=round(times[-1], 4),
        node_memory_kib=peak_of(node.number),
        node_cpu_seconds=round(_cpu_seconds(node.number) - used, 2),
        crowd_opened=opened,
        crowd_at_once=sum(each["most"] for each in seen),
        crowd_a_second=round(opened / (seconds + 1)),
        crowd_answers=dict(answers),
        crowd_cpu_seconds=round(sum(each["cpu_seconds"] for each in seen), 1),
        others_refused=dict(members.refused),
    )


async def _crowd(port: int, kind: str, rate: float, ticket: str, *, seconds: float) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "antiphon.drill.crowd", str(port), kind, str(rate), str(seconds), ticket,
        stdout=subprocess.PIPE,
    )  # fmt: skip


def _forgetpeak_of(process: int) -> None:
    Path(f"/proc/{process}/clear_refs").write_text("5")


def peak_of(process: int) -> int:
    """The most memory that it held since, in KiB."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def _cpu_seconds(process: int) -> float:
    """Processor time that it used so far, without its children's."""
    user, system = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def unknown(home: Home, acknowledged: Sequence[str]) -> int:
    """How many of them the stopped node does not have, neither worked off nor in its spool."""
    async with open_desk(home) as (desk, _, _):
        await work_off(desk)
        names = [Identifier(bytes.fromhex(name)) for name in acknowledged]
        return await desk.store.read(lambda tx: sum(tx.get(Submission, name) is None for name in names))


def _unreported(home: Path, forwarded: Sequence[tuple[str, bytes]]) -> int:
    """How many of them the stopped node does not have; asked after what waited in its spool was worked off."""
    with Remains(home) as remains:
        return sum(not remains.has_report(member, known_by(raw)) for member, raw in forwarded)
