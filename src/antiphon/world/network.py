"""The world's network: names, registries, and hosts that count every byte, all on loopback.

Each party has its own global-unicast /24, which the node's dialer maps to a port here, so that the guard judges real
public addresses and nothing ever leaves the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from antiphon.backends.dialer import print_world_map
from antiphon.terms import Instant, show_instant
from antiphon.world.authority import Authority

Handler = Callable[[str, str, Mapping[str, str], bytes], Awaitable[tuple[int, dict[str, str], bytes]]]
MailHandler = Callable[[str, list[str], bytes], Awaitable[str]]
FIRST_NETWORK = int(ipaddress.ip_address("45.80.0.0"))
REGISTRY = "rdap.registry.example"


@dataclass(slots=True)
class Tally:
    """What came to one host, counted at its socket: TCP payload, TLS included."""

    connections: int = 0
    requests: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class Network:
    """Everything that the node can reach."""

    def __init__(self, folder: Path, clock_path: Path) -> None:
        self._folder, self._clock_path = folder, clock_path
        self._map: dict[tuple[str, int], int] = {}
        self._zone: dict[tuple[str, str], list[str]] = {}
        self._places = 0
        self._servers: list[asyncio.Server] = []
        self._authority = Authority()
        self._registered: dict[str, tuple[int, str]] = {}
        self._holders: dict[str, str] = {}
        self._dns: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Opens DNS and the registry."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Names(self._zone), ("127.0.0.1", 0))
        self._dns = transport
        (self._folder / "ca.pem").write_bytes(self._authority.certificate)
        await self.web(REGISTRY, self.place(REGISTRY), self._registry)
        self.write()

    async def stop(self) -> None:
        """Closes everything."""
        for server in self._servers:
            server.close()
        if self._dns is not None:
            self._dns.close()

    def place(self, name: str) -> str:
        """A /24 of its own for a party: the address of its host, with A and PTR records."""
        self._places += 1
        address = str(ipaddress.ip_address(FIRST_NETWORK + self._places * 256 + 10))
        self.record(name, "A", address)
        self.record(ipaddress.ip_address(address).reverse_pointer, "PTR", name)
        self.holder(address, name)
        return address

    def record(self, name: str, kind: str, *values: str) -> None:
        """Sets DNS records of one kind at a name."""
        self._zone[name.lower(), kind] = list(values)

    def register(self, domain: str, *, registered_at: int, holder: str) -> None:
        """Makes a domain known to the registry."""
        self._registered[domain] = (registered_at, holder)

    def holder(self, address: str, name: str) -> None:
        """Says who holds the /24 of an address."""
        self._holders[address.rpartition(".")[0]] = name

    def map(self, address: str, port: int, loopback_port: int) -> None:
        """Makes (address, port) reachable."""
        self._map[address, port] = loopback_port
        self.write()

    def write(self) -> Path:
        """The description of this world for the node."""
        dial, path = self._folder / "dial.json", self._folder / "world.json"
        port = self._dns.get_extra_info("sockname")[1] if self._dns is not None else 0
        table = {"clock": str(self._clock_path), "dns": ["127.0.0.1", port], "dial": str(dial),
                 "ca": str(self._folder / "ca.pem")}  # fmt: skip
        for target, text in ((dial, print_world_map(self._map)), (path, json.dumps(table))):
            fresh = target.with_suffix(".new")
            fresh.write_text(text)
            fresh.replace(target)
        return path

    async def web(self, host: str, address: str, handler: Handler) -> Tally:
        """An HTTPS host on port 443, with a certificate of this world's authority."""
        tally, context = Tally(), self._authority.context(host)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tally.connections += 1
            with contextlib.suppress(ConnectionError, ssl.SSLError, ValueError, asyncio.IncompleteReadError):
                await _answer_https(reader, writer, context, handler, tally)
            writer.close()

        await self._listen(address, 443, serve)
        return tally

    async def mail(self, host: str, address: str, handler: MailHandler) -> Tally:
        """A mail exchanger on port 25."""
        tally = Tally()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tally.connections += 1
            with contextlib.suppress(ConnectionError, ValueError, asyncio.IncompleteReadError):
                await _answer_smtp(reader, writer, host, handler, tally)
            writer.close()

        await self._listen(address, 25, serve)
        return tally

    async def listen(self, address: str, port: int) -> Tally:
        """A host that only counts what reaches it."""
        tally = Tally()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tally.connections += 1
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(4096):
                    tally.bytes_in += len(data)
            writer.close()

        await self._listen(address, port, serve)
        return tally

    async def touch(self, address: str, port: int) -> None:
        """One connection by the world itself: the positive control of a counter."""
        _, writer = await asyncio.open_connection("127.0.0.1", self._map[address, port])
        writer.write(b"control")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.01)

    async def _listen(
        self, address: str, port: int, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    ) -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers.append(server)
        self.map(address, port, int(server.sockets[0].getsockname()[1]))

    async def _registry(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        base = f"https://{REGISTRY}/"
        _, _, rest = target.partition("/")
        kind, _, name = rest.partition("/")
        if rest in ("dns.json", "ipv4.json"):
            entries = ["example"] if rest == "dns.json" else ["45.0.0.0/8"]
            found: dict[str, object] = {"services": [[entries, [base]]]}
        elif kind == "domain" and name in self._registered:
            at, holder = self._registered[name]
            event = {"eventAction": "registration", "eventDate": show_instant(Instant(at))}
            found = {"ldhName": name, "events": [event], "entities": [_registrant(holder)]}
        elif kind == "ip" and (owner := self._holders.get(name.rpartition(".")[0])):
            found = {"name": owner, "entities": [_registrant(owner)]}
        else:
            return 404, {}, b"{}"
        return 200, {"Content-Type": "application/rdap+json"}, json.dumps(found).encode()


def _registrant(name: str) -> dict[str, object]:
    return {"roles": ["registrant"], "vcardArray": ["vcard", [["fn", {}, "text", name]]]}


class _Names(asyncio.DatagramProtocol):
    """DNS over UDP from one dictionary; `*.` names stand for what is not there (RFC 4592 §2.1.1)."""

    def __init__(self, zone: dict[tuple[str, str], list[str]]) -> None:
        self._zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the way back."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answers one question."""
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        asked = question.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(asked.rdtype)
        for _ in range(8):
            exists = any(known == name for known, _ in self._zone)
            key = name if exists or "." not in name else f"*.{name.partition('.')[2]}"
            chosen = "CNAME" if (key, "CNAME") in self._zone else kind
            values = self._zone.get((key, chosen))
            if values is None:
                if not exists and not any(known == key for known, _ in self._zone):
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                break
            texts = [_text(chosen, value) for value in values]
            answer.answer.append(dns.rrset.from_text(name + ".", 3600, "IN", chosen, *texts))
            if chosen != "CNAME" or kind == "CNAME":
                break
            name = values[0]
        self._transport.sendto(answer.to_wire(), addr)


def _text(kind: str, value: str) -> str:
    if kind == "TXT":
        return " ".join('"' + value[at : at + 250].replace('"', '\\"') + '"' for at in range(0, len(value), 250))
    return value + "." if kind in ("CNAME", "PTR", "MX") and not value.endswith(".") else value


async def _answer_https(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext, handler: Handler, tally: Tally
) -> None:
    """One request of one connection; TLS over memory buffers, so that every byte is counted."""
    inbox, outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(inbox, outbox, server_side=True)

    async def flush() -> None:
        data = outbox.read()
        tally.bytes_out += len(data)
        writer.write(data)
        await writer.drain()

    async def more() -> bool:
        await flush()
        data = await reader.read(65536)
        tally.bytes_in += len(data)
        inbox.write(data)
        return bool(data)

    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            if not await more():
                return
    request = b""
    while b"\r\n\r\n" not in request or len(request) < _length(request):
        try:
            request += tls.read(65536)
        except ssl.SSLWantReadError:
            if not await more():
                return
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    tally.requests += 1
    status, extra, content = await handler(method, target, headers, body)
    fields = {"Content-Length": str(len(content)), "Connection": "close", **extra}
    said = f"HTTP/1.1 {status} answer\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n"
    tls.write(said.encode("latin-1") + content)
    await flush()


def _length(request: bytes) -> int:
    head, _, _ = request.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(head) + 4 + int(line.partition(b":")[2])
    return len(head) + 4


async def _answer_smtp(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, handler: MailHandler, tally: Tally
) -> None:
    sender, recipients = "", list[str]()

    async def say(text: str) -> None:
        data = (text + "\r\n").encode()
        tally.bytes_out += len(data)
        writer.write(data)
        await writer.drain()

    async def line() -> bytes:
        data = await reader.readline()
        tally.bytes_in += len(data)
        return data

    await say(f"220 {host} ESMTP")
    while data := await line():
        word = data[:4].upper()
        if word == b"EHLO":
            await say(f"250-{host}\r\n250-8BITMIME\r\n250 SIZE 10000000")
        elif word == b"MAIL":
            sender = data.decode().partition("<")[2].partition(">")[0]
            await say("250 2.1.0 ok")
        elif word == b"RCPT":
            recipients.append(data.decode().partition("<")[2].partition(">")[0])
            await say("250 2.1.5 ok")
        elif word == b"DATA":
            await say("354 go on")
            content = b""
            while (part := await line()) not in (b".\r\n", b""):
                content += part[1:] if part.startswith(b".") else part
            tally.requests += 1
            await say(await handler(sender, recipients, content))
            sender, recipients = "", []
        elif word == b"QUIT":
            await say("221 2.0.0 bye")
            return
        else:
            await say("250 2.0.0 ok")
