"""RDAP: when a domain was registered, who holds a network, whom to tell of abuse (RFC 9083, bootstrap RFC 9224).

Tells a registry a name or an address, never why. Answers are kept for a day and bootstrap files too, so nobody is asked
twice for one thing (RFC 9224 §8); a registry that wants less (429, 503) is left alone for an hour.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Generic, TypeVar

from antiphon.errors import AntiphonError, Unreachable
from antiphon.formats import rdap
from antiphon.formats.domain import is_at_or_below, parse_url
from antiphon.formats.rdap import Json, lists, texts
from antiphon.ports import Clock
from antiphon.terms import DAY, HOUR, SECOND, Instant

MOST_BYTES = 512 * 1024
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEPT = DAY
KEPT_ANSWERS = 20_000
MOST_OTHERS = 20
QUIET = HOUR

Fetch = Callable[[str], Awaitable[tuple[int, str, bytes]]]
"""GET of one URL: status, Location, body; guarded, and bounded by MOST_BYTES. May raise any AntiphonError."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of one answer; the answer itself is not."""

    registered_at: Instant | None = None
    holder: str = ""
    abuse: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    registrar: tuple[str, ...] = ()
    related: str = ""


class Rdap:
    """Answers from the registries. `names` and `networks` are the URLs of the bootstrap files, for networks one a kind
    of address, an empty one skipped.

    `clock` is policy time; without one the event loop's time says how old an answer is.
    """

    def __init__(self, fetch: Fetch, *, names: str, networks: Sequence[str], clock: Clock | None = None) -> None:
        self._fetch, self._names_url, self._networks_urls, self._clock = fetch, names, networks, clock
        self._files: _Kept[list[tuple[str, str]]] = _Kept()
        self._known: _Kept[Known] = _Kept()
        self._quiet_until: dict[str, int] = {}

    async def registered_at(self, domain: str) -> Instant | None:
        """When the domain was registered (RFC 9083 §4.5); None when the registry does not know or say.

        Raises Unreachable for now, also for an answer that can not be read.
        """
        return (await self._of_name(domain)).registered_at

    async def holder(self, address: str) -> str:
        """Name of the network and of whoever holds it, for a person to read; empty when unknown.

        Raises Unreachable for now, also for an answer that can not be read.
        """
        return (await self._of_network(address)).holder

    async def abuse_contacts(self, subject: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Whom the registry names for abuse of an address or a domain, best first; and every other mail address that
        it shows. Raises Unreachable as above."""
        try:
            known = await self._of_network(str(ip_address(subject)))
        except ValueError:
            known = await self._of_name(subject)
        return known.abuse, known.others

    async def registrar_contacts(self, domain: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Whom a domain's registry names for abuse at its registrar; and whom that registrar names itself, at the place
        that the registry says. Raises Unreachable as above."""
        known = await self._of_name(domain)
        if not known.related:
            return known.registrar, ()

        async def ask() -> Known:
            return _known(await self._object(known.related))

        return known.registrar, (await self._known.get(known.related, self._now(), ask)).registrar

    async def _of_name(self, domain: str) -> Known:
        async def ask() -> Known:
            zones = await self._file(self._names_url) if self._names_url else []
            fitting = [(len(zone), base) for zone, base in zones if is_at_or_below(domain, zone)]
            return _known(await self._object(f"{max(fitting)[1]}domain/{domain}")) if fitting else Known()

        return await self._known.get(domain, self._now(), ask)

    async def _of_network(self, address: str) -> Known:
        literal = ip_address(address)

        async def ask() -> Known:
            rows = [row for url in self._networks_urls if url for row in await self._file(url)]
            known = [(network, base) for text, base in rows if (network := _network(text)) is not None]
            fitting = [(network.prefixlen, base) for network, base in known if literal in network]
            return _known(await self._object(f"{max(fitting)[1]}ip/{literal}")) if fitting else Known()

        return await self._known.get(str(literal), self._now(), ask)

    async def _file(self, url: str) -> list[tuple[str, str]]:
        return await self._files.get(url, self._now(), lambda: self._bootstrap(url))

    async def _bootstrap(self, url: str) -> list[tuple[str, str]]:
        """(entry, https base URL) pairs of a bootstrap file (RFC 9224 §3)."""
        pairs: list[tuple[str, str]] = []
        for service in lists((await self._object(url)).get("services")):
            entries, bases = (service[0], service[1]) if len(service) == 2 else ([], [])
            secure = [base for base in texts(bases) if base.startswith("https://")]
            pairs += [(entry.lower(), f"{secure[0].rstrip('/')}/") for entry in texts(entries) if secure]
        return pairs

    async def _object(self, url: str) -> Json:
        """One JSON object, redirects followed as the protocol says (RFC 7480 §5.2); empty for 404."""
        status, location, body = await self._get(url)
        for _ in range(MOST_REDIRECTS):
            if status not in REDIRECTS or not location:
                break
            status, location, body = await self._get(location)
        if status == 404:
            return {}
        if status != 200:
            raise Unreachable(f"The registry answered {status}.")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Unreachable("The registry's answer can not be read.") from error
        return found if isinstance(found, dict) else {}

    async def _get(self, url: str) -> tuple[int, str, bytes]:
        try:
            target = parse_url(url)
            if self._now() < self._quiet_until.get(target.host, 0):
                raise Unreachable(f"{target.host} asked to be left alone for a while.")
            status, location, body = await self._fetch(target.text)
        except Unreachable:
            raise
        except AntiphonError as error:
            raise Unreachable(f"The registry could not be asked: {error.what}") from error
        if status in (429, 503):
            self._quiet_until[target.host] = self._now() + QUIET
        return status, location, body

    def _now(self) -> int:
        return self._clock.now() if self._clock is not None else int(asyncio.get_running_loop().time() * SECOND)


class _Kept(Generic[Found]):
    """Answers of one kind, each for a day; failures are not kept."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[int, Found]] = {}

    async def get(self, key: str, now: int, ask: Callable[[], Awaitable[Found]]) -> Found:
        """The answer that is still fresh, or a new one."""
        kept = self._answers.pop(key, None)
        if kept is None or kept[0] <= now:
            kept = now + KEPT, await ask()
        self._answers[key] = kept
        if len(self._answers) > KEPT_ANSWERS:
            del self._answers[next(iter(self._answers))]
        return kept[1]


def _known(found: Json) -> Known:
    abuse = rdap.abuse_addresses(found)
    others = dict.fromkeys(str(a) for card in rdap.cards(found) for a in card.addresses if a not in abuse)
    registrar = tuple(map(str, rdap.registrar_addresses(found)))
    named, shown = tuple(map(str, abuse)), tuple(others)[:MOST_OTHERS]
    return Known(rdap.registered_at(found), rdap.holder(found), named, shown, registrar, rdap.related_url(found))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
