"""The provider map: which e-mail service providers sign what, and where their opt-outs really lead (LAW §4).

An entry that would let somebody aim at another customer is worse than none, so the loader refuses loose ones.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote

import msgspec

from antiphon.errors import MalformedInput
from antiphon.formats.domain import Url, is_at_or_below, is_public_suffix, organisational_domain, parse_domain
from antiphon.terms import Domain

MOST_PROVIDERS = 500
_PART = re.compile(r"whole|(colon|dot) [1-9]")
_PATH = re.compile(r"(?:/[^/?#*]+|/\*)*/[^/?#*]+(?:/\*|/)*")
"""With one literal segment at least."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_BIND = re.compile(r"query [A-Za-z0-9_]{1,32}|label|segment [1-9]")


@dataclass(frozen=True, slots=True)
class Place:
    """One host where a provider takes opt-outs: exact, or `*.zone` with the account in the URL. `path` is the whole
    path, `*` standing for one segment; `account_in` says where the URL holds the account: `query u`, `label` or
    `segment 2`; empty binds nothing, which only a field that the provider alone writes can bear."""

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
    written_by: str
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
    if not (url.host.endswith(place.host[1:]) if wild else url.host == place.host):
        return False
    wanted, found = place.path.split("/"), url.path.split("/")
    if len(wanted) != len(found) or any(w != f and not (w == "*" and f) for w, f in zip(wanted, found, strict=True)):
        return False
    return not place.account_in or (bool(account) and _account_in(place, url) == account)


def _account_in(place: Place, url: Url) -> str:
    """What the URL says where the account belongs; empty where it says nothing, or says it twice."""
    kind, _, name = place.account_in.partition(" ")
    if kind == "label":
        return url.host.removesuffix(place.host[1:])
    if kind == "segment":
        segments = url.path.split("/")[1:]
        return segments[int(name) - 1] if len(segments) >= int(name) else ""
    pairs = [pair.partition("=") for pair in url.query.replace(";", "&").split("&")]
    values = [value for key, _, value in pairs if unquote(key).partition("[")[0].lower() == name.lower()]
    return values[0] if len(values) == 1 else ""


def _upwards(name: str) -> Iterator[str]:
    """The name and everything above it."""
    while name:
        yield name
        name = name.partition(".")[2]


@dataclass(frozen=True, slots=True)
class ProviderMap:
    """All entries that we can stand behind."""

    providers: tuple[Provider, ...]
    _signing: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Remembers every name under which a provider signs, so that most mail is told apart by one look."""
        names = frozenset(name for p in self.providers for name in (*p.signing_domains, *p.key_zones))
        object.__setattr__(self, "_signing", names)

    def signing_as(self, domain: str, chain: tuple[str, ...] = ()) -> Provider | None:
        """The provider whose own signature this is, if any."""
        if not any(name in self._signing for start in (domain, *chain) for name in _upwards(start)):
            return None
        return next((p for p in self.providers if p.signs_as(domain, chain)), None)

    def platform(self, from_domain: str) -> Provider | None:
        """The provider whose own platform address stands in From, if any."""
        return next((p for p in self.providers for d in p.from_domains if is_at_or_below(from_domain, d)), None)

    def holds(self, name: str) -> bool:
        """Whether a CNAME or MX target lies in a zone that the map lists."""
        return any(is_at_or_below(name, zone) for p in self.providers for zone in p.cname_zones)

    def names(self, organisation: Domain) -> bool:
        """Whether any name that the map lists is of this organisation."""
        return any(organisational_domain(name) == organisation for p in self.providers for name in _domains(p))

    def joined(self, other: ProviderMap) -> ProviderMap:
        """This map and an operator's own entries."""
        return ProviderMap(self.providers + other.providers)


LOOSE: tuple[tuple[str, Callable[[Provider], bool]], ...] = (
    ("has no source or date", lambda p: bool(p.source and _DAY.fullmatch(p.date))),
    ("has neither signing domain nor key zone", lambda p: bool(p.signing_domains or p.key_zones)),
    ("names a public suffix", lambda p: not any(is_public_suffix(d) for d in _domains(p))),
    ("has a place without a path of its own", lambda p: all(_PATH.fullmatch(s.path) for s in p.places)),
    ("has a host pattern without an account in the URL", lambda p: all(s.account_in for s in p.places if _wild(s))),
    (
        "has a place that binds no account, in a field that customers may write",
        lambda p: p.written_by == "provider" or all(s.account_in for s in p.places),
    ),
    (
        "binds the URL to an account that it does not name",
        lambda p: bool(p.account_header) or not any(s.account_in for s in p.places),
    ),
    (
        "takes the account from the very field that it should check",
        lambda p: p.account_header not in ("list-unsubscribe", "list-unsubscribe-post"),
    ),
    (
        "has an account part that is not whole, colon n or dot n",
        lambda p: not p.account_header or bool(_PART.fullmatch(p.account_part)),
    ),
    (
        "has an account place that is not query x, label or segment n",
        lambda p: all(not s.account_in or _BIND.fullmatch(s.account_in) for s in p.places),
    ),
    (
        "takes the account from a label of an exact host",
        lambda p: not any(s.account_in == "label" and not _wild(s) for s in p.places),
    ),
)
"""Ways in which an entry would let somebody aim at another customer, or at anybody; True is tight (LAW §4)."""


def _wild(place: Place) -> bool:
    return place.host.startswith("*.")


def _domains(p: Provider) -> tuple[Domain, ...]:
    places = tuple(Domain(s.host.removeprefix("*.")) for s in p.places)
    return (*p.signing_domains, *p.key_zones, *p.cname_zones, *p.from_domains, *places)


class PlaceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place as it stands in the file; see Place."""

    host: str
    path: str
    account_in: str = ""


class ProviderRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry as it stands in the file; see Provider."""

    name: str
    source: str
    date: str
    signing_domains: tuple[str, ...] = ()
    key_zones: tuple[str, ...] = ()
    places: tuple[PlaceRow, ...] = ()
    cname_zones: tuple[str, ...] = ()
    from_domains: tuple[str, ...] = ()
    account_header: str = ""
    account_part: str = "whole"
    written_by: Literal["provider", "customer", "either", "unknown"] = "unknown"


class ProviderFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: its schema is `providers.schema.json`, made from this."""

    provider: tuple[ProviderRow, ...]


def load_providers(text: str) -> ProviderMap:
    """The map from TOML. Raises MalformedInput that names the entry and every way in which it is too loose."""
    try:
        rows = msgspec.convert(tomllib.loads(text), ProviderFile).provider
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise MalformedInput(f"The provider map can not be read: {error}.") from error
    if len(rows) > MOST_PROVIDERS:
        raise MalformedInput(f"A provider map holds at most {MOST_PROVIDERS} entries.")
    return ProviderMap(tuple(_provider(row) for row in rows))


def _provider(row: ProviderRow) -> Provider:
    try:
        made = Provider(
            name=row.name,
            signing_domains=tuple(parse_domain(name) for name in row.signing_domains),
            key_zones=tuple(parse_domain(name) for name in row.key_zones),
            places=tuple(_place(place) for place in row.places),
            cname_zones=tuple(parse_domain(name) for name in row.cname_zones),
            from_domains=tuple(parse_domain(name) for name in row.from_domains),
            account_header=row.account_header.lower(),
            account_part=row.account_part,
            written_by=row.written_by,
            source=row.source,
            date=row.date,
        )
    except MalformedInput as error:
        raise MalformedInput(f"Provider {row.name} names a host that is none.") from error
    loose = [sentence for sentence, tight in LOOSE if not tight(made)]
    if loose:
        advice = "An entry too loose is worse than none."
        raise MalformedInput(f"Provider {made.name} " + ", ".join(loose) + ".", advice=advice)
    return made


def _place(row: PlaceRow) -> Place:
    wild = "*." if row.host.startswith("*.") else ""
    return Place(wild + parse_domain(row.host.removeprefix("*.")), row.path, row.account_in)
