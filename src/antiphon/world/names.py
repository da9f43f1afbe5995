"""The world's DNS: one table of records behind one loopback port, over UDP and TCP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL_SECONDS = 86_400
CHAIN = 8
"""CNAMEs followed for one question."""
BINDS = 20
"""Tries to find a port that is free for UDP and TCP."""
STRING = 250


class Names:
    """What the world's zones say. A record set at a name replaces what was there; `*.` stands for names that are not
    there (RFC 4592 §2.1.1). What nobody set does not exist: NXDOMAIN, or no data where the name has other records."""

    def __init__(self) -> None:
        self._sets: dict[str, dict[str, dns.rrset.RRset]] = {}
        self._answers: dict[bytes, bytes] = {}
        self.asked: set[bytes] = set()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The loopback port; 0 before `open`."""
        return int(self._udp.get_extra_info("sockname")[1]) if self._udp is not None else 0

    def record(self, name: str, kind: str, *values: str) -> None:
        """Sets the records of one kind at a name."""
        owner = name.lower()
        texts = [_text(kind, value) for value in values]
        records = dns.rrset.from_text(dns.name.from_text(owner), TTL_SECONDS, "IN", kind, *texts)
        self._sets.setdefault(owner, {})[kind] = records
        self._answers.clear()

    def forget(self, domain: str) -> None:
        """Takes out a name and everything below it."""
        for owner in [owner for owner in self._sets if owner == domain or owner.endswith(f".{domain}")]:
            del self._sets[owner]
        self._answers.clear()

    def text(self, name: str) -> str | None:
        """The one TXT record at a name, its strings joined (RFC 6376 §3.6.2.2), as whoever lives here would find it."""
        found = self._sets.get(name.lower(), {}).get("TXT")
        return b"".join(found[0].strings).decode() if found else None

    async def open(self) -> None:
        """Begins to serve."""
        loop = asyncio.get_running_loop()
        for _ in range(BINDS):
            tcp = await asyncio.start_server(self._serve_tcp, "127.0.0.1", 0)
            place = ("127.0.0.1", int(tcp.sockets[0].getsockname()[1]))
            try:
                self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), place)
            except OSError:
                tcp.close()
                continue
            self._tcp = tcp
            return
        raise OSError("no port is free for UDP and TCP")

    def close(self) -> None:
        """Ends."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()

    def answer(self, wire: bytes, *, over_udp: bool) -> bytes | None:
        """The answer to one question as bytes; None for what is no question. Over UDP a long one is cut short, and
        marked so (RFC 1035 §4.2.1)."""
        key = wire[2:] + bytes([over_udp])
        if key not in self._answers:
            try:
                question = dns.message.from_wire(wire)
                self.asked.add(question.question[0].name.to_text().encode())
                most = max(512, min(question.payload, 4096)) if over_udp else 65_535
                self._answers[key] = self._respond(question, most)[2:]
            except (dns.exception.DNSException, IndexError):
                return None
        return wire[:2] + self._answers[key]

    def _respond(self, question: dns.message.Message, most: int) -> bytes:
        response = dns.message.make_response(question, recursion_available=True)
        asked = question.question[0]
        kind = dns.rdatatype.to_text(asked.rdtype)
        exists = False
        for name, sets in self._follow(asked.name.to_text(omit_final_dot=True).lower(), kind):
            exists = sets is not None
            records = (sets or {}).get(kind) or (sets or {}).get("CNAME")
            if records is not None:
                owner = dns.name.from_text(name)
                response.answer.append(dns.rrset.from_rdata_list(owner, records.ttl, list(records)))
        if not exists:
            response.set_rcode(dns.rcode.NXDOMAIN)
        try:
            return response.to_wire(max_size=most)
        except dns.exception.TooBig:
            response.answer.clear()
            response.flags |= dns.flags.TC
            return response.to_wire()

    def _follow(self, name: str, kind: str) -> Iterator[tuple[str, dict[str, dns.rrset.RRset] | None]]:
        """Every name on the way, CNAMEs followed as a resolver would, with what is set there."""
        for _ in range(CHAIN):
            sets = self._at(name)
            yield name, sets
            if sets is None or kind in sets or "CNAME" not in sets or kind == "CNAME":
                return
            name = str(sets["CNAME"][0].target).removesuffix(".")

    def _at(self, name: str) -> dict[str, dns.rrset.RRset] | None:
        if name in self._sets:
            return self._sets[name]
        if any(known.endswith("." + name) for known in self._sets):
            return {}  # a name with names below it exists (RFC 4592 §2.2.2)
        return self._sets.get(f"*.{name.partition('.')[2]}")

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                answer = self.answer(wire, over_udp=False)
                if answer is None:
                    break
                writer.write(len(answer).to_bytes(2, "big") + answer)
                await writer.drain()
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """One datagram, one answer."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the way back."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answers one question."""
        answer = self._names.answer(data, over_udp=True)
        if answer is not None:
            self._transport.sendto(answer, addr)


def _text(kind: str, value: str) -> str:
    if kind == "TXT":
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return " ".join(f'"{quoted[at : at + STRING]}"' for at in range(0, max(len(quoted), 1), STRING))
    return value + "." if kind in ("CNAME", "PTR", "MX") and not value.endswith(".") else value
