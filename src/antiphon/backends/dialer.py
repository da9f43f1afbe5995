"""Who opens TCP connections: production dials what was judged, a world dials its own loopback ports.

The guard upstream always judges the real address and port; a dialer only connects. So the guard is on in every test.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path

from antiphon.errors import MalformedInput, Unreachable

RECEIVE_BUFFER_BYTES = 2304
"""Receive buffer of every connection, the least that Linux gives. The kernel acknowledges at most this much that nobody
asked for, so a talkative peer can not push a connection past its byte reserve (LAW §2)."""

MAP_ENTRIES = 65_536

WorldMap = Mapping[tuple[str, int], int]


class DirectDialer:
    """Dials exactly the literal address and port it is given; never resolves a name.

    `source_address` is the fixed address that a community announces; empty leaves the choice to the system.
    """

    def __init__(self, source_address: str = "") -> None:
        self._source_address = source_address

    async def connect(self, address: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """A connected, non-blocking TCP socket. Raises Unreachable; ValueError if `address` is a name."""
        literal = str(ip_address(address))
        try:
            return await _connect(literal, port, self._source_address, timeout_seconds)
        except (OSError, TimeoutError) as error:
            raise _unreachable(address, port, type(error).__name__) from error


class WorldDialer:
    """Maps (public address, port) to a port on 127.0.0.1. There is no fall-through: an unknown pair is Unreachable.

    The map file, written by the world, is read again whenever a pair is missing.
    """

    def __init__(self, known: WorldMap | None = None, map_file: Path | None = None) -> None:
        self._known = dict(known or {})
        self._map_file = map_file

    async def connect(self, address: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """A socket connected to the party that plays this address. Raises Unreachable, and ValueError as above."""
        pair = (str(ip_address(address)), port)
        if pair not in self._known and self._map_file is not None:
            self._known.update(_read_map(self._map_file))
        if pair not in self._known:
            raise _unreachable(address, port, "nobody plays it in this world")
        try:
            return await _connect("127.0.0.1", self._known[pair], "", timeout_seconds)
        except (OSError, TimeoutError) as error:
            raise _unreachable(address, port, type(error).__name__) from error


def parse_world_map(text: str) -> dict[tuple[str, int], int]:
    """JSON rows `[address, port, loopback port]`, at most MAP_ENTRIES. Raises MalformedInput."""
    try:
        rows = json.loads(text)
        if not isinstance(rows, list) or len(rows) > MAP_ENTRIES:
            raise ValueError("not a list of rows")
        return {(str(ip_address(str(row[0]))), _port(row[1])): _port(row[2]) for row in rows}
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise MalformedInput(f"The world's address map can not be read: {str(error)[:80]}.") from error


def print_world_map(known: WorldMap) -> str:
    """The text that `parse_world_map` reads."""
    rows: Iterable[tuple[str, int, int]] = ((address, port, known[address, port]) for address, port in sorted(known))
    return json.dumps(list(rows))


def _port(value: object) -> int:
    if not isinstance(value, int) or not 0 < value < 65_536:
        raise ValueError("not a port")
    return value


def _read_map(path: Path) -> dict[tuple[str, int], int]:
    try:
        return parse_world_map(path.read_text("ascii"))
    except (OSError, UnicodeError, MalformedInput):
        return {}


async def _connect(address: str, port: int, source_address: str, timeout_seconds: float) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # Before the connection, or the first window offered would already be the large one. The kernel doubles it.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES // 2)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source_address:
            sock.bind((source_address, 0))
        async with asyncio.timeout(timeout_seconds):
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _unreachable(address: str, port: int, why: str) -> Unreachable:
    return Unreachable(f"{address} port {port} could not be reached: {why}.", advice="Nothing was sent.")
