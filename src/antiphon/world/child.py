"""The node as a child process, and its public face as the world serves it. Only sockets join the two."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path

from antiphon.backends.home import Home
from antiphon.backends.sqlite import SqliteStore
from antiphon.ports import CABINETS, Setting
from antiphon.settings import NOT_SETTINGS, PREFIX, Doors, Operator, Settings, print_settings
from antiphon.world.browser import exchange
from antiphon.world.esp import PROVIDERS
from antiphon.world.hosts import Request, Response
from antiphon.world.network import MAIL_HOST, Network
from antiphon.world.operators import Remote
from antiphon.world.registry import HOST as REGISTRY_HOST

NODE = "antiphon.choir.example"
HOSTED = "choir.example"
READY_TRIES = 1200
READY_SECONDS = 0.05
STOP_SECONDS = 10
PORTS = range(20_000, 32_000)
PORT_TRIES = 200
_drawn = cycle(secrets.SystemRandom().sample(PORTS, len(PORTS)))


class Child:
    """One home in `folder`, and the process that runs it. `command` starts the node's program."""

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self.folder, self._command = folder, list(command)
        self.home, self.anchor = folder / "home", folder / "anchor"
        self.lmtp, self.smtp, self.http = (free_port() for _ in range(3))
        self.remote = Remote(self.home / "control.sock")
        self.kills = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def settings(self, world: str) -> Settings:
        """What a node of this world is told. The one place that knows its settings."""
        return Settings(
            name="Choir of choir.example",
            domain=NODE,
            hosted_domains=(HOSTED,),
            anchor=str(self.anchor),
            public_url=f"https://{NODE}/",
            provider_map=str(self.folder / "providers.toml"),
            rdap=f"https://{REGISTRY_HOST}/dns.json",
            rdap_networks=f"https://{REGISTRY_HOST}/ipv4.json",
            rdap_networks_v6="",
            world=world,
            operator=Operator("Choir Association", "1 Choir Lane, Example Town"),
            doors=Doors(lmtp=local(self.lmtp), smtp=local(self.smtp), http=local(self.http)),
        )

    async def init(self, world: Path, operator: str, key: bytes) -> None:
        """Makes the home, with its first operator. Raises RuntimeError with what the program said."""
        (self.folder / "providers.toml").write_text(PROVIDERS)
        settings, key_file = self.folder / "settings.toml", self.folder / f"operator-{operator}"
        settings.write_text(print_settings(self.settings(str(world))))
        key_file.touch(mode=0o600)
        key_file.write_text(key.hex())
        process = await asyncio.create_subprocess_exec(
            *self._command, "--home", str(self.home), "init", "--settings", str(settings),
            "--operator-key", str(key_file), "--operator-name", operator,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment(),
        )  # fmt: skip
        _, said = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"The home could not be made: {said.decode()[-2000:]}")

    async def keep_secret(self, secret: bytes) -> None:
        """Before the first start: the secret that this home has drawn gives way to one that follows from a world's
        seed, so that holds end as in every run of it. A node itself takes no secret from anybody."""
        async with SqliteStore(str(Home(self.home).database), CABINETS) as store:
            await store.write(lambda tx: tx.put(Setting("secret", secret)))

    async def start(self) -> None:
        """Starts the process and waits until it answers. Raises RuntimeError with the end of its log."""
        self._process = process = self._launched()
        for _ in range(READY_TRIES):
            if await self.remote.reachable():
                return
            if process.poll() is not None:
                raise self._ended()
            await asyncio.sleep(READY_SECONDS)
        raise RuntimeError("The node did not come up.")

    def _launched(self) -> subprocess.Popen[bytes]:
        command = [*self._command, "--home", str(self.home), "run"]
        with open(self.folder / "node.log", "ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=_environment())

    async def fails(self) -> None:
        """Waits until the process ends by itself, then raises RuntimeError with the end of its log."""
        while self._process is not None:
            process, kills = self._process, self.kills
            await asyncio.to_thread(process.wait)
            if self._stopping or (self._process is process and self.kills == kills):
                break
        if not self._stopping:
            raise self._ended()

    def _ended(self) -> RuntimeError:
        return RuntimeError(f"The node has ended: {(self.folder / 'node.log').read_text()[-2000:]}")

    async def kill(self) -> None:
        """`kill -9`, in the middle of whatever it does."""
        if self._process is not None:
            self.kills += 1
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    async def stop(self) -> None:
        """Asks it to end; kills it if it does not."""
        self._stopping = True
        if self._process is None or self._process.poll() is not None:
            return
        with suppress(OSError, ValueError, RuntimeError):
            await self.remote.call("disarm", why="The world is over.")
            await self.remote.call("stop")
        try:
            await asyncio.to_thread(self._process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def leave_home(self) -> None:
        """Makes a home that can be looked into without its world; it observes, so nothing leaves it."""
        settings = self.home / "settings.toml"
        if settings.exists():
            settings.write_text(print_settings(self.settings("")))

    async def show(self, network: Network) -> None:
        """Names and hosts of the node: its mail door, the published folder, and the desk behind each notice."""
        address = network.place(NODE)
        network.map(address, MAIL_HOST, self.smtp)
        network.names.record(NODE, "MX", f"10 {NODE}")
        public = (self.home / "public").resolve()

        async def answer(request: Request) -> Response:
            if request.target.startswith("/desk/"):
                return await self._pass_on(request)
            path = (public / request.target.lstrip("/")).resolve()
            found = request.method == "GET" and path.is_relative_to(public) and path.is_file()
            return Response(200, {}, path.read_bytes()) if found else Response(404)

        await network.web(address, NODE, answer)

    async def _pass_on(self, request: Request) -> Response:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http)
        form = request.body.decode("ascii", "replace") if request.method == "POST" else ""
        status, body = await exchange(reader, writer, NODE, request.target, form=form)
        writer.close()
        return Response(status, {"Content-Type": "text/html; charset=utf-8"}, body)


def local(port: int) -> str:
    """A place of this machine, as settings write it."""
    return f"127.0.0.1:{port}"


def free_port() -> int:
    """A loopback port that nobody uses now, below those that the system hands out by itself: while the node is away,
    no other socket of the world takes it. None is given twice by one process before all were given. Raises
    RuntimeError when none is found."""
    for port in islice(_drawn, PORT_TRIES):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("No free port was found on loopback.")


def _environment() -> Mapping[str, str]:
    """This process's own, without settings of another node."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) or name.removeprefix(PREFIX) in NOT_SETTINGS
    }
