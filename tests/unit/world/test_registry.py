"""The world's registries, read by the node's own look-ups."""

from __future__ import annotations

import json

import pytest

from antiphon.backends.rdap import Rdap
from antiphon.terms import DAY, Instant
from antiphon.world.registry import HOST, SHAPES, Registry

AT = Instant(20_000 * DAY)


@pytest.fixture
def registry() -> Registry:
    """One domain and one network."""
    registry = Registry("44.128.0.0/10")
    registry.register("shop.example", registered_at=AT, holder="shop.example")
    registry.allocate("44.128.7.10", "shop.example")
    return registry


def client(registry: Registry) -> Rdap:
    """The node's look-ups, with the world's answers as they would come over https."""

    async def fetch(url: str) -> tuple[int, str, bytes]:
        status, _, body = registry.answer("GET", f"/{url.split('/', 3)[3]}")
        return status, "", body

    return Rdap(fetch, names=f"https://{HOST}/dns.json", networks=[f"https://{HOST}/ipv4.json"])


async def test_a_node_learns_when_a_domain_was_registered(registry: Registry) -> None:
    """From the bootstrap file to the event."""
    assert await client(registry).registered_at("shop.example") == AT


async def test_a_node_learns_who_holds_a_network(registry: Registry) -> None:
    """For every address of the /24."""
    assert "shop.example" in await client(registry).holder("44.128.7.99")


async def test_the_five_registries_answer_each_in_its_shape() -> None:
    """In turn: three name the desk, wherever it stands; two name somebody of the holder's, and no desk."""
    named, registry = [], Registry("44.128.0.0/10")
    for number, shape in enumerate(SHAPES):
        network = f"44.128.{100 + number}.1"
        registry.allocate(network, f"{shape.__name__[1:]}.example")
        named.append(await client(registry).abuse_contacts(network))
    found = {others[0].partition("@")[2] if others else desks[0].partition("@")[2]: desks for desks, others in named}
    assert [desks[:1] for name, desks in sorted(found.items()) if desks] == [
        ("abuse@apnic.example",), ("abuse@arin.example",), ("abuse@ripe.example",)
    ]  # fmt: skip
    assert sorted(name for name, desks in found.items() if not desks) == ["afrinic.example", "lacnic.example"]


async def test_a_registrar_answers_for_itself_where_the_registry_points() -> None:
    """The same desk twice: from the registry of names, and from the registrar's own server."""
    registry = Registry("44.128.0.0/10")
    registry.register("shop.example", registered_at=AT, holder="Shop Ltd")
    assert await client(registry).registrar_contacts("shop.example") == ((), ())
    registry.registrar = "registrar.example"
    desk = ("abuse@registrar.example",)
    assert await client(registry).registrar_contacts("shop.example") == (desk, desk)
    assert await client(registry).registered_at("shop.example") == AT


async def test_nobody_is_made_up(registry: Registry) -> None:
    """Unknown stays unknown."""
    assert await client(registry).registered_at("other.example") is None
    assert await client(registry).holder("44.128.8.10") == ""


@pytest.mark.parametrize(
    ("method", "target"),
    [("POST", "/dns.json"), ("GET", "/"), ("GET", "/autnum/1"), ("GET", "/autnum/44.128.7.10"), ("GET", "/domain/")],
)
def test_everything_else_is_not_found(registry: Registry, method: str, target: str) -> None:
    """Only what a node may ask is answered."""
    status, _, body = registry.answer(method, target)
    assert status == 404
    assert json.loads(body)
