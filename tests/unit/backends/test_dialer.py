"""The two dialers: what was judged, and a world without a way out."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.backends.dialer import (
    MAP_ENTRIES,
    RECEIVE_BUFFER_BYTES,
    DirectDialer,
    WorldDialer,
    parse_world_map,
    print_world_map,
)
from antiphon.backends.wire import UNASKED_BYTES
from antiphon.errors import MalformedInput, Unreachable


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    await writer.drain()


async def heard(sock: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    said = b""
    with sock:
        while data := await loop.sock_recv(sock, 100):
            said += data
    return said


async def test_the_direct_dialer_reaches_the_literal_address(serve) -> None:
    """A loopback server answers at the address and port named."""
    async with serve(greet) as port:
        assert await heard(await DirectDialer().connect("127.0.0.1", port, timeout_seconds=5)) == b"hello"


async def test_the_direct_dialer_keeps_its_source_address(serve) -> None:
    """A community's fixed address is the one that destinations see."""
    seen: list[str] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])

    async with serve(note) as port:
        await heard(await DirectDialer("127.0.0.7").connect("127.0.0.1", port, timeout_seconds=5))
    assert seen == ["127.0.0.7"]


@pytest.mark.parametrize("name", ["localhost", "example.org", "", "127.1", "2130706433"])
async def test_a_name_is_never_resolved(name: str) -> None:
    """Only literal addresses: whoever passes a name made a mistake."""
    with pytest.raises(ValueError):
        await DirectDialer().connect(name, 443, timeout_seconds=1)
    with pytest.raises(ValueError):
        await WorldDialer({("5.5.5.5", 443): 1}).connect(name, 443, timeout_seconds=1)


async def test_a_closed_port_is_unreachable() -> None:
    """The foreign error is mapped once, here."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(Unreachable):
            await DirectDialer().connect("127.0.0.1", port, timeout_seconds=5)
        with pytest.raises(Unreachable):
            await WorldDialer({("5.5.5.5", 443): port}).connect("5.5.5.5", 443, timeout_seconds=5)


async def test_the_world_maps_a_public_address_to_its_player(serve) -> None:
    """The pair decides, not the port alone."""
    async with serve(greet) as port:
        dialer = WorldDialer({("5.5.5.5", 443): port, ("2a00:0::1", 25): port, ("2a00::1", 25): port})
        assert await heard(await dialer.connect("5.5.5.5", 443, timeout_seconds=5)) == b"hello"
        assert await heard(await dialer.connect("2a00:0:0::1", 25, timeout_seconds=5)) == b"hello"


async def test_the_world_has_no_fall_through(serve) -> None:
    """An address that nobody plays is unreachable, also 127.0.0.1 itself."""
    async with serve(greet) as port:
        dialer = WorldDialer({("5.5.5.5", 443): port})
        for pair in (("5.5.5.5", 80), ("5.5.5.6", 443), ("127.0.0.1", port), ("::1", port)):
            with pytest.raises(Unreachable):
                await dialer.connect(*pair, timeout_seconds=1)


async def test_a_missing_pair_is_looked_for_in_the_map_file(serve, tmp_path: Path) -> None:
    """The world may add parties while the node runs; a broken or missing file adds nobody."""
    file = tmp_path / "map.json"
    dialer = WorldDialer(map_file=file)
    with pytest.raises(Unreachable):
        await dialer.connect("5.5.5.5", 443, timeout_seconds=1)
    file.write_text("[[")
    with pytest.raises(Unreachable):
        await dialer.connect("5.5.5.5", 443, timeout_seconds=1)
    async with serve(greet) as port:
        file.write_text(print_world_map({("5.5.5.5", 443): port}))
        assert await heard(await dialer.connect("5.5.5.5", 443, timeout_seconds=5)) == b"hello"


async def test_the_receive_window_is_small_from_the_first_byte(serve) -> None:
    """Dialer and line agree about it; more would pass a byte reserve."""
    async with serve(greet) as port:
        sock = await DirectDialer().connect("127.0.0.1", port, timeout_seconds=5)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= RECEIVE_BUFFER_BYTES == UNASKED_BYTES
        await heard(sock)


def test_a_map_survives_print_and_parse() -> None:
    """Both families."""
    known = {("5.5.5.5", 443): 1, ("2a00::1", 25): 65535}
    assert parse_world_map(print_world_map(known)) == known


def test_a_map_has_a_stated_size() -> None:
    """At the limit and one past it."""
    rows = ",".join(f'["1.{i >> 16}.{i >> 8 & 255}.{i & 255}",443,1]' for i in range(MAP_ENTRIES + 1))
    assert len(parse_world_map("[" + rows.rpartition(',["')[0] + "]")) == MAP_ENTRIES
    with pytest.raises(MalformedInput):
        parse_world_map(f"[{rows}]")


BROKEN_MAPS = ["[" * 100_000, '[["5.5.5.5"]]', '[["x",1,1]]', "[[1,2,3]]", '{"a":1}', "7", '[["5.5.5.5",65536,1]]']


@given(st.text(max_size=80) | st.sampled_from(BROKEN_MAPS))
def test_only_the_declared_error_comes_out_of_a_map(text: str) -> None:
    """Hostile text is malformed, nothing worse."""
    with suppress(MalformedInput):
        parse_world_map(text)
