"""RDAP: when a domain was registered, and who holds a network (RFC 9083, bootstrap RFC 9224).

Tells a registry a name or an address, never why. Answers are kept for a day and bootstrap files too, so nobody is asked
twice for one thing (RFC 9224 §8); a registry that wants less (429, 503) is left alone for an hour.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Generic, TypeVar

from antiphon.errors import AntiphonError, Unreachable
from antiphon.formats.domain import is_at_or_below, parse_url
from antiphon.ports import Clock
from antiphon.terms import DAY, HOUR, SECOND, Instant, to_instant

MOST_BYTES = 512 * 1024
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_ENTITIES = 200
MOST_DEPTH = 4
HOLDER_CHARS = 200
KEPT = DAY
KEPT_ANSWERS = 20_000
QUIET = HOUR

Fetch = Callable[[str], Awaitable[tuple[int, str, bytes]]]
"""GET of one URL: status, Location, body; guarded, and bounded by MOST_BYTES. May raise any AntiphonError."""

Json = dict[str, object]
Found = TypeVar("Found")


class Rdap:
    """Answers from the registries. `names` and `networks` are the URLs of the bootstrap files.

    `clock` is policy time; without one the event loop's time says how old an answer is.
    """

    def __init__(self, fetch: Fetch, *, names: str, networks: str, clock: Clock | None = None) -> None:
        self._fetch, self._names_url, self._networks_url, self._clock = fetch, names, networks, clock
        self._zones: _Kept[list[tuple[str, str]]] = _Kept()
        self._networks: _Kept[list[tuple[str, str]]] = _Kept()
        self._registered: _Kept[Instant | None] = _Kept()
        self._holders: _Kept[str] = _Kept()
        self._quiet_until: dict[str, int] = {}

    async def registered_at(self, domain: str) -> Instant | None:
        """When the domain was registered (RFC 9083 §4.5); None when the registry does not know or say.

        Raises Unreachable for now, also for an answer that can not be read.
        """

        async def ask() -> Instant | None:
            zones = await self._zones.get(self._names_url, self._now(), lambda: self._bootstrap(self._names_url))
            fitting = [(len(zone), base) for zone, base in zones if is_at_or_below(domain, zone)]
            found = await self._object(f"{max(fitting)[1]}domain/{domain}") if fitting else {}
            events = [event for event in _dicts(found.get("events")) if event.get("eventAction") == "registration"]
            return min((at for event in events if (at := _instant(event.get("eventDate"))) is not None), default=None)

        return await self._registered.get(domain, self._now(), ask)

    async def holder(self, address: str) -> str:
        """Name of the network and of whoever holds it, for a person to read; empty when unknown.

        Raises Unreachable for now, also for an answer that can not be read.
        """
        literal = ip_address(address)

        async def ask() -> str:
            url = self._networks_url
            networks = await self._networks.get(url, self._now(), lambda: self._bootstrap(url))
            known = [(network, base) for text, base in networks if (network := _network(text)) is not None]
            fitting = [(network.prefixlen, base) for network, base in known if literal in network]
            found = await self._object(f"{max(fitting)[1]}ip/{literal}") if fitting else {}
            words = [found.get("name"), *_holders(found.get("entities"))]
            said = dict.fromkeys(_line(word) for word in words if isinstance(word, str))
            return ", ".join(word for word in said if word)[:HOLDER_CHARS]

        return await self._holders.get(str(literal), self._now(), ask)

    async def _bootstrap(self, url: str) -> list[tuple[str, str]]:
        """(entry, https base URL) pairs of a bootstrap file (RFC 9224 §3)."""
        pairs: list[tuple[str, str]] = []
        for service in _lists((await self._object(url)).get("services")):
            entries, bases = (service[0], service[1]) if len(service) == 2 else ([], [])
            secure = [base for base in _texts(bases) if base.startswith("https://")]
            pairs += [(entry.lower(), f"{secure[0].rstrip('/')}/") for entry in _texts(entries) if secure]
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


def _holders(entities: object, depth: int = 0) -> Iterator[object]:
    """The `fn` of registrants, also nested ones (RFC 9083 §5.1)."""
    for entity in _dicts(entities)[:MOST_ENTITIES] if depth < MOST_DEPTH else []:
        if "registrant" in _texts(entity.get("roles")):
            card = entity.get("vcardArray")
            rows = _lists(card[1]) if isinstance(card, list) and len(card) == 2 else []
            yield from (row[3] for row in rows if len(row) > 3 and row[0] == "fn")
        yield from _holders(entity.get("entities"), depth + 1)


def _instant(text: object) -> Instant | None:
    try:
        return to_instant(datetime.fromisoformat(text)) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _line(text: str) -> str:
    """One printable line of what a stranger wrote."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _dicts(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _lists(value: object) -> list[list[object]]:
    return [item for item in value if isinstance(item, list)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
