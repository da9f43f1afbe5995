"""Messages a second and core, step by step and as a whole: `make bench`, or `python bench/pipeline.py --json`.

The letters are real where ANTIPHON_CORPORA names a folder of mail, else those that the demo's world writes, seeded.
Keys of old mail are gone, so each letter is signed anew with one RSA-2048 key in the name of its own From domain, and
the steps verify that signature. Figures are CPU time of all processes that work on the mail, so that a busy machine
changes less; `wall` is elapsed time beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import sys
import tempfile
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time

from antiphon.backends.home import Home
from antiphon.campaign.fingerprint import fingerprint
from antiphon.campaign.grouping import Arrival, Grouper, MemoryIndex
from antiphon.desk.arrival import spool_mail
from antiphon.desk.desk import Desk
from antiphon.desk.enrol import add_member
from antiphon.desk.work_off import work_off
from antiphon.errors import MalformedInput
from antiphon.formats.dkim import KeyAnswer, KeyStatus, keys_needed, signed_data, verify
from antiphon.formats.message import Field, canonical_body, crlf, parse_message
from antiphon.formats.robot import robot_of
from antiphon.founding import initialise
from antiphon.intake.folder import FoundMessage, walk
from antiphon.node import open_desk
from antiphon.ports import Answer, Questions
from antiphon.registry.mandate import Mandate
from antiphon.settings import Settings
from antiphon.terms import Identifier, Instant, to_instant
from antiphon.world.letter import Copywriter, RsaKey, Seal, mail_date, sign_mail
from antiphon.world.post import forward

MEMBER = "ann@choir.example"
SELECTOR = "bench"
SIGNED = ("from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post")
LOT = 32
"""Mails of one burst at the door: they share a sync of the spool."""
TICKS = os.sysconf("SC_CLK_TCK")
LOOPS = 300_000
SEED = b"bench"
SIZES = (16_000, 40_000)


@dataclass(frozen=True)
class Step:
    """What one step cost."""

    name: str
    meaning: str
    messages: int
    cpu_seconds: float
    wall_seconds: float

    @property
    def rate(self) -> float:
        return self.messages / max(self.cpu_seconds, 1e-9)


class Known:
    """DNS and registry that answer at once, from memory: one key for everybody, nobody's age."""

    def __init__(self, record: str) -> None:
        self._record = record

    async def ask(self, name: str, kind: str, questions: Questions | None = None) -> Answer:
        known = name.startswith(f"{SELECTOR}._domainkey.")
        return Answer("found" if known else "absent", (self._record,) if known else (), (), 3600)

    async def registered_at(self, domain: str) -> Instant | None:
        return None

    async def holder(self, address: str) -> str:
        return ""


def world_letters(count: int, key: RsaKey, now: Instant) -> Iterator[bytes]:
    """Bulk mail of eight originators, each letter with a line of its own."""
    chance = random.Random(1)
    writers = [(f"shop{n}.example", Copywriter(random.Random(f"{n}"), SIZES)) for n in range(8)]
    for number in range(count):
        domain, writer = writers[number % len(writers)]
        fields = [
            ("From", f"News <news@{domain}>"),
            ("To", MEMBER),
            ("Subject", writer.subject(chance)),
            ("Date", mail_date(now)),
            ("Message-ID", f"<{number}@{domain}>"),
            ("MIME-Version", "1.0"),
            ("Content-Type", 'multipart/alternative; boundary="=_part"'),
            ("List-Unsubscribe", f"<https://u.{domain}/u/{sha256(b'%d' % number).hexdigest()[:24]}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ]
        yield sign_mail(fields, writer.body(f"Your own number: {number}", chance), [Seal(domain, SELECTOR, key)], now)


def real_letters(count: int, key: RsaKey, folder: Path) -> Iterator[bytes]:
    """Mail of the archives in turn, as far as it has one author, with a signature more."""
    heaps = [walk([place]) for place in sorted(folder.iterdir()) if place.is_dir()]
    taken = 0
    while heaps and taken < count:
        for heap in list(heaps):
            found = next((f for f in heap if isinstance(f, FoundMessage)), None)
            if found is None:
                heaps.remove(heap)
            elif taken < count and (signed := resigned(found.raw, key)):
                taken += 1
                yield signed


def resigned(raw: bytes, key: RsaKey) -> bytes:
    """The mail with a signature in the name of its author's domain; empty for what nobody could sign or report."""
    try:
        message = parse_message(crlf(raw))
        author = message.from_domain()
        if author is None or robot_of(message) is not None:
            return b""
        message.parts()
    except MalformedInput:
        return b""
    listed = (*(name for name in SIGNED for _ in message.all(name)), "from")
    digest = b64encode(sha256(canonical_body(message.body, relaxed=True)).digest()).decode()
    field = (
        f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed; d={author}; s={SELECTOR};\r\n"
        f" h={':'.join(listed)};\r\n bh={digest};\r\n b="
    ).encode("ascii")
    data = signed_data(message, Field("dkim-signature", field, b""), listed, relaxed=True)
    return field + b64encode(key.sign(data)) + b"\r\n" + message.raw


class Bench:
    """The steps over one heap of letters."""

    def __init__(self, letters: list[bytes], record: str, now: Instant) -> None:
        self._letters, self._record, self._now = letters, record, now
        self.steps: list[Step] = []
        self._readers: list[int] = []

    @contextmanager
    def measured(self, name: str, meaning: str) -> Iterator[None]:
        cpu, wall = process_time() + self._readers_cpu(), perf_counter()
        yield
        cpu = process_time() + self._readers_cpu() - cpu
        self.steps.append(Step(name, meaning, len(self._letters), cpu, perf_counter() - wall))

    def _readers_cpu(self) -> float:
        return sum(cpu_of(pid) for pid in self._readers)

    def alone(self) -> None:
        """The steps that need nothing but the letters."""
        with self.measured("parse", "header fields and the MIME tree"):
            messages = [parse_message(raw) for raw in self._letters]
            for message in messages:
                message.parts()
        keys = [{name: self._answer(name) for name in keys_needed(message)} for message in messages]
        with self.measured("verify", "every DKIM signature, with the keys given"):
            found = [verify(message, known) for message, known in zip(messages, keys, strict=True)]
        if not all(any(s.passes and s.selector == SELECTOR for s in signatures) for signatures in found):
            raise SystemExit("A letter does not verify: the figures would mean nothing.")
        signers = [[f"{s.domain}/{s.selector}" for s in signatures if s.passes] for signatures in found]
        with self.measured("fingerprint", "what is compared, in the same process"):
            prints = [fingerprint(m, seed=SEED, signers=by) for m, by in zip(messages, signers, strict=True)]
        grouper = Grouper(MemoryIndex())
        with self.measured("group", "into campaigns, index in memory"):
            for number, each in enumerate(prints):
                grouper.place(each, Arrival(self._now, Identifier(number.to_bytes(16, "big"))))

    def _answer(self, name: str) -> KeyAnswer:
        own = name.startswith(f"{SELECTOR}.")
        return KeyAnswer(name, self._record if own else None, KeyStatus.FOUND if own else KeyStatus.TEMPORARY, 3600)

    async def at_the_desk(self, home: Home) -> None:
        """The steps that keep something, in a home of their own."""
        async with open_desk(home) as (opened, _, around):
            known = Known(self._record)
            desk = replace(opened, resolver=known, registrar=known)
            mandate = await add_member(desk, MEMBER, consents="count,token")
            await desk.sketch(self._letters[0], ())  # starts the process that reads
            self._readers = [pid] if (pid := child_of(os.getpid())) else []
            with self.measured("store", "sealed, in the spool and synced, then taken off it"):
                await self._spool(desk, "none", mandate, lambda raw: raw)
                await work_off(desk)
            with self.measured("deliver", "door, spool, keys, verify, committed to the hour's tree"):
                await self._spool(desk, "delivery", mandate, lambda raw: raw)
                await work_off(desk)
            with self.measured("whole", "a report: door, spool, verify, judge, fingerprint, group, committed"):
                await self._spool(desk, "report", mandate, lambda raw: forward(MEMBER, "report@choir.example", raw))
                await work_off(desk)
            await around.close()

    async def _spool(self, desk: Desk, box: str, mandate: Mandate, made: Callable[[bytes], bytes]) -> None:
        for at in range(0, len(self._letters), LOT):
            lot: list[Awaitable[int]] = [
                spool_mail(desk, box, mandate, made(raw)) for raw in self._letters[at : at + LOT]
            ]
            await asyncio.gather(*lot)


def child_of(pid: int) -> int:
    """The process that reads mail for this one."""
    named = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(named[-1]) if named else 0


def cpu_of(pid: int) -> float:
    """User and system time of another process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def loop_ms() -> float:
    """CPU time of one fixed loop: how much of a core a process really gets beside all that runs here."""
    took = []
    for _ in range(5):
        began, total = process_time(), 0
        for number in range(LOOPS):
            total += number * number % 7
        took.append(process_time() - began)
    return 1000 * sum(took) / len(took)


def measure(count: int) -> dict[str, object]:
    """Everything that is printed."""
    now, loop = to_instant(datetime.now(UTC)), loop_ms()
    key, archives = RsaKey(), os.environ.get("ANTIPHON_CORPORA", "")
    letters = list(real_letters(count, key, Path(archives)) if archives else world_letters(count, key, now))
    bench = Bench(letters, key.record, now)
    bench.alone()
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as folder:
        home = Home(Path(folder) / "home")
        settings = Settings(domain="node.choir.example", hosted_domains=("choir.example",), anchor=f"{folder}/anchor")
        initialise(home, settings, operator_key=Path(folder) / "operator", operator_name="bench")
        asyncio.run(bench.at_the_desk(home))
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "loop_ms": round((loop + loop_ms()) / 2, 1),
        "letters": "real mail" if archives else "the world's",
        "messages": len(letters),
        "bytes": sum(map(len, letters)),
        "steps": [
            {
                "step": step.name,
                "messages_per_second_and_core": round(step.rate, 1),
                "cpu_seconds": round(step.cpu_seconds, 3),
                "wall_seconds": round(step.wall_seconds, 3),
                "meaning": step.meaning,
            }
            for step in bench.steps
        ],
    }


def told(found: dict[str, object]) -> str:
    """A table for people."""
    head = f"{found['date']}, {found['machine']}: {found['messages']} messages ({found['letters']})"
    mean = int(str(found["bytes"])) // max(1, int(str(found["messages"])))
    busy = f"A loop of {LOOPS:,} turns took {found['loop_ms']} ms of CPU; on a quiet machine all is less."
    lines = [
        f"{head}, {mean:,} bytes each",
        busy,
        "",
        f"{'step':<12}{'messages/s':>11}{'CPU ms':>9}{'wall ms':>9}  what",
    ]
    for step in found["steps"]:  # type: ignore[attr-defined]  # a list of rows
        each = 1000 / int(str(found["messages"]))
        lines.append(
            f"{step['step']:<12}{step['messages_per_second_and_core']:>11,.0f}{step['cpu_seconds'] * each:>9.2f}"
            f"{step['wall_seconds'] * each:>9.2f}  {step['meaning']}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures, and prints a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2000, help="how many letters")
    parser.add_argument("--json", action="store_true", help="for programs")
    given = parser.parse_args()
    found = measure(given.messages)
    print(json.dumps(found, indent=2) if given.json else told(found))


if __name__ == "__main__":
    sys.exit(main())
