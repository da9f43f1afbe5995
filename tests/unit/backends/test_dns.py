"""DNS answers as the desk needs them, from a nameserver on loopback."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.backends.dns import (
    NEGATIVE_TTL_MOST_SECONDS,
    POSITIVE_TTL_MOST_SECONDS,
    VALUES_MOST,
    ZONE_BURST,
    ZONE_PER_SECOND,
    Answer,
    Resolver,
    Status,
)
from antiphon.ports import QUESTIONS_PER_MESSAGE, Questions
from antiphon.terms import SECOND, Instant

T0 = Instant(1_800_000_000 * SECOND)
SOA = "example.org. 600 IN SOA ns.example.org. root.example.org. 1 2 3 4 120"


def later(seconds: float) -> Instant:
    return Instant(T0 + int(seconds * SECOND))


class Zone(asyncio.DatagramProtocol):
    """A nameserver: rows of text per (name, kind); counts questions and what came over TCP."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], list[str]] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.over_tcp = 0
        self.twist: Callable[[bytes, dns.message.Message], list[bytes]] = lambda wire, query: [wire]
        self.flags = 0
        self.rcode = dns.rcode.NOERROR

    def answer(self, wire: bytes) -> dns.message.Message:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        key = (question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype))
        self.asked[key] += 1
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= self.flags
        response.set_rcode(self.rcode)
        for row in self.rows.get(key, []):
            name, ttl, _, kind, rest = row.split(" ", 4)
            section = response.authority if kind == "SOA" else response.answer
            rrset = dns.rrset.from_text(name, int(ttl), "IN", kind, rest)
            known = response.find_rrset(section, rrset.name, rrset.rdclass, rrset.rdtype, create=True)
            known.update(rrset)
            known.ttl = rrset.ttl
        if key not in self.rows:
            response.set_rcode(self.rcode or dns.rcode.NXDOMAIN)
        return response

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        response = self.answer(data)
        wire = response.to_wire(max_size=65_535)
        if len(wire) > 1232:
            response.answer.clear()
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        for datagram in self.twist(wire, response):
            self.transport.sendto(datagram, address)

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.over_tcp += 1
        length = int.from_bytes(await reader.readexactly(2), "big")
        wire = self.answer(await reader.readexactly(length)).to_wire(max_size=65_535)
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()


@asynccontextmanager
async def served(zone: Zone, serve, **options) -> AsyncIterator[Resolver]:
    async with serve(zone.stream) as port:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: zone, ("127.0.0.1", port))
        try:
            yield Resolver(("127.0.0.1", port), **{"timeout_seconds": 2.0, **options})
        finally:
            transport.close()
            await asyncio.sleep(0)


async def test_each_kind_has_one_form(serve) -> None:
    """TXT joined, MX sorted, names lower case without a final dot."""
    zone = Zone()
    zone.rows = {
        ("a.example.org", "A"): ["a.example.org. 60 IN A 5.5.5.6", "a.example.org. 60 IN A 5.5.5.5"],
        ("a.example.org", "AAAA"): ["a.example.org. 60 IN AAAA 2a00:0:0::1"],
        ("k.example.org", "TXT"): ['k.example.org. 60 IN TXT "v=DKIM1; " "p=\\255"', 'k.example.org. 60 IN TXT "x"'],
        ("example.org", "MX"): ["example.org. 60 IN MX 20 B.example.org.", "example.org. 60 IN MX 5 a.example.org."],
        ("none.example.org", "MX"): ["none.example.org. 60 IN MX 0 ."],
        ("5.5.5.5.in-addr.arpa", "PTR"): ["5.5.5.5.in-addr.arpa. 60 IN PTR Mail.Example.org."],
        ("w.example.org", "CNAME"): ["w.example.org. 60 IN CNAME a.example.org."],
    }
    async with served(zone, serve) as resolver:

        async def values(name: str, kind) -> tuple[str, ...]:
            answer = await resolver.ask(name, kind, now=T0)
            assert (answer.status, answer.ttl_seconds) == (Status.FOUND, 60)
            return answer.values

        assert await values("A.Example.ORG", "A") == ("5.5.5.5", "5.5.5.6")
        assert await values("a.example.org.", "AAAA") == ("2a00::1",)
        assert set(await values("k.example.org", "TXT")) == {"v=DKIM1; p=\xff", "x"}
        assert await values("example.org", "MX") == ("5 a.example.org", "20 b.example.org")
        assert await values("none.example.org", "MX") == ("0 .",)
        assert await values("5.5.5.5", "PTR") == ("mail.example.org",)
        assert await values("w.example.org", "CNAME") == ("a.example.org",)


async def test_the_cname_chain_is_told_in_order(serve) -> None:
    """A chain that leaves an organisation must be visible; the least TTL of the chain counts."""
    zone = Zone()
    zone.rows["u.example.org", "A"] = [
        "u.example.org. 300 IN CNAME x.esp.example.",
        "x.esp.example. 30 IN CNAME Y.esp.example.",
        "y.esp.example. 200 IN A 5.5.5.5",
    ]
    zone.rows["v.example.org", "A"] = ["v.example.org. 300 IN CNAME gone.example.", SOA]
    async with served(zone, serve) as resolver:
        assert await resolver.ask("u.example.org", "A", now=T0) == Answer(
            Status.FOUND, ("5.5.5.5",), ("x.esp.example", "y.esp.example"), 30
        )
        dangling = await resolver.ask("v.example.org", "A", now=T0)
    assert (dangling.status, dangling.chain) == (Status.ABSENT, ("gone.example",))


async def test_the_ad_flag_is_reported(serve) -> None:
    """DNSSEC status is what the nameserver says."""
    zone = Zone()
    zone.rows["a.example.org", "A"] = ["a.example.org. 60 IN A 5.5.5.5"]
    async with served(zone, serve) as resolver:
        assert not (await resolver.ask("a.example.org", "A", now=T0)).dnssec
        zone.flags = dns.flags.AD
        assert (await resolver.ask("a.example.org", "A", now=later(61))).dnssec


async def test_a_found_answer_is_kept_for_its_ttl_of_policy_time(serve) -> None:
    """Until the TTL has passed and no longer; real time plays no part."""
    zone = Zone()
    zone.rows["a.example.org", "A"] = ["a.example.org. 60 IN A 5.5.5.5"]
    async with served(zone, serve) as resolver:
        for seconds, asked in ((0, 1), (59.999, 1), (60, 2), (119, 2)):
            await resolver.ask("a.example.org", "A", now=later(seconds))
            assert zone.asked["a.example.org", "A"] == asked


async def test_an_absent_answer_is_kept_too(serve) -> None:
    """NXDOMAIN and NODATA, for as long as the SOA allows (RFC 2308 §5)."""
    zone = Zone()
    zone.rows["example.org", "TXT"] = [SOA]
    async with served(zone, serve) as resolver:
        for name in ("example.org", "nowhere.example"):
            answer = await resolver.ask(name, "TXT", now=T0)
            assert (answer.status, answer.values) == (Status.ABSENT, ())
            await resolver.ask(name, "TXT", now=later(answer.ttl_seconds - 1))
            assert zone.asked[name, "TXT"] == 1
        assert (await resolver.ask("example.org", "TXT", now=T0)).ttl_seconds == 120


async def test_no_ttl_is_believed_without_end(serve) -> None:
    """A day for what was found, an hour for what was not; TTL 0 is not kept at all."""
    zone = Zone()
    year = 31_536_000
    zone.rows["a.example.org", "A"] = [f"a.example.org. {year} IN A 5.5.5.5"]
    zone.rows["b.example.org", "A"] = [f"example.org. {year} IN SOA ns. root. 1 2 3 4 {year}"]
    zone.rows["c.example.org", "A"] = ["c.example.org. 0 IN A 5.5.5.5"]
    limits = {"a": POSITIVE_TTL_MOST_SECONDS, "b": NEGATIVE_TTL_MOST_SECONDS, "c": 0}
    async with served(zone, serve) as resolver:
        for label, seconds in limits.items():
            name = f"{label}.example.org"
            await resolver.ask(name, "A", now=T0)
            if seconds:
                await resolver.ask(name, "A", now=later(seconds - 1))
                assert zone.asked[name, "A"] == 1
            await resolver.ask(name, "A", now=later(seconds))
            assert zone.asked[name, "A"] == 2


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.FORMERR, dns.rcode.NOTIMP])
async def test_a_failing_server_is_temporary_and_not_kept(serve, rcode: dns.rcode.Rcode) -> None:
    """Nothing is known, so nothing is remembered."""
    zone = Zone()
    zone.rows["a.example.org", "A"] = ["a.example.org. 60 IN A 5.5.5.5"]
    async with served(zone, serve) as resolver:
        zone.rcode = rcode
        assert await resolver.ask("a.example.org", "A", now=T0) == Answer(Status.TEMPORARY)
        zone.rcode = dns.rcode.NOERROR
        assert (await resolver.ask("a.example.org", "A", now=T0)).status is Status.FOUND


async def test_silence_is_temporary(serve) -> None:
    """After two tries."""
    zone = Zone()
    zone.twist = lambda wire, response: []
    async with served(zone, serve, timeout_seconds=0.1) as resolver:
        assert await resolver.ask("a.example.org", "A", now=T0) == Answer(Status.TEMPORARY)
    assert zone.asked["a.example.org", "A"] == 2


async def test_a_forged_datagram_is_passed_over(serve) -> None:
    """Another identifier, another question, then the real one."""
    zone = Zone()
    zone.rows["a.example.org", "A"] = ["a.example.org. 60 IN A 5.5.5.5"]

    def forge(wire: bytes, response: dns.message.Message) -> list[bytes]:
        other = bytes([wire[0] ^ 1]) + wire[1:]
        return [other, b"", b"\x00" * 30, wire.replace(b"example", b"forgery"), wire]

    zone.twist = forge
    async with served(zone, serve) as resolver:
        assert (await resolver.ask("a.example.org", "A", now=T0)).values == ("5.5.5.5",)


async def test_a_long_answer_comes_over_tcp(serve) -> None:
    """Truncation is followed, and the number of values has a limit."""
    zone = Zone()
    zone.rows["a.example.org", "A"] = [f"a.example.org. 60 IN A 5.5.5.{i}" for i in range(VALUES_MOST + 20)]
    async with served(zone, serve) as resolver:
        answer = await resolver.ask("a.example.org", "A", now=T0)
    assert (len(answer.values), zone.over_tcp) == (VALUES_MOST, 1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "A"),
        (".", "A"),
        (".example.org", "A"),
        ("a..example.org", "A"),
        ("a\\046b.example.org", "A"),
        ("ä.example.org", "A"),
        ("x" * 64 + ".example.org", "A"),
        (".".join(["x" * 49] * 5) + ".toolong", "A"),
        ("no address", "PTR"),
        ("example.org", "PTR"),
    ],
)
async def test_a_name_that_dns_can_not_carry_is_absent_without_a_question(name: str, kind) -> None:
    """Nobody is asked: this resolver's server does not exist."""
    budget = Questions()
    answer = await Resolver(("127.0.0.1", 9)).ask(name, kind, now=T0, budget=budget)
    assert (answer, budget.left) == (Answer(Status.ABSENT), QUESTIONS_PER_MESSAGE)


async def test_a_message_has_twenty_questions(serve) -> None:
    """At the limit and one past it; the cache costs nothing."""
    zone = Zone()
    budget = Questions()
    async with served(zone, serve) as resolver:
        for number in range(QUESTIONS_PER_MESSAGE):
            answer = await resolver.ask(f"n{number}.example.org", "A", now=T0, budget=budget)
            assert answer.status is Status.ABSENT
        assert (await resolver.ask("more.example.org", "A", now=T0, budget=budget)).status is Status.TEMPORARY
        assert (await resolver.ask("n3.example.org", "A", now=T0, budget=budget)).status is Status.ABSENT
    assert zone.asked.total() == QUESTIONS_PER_MESSAGE


async def test_a_zone_is_not_asked_faster_than_its_rate(serve) -> None:
    """All names of an organisation share a pace, in policy time; other zones go on."""
    zone = Zone()
    async with served(zone, serve) as resolver:

        async def status(label: str, seconds: float, parent: str = "example.org") -> Status:
            return (await resolver.ask(f"{label}.{parent}", "A", now=later(seconds))).status

        for number in range(ZONE_BURST):
            assert await status(f"a{number}.sub{number}", 0) is Status.ABSENT
        assert await status("b", 0) is Status.TEMPORARY
        assert await status("b", 0, "example.net") is Status.ABSENT
        assert [await status(f"c{number}", 1) for number in range(ZONE_PER_SECOND + 1)] == [
            *[Status.ABSENT] * ZONE_PER_SECOND,
            Status.TEMPORARY,
        ]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_hostile_answer_is_an_answer(serve, data: st.DataObject) -> None:
    """Any damage to the datagram gives a status, never an error."""
    flips = data.draw(st.lists(st.tuples(st.integers(2, 120), st.integers(1, 255)), min_size=1, max_size=6))
    zone = Zone()
    zone.rows["u.example.org", "A"] = ["u.example.org. 9 IN CNAME x.example.", "x.example. 30 IN A 5.5.5.5"]

    def damage(wire: bytes, response: dns.message.Message) -> list[bytes]:
        broken = bytearray(wire)
        for at, mask in flips:
            broken[at % len(broken)] ^= mask
        return [wire[:2] + bytes(broken[2:])]

    async def run() -> None:
        async with served(zone, serve, timeout_seconds=0.02) as resolver:
            assert (await resolver.ask("u.example.org", "A", now=T0)).status in Status

    zone.twist = damage
    asyncio.run(run())
