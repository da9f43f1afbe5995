"""The demo: a home of its own against a world on this machine, a quarter of a year in a minute or two."""

from __future__ import annotations

import asyncio
import json
import os
import random  # noqa: TID251 - a seeded source, in the world
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from antiphon.settings import Doors, Operator, Settings, print_settings
from antiphon.terms import DAY, HOUR, Instant, to_instant
from antiphon.world.clock import WorldTime
from antiphon.world.network import Network, Tally
from antiphon.world.operators import Operators, Remote
from antiphon.world.party import ESP, ESP_HOST, TEMPERS, Party, Temper, new_key
from antiphon.world.post import Post, answer_mail, bounce_mail, forward

START = to_instant(datetime(2027, 1, 4, tzinfo=UTC))
MEMBERS = tuple(
    f"{name}@choir.example" for name in ("ada", "bea", "cem", "dor", "eli", "fay", "gus", "hal", "ida", "jon")
)
NODE = "antiphon.choir.example"
QUIET_END = 4 * DAY
EVERY = 4 * DAY
INNOCENTS = ("garden-club.example", "school-choir.example", "bakery.example")
PROVIDERS = f"""
[[provider]]
name = "Mailworks"
signing_domains = ["{ESP}"]
cname_zones = ["{ESP}"]
account_header = "X-Mailworks-Account"
places = [{{ host = "{ESP_HOST}", path = "/u", account_in = "query a" }}]
source = "this world"
date = "2027-01-04"
"""


class Demo:
    """One run of the world around one node."""

    def __init__(
        self, folder: Path, *, seed: int, days: int, node_command: Sequence[str], tempers: Sequence[Temper]
    ) -> None:
        self.folder, self.days, self._command = folder, days, list(node_command)
        self.end = Instant(START + days * DAY)
        self.chance = random.Random(seed)
        self.clock = WorldTime(folder / "clock", START)
        self.network = Network(folder, folder / "clock")
        self.home = folder / "home"
        self.lmtp, self.smtp, self.http = _free_port(), _free_port(), _free_port()
        self.post, self.answers = Post(self.lmtp), Post(self.smtp, greeting="EHLO")
        self.innocents: dict[str, tuple[str, Tally]] = {}
        self.tempers = tempers
        self.parties: list[Party] = []
        self.esp = Tally()
        self.child: subprocess.Popen[bytes] | None = None
        self.remote = Remote(self.home / "control.sock")
        self.reports: dict[str, str] = {}
        self.kills = 0
        self._last: dict[str, Any] = {}

    async def prepare(self) -> None:
        """Opens the world, makes the home, starts the node, and enrols everybody."""
        await self.clock.open()
        await self.network.start()
        for name in INNOCENTS:
            address = self.network.place(name)
            self.innocents[name] = (address, await self.network.listen(address, 443))
            await self.network.listen(address, 25)
        key = new_key()
        for number, temper in enumerate(self.tempers):
            own = key if temper.account else new_key()
            party = Party(temper, self.network, random.Random(f"{temper.name}{number}"), own, self.clock.now)
            name = INNOCENTS[number % len(INNOCENTS)]
            await party.settle_in(START, innocent=(name, self.innocents[name][0]))
            self.parties.append(party)
        await self._esp()
        await self._node_zone()
        self._write_settings()
        self._init()
        await self._start_node()
        await self._enrol()

    async def _esp(self) -> None:
        clients = [party for party in self.parties if party.temper.account]
        if not clients:
            return
        address = self.network.place(ESP)
        self.network.record(ESP_HOST, "A", address)
        self.network.register(ESP, registered_at=START - 2000 * DAY, holder=ESP)
        clients[0].publish_key(ESP)

        async def answer(
            method: str, target: str, headers: Mapping[str, str], body: bytes
        ) -> tuple[int, dict[str, str], bytes]:
            account = target.partition("a=")[2].partition("&")[0]
            client = next((party for party in clients if party.temper.account == account), None)
            return await client.answer(method, target, headers, body) if client else (404, {}, b"")

        self.esp = await self.network.web(ESP_HOST, address, answer)

    async def _node_zone(self) -> None:
        address = self.network.place(NODE)
        self.network.record(NODE, "MX", f"10 {NODE}")
        self.network.map(address, 25, self.smtp)

        async def serve(
            method: str, target: str, headers: Mapping[str, str], body: bytes
        ) -> tuple[int, dict[str, str], bytes]:
            path = (self.home / "public" / target.lstrip("/")).resolve()
            inside = path.is_relative_to((self.home / "public").resolve()) and path.is_file()
            return (200, {}, path.read_bytes()) if inside else (404, {}, b"")

        await self.network.web(NODE, address, serve)

    def _write_settings(self) -> None:
        (self.folder / "providers.toml").write_text(PROVIDERS)
        self.first_key = self.folder / "operator-ada"
        self.keys = {"ada": os.urandom(32), "ben": os.urandom(32)}
        self.first_key.write_text(self.keys["ada"].hex())
        self.first_key.chmod(0o600)
        settings = Settings(
            name="Choir of choir.example",
            domain=NODE,
            hosted_domains=("choir.example",),
            anchor=str(self.folder / "anchor"),
            public_url=f"https://{NODE}/",
            provider_map=str(self.folder / "providers.toml"),
            rdap="https://rdap.registry.example/dns.json",
            rdap_networks="https://rdap.registry.example/ipv4.json",
            world=str(self.network.write()),
            operator=Operator("Choir Association", "1 Choir Lane, Example Town"),
            doors=Doors(f"127.0.0.1:{self.lmtp}", f"127.0.0.1:{self.smtp}", f"127.0.0.1:{self.http}"),
        )
        (self.folder / "settings.toml").write_text(print_settings(settings))

    def _init(self) -> None:
        self._init_done = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *self._command, "--home", str(self.home), "init", "--settings", str(self.folder / "settings.toml"),
                "--operator-key", str(self.first_key), "--operator-name", "ada", stdout=subprocess.DEVNULL,
            )
        )  # fmt: skip

    async def _start_node(self) -> None:
        process = await self._init_done
        if await process.wait():
            raise RuntimeError("the home could not be made")
        self.launch()
        await self._until_ready()

    def launch(self) -> None:
        """Starts the node as a process of its own; the world's time waits for it."""
        self.clock.expect("node")
        with open(self.folder / "node.log", "ab") as log:
            self.child = subprocess.Popen([*self._command, "--home", str(self.home), "run"], stdout=log, stderr=log)

    async def kill_and_restart(self) -> None:
        """`kill -9`, in the middle of whatever it does, and a new process on the same home."""
        if self.child is None:
            return
        self.child.kill()
        await asyncio.to_thread(self.child.wait)
        self.kills += 1
        self.launch()
        await self._until_ready()

    async def last_status(self) -> dict[str, Any]:
        """The status that `finish` saw."""
        return self._last

    async def _until_ready(self) -> None:
        for _ in range(600):
            if self.child is not None and self.child.poll() is not None:
                raise RuntimeError((self.folder / "node.log").read_text()[-2000:])
            with suppress(OSError):
                _, writer = await asyncio.open_unix_connection(str(self.home / "control.sock"))
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise RuntimeError("the node did not come up")

    async def _enrol(self) -> None:
        status = await self.remote.call("status")
        for name, value in status["dkim_records"].items():
            self.network.record(name, "TXT", value)
        wants = [p.domain for p in self.parties if p.temper.name == "prompt"]
        for member in MEMBERS:
            said = await self.remote.call(
                "member-add", address=member, consent="count,token,optout" if wants else "count,token", only=wants
            )
            self.reports[member] = said["report_address"]
        capped = {p.domain: p.temper.limit for p in self.parties}
        self.operators = Operators(self.remote, self.keys, START, capped)
        await self.operators.enrol()

    def schedule(self) -> None:
        """Puts everything that will happen on the agenda."""
        for party in self.parties:
            for member in MEMBERS:
                first = Instant(START + HOUR + int(self.chance.random() * EVERY))
                self.clock.at(first, self._mailing(party, member, first))
        self.clock.at(Instant(START + 2 * HOUR), self._arm)
        self.clock.at(Instant(START + 3 * HOUR), self._operators)

    async def _arm(self) -> None:
        said = await self.remote.call("arm", level="community")
        if "error" in said:
            raise RuntimeError(f"the node could not be armed: {said['error']}")

    async def _operators(self) -> None:
        await self.operators.look(self.clock.now())
        for party in self.parties:
            for answer in party.answers:
                self.clock.at(Instant(self.clock.now() + 20 * HOUR), self._answering(party, answer))
            party.answers.clear()
        self.clock.at(Instant(self.clock.now() + 2 * HOUR), self._operators)

    def _answering(self, party: Party, answer: tuple[str, str, str]) -> Callable[[], Any]:
        async def act() -> None:
            word, to, about = answer
            if word == "bounce":
                await self.answers.deliver("", to, bounce_mail(to, f"abuse@{party.domain}"))
            else:
                sender = f"abuse@{party.domain}"
                await self.answers.deliver(sender, to, answer_mail(word, sender, to, about))

        return act

    def _mailing(self, party: Party, member: str, at: Instant) -> Callable[[], Any]:
        async def act() -> None:
            now = self.clock.now()
            if now >= self.end - QUIET_END or not party.wants_to_write(member, now):
                return
            mail = party.compose(member, now)
            party.after_window += now >= party.window_end.get(member, self.end)
            await self.post.deliver(f"bounce@{party.domain}", member, mail)
            later = Instant(now + HOUR + int(self.chance.random() * 19 * HOUR))
            self.clock.at(later, self._reporting(party, member, mail))
            following = Instant(now + EVERY + int((self.chance.random() - 0.5) * 20 * HOUR))
            self.clock.at(following, self._mailing(party, member, following))

        return act

    def _reporting(self, party: Party, member: str, mail: bytes) -> Callable[[], Any]:
        async def act() -> None:
            await self.post.deliver(member, self.reports[member], forward(member, self.reports[member], mail))
            party.reported += 1

        return act

    async def live(self, progress: Callable[[int], None] | None) -> None:
        """Lets the days pass."""
        self.schedule()
        for day in range(self.days):
            await self.clock.run(Instant(START + (day + 1) * DAY))
            if progress is not None:
                progress(day + 1)

    async def finish(self) -> dict[str, Any]:
        """The figures: the world's own counts, the states that the node tells, and the auditor's verdict."""
        self._last = await self.remote.call("status")
        cases = {case["originator"]: case["state"] for case in await self.remote.call("cases")}
        await self.remote.call("openings", path=str(self.folder / "openings"))
        await self.remote.call("publish", path=str(self.folder / "ledger"))
        controls = []
        for name, (address, tally) in self.innocents.items():
            seen = replace(tally)
            await self.network.touch(address, 443)
            controls.append(
                {"name": f"connection by the world to {name}", "count": tally.connections - seen.connections}
            )
            tally.connections, tally.bytes_in = seen.connections, seen.bytes_in
        aimed = {name: sum(p.reported for p in self.parties if p.innocent == name and p.temper.aims_at)
                 for name in INNOCENTS}  # fmt: skip
        controls += [{"name": f"reported mails aimed at {n}", "count": c} for n, c in aimed.items() if c]
        return {
            "originators": [self._figures(party, cases) for party in self.parties],
            "innocents": [{"name": n, "packets": t.connections} for n, (_, t) in self.innocents.items()],
            "controls": controls,
        }

    def _figures(self, party: Party, cases: dict[str, str]) -> dict[str, Any]:
        tallies = [party.web, party.mail] + ([self.esp] if party.temper.account and party.posts else [])
        return {
            "name": party.domain,
            "temper": party.temper.name,
            "mails": party.mails,
            "sightings": party.reported,
            "sightings_after_window": party.after_window,
            "notices": party.notices,
            "attempts_at_destination": party.posts + party.notices,
            "bytes_in": sum(tally.bytes_in for tally in tallies),
            "bytes_out": sum(tally.bytes_out for tally in tallies),
            "state": cases.get(party.domain, "none"),
        }

    async def close(self) -> None:
        """Ends the node and the world."""
        with suppress(OSError, ValueError):
            await self.remote.call("stop")
        if self.child is not None:
            try:
                await asyncio.to_thread(self.child.wait, 5)
            except subprocess.TimeoutExpired:
                self.child.send_signal(signal.SIGKILL)
                self.child.wait()
        self.post.hang_up()
        self.answers.hang_up()
        self.clock.release("node")
        await self.clock.close()
        await self.network.stop()


async def audit_of(command: Sequence[str], folder: Path) -> dict[str, Any]:
    """What the auditor says of the ledger and openings in a folder, as a process of its own."""
    audit = await asyncio.create_subprocess_exec(
        *command, "audit", str(folder / "ledger"), "--openings", str(folder / "openings"), "--json",
        stdout=subprocess.PIPE,
    )  # fmt: skip
    out, _ = await audit.communicate()
    said = json.loads(out)
    return {name: said.get(name) for name in ("consistent", "lawful", "entries", "offence")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def run_demo(
    *,
    seed: int = 1,
    days: int = 90,
    keep: Path | None = None,
    serve: Callable[[Demo, dict[str, Any]], Awaitable[None]] | None = None,
    node_command: Sequence[str] | None = None,
    tempers: Sequence[Temper] = TEMPERS,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """One whole run; the dictionary is what `--json` prints."""
    # A short folder: a unix socket's path has some hundred bytes.
    folder = Path(tempfile.mkdtemp(prefix="antiphon-", dir=keep))
    command = node_command or [sys.executable, "-m", "antiphon"]
    demo = Demo(folder, seed=seed, days=days, node_command=command, tempers=tempers)
    try:
        await demo.prepare()
        await demo.live(progress)
        found = await demo.finish()
        verdict = await audit_of(command, folder)
        result = {"seed": seed, "days": days, **found, "audit": verdict}
        if serve is not None:
            await serve(demo, result)
        return result
    finally:
        await demo.close()
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            for name in ("home", "ledger", "openings", "anchor", "node.log"):
                target = keep / name
                if (folder / name).exists() and not target.exists():
                    (folder / name).rename(target)
            shutil.rmtree(folder, ignore_errors=True)
