"""Ages and holders from registries, and nothing but declared errors from what they say."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.backends.rdap import KEPT, MOST_REDIRECTS, QUIET, Rdap
from antiphon.errors import MalformedInput, RefusedByLaw, Unreachable
from antiphon.formats.rdap import HOLDER_CHARS, MOST_DEPTH
from antiphon.terms import SECOND, Instant, show_instant

NAMES, NETWORKS = "https://boot.example/dns.json", "https://boot.example/ipv4.json"
VECTORS = Path(os.environ.get("ANTIPHON_VECTORS", "/nowhere")) / "rdap"


class Registry:
    """Canned answers by URL; counts who was asked what. Its clock stands until it is moved."""

    def __init__(self) -> None:
        self.time = 1_800_000_000 * SECOND
        self.asked: list[str] = []
        self.answers: dict[str, object] = {
            NAMES: services((["example", "net"], "https://rdap.example/"), (["co.example"], "https://co.example/x")),
            NETWORKS: services((["5.0.0.0/8"], "https://big.example/"), (["5.5.0.0/16"], "https://small.example/")),
        }

    def now(self) -> Instant:
        return Instant(self.time)

    async def __call__(self, url: str) -> tuple[int, str, bytes]:
        self.asked.append(url)
        answer = self.answers.get(url, 404)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return answer, "", b""
        if isinstance(answer, tuple):
            return answer[0], answer[1], b""
        return 200, "", answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def rdap(self) -> Rdap:
        return Rdap(self, names=NAMES, networks=(NETWORKS, ""), clock=self)


def services(*rows: tuple[list[str], str]) -> dict[str, object]:
    return {"services": [[entries, ["http://plain.example/", base]] for entries, base in rows]}


def registered(date: object = "2020-02-03T04:05:06Z") -> dict[str, object]:
    events = [{"eventAction": "last changed", "eventDate": "2024-01-01T00:00:00Z"}]
    return {"events": [*events, {"eventAction": "registration", "eventDate": date}]}


async def test_the_age_of_a_domain_is_its_registration() -> None:
    """Not its last change; from the registry that the bootstrap file names, over https."""
    registry = Registry()
    registry.answers["https://rdap.example/domain/one.example"] = registered()
    at = await registry.rdap().registered_at("one.example")
    assert at is not None and show_instant(at) == "2020-02-03T04:05:06Z"
    assert registry.asked == [NAMES, "https://rdap.example/domain/one.example"]


async def test_the_longest_zone_and_network_decide() -> None:
    """RFC 9224 §4 and §5: labels from the right, prefixes; a base URL without a slash gets one."""
    registry = Registry()
    registry.answers["https://co.example/x/domain/a.co.example"] = registered()
    registry.answers["https://small.example/ip/5.5.1.2"] = {"name": "SMALL"}
    registry.answers["https://big.example/ip/5.6.1.2"] = {"name": "BIG"}
    rdap = registry.rdap()
    assert await rdap.registered_at("a.co.example") is not None
    assert (await rdap.holder("5.5.1.2"), await rdap.holder("5.6.1.2")) == ("SMALL", "BIG")


def at_registrar(*mails: str, related: str = "") -> dict[str, object]:
    """An answer about a domain whose registrar's desk has these addresses, and where that registrar answers itself."""
    rows = [["email", {}, "text", mail] for mail in mails]
    desk = {"roles": ["abuse"], "vcardArray": ["vcard", rows]}
    link = {"rel": "related", "type": "application/rdap+json", "href": related}
    return {"entities": [{"roles": ["registrar"], "entities": [desk]}], "links": [link] if related else []}


async def test_a_registrar_is_asked_where_its_registry_says() -> None:
    """Once in a day; what each of the two names stays apart."""
    registry, own = Registry(), "https://rdap.registrar.example/domain/one.example"
    registry.answers["https://rdap.example/domain/one.example"] = at_registrar("a@registrar.example", related=own)
    registry.answers[own] = at_registrar("b@registrar.example")
    rdap = registry.rdap()
    for _ in range(2):
        assert await rdap.registrar_contacts("one.example") == (("a@registrar.example",), ("b@registrar.example",))
    assert registry.asked.count(own) == 1


async def test_a_registrar_that_is_nowhere_has_said_nothing() -> None:
    """No link, and one to what is no https, or to a name that is none: that is not asked."""
    registry = Registry()
    registry.answers["https://rdap.example/domain/one.example"] = at_registrar("a@registrar.example")
    assert await registry.rdap().registrar_contacts("one.example") == (("a@registrar.example",), ())
    for number, link in enumerate(
        ("http://registrar.example/", "https://127.0.0.1/", "https://user@registrar.example/")
    ):
        registry.answers[f"https://rdap.example/domain/d{number}.example"] = at_registrar("a@r.example", related=link)
        with pytest.raises(Unreachable):
            await registry.rdap().registrar_contacts(f"d{number}.example")
        assert link not in registry.asked


async def test_what_no_registry_knows_is_none() -> None:
    """No zone, a 404, no registration event, a date that is none: the age is unknown, not an error."""
    registry = Registry()
    rdap = registry.rdap()
    registry.answers["https://rdap.example/domain/bare.example"] = {}
    for number, date in enumerate(["", "soon", "2020-02-03", None, 7, "2020-13-01T00:00:00Z"]):
        registry.answers[f"https://rdap.example/domain/d{number}.example"] = registered(date)
        assert await rdap.registered_at(f"d{number}.example") is None
    for domain in ("one.test", "notexample", "missing.example", "bare.example"):
        assert await rdap.registered_at(domain) is None
    assert (await rdap.holder("9.9.9.9"), await rdap.holder("2a00::1")) == ("", "")


async def test_a_holder_is_told_for_a_person() -> None:
    """The network's name and its registrants, nested ones too, each once, in one printable line."""

    def entity(name: object, *roles: str, inner: object = ()) -> dict[str, object]:
        card = ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", name]]]
        return {"roles": list(roles), "vcardArray": card, "entities": inner}

    registry = Registry()
    nested = [entity("Inner\x1b[31m\nLtd", "registrant")]
    entities = [entity("Desk", "abuse", inner=nested), entity("NET", "registrant"), entity(["no"], "registrant")]
    registry.answers["https://small.example/ip/5.5.1.2"] = {"name": "NET", "entities": entities}
    registry.answers["https://small.example/ip/5.5.1.3"] = {"name": "x" * 900}
    rdap = registry.rdap()
    assert await rdap.holder("5.5.1.2") == "NET, Inner [31m Ltd"
    assert len(await rdap.holder("5.5.1.3")) == HOLDER_CHARS


async def test_depth_has_a_limit() -> None:
    """At the limit and one past it; a thousand levels do no harm."""
    registry = Registry()
    rdap = registry.rdap()
    for number, depth in enumerate((MOST_DEPTH - 1, MOST_DEPTH, 200)):
        entity: dict[str, object] = {"roles": ["registrant"], "vcardArray": ["vcard", [["fn", {}, "text", "Deep"]]]}
        for _ in range(depth):
            entity = {"entities": [entity]}
        registry.answers[f"https://small.example/ip/5.5.2.{number}"] = {"entities": [entity]}
        assert await rdap.holder(f"5.5.2.{number}") == ("Deep" if depth < MOST_DEPTH else "")


async def test_nobody_is_asked_twice_in_a_day() -> None:
    """Answers, unknown ones and bootstrap files are kept for a day of policy time, and no longer."""
    registry = Registry()
    rdap = registry.rdap()
    registry.answers["https://rdap.example/domain/one.example"] = registered()
    for _ in range(3):
        await rdap.registered_at("one.example")
        await rdap.registered_at("missing.example")
        await rdap.holder("5.5.1.2")
    assert len(registry.asked) == 5
    registry.time += KEPT - 1
    await rdap.registered_at("one.example")
    assert len(registry.asked) == 5
    registry.time += 1
    await rdap.registered_at("one.example")
    assert registry.asked[5:] == [NAMES, "https://rdap.example/domain/one.example"]


async def test_failures_are_not_kept() -> None:
    """What was unreachable is asked again next time."""
    registry = Registry()
    rdap = registry.rdap()
    url = "https://rdap.example/domain/one.example"
    for failure in (500, b"not json", b"[" * 100_000, b"\xff", Unreachable("gone"), MalformedInput("too large")):
        registry.answers[url] = failure
        with pytest.raises(Unreachable):
            await rdap.registered_at("one.example")
    registry.answers[url] = registered()
    assert await rdap.registered_at("one.example") is not None


@pytest.mark.parametrize("status", [429, 503])
async def test_a_registry_that_wants_less_is_left_alone(status: int) -> None:
    """An hour of silence for that host, and for that host only."""
    registry = Registry()
    rdap = registry.rdap()
    registry.answers["https://rdap.example/domain/one.example"] = status
    with pytest.raises(Unreachable):
        await rdap.registered_at("one.example")
    asked = len(registry.asked)
    for seconds_left in (QUIET // SECOND, 1):
        registry.time += (QUIET // SECOND - seconds_left) * SECOND
        with pytest.raises(Unreachable, match="left alone"):
            await rdap.registered_at("two.example")
    assert len(registry.asked) == asked
    assert await rdap.registered_at("a.co.example") is None
    registry.time += SECOND
    assert await rdap.registered_at("two.example") is None


async def test_redirects_are_followed_as_the_protocol_says() -> None:
    """RFC 7480 §5.2, at most three, each judged by the one parser."""
    registry = Registry()
    hops = [f"https://hop{number}.example/" for number in range(MOST_REDIRECTS + 1)]
    registry.answers["https://rdap.example/domain/one.example"] = (302, hops[0])
    for here, there in pairwise(hops):
        registry.answers[here] = (301, there)
    registry.answers[hops[MOST_REDIRECTS - 1]] = registered()
    assert await registry.rdap().registered_at("one.example") is not None
    registry.answers[hops[MOST_REDIRECTS - 1]] = (307, hops[MOST_REDIRECTS])
    registry.answers[hops[MOST_REDIRECTS]] = registered()
    with pytest.raises(Unreachable, match="307"):
        await registry.rdap().registered_at("one.example")


@pytest.mark.parametrize("location", ["http://plain.example/", "https://127.0.0.1/", "https://x:1/", "/relative", "x"])
async def test_a_redirect_to_what_is_not_allowed_is_not_followed(location: str) -> None:
    """Only https on 443 at a name."""
    registry = Registry()
    registry.answers["https://rdap.example/domain/one.example"] = (302, location)
    with pytest.raises(Unreachable):
        await registry.rdap().registered_at("one.example")
    assert location not in registry.asked


async def test_a_refusal_of_the_guard_is_unreachable() -> None:
    """A registry at an address that is not public is asked nothing."""
    registry = Registry()
    registry.answers[NAMES] = RefusedByLaw("127.0.0.1 is not a public address.", ("public-address",))
    with pytest.raises(Unreachable):
        await registry.rdap().registered_at("one.example")


async def test_without_a_clock_the_loop_s_time_is_taken() -> None:
    """Answers are kept then too."""
    registry = Registry()
    rdap = Rdap(registry, names=NAMES, networks=NETWORKS)
    for _ in range(2):
        await rdap.registered_at("missing.example")
    assert len(registry.asked) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["registrant", "fn", "example"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["services", "events", "eventAction", "eventDate", "entities", "roles", "vcardArray", "name"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, JSON)
async def test_any_json_is_an_answer(bootstrap: object, answer: object) -> None:
    """Every shape gives an age, a name, or Unreachable."""
    registry = Registry()
    for change in (False, True):
        if change:
            registry.answers.update({NAMES: {"services": bootstrap}, NETWORKS: {"services": bootstrap}})
        registry.answers["https://rdap.example/domain/one.example"] = answer
        registry.answers["https://small.example/ip/5.5.1.2"] = answer
        try:
            rdap = registry.rdap()
            assert isinstance(await rdap.registered_at("one.example"), int | None)
            assert isinstance(await rdap.holder("5.5.1.2"), str)
        except Unreachable:
            pass


@pytest.mark.skipif(not VECTORS.exists(), reason="needs ANTIPHON_VECTORS")
@pytest.mark.parametrize("name", sorted(p.name for p in VECTORS.glob("*ip*.json")) if VECTORS.exists() else [])
async def test_a_real_network_has_a_holder(name: str) -> None:
    """Captured answers of the registries."""
    registry = Registry()
    registry.answers["https://small.example/ip/5.5.1.2"] = (VECTORS / name).read_bytes()
    assert await registry.rdap().holder("5.5.1.2")


@pytest.mark.skipif(not VECTORS.exists(), reason="needs ANTIPHON_VECTORS")
@pytest.mark.parametrize("name", sorted(p.name for p in VECTORS.glob("*domain*.json")) if VECTORS.exists() else [])
async def test_a_real_domain_has_an_age(name: str) -> None:
    """Captured answers of the registries."""
    registry = Registry()
    registry.answers["https://rdap.example/domain/one.example"] = (VECTORS / name).read_bytes()
    assert await registry.rdap().registered_at("one.example") is not None
