"""Public addresses on loopback: what the node's dialer finds, and what it does not."""

from __future__ import annotations

import json
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from antiphon.backends.dialer import WorldDialer, parse_world_map
from antiphon.errors import Unreachable
from antiphon.formats.publicness import is_public
from antiphon.world.browser import browse
from antiphon.world.hosts import Request, Response
from antiphon.world.network import Network
from antiphon.world.originator import Stage


async def hello(request: Request) -> Response:
    """Any page."""
    return Response(404) if "missing" in request.target else Response(200, {}, request.target.encode() + request.body)


def dial_map(table: dict[str, Any]) -> dict[tuple[str, int], int]:
    """The map that the description names, as the node reads it."""
    return parse_world_map(Path(table["dial"]).read_text())


async def test_every_party_has_a_public_network_of_its_own(stage: Stage) -> None:
    """The guard judges real public addresses; names lead there and back."""
    addresses = [stage.network.place(f"party{number}.example") for number in range(300)]
    assert all(is_public(address) for address in addresses)
    assert len({ip_address(address).packed[:3] for address in addresses}) == 300
    assert stage.network.address_of("party7.example") == addresses[7]


async def test_the_world_is_described_for_the_node(stage: Stage) -> None:
    """Clock, nameserver, certificate and every address, in files that are replaced whole."""
    path = stage.network.write()
    table = json.loads(path.read_text())
    assert table["dns"] == ["127.0.0.1", stage.network.names.port]
    assert ssl.create_default_context(cafile=table["ca"]).get_ca_certs()
    address = stage.network.place("late.example")
    assert (address, 443) not in dial_map(table)
    await stage.network.web(address, "late.example", hello)
    assert dial_map(table)[address, 443] == stage.network.loopback_port(address, 443)


async def test_a_control_goes_the_way_of_the_node(stage: Stage) -> None:
    """Through the dial map to the very counter that must stay at zero otherwise."""
    address = stage.network.place("bystander.example")
    host = await stage.network.web(address, "bystander.example", hello)
    assert host.tally.packets == 0
    await stage.network.touch(address, 443)
    assert (host.tally.connections, host.tally.done) == (1, 0)
    with pytest.raises(Unreachable):
        await stage.network.touch(address, 25)


async def test_nobody_plays_an_address_that_nobody_took(stage: Stage) -> None:
    """There is no way past the map."""
    dialer = WorldDialer(map_file=Path(json.loads(stage.network.write().read_text())["dial"]))
    for address, port in (("44.128.250.10", 443), ("1.1.1.1", 53), ("127.0.0.1", 443)):
        with pytest.raises(Unreachable):
            await dialer.connect(address, port, timeout_seconds=1)


async def test_a_person_can_open_a_page_and_press_its_button(stage: Stage) -> None:
    """Over TLS, by name; what is not there is an error."""
    await stage.network.web(stage.network.place("pages.example"), "pages.example", hello)
    assert await browse(stage.network, "https://pages.example/a/b") == "/a/b"
    assert await browse(stage.network, "https://pages.example/a", form="word=done") == "/aword=done"
    with pytest.raises(LookupError):
        await browse(stage.network, "https://pages.example/missing")
    with pytest.raises(KeyError):
        await browse(stage.network, "https://nobody.example/")


async def test_closing_a_world_that_never_opened_is_nothing(tmp_path: Path) -> None:
    """Clean-up after an early failure does not fail again."""
    await Network(tmp_path, tmp_path / "clock").stop()
