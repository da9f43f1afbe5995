"""The world's DNS, asked over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest

from antiphon.world.names import Names


@pytest.fixture
async def names() -> AsyncIterator[Names]:
    """A served zone."""
    names = Names()
    names.record("shop.example", "A", "44.128.1.10")
    names.record("shop.example", "MX", "10 mx.shop.example")
    names.record("www.shop.example", "CNAME", "shop.example")
    names.record("*.shop.example", "A", "44.128.9.10")
    names.record("s1._domainkey.shop.example", "TXT", "v=DKIM1; p=" + "x" * 600)
    names.record("10.1.128.44.in-addr.arpa", "PTR", "shop.example")
    await names.open()
    yield names
    names.close()


async def asked(names: Names, name: str, kind: str) -> dns.message.Message:
    """The answer to one question, over UDP and if need be TCP."""
    query = dns.message.make_query(name, kind, use_edns=0, payload=1232)
    answer, _ = await dns.asyncquery.udp_with_fallback(query, "127.0.0.1", port=names.port, timeout=2)
    return answer


def texts(answer: dns.message.Message) -> list[str]:
    """What stands in the answer section."""
    return [f"{records.name} {rdata}" for records in answer.answer for rdata in records]


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("shop.example", "A", ["shop.example. 44.128.1.10"]),
        ("SHOP.example", "A", ["SHOP.example. 44.128.1.10"]),
        ("shop.example", "MX", ["shop.example. 10 mx.shop.example."]),
        ("10.1.128.44.in-addr.arpa", "PTR", ["10.1.128.44.in-addr.arpa. shop.example."]),
        ("any.shop.example", "A", ["any.shop.example. 44.128.9.10"]),
        ("www.shop.example", "A", ["www.shop.example. shop.example.", "shop.example. 44.128.1.10"]),
        ("www.shop.example", "CNAME", ["www.shop.example. shop.example."]),
    ],
)
async def test_what_was_set_is_found(names: Names, name: str, kind: str, found: list[str]) -> None:
    """By name without regard to case, by wildcard, and through another name."""
    assert texts(await asked(names, name, kind)) == found


async def test_a_domain_that_is_forgotten_is_absent_with_all_below_it(names: Names) -> None:
    """The others stay; what was answered before is not answered from memory."""
    assert texts(await asked(names, "shop.example", "A"))
    names.forget("shop.example")
    for name in ("shop.example", "any.shop.example", "www.shop.example"):
        assert (await asked(names, name, "A")).rcode() == dns.rcode.NXDOMAIN
    assert texts(await asked(names, "10.1.128.44.in-addr.arpa", "PTR"))


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("other.example", "A", dns.rcode.NXDOMAIN),
        ("shop.example", "AAAA", dns.rcode.NOERROR),
        ("_domainkey.shop.example", "TXT", dns.rcode.NOERROR),
        ("any.shop.example", "TXT", dns.rcode.NOERROR),
    ],
)
async def test_what_nobody_set_is_absent(names: Names, name: str, kind: str, code: dns.rcode.Rcode) -> None:
    """A name that is not there does not exist; one with other records, or with names below it, has no data."""
    answer = await asked(names, name, kind)
    assert (answer.rcode(), texts(answer)) == (code, [])


async def test_a_long_answer_comes_over_tcp(names: Names) -> None:
    """Cut short and marked over UDP without room for it, whole over TCP."""
    query = dns.message.make_query("s1._domainkey.shop.example", "TXT")
    cut = await dns.asyncquery.udp(query, "127.0.0.1", port=names.port, timeout=2)
    whole = await dns.asyncquery.tcp(query, "127.0.0.1", port=names.port, timeout=2)
    assert cut.flags & dns.flags.TC
    assert not cut.answer
    assert "x" * 250 in texts(whole)[0]


async def test_a_later_record_replaces_the_earlier(names: Names) -> None:
    """Also where an answer was given before."""
    assert texts(await asked(names, "shop.example", "A")) == ["shop.example. 44.128.1.10"]
    names.record("shop.example", "A", "44.128.2.10")
    assert texts(await asked(names, "shop.example", "A")) == ["shop.example. 44.128.2.10"]


@pytest.mark.parametrize("wire", [b"", b"xx", b"\0" * 12, b"\xff" * 40])
def test_what_is_no_question_gets_no_answer(wire: bytes) -> None:
    """And ends nothing."""
    assert Names().answer(wire, over_udp=True) is None
