"""DNS questions to one configured nameserver: cached in policy time, counted per message, paced per zone.

A stub resolver: recursion and DNSSEC validation are the nameserver's work, and its AD flag is believed (RFC 6840 §5.8),
so it should be a validating one on this machine or a trusted network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

from antiphon.formats.domain import organisational_domain
from antiphon.ports import Questions
from antiphon.terms import SECOND, Domain, Instant

ZONE_BURST = 100
ZONE_PER_SECOND = 2
CACHED_ANSWERS = 20_000
PACED_ZONES = 20_000
POSITIVE_TTL_MOST_SECONDS = 86_400
NEGATIVE_TTL_MOST_SECONDS = 3_600
VALUES_MOST = 100
TRIES = 2

Kind = Literal["TXT", "A", "AAAA", "MX", "PTR", "CNAME"]


class Status(StrEnum):
    """What is known after asking."""

    FOUND = "found"
    ABSENT = "absent"
    TEMPORARY = "temporary"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the nameserver said.

    `values`: TXT records joined and read as Latin-1, so that no byte is lost; MX as `preference host`, best first, with
    `0 .` for none (RFC 7505 §3); addresses in their shortest form; names in lower case without a final dot.
    `chain`: the CNAME targets that were passed, in order. `ttl_seconds`: as given, the least of the chain.
    """

    status: Status
    values: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    ttl_seconds: int = 0
    dnssec: bool = False


class Resolver:
    """Asks (address, port). Never raises for what a name or a server does: that is an Answer.

    A name that DNS can not carry is absent. SERVFAIL, refusal, time-out, nonsense, an empty budget and a zone asked too
    often are temporary and are not cached. `zone_of` tells whose servers a question burdens.
    """

    def __init__(
        self,
        nameserver: tuple[str, int],
        *,
        timeout_seconds: float = 3.0,
        zone_of: Callable[[str], str] = lambda name: organisational_domain(Domain(name)),
    ) -> None:
        self._nameserver = nameserver
        self._timeout_seconds = timeout_seconds
        self._zone_of = zone_of
        self._cache: dict[tuple[str, Kind], tuple[Instant, Answer]] = {}
        self._pace: dict[str, tuple[Instant, float]] = {}
        self._backend = dns.asyncbackend.get_backend("asyncio")

    async def ask(self, name: str, kind: Kind, *, now: Instant, budget: Questions | None = None) -> Answer:
        """The records of this kind at `name`; for PTR, `name` is an address. `now` is policy time."""
        asked = _question(name, kind)
        if asked is None:
            return Answer(Status.ABSENT)
        key = (asked.to_text(omit_final_dot=True), kind)
        until, answer = self._cache.get(key, (None, None))
        if answer is not None and until is not None and now < until:
            return answer
        if (budget is not None and not budget.take()) or not self._may_ask(self._zone_of(key[0]), now):
            return Answer(Status.TEMPORARY)
        answer = await self._fetch(asked, kind)
        self._keep(key, answer, now)
        return answer

    def _may_ask(self, zone: str, now: Instant) -> bool:
        asked_at, tokens = self._pace.pop(zone, (now, float(ZONE_BURST)))
        tokens = min(ZONE_BURST, tokens + max(0, now - asked_at) / SECOND * ZONE_PER_SECOND)
        allowed = tokens >= 1
        self._pace[zone] = (now, tokens - 1 if allowed else tokens)
        if len(self._pace) > PACED_ZONES:
            del self._pace[next(iter(self._pace))]
        return allowed

    def _keep(self, key: tuple[str, Kind], answer: Answer, now: Instant) -> None:
        self._cache.pop(key, None)
        if answer.status is Status.TEMPORARY or answer.ttl_seconds <= 0:
            return
        most = POSITIVE_TTL_MOST_SECONDS if answer.status is Status.FOUND else NEGATIVE_TTL_MOST_SECONDS
        self._cache[key] = (Instant(now + min(answer.ttl_seconds, most) * SECOND), answer)
        if len(self._cache) > CACHED_ANSWERS:
            del self._cache[next(iter(self._cache))]

    async def _fetch(self, asked: dns.name.Name, kind: Kind) -> Answer:
        query = dns.message.make_query(asked, kind, use_edns=0, payload=1232)
        query.flags |= dns.flags.AD
        address, port = self._nameserver
        for _ in range(TRIES):
            try:
                response, _ = await dns.asyncquery.udp_with_fallback(
                    query,
                    address,
                    self._timeout_seconds,
                    port,
                    ignore_unexpected=True,  # a forged datagram is passed over; the real one may still come
                    ignore_errors=True,
                    backend=self._backend,
                )
                return _read(response)
            except dns.exception.Timeout:
                continue
            except (dns.exception.DNSException, OSError, EOFError, ValueError):
                break
        return Answer(Status.TEMPORARY)


@lru_cache(maxsize=4096)  # the same names are asked for with every mail of a sender, mostly out of the cache
def _question(name: str, kind: Kind) -> dns.name.Name | None:
    """The name to ask for, None when DNS can not carry it (RFC 1035 §2.3.4)."""
    try:
        if kind == "PTR":
            return dns.reversename.from_address(name)
        if not name or not name.isascii() or "\\" in name or name.startswith("."):
            return None
        return dns.name.from_text(name).canonicalize()
    except (dns.exception.DNSException, ValueError):
        return None


def _read(response: dns.message.Message) -> Answer:
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or not isinstance(
        response, dns.message.QueryMessage
    ):
        return Answer(Status.TEMPORARY)
    result = response.resolve_chaining()
    chain = tuple(_host(rrset[0].target) for rrset in result.cnames)
    dnssec = bool(response.flags & dns.flags.AD)
    if result.answer is None:
        return Answer(Status.ABSENT, (), chain, result.minimum_ttl, dnssec)
    return Answer(Status.FOUND, _values(result.answer), chain, result.minimum_ttl, dnssec)


def _values(rrset: dns.rrset.RRset) -> tuple[str, ...]:
    records = list(rrset)[:VALUES_MOST]
    match rrset.rdtype:
        case dns.rdatatype.TXT:
            return tuple(b"".join(record.strings).decode("latin-1") for record in records)
        case dns.rdatatype.MX:
            ordered = sorted(records, key=lambda record: (record.preference, record.exchange))
            return tuple(f"{record.preference} {_host(record.exchange)}" for record in ordered)
        case dns.rdatatype.PTR | dns.rdatatype.CNAME:
            return tuple(sorted(_host(record.target) for record in records))
        case _:
            return tuple(sorted(record.address for record in records))


def _host(name: dns.name.Name) -> str:
    return name.canonicalize().to_text(omit_final_dot=True) if name != dns.name.root else "."
