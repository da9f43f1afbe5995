"""The world's registries: who registered a domain and when, who holds a network (RDAP, RFC 9083; RFC 9224)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from antiphon.terms import Instant, show_instant

HOST = "rdap.registry.example"
TYPE = "application/rdap+json"
Entities = Sequence[dict[str, object]]
Mailbox = tuple[Mapping[str, str], str]
Shape = Callable[[str], Entities]


class Registry:
    """Answers GET requests for bootstrap files, domains and IPv4 addresses; 404 for everything else."""

    def __init__(self, networks: str) -> None:
        self._networks = networks
        self._domains: dict[str, tuple[Instant, str]] = {}
        self._holders: dict[str, tuple[str, Shape]] = {}
        self.asked: list[str] = []
        self.registrar = ""
        """By whom every domain was registered; it answers for itself at `rdap.` below its name."""

    def register(self, domain: str, *, registered_at: Instant, holder: str) -> None:
        """Makes a domain known."""
        self._domains[domain] = (registered_at, holder)

    def allocate(self, address: str, holder: str) -> None:
        """Says who holds the /24 of an address; each registry in turn answers for one."""
        self._holders[address.rpartition(".")[0]] = holder, SHAPES[len(self._holders) % len(SHAPES)]

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
        found: dict[str, object] = {"objectClassName": "domain", "ldhName": name, "events": [event]}
        found["entities"] = [_entity(holder)]
        if not self.registrar:
            return found
        desk = _entity("Abuse desk", "abuse", ({}, f"abuse@{self.registrar}"))
        found["entities"] = [_entity(holder), _entity(self.registrar, "registrar", inner=(desk,))]
        own = f"https://rdap.{self.registrar}/domain/{name}"
        return {**found, "links": [{"rel": "related", "type": TYPE, "href": own}]}

    def _network(self, address: str) -> dict[str, object] | None:
        prefix, _, _ = address.rpartition(".")
        if prefix not in self._holders:
            return None
        holder, shape = self._holders[prefix]
        return {
            "objectClassName": "ip network",
            "startAddress": f"{prefix}.0",
            "endAddress": f"{prefix}.255",
            "name": holder,
            "entities": shape(holder),
        }


def _entity(name: str, roles: str = "registrant", *mails: Mailbox, inner: Entities = ()) -> dict[str, object]:
    """One entity with its card (RFC 9083 §5.1); a mail address with its parameters."""
    card: list[object] = [["version", {}, "text", "4.0"], ["fn", {}, "text", name]]
    card += [["email", dict(how), "text", mail] for how, mail in mails]
    found: dict[str, object] = {"objectClassName": "entity", "roles": roles.split(), "vcardArray": ["vcard", card]}
    return {**found, "entities": list(inner)} if inner else found


def _arin(holder: str) -> Entities:
    """The desk is the registrant's."""
    return (_entity(holder, inner=(_entity("Abuse desk", "abuse", ({}, f"abuse@{holder}")),)),)


def _ripe(holder: str) -> Entities:
    """At top level, with an address of two kinds; everybody else without one."""
    mails: tuple[Mailbox, ...] = (({"type": "email"}, f"abuse@{holder}"), ({"type": "abuse"}, f"abuse@{holder}"))
    return (_entity(holder), _entity("Maintainer"), _entity("Abuse desk", "abuse", *mails))


def _apnic(holder: str) -> Entities:
    """The help desk stands first, and the rank of the other is a text."""
    mails: tuple[Mailbox, ...] = (({}, f"helpdesk@{holder}"), ({"pref": "1"}, f"abuse@{holder}"))
    others = _entity(holder, "administrative technical", ({}, f"hostmaster@{holder}"))
    return (_entity("Incident team", "abuse", *mails), others)


def _lacnic(holder: str) -> Entities:
    """The desk has no address."""
    return (_entity("Abuse desk", "abuse"), _entity(holder, "registrant technical", ({}, f"hostmaster@{holder}")))


def _afrinic(holder: str) -> Entities:
    """There is no desk."""
    return (_entity(holder), _entity("Operations", "technical", ({}, f"hostmaster@{holder}")))


SHAPES = (_arin, _ripe, _apnic, _lacnic, _afrinic)
"""How the five registries of networks were seen to answer, by whom they would be."""
