"""A line counts every byte at the socket and stops at its reserve."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct

import pytest

from antiphon.backends.dialer import DirectDialer
from antiphon.backends.wire import UNASKED_BYTES, ReserveSpent, open_line
from antiphon.errors import Unreachable


class WireTap:
    """What the kernel of the other side knows of a connection: payload acknowledged by us, and received from us."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._socket = socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno()))

    def counts(self) -> tuple[int, int]:
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        acknowledged, received = struct.unpack_from("QQ", info, 120)
        return acknowledged, received

    def close(self) -> None:
        self._socket.close()


async def line_to(port: int, reserve_bytes: int):
    return await open_line(DirectDialer(), "127.0.0.1", port, reserve_bytes=reserve_bytes, timeout_seconds=5)


async def test_plain_bytes_are_counted_both_ways(serve) -> None:
    """What was sent and what came back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1000) * 2)
        await writer.drain()

    async with serve(echo) as port:
        line = await line_to(port, 20_000)
        await line.send(b"x" * 1000)
        got = 0
        while data := await line.receive():
            got += len(data)
        line.close()
    assert (got, line.bytes_out, line.bytes_in) == (2000, 1000, 2000)


async def test_tls_overhead_is_counted_as_the_peer_counts_it(serve, authority) -> None:
    """Handshake, records and alerts belong to the destination's bill."""
    taps: list[WireTap] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taps.append(WireTap(writer))
        await reader.readexactly(100)
        writer.write(b"y" * 300)
        await writer.drain()
        await reader.read()

    async with serve(answer, authority.server("one.example")) as port:
        line = await line_to(port, 20_000)
        await line.secure(authority.client(), "one.example")
        handshake_bytes = line.bytes_out
        await line.send(b"x" * 100)
        got = b""
        while len(got) < 300:
            got += await line.receive()
        acknowledged, received = taps[0].counts()
        line.close()
        taps[0].close()
    assert received == line.bytes_out > handshake_bytes + 100
    assert abs(acknowledged - line.bytes_in) <= 1  # the kernel may count the SYN
    assert line.bytes_in > 1000


@pytest.mark.parametrize("secured", [False, True])
async def test_a_peer_that_never_stops_talking_is_cut_at_the_reserve(serve, authority, secured: bool) -> None:
    """Counted in the other side's kernel: what we acknowledged plus what we sent stays within the reserve."""
    reserve_bytes = 12_288
    taps: list[WireTap] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taps.append(WireTap(writer))
        while True:
            writer.write(b"z" * 65_536)
            await writer.drain()

    async with serve(talk, authority.server("one.example") if secured else None) as port:
        line = await line_to(port, reserve_bytes)
        with pytest.raises(ReserveSpent):
            if secured:
                await line.secure(authority.client(), "one.example")
            while await line.receive():
                pass
        line.close()
        await asyncio.sleep(0)
        acknowledged, received = taps[0].counts()
        taps[0].close()
    assert acknowledged + received <= reserve_bytes
    assert line.bytes_in + line.bytes_out == reserve_bytes  # reported as the bound, never less


async def test_nothing_is_written_that_would_pass_the_reserve(serve) -> None:
    """At the limit it leaves, one byte more and nothing does."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serve(swallow) as port:
        line = await line_to(port, UNASKED_BYTES + 500)
        with pytest.raises(ReserveSpent):
            await line.send(b"x" * 501)
        assert line.bytes_out == 0
        await line.send(b"x" * 500)
        assert (line.bytes_out, line.remaining_bytes) == (500, 0)
        with pytest.raises(ReserveSpent):
            await line.receive()
        line.close()


async def test_a_wrong_name_in_the_certificate_is_a_certificate_failure(serve, authority) -> None:
    """Host names are checked."""

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serve(wait, authority.server("one.example")) as port:
        line = await line_to(port, 20_000)
        with pytest.raises(ssl.SSLCertVerificationError):
            await line.secure(authority.client(), "two.example")
        line.close()


async def test_a_peer_that_hangs_up_in_the_handshake_is_unreachable(serve, authority) -> None:
    """No TLS error of the library leaks for it."""

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)

    async with serve(leave) as port:
        line = await line_to(port, 20_000)
        with pytest.raises((Unreachable, OSError)):
            await line.secure(authority.client(), "one.example")
        line.close()
