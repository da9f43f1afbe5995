"""The world's registries: who registered a domain and when, who holds a network (RDAP, RFC 9083; RFC 9224)."""

from __future__ import annotations

import json

from antiphon.terms import Instant, show_instant

HOST = "rdap.registry.example"
TYPE = "application/rdap+json"


class Registry:
    """Answers GET requests for bootstrap files, domains and IPv4 addresses; 404 for everything else."""

    def __init__(self, networks: str) -> None:
        self._networks = networks
        self._domains: dict[str, tuple[Instant, str]] = {}
        self._holders: dict[str, str] = {}
        self.asked: list[str] = []

    def register(self, domain: str, *, registered_at: Instant, holder: str) -> None:
        """Makes a domain known."""
        self._domains[domain] = (registered_at, holder)

    def allocate(self, address: str, holder: str) -> None:
        """Says who holds the /24 of an address."""
        self._holders[address.rpartition(".")[0]] = holder

    def answer(self, method: str, target: str) -> tuple[int, dict[str, str], bytes]:
        """Status, header fields and body."""
        kind, _, name = target.removeprefix("/").partition("/")
        self.asked.append(target)
        found = self._bootstrap(kind) if not name else self._domain(name) if kind == "domain" else self._network(name)
        if method != "GET" or found is None or (name and kind not in ("domain", "ip")):
            return 404, {"Content-Type": TYPE}, b'{"errorCode":404}'
        return 200, {"Content-Type": TYPE}, json.dumps(found).encode()

    def _bootstrap(self, file: str) -> dict[str, object] | None:
        entries = {"dns.json": "example", "ipv4.json": self._networks}.get(file)
        if entries is None:
            return None
        return {"version": "1.0", "services": [[[entries], [f"https://{HOST}/"]]]}

    def _domain(self, name: str) -> dict[str, object] | None:
        if name not in self._domains:
            return None
        registered_at, holder = self._domains[name]
        event = {"eventAction": "registration", "eventDate": show_instant(registered_at)}
        return {"objectClassName": "domain", "ldhName": name, "events": [event], "entities": [_entity(holder)]}

    def _network(self, address: str) -> dict[str, object] | None:
        prefix, _, _ = address.rpartition(".")
        if prefix not in self._holders:
            return None
        holder = self._holders[prefix]
        return {
            "objectClassName": "ip network",
            "startAddress": f"{prefix}.0",
            "endAddress": f"{prefix}.255",
            "name": holder,
            "entities": [{**_entity(holder), "entities": [_entity("Abuse desk", "abuse", f"abuse@{holder}")]}],
        }


def _entity(name: str, role: str = "registrant", mail: str = "") -> dict[str, object]:
    """As one registry nests it: the abuse desk is the registrant's."""
    card = [["version", {}, "text", "4.0"], ["fn", {}, "text", name]]
    card += [["email", {}, "text", mail]] if mail else []
    return {"objectClassName": "entity", "roles": [role], "vcardArray": ["vcard", card]}
