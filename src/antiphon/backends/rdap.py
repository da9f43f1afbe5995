"""RDAP: when a domain was registered, and who holds a network (RFC 9083, bootstrap RFC 9224). Tells the registry a name
or an address, never why."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from antiphon.errors import AntiphonError, MalformedInput, Unreachable
from antiphon.formats.domain import parse_url
from antiphon.terms import Instant, to_instant

MOST_BYTES = 512 * 1024
MOST_REDIRECTS = 3
Fetch = Callable[[str], Awaitable[tuple[int, str, bytes]]]
"""GET of one URL: status, Location, body; guarded, and bounded by MOST_BYTES."""


class Rdap:
    """Answers from the registries, kept for the life of the process."""

    def __init__(self, fetch: Fetch, *, names: str, networks: str) -> None:
        self._fetch, self._names, self._networks = fetch, names, networks
        self._kept: dict[str, Any] = {}

    async def registered_at(self, domain: str) -> Instant | None:
        """When the domain was registered (RFC 9083 §4.5); None when the registry does not know or say. Raises
        Unreachable for now."""
        services = (await self._json(self._names)).get("services", [])
        base = next((b for zones, b in services if domain.rpartition(".")[2] in zones), None)
        found = await self._json(f"{_https(base)}domain/{domain}") if base else {}
        dates = [e.get("eventDate", "") for e in found.get("events", []) if e.get("eventAction") == "registration"]
        return min((at for date in dates if (at := _instant(date)) is not None), default=None)

    async def holder(self, address: str) -> str:
        """Name of the network and of whoever holds it, for a person to read; empty when unknown."""
        ip = ipaddress.ip_address(address)
        services = (await self._json(self._networks)).get("services", [])
        base = next((b for nets, b in services for n in nets if ip in ipaddress.ip_network(n, strict=False)), None)
        found = await self._json(f"{_https(base)}ip/{address}") if base else {}
        words = [str(found.get("name", "")), *_names(found.get("entities", []), 0)]
        return ", ".join(dict.fromkeys(word for word in words if word))[:200]

    async def _json(self, url: str) -> dict[str, Any]:
        if url in self._kept:
            return dict(self._kept[url])
        status, location, body = await self._fetch(parse_url(url).text)
        for _ in range(MOST_REDIRECTS):
            if status not in (301, 302, 307, 308) or not location:
                break
            status, location, body = await self._fetch(parse_url(location).text)
        if status == 404:
            return {}
        if status != 200:
            raise Unreachable(f"The registry answered {status}.")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise MalformedInput("The registry's answer is not JSON.") from error
        self._kept[url] = found if isinstance(found, dict) else {}
        return dict(self._kept[url])


def _https(base: list[str]) -> str:
    chosen = next((url for url in base if url.startswith("https://")), "")
    if not chosen:
        raise Unreachable("The registry offers no https.")
    return chosen if chosen.endswith("/") else f"{chosen}/"


def _instant(text: str) -> Instant | None:
    try:
        return to_instant(datetime.fromisoformat(text.replace("Z", "+00:00")))
    except (ValueError, AntiphonError):
        return None


def _names(entities: object, depth: int) -> list[str]:
    """The fn of registrants, also nested ones (RFC 9083 §5.1)."""
    names: list[str] = []
    for entity in entities if isinstance(entities, list) and depth < 4 else []:
        if "registrant" in entity.get("roles", []):
            card = entity.get("vcardArray", ["vcard", []])[1]
            names += [str(row[3]) for row in card if len(row) > 3 and row[0] == "fn"]
        names += _names(entity.get("entities", []), depth + 1)
    return names
