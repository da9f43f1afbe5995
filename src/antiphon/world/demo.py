"""The demo: a home of its own against a world on this machine, a quarter of a year in a few minutes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from antiphon.errors import HomeUnusable
from antiphon.terms import DAY, HOUR, Instant, to_instant
from antiphon.world.child import Child
from antiphon.world.clock import WorldTime
from antiphon.world.network import MAIL_HOST, Network
from antiphon.world.operators import Operators
from antiphon.world.originator import Originator, Stage
from antiphon.world.party import TEMPERS, Temper, innocents_of, parties_of
from antiphon.world.post import Post
from antiphon.world.traffic import MEMBERS, Traffic

START = to_instant(datetime(2027, 1, 4, tzinfo=UTC))
CONSENTS = "count,token,complain"
STANDING_OPT_OUT = ("prompt", "feedback")
"""The tempers that every member asks by itself, from the first day."""
CONTROL = "control:"
POLL = 4 * HOUR
"""How often the operators look whether something waits for a person."""


class Demo:
    """One run of the world around one node."""

    def __init__(
        self, folder: Path, *, seed: int, days: int, node_command: Sequence[str], tempers: Sequence[Temper]
    ) -> None:
        self.folder, self.days, self.tempers = folder, days, tempers
        self.end = Instant(START + days * DAY)
        self._short = tempfile.TemporaryDirectory(prefix="antiphon-")
        clock = Path(self._short.name) / "clock"
        self.clock = WorldTime(clock, START)
        self.network = Network(folder, clock)
        self.child = Child(folder, node_command)
        self.remote = self.child.remote
        self.post, self.answers = Post(self.child.lmtp), Post(self.child.smtp, greeting="EHLO")
        self.stage = Stage(self.network, self.clock, self.answers, seed, START)
        self.innocents: list[Originator] = []
        self.parties: list[Originator] = []
        self._keys = {"ada": os.urandom(32), "ben": os.urandom(32)}
        self._operators: Operators | None = None
        self._dead: asyncio.Task[None] | None = None
        self._reports: dict[str, str] = {}
        self.consents: dict[str, str] = {}
        """Of members who agree to something else than the others."""
        self.watched = False
        self.states: dict[str, str] = {}
        self.intents: dict[str, int] = {}

    @property
    def kills(self) -> int:
        """How often the node was killed."""
        return self.child.kills

    @property
    def http(self) -> int:
        """The port of the node's own pages."""
        return self.child.http

    async def prepare(self) -> None:
        """Opens the world, makes the home, starts the node, and enrols everybody."""
        await self.clock.open()
        await self.network.start()
        self.innocents = await innocents_of(self.stage)
        self.parties = await parties_of(self.stage, self.tempers)
        await self.child.show(self.network)
        await self.child.init(self.network.write(), "ada", self._keys["ada"])
        await self.child.keep_secret(sha256(f"antiphon/world/{self.stage.seed}".encode()).digest())
        self.clock.expect(NODE_NAME)
        await self.child.start()
        await self._enrol()

    async def _enrol(self) -> None:
        status = await self.remote.call("status")
        for name, value in status["dkim_records"].items():
            self.network.names.record(name, "TXT", value)
        willing = [party.case for party in self.parties if party.temper in STANDING_OPT_OUT]
        usual = f"{CONSENTS},optout" if willing else CONSENTS
        for member in MEMBERS:
            consent = self.consents.get(member, usual)
            only = willing if "optout" in consent else []
            said = await self.remote.call("member-add", address=member, consent=consent, only=only)
            self._reports[member] = said["report_address"]
        limits = {p.case: t.limit for p, t in zip(self.parties, self.tempers, strict=False)}
        harmful = [party.case for party in self.parties if party.harmful]
        self._operators = Operators(self.remote, self._keys, START, limits, harmful=harmful)
        await self._operators.enrol()

    def schedule(self) -> None:
        """Puts everything that will happen on the agenda."""
        Traffic(self.stage, self.post, self.parties, until=self.end).schedule(self._reports)
        self.clock.at(Instant(START + 2 * HOUR), self._arm)
        self.clock.at(Instant(START + 3 * HOUR), self._look)

    async def _arm(self) -> None:
        said = await self.remote.call("arm", level="community")
        if "error" in said:
            raise RuntimeError(f"the node could not be armed: {said['error']}")

    async def _look(self) -> None:
        assert self._operators is not None
        await self._operators.look(self.clock.now())
        self.clock.at(Instant(self.clock.now() + POLL), self._look)

    async def live(self, progress: Callable[[int], None] | None) -> None:
        """Lets the days pass."""
        self.schedule()
        for day in range(self.days):
            await self.until(Instant(START + (day + 1) * DAY))
            if self.watched:
                await self._learn_states()
            if progress is not None:
                progress(day + 1)

    async def until(self, when: Instant) -> None:
        """Lets time pass. Raises RuntimeError when the node ends by itself, for which time would wait without end."""
        if self._dead is None:
            self._dead = asyncio.create_task(self.child.fails())
        passing = asyncio.create_task(self.clock.run(when))
        done, _ = await asyncio.wait({passing, self._dead}, return_when=asyncio.FIRST_COMPLETED)
        if passing not in done:
            passing.cancel()
        for task in done:
            task.result()

    async def _learn_states(self) -> None:
        cases = await self.remote.call("cases")
        self.states = {case["originator"]: case["state"] for case in cases}
        self.intents = {case["originator"]: case["attempts"] for case in cases}

    async def finish(self) -> dict[str, Any]:
        """All figures but the auditor's verdict; ledger and openings lie in the folder, the latter once operators' keys
        count, after a week."""
        assert self._operators is not None
        await self._operators.unlock(self.folder / "openings")
        await self.remote.call("publish", path=str(self.folder / "ledger"))
        await self._learn_states()
        return {
            "originators": [party.figures(self.states.get(party.case, "none")) for party in self.parties],
            "innocents": [{"name": party.name, "packets": party.tally.packets} for party in self.innocents],
            "controls": [control for party in self.innocents for control in await self._controls(party)],
        }

    async def _controls(self, innocent: Originator) -> list[dict[str, object]]:
        """What shows that a zero means something: the counters count, and there was mail that named the innocent."""
        before = replace(innocent.tally)
        web = innocent.address
        await self.network.touch(web, 443)
        await self.network.touch(f"{web.rpartition('.')[0]}.{MAIL_HOST}", 25)
        counted = innocent.tally.connections - before.connections
        controls: list[dict[str, object]] = [{"name": f"{CONTROL}{innocent.name}", "count": counted}]
        named = [party for party in self.parties if party.aims_at == innocent.name]
        if named:
            reported = sum(len(party.reported) for party in named)
            controls.append({"name": f"mails naming {innocent.name}", "count": reported})
        return controls

    async def close(self) -> None:
        """Ends the node, which lets nothing out any more, and the world."""
        self.clock.release(NODE_NAME)
        if self._dead is not None:
            self._dead.cancel()
        await self.child.stop()
        self.post.hang_up()
        self.answers.hang_up()
        await self.clock.close()
        await self.network.stop()
        self._short.cleanup()


NODE_NAME = "node"
"""Under which the node joins the clock."""


async def audit_of(command: Sequence[str], folder: Path) -> dict[str, Any]:
    """What the auditor says of the ledger in a folder, and of the openings where they lie beside it, as a process of
    its own."""
    path = folder / "openings"
    openings = ["--openings", str(path)] if path.exists() else []
    audit = await asyncio.create_subprocess_exec(
        *command, "audit", str(folder / "ledger"), *openings, "--json", stdout=subprocess.PIPE
    )
    out, _ = await audit.communicate()
    said = json.loads(out)
    return {name: said.get(name) for name in ("consistent", "lawful", "entries", "offence")}


async def run_demo(
    *,
    seed: int = 1,
    days: int = 90,
    keep: Path | None = None,
    watch: Callable[[Demo], Awaitable[None]] | None = None,
    serve: Callable[[Demo, dict[str, Any]], Awaitable[None]] | None = None,
    node_command: Sequence[str] | None = None,
    tempers: Sequence[Temper] = TEMPERS,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """One whole run; the dictionary is what `--json` prints. `watch` is called when the world stands, `serve` with
    the result while everything is still up. Raises RuntimeError when the node does not come up or ends by itself."""
    folder = _folder(keep) if keep is not None else Path(tempfile.mkdtemp(prefix="antiphon-"))
    command = node_command or [sys.executable, "-m", "antiphon"]
    demo = Demo(folder, seed=seed, days=days, node_command=command, tempers=tempers)
    try:
        await demo.prepare()
        if watch is not None:
            await watch(demo)
        await demo.live(progress)
        found = await demo.finish()
        result = {"seed": seed, "days": days, **found, "audit": await audit_of(command, folder)}
        if serve is not None:
            await serve(demo, result)
        return result
    finally:
        await demo.close()
        if keep is not None:
            demo.child.leave_home()
        else:
            shutil.rmtree(folder, ignore_errors=True)


KEPT = ("home", "ledger", "openings", "anchor")
LONGEST_SOCKET = 100
"""A unix socket's path has some hundred bytes."""


def _folder(keep: Path) -> Path:
    """The folder that is kept, empty of earlier runs."""
    folder = keep.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if there := [name for name in KEPT if (folder / name).exists()]:
        raise HomeUnusable(f"{folder} holds {', '.join(there)} already.", advice="Name a new or empty folder.")
    if len(str(folder / "home" / "control.sock")) > LONGEST_SOCKET:
        raise HomeUnusable(f"The path {folder} is too long for a socket in it.", advice="Name a shorter one.")
    return folder
