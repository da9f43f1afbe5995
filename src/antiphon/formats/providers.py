"""The provider map: which e-mail service providers sign what, and where their opt-outs really lead (LAW §4).

An entry that would let somebody aim at another customer is worse than none, so the loader refuses loose ones.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from antiphon.errors import MalformedInput
from antiphon.formats.domain import Url, is_at_or_below, is_public_suffix, parse_domain
from antiphon.terms import Domain

MOST_PROVIDERS = 500
_PART = re.compile(r"whole|(colon|dot) [1-9]")
_BIND = re.compile(r"query [A-Za-z0-9_]{1,32}|label|segment [1-9]")


@dataclass(frozen=True, slots=True)
class Place:
    """One host where a provider takes opt-outs: exact, or `*.zone` with the account in the URL. `path` is a prefix;
    `account_in` says where the URL holds the account: `query u`, `label` or `segment 2`; empty binds nothing."""

    host: str
    path: str
    account_in: str


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `account_header` and `account_part` (`whole`, `colon 3`, `dot 2`) tell its customers apart;
    `from_domains` are its own platform addresses: infrastructure even when aligned."""

    name: str
    signing_domains: tuple[Domain, ...]
    key_zones: tuple[Domain, ...]
    places: tuple[Place, ...]
    cname_zones: tuple[Domain, ...]
    from_domains: tuple[Domain, ...]
    account_header: str
    account_part: str
    source: str
    date: str

    def signs_as(self, domain: str, chain: tuple[str, ...] = ()) -> bool:
        """Whether a passing signature is the provider's own: by its `d=`, or by a key that lies in its zone."""
        own = any(is_at_or_below(domain, mine) for mine in self.signing_domains)
        return own or any(is_at_or_below(name, zone) for name in chain for zone in self.key_zones)

    def account(self, values: Mapping[str, str], covers: tuple[str, ...]) -> str:
        """The customer's account key from a header field that the signature covers; empty if there is none."""
        if not self.account_header or self.account_header not in covers:
            return ""
        value = values.get(self.account_header, "").strip()
        kind, _, number = self.account_part.partition(" ")
        if kind == "whole":
            return value
        parts = value.split(":" if kind == "colon" else ".")
        return parts[int(number) - 1].strip() if len(parts) >= int(number) else ""

    def takes(self, url: Url, account: str) -> bool:
        """Whether this URL is an opt-out of this provider, and of no other customer than the signed account."""
        return any(_fits(place, url, account) for place in self.places)


def _fits(place: Place, url: Url, account: str) -> bool:
    wild = place.host.startswith("*.")
    zone = place.host[2:] if wild else place.host
    below = url.host.endswith("." + zone) and url.host.count(".") == zone.count(".") + 1
    if not (below if wild else url.host == zone) or not url.path.startswith(place.path):
        return False
    kind, _, name = place.account_in.partition(" ")
    if not kind:
        return True
    if kind == "label":
        found = url.host.split(".")[0]
    elif kind == "query":
        pairs = [pair.partition("=") for pair in url.query.split("&")]
        values = [value for key, _, value in pairs if key == name]
        found = values[0] if len(values) == 1 else ""
    else:
        segments = [part for part in url.path.split("/") if part]
        found = segments[int(name) - 1] if len(segments) >= int(name) else ""
    return bool(found) and found.lower() == account.lower()


@dataclass(frozen=True, slots=True)
class ProviderMap:
    """All entries that we can stand behind."""

    providers: tuple[Provider, ...]

    def signing_as(self, domain: str, chain: tuple[str, ...] = ()) -> Provider | None:
        """The provider whose own signature this is, if any."""
        return next((p for p in self.providers if p.signs_as(domain, chain)), None)

    def platform(self, from_domain: str) -> Provider | None:
        """The provider whose own platform address stands in From, if any."""
        return next((p for p in self.providers for d in p.from_domains if is_at_or_below(from_domain, d)), None)

    def holds(self, name: str) -> bool:
        """Whether a CNAME or MX target lies in a zone that the map lists."""
        return any(is_at_or_below(name, zone) for p in self.providers for zone in p.cname_zones)

    def joined(self, other: ProviderMap) -> ProviderMap:
        """This map and an operator's own entries."""
        return ProviderMap(self.providers + other.providers)


LOOSE: tuple[tuple[str, Callable[[Provider], bool]], ...] = (
    ("has no source or date", lambda p: bool(p.source and p.date)),
    ("has neither signing domain nor key zone", lambda p: bool(p.signing_domains or p.key_zones)),
    ("names a public suffix", lambda p: not any(is_public_suffix(d) for d in _domains(p))),
    ("has a host pattern without path and account in the URL",
     lambda p: all(s.path.startswith("/") and len(s.path) > 1 and s.account_in for s in p.places if "*" in s.host)),
    ("has a place without a path", lambda p: all(s.path.startswith("/") for s in p.places)),
    ("binds the URL to an account that it does not name",
     lambda p: bool(p.account_header) or not any(s.account_in for s in p.places)),
    ("has an account part that is not whole, colon n or dot n",
     lambda p: not p.account_header or bool(_PART.fullmatch(p.account_part))),
    ("has an account place that is not query x, label or segment n",
     lambda p: all(not s.account_in or _BIND.fullmatch(s.account_in) for s in p.places)),
)


def _domains(p: Provider) -> tuple[Domain, ...]:
    places = tuple(Domain(s.host.removeprefix("*.")) for s in p.places)
    return (*p.signing_domains, *p.key_zones, *p.cname_zones, *p.from_domains, *places)


def load_providers(text: str) -> ProviderMap:
    """The map from TOML. Raises MalformedInput that names the entry and every way in which it is too loose."""
    try:
        rows = tomllib.loads(text).get("provider", [])
        if not isinstance(rows, list) or len(rows) > MOST_PROVIDERS:
            raise MalformedInput(f"A provider map holds at most {MOST_PROVIDERS} entries.")
        return ProviderMap(tuple(_provider(row) for row in rows))
    except tomllib.TOMLDecodeError as error:
        raise MalformedInput(f"The provider map is not TOML: {error}.") from error


_KNOWN = frozenset({"name", "signing_domains", "key_zones", "places", "cname_zones", "from_domains", "account_header",
                    "account_part", "source", "date"})


def _provider(row: Mapping[str, object]) -> Provider:
    name = str(row.get("name", "?"))
    unknown = set(row) - _KNOWN
    if unknown:
        raise MalformedInput(f"Provider {name} has unknown fields: {', '.join(sorted(unknown))}.")

    def words(key: str) -> tuple[Domain, ...]:
        value = row.get(key, [])
        return tuple(parse_domain(str(item)) for item in value) if isinstance(value, list) else ()

    places = row.get("places", [])
    made = Provider(
        name=name,
        signing_domains=words("signing_domains"),
        key_zones=words("key_zones"),
        places=tuple(
            Place(str(p.get("host", "")), str(p.get("path", "")), str(p.get("account_in", "")))
            for p in (places if isinstance(places, list) else [])
        ),
        cname_zones=words("cname_zones"),
        from_domains=words("from_domains"),
        account_header=str(row.get("account_header", "")).lower(),
        account_part=str(row.get("account_part", "whole")),
        source=str(row.get("source", "")),
        date=str(row.get("date", "")),
    )
    loose = [sentence for sentence, tight in LOOSE if not tight(made)]
    if loose:
        raise MalformedInput(f"Provider {name} " + ", ".join(loose) + ".", advice="An entry too loose is worse than none.")
    return made
