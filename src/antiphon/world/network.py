"""The world's network: names, registries and hosts, all on loopback, each party in a public /24 of its own.

The node's dialer maps (public address, port) to a port here, so that its guard judges real public addresses and nothing
ever leaves the machine.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from antiphon.backends.dialer import WorldDialer, print_world_map
from antiphon.world.authority import Authority
from antiphon.world.hosts import Delivery, Host, MailHandler, Request, Response, WebHandler
from antiphon.world.names import Names
from antiphon.world.registry import HOST as REGISTRY_HOST
from antiphon.world.registry import Registry

NETWORKS = "44.128.0.0/10"
FIRST = int(ipaddress.ip_address("44.128.0.0"))
WEB_HOST, MAIL_HOST = 10, 25
"""Last byte of the address of a party's web host and of its mail exchanger."""
TIMEOUT_SECONDS = 5.0


class Network:
    """Everything that the node can reach. The files `world.json`, `dial.json` and `ca.pem` in `folder` describe it.
    `heard`, where it is a list, gets every request and mail that any host of it was told."""

    def __init__(self, folder: Path, clock_path: Path) -> None:
        self._folder, self._clock_path = folder, clock_path
        self.names = Names()
        self.registry = Registry(NETWORKS)
        self.authority = Authority()
        self._dial: dict[tuple[str, int], int] = {}
        self._servers: list[asyncio.Server] = []
        self._addresses: dict[str, str] = {}
        self._places = 0
        self.heard: list[bytes] | None = None

    async def start(self) -> None:
        """Opens DNS and the registries."""
        await self.names.open()
        (self._folder / "ca.pem").write_bytes(self.authority.certificate)

        async def answer(request: Request) -> Response:
            return Response(*self.registry.answer(request.method, request.target))

        await self.web(self.place(REGISTRY_HOST), REGISTRY_HOST, answer)
        self.write()

    async def stop(self) -> None:
        """Closes everything."""
        for server in self._servers:
            server.close()
        self.names.close()

    def place(self, name: str) -> str:
        """A /24 of its own, held by `name`: the address of its web host, with A and PTR records."""
        self._places += 1
        address = str(ipaddress.ip_address(FIRST + self._places * 256 + WEB_HOST))
        self.registry.allocate(address, name)
        self.point(name, address)
        return address

    def point(self, name: str, address: str) -> None:
        """A and PTR records both ways."""
        self._addresses[name] = address
        self.names.record(name, "A", address)
        self.names.record(ipaddress.ip_address(address).reverse_pointer, "PTR", name)

    async def web(self, address: str, name: str, handler: WebHandler) -> Host:
        """An HTTPS host on port 443, with a certificate for `name` and all names below it."""
        host = Host(name)

        async def heard(request: Request) -> Response:
            head = "\r\n".join([f"{request.method} {request.target}", *map(": ".join, request.headers.items())])
            self._hear(head.encode() + b"\r\n\r\n" + request.body)
            return await handler(request)

        await self._listen(address, 443, host.web(self.authority.context(name), heard))
        return host

    async def mail(self, address: str, name: str, handler: MailHandler) -> Host:
        """A mail exchanger on port 25."""
        host = Host(name)

        async def heard(delivery: Delivery) -> str:
            self._hear(f"For: {' '.join(delivery.recipients)}\r\nFrom: {delivery.sender}\r\n".encode() + delivery.data)
            return await handler(delivery)

        await self._listen(address, 25, host.mail(heard))
        return host

    def _hear(self, said: bytes) -> None:
        if self.heard is not None:
            self.heard.append(said)

    def address_of(self, name: str) -> str:
        """The address that `point` gave to a name. Raises KeyError."""
        return self._addresses[name]

    def map(self, address: str, port: int, loopback_port: int) -> None:
        """Makes (address, port) reachable; the files say so at once."""
        self._dial[address, port] = loopback_port
        self.write()

    def loopback_port(self, address: str, port: int) -> int:
        """Where (address, port) really is."""
        return self._dial[address, port]

    def write(self) -> Path:
        """The description of this world for the node, each file replaced whole."""
        dial, path = self._folder / "dial.json", self._folder / "world.json"
        table = {
            "clock": str(self._clock_path),
            "dns": ["127.0.0.1", self.names.port],
            "dial": str(dial),
            "ca": str(self._folder / "ca.pem"),
        }
        for target, text in ((dial, print_world_map(self._dial)), (path, json.dumps(table))):
            fresh = target.with_suffix(".new")
            fresh.write_text(text)
            os.replace(fresh, target)
        return path

    async def touch(self, address: str, port: int) -> None:
        """One connection by the world itself, through the very map that the node dials by: a positive control."""
        dialer = WorldDialer(map_file=self._folder / "dial.json")
        opened = await dialer.connect(address, port, timeout_seconds=TIMEOUT_SECONDS)
        reader, writer = await asyncio.open_connection(sock=opened)
        writer.write_eof()
        await reader.read()
        writer.close()

    async def _listen(self, address: str, port: int, serve: Callable[..., Awaitable[None]]) -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers.append(server)
        self.map(address, port, int(server.sockets[0].getsockname()[1]))
