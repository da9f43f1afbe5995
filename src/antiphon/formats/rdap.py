"""What registries say in RDAP (RFC 9083): when a domain was registered, who holds a network, whom to tell of abuse.

The five regional registries and those of names put the same facts in different places: the abuse contact stands at top
level, below the registrant, or below the registrar; one has it without an address, one leaves it out. Everything is
read by shape, within limits, and never raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from antiphon.formats.domain import parse_address
from antiphon.terms import Address, Instant, to_instant

MOST_ENTITIES = 200
MOST_DEPTH = 4
HOLDER_CHARS = 200
MOST_ADDRESSES = 8

TYPE = "application/rdap+json"

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Card:
    """One entity: its roles, its names, its mail addresses with the preferred one first (RFC 9083 §5.1)."""

    roles: tuple[str, ...]
    names: tuple[str, ...]
    addresses: tuple[Address, ...]
    within: tuple[str, ...]

    @property
    def around(self) -> frozenset[str]:
        """The roles of every entity that it stands in."""
        return frozenset(role for roles in self.within for role in roles.split(","))


def registered_at(found: Json) -> Instant | None:
    """When a domain was registered (RFC 9083 §4.5): the oldest such event."""
    events = [event for event in dicts(found.get("events")) if event.get("eventAction") == "registration"]
    return min((at for event in events if (at := _instant(event.get("eventDate"))) is not None), default=None)


def holder(found: Json) -> str:
    """The network's name and its registrants, for a person to read; empty when nothing is said."""
    names = [found.get("name"), *(name for card in cards(found) if "registrant" in card.roles for name in card.names)]
    said = dict.fromkeys(_line(name) for name in names if isinstance(name, str))
    return ", ".join(word for word in said if word)[:HOLDER_CHARS]


def abuse_addresses(found: Json) -> tuple[Address, ...]:
    """Whom to tell of abuse, the best first, each once: an entity that is for abuse alone before one of many roles,
    an outer one before an inner one, within one the preferred address (RFC 7095 §3.4). Empty when nobody is named."""
    named = [card for card in cards(found) if "abuse" in card.roles and card.addresses]
    named.sort(key=lambda card: (len(card.roles) > 1, len(card.within)))
    return tuple(dict.fromkeys(address for card in named for address in card.addresses))[:MOST_ADDRESSES]


def registrar_addresses(found: Json) -> tuple[Address, ...]:
    """Whom a registrar names for abuse of a domain: what stands at or below its own entity, never what the registrant
    wrote (RFC 9083 §10.2.4)."""
    named = [card for card in cards(found) if "abuse" in card.roles and "registrar" in (*card.roles, *card.around)]
    return tuple(dict.fromkeys(address for card in named for address in card.addresses))[:MOST_ADDRESSES]


def related_url(found: Json) -> str:
    """Where the registrar itself answers about this domain, as its registry says (RFC 9083 §4.2); empty if nowhere."""
    links = (link for link in dicts(found.get("links")) if link.get("rel") == "related" and link.get("type") == TYPE)
    return next((href for link in links if isinstance(href := link.get("href"), str)), "")


def is_truncated(found: Json) -> bool:
    """Whether the registry says that it holds something back (RFC 9083 §9)."""
    remarks = [remark for card in _entities(found) for remark in dicts(card.get("remarks"))]
    return any("truncated" in str(r.get(field)).lower() for r in remarks for field in ("type", "title"))


def cards(found: Json) -> Iterator[Card]:
    """Every entity, outer ones before their own inner ones, within MOST_DEPTH levels of MOST_ENTITIES each."""
    yield from _cards(found.get("entities"), ())


def _cards(entities: object, within: tuple[str, ...]) -> Iterator[Card]:
    for entity in dicts(entities)[:MOST_ENTITIES] if len(within) < MOST_DEPTH else []:
        roles = tuple(texts(entity.get("roles")))
        card = entity.get("vcardArray")
        rows = lists(card[1]) if isinstance(card, list) and len(card) == 2 else []
        yield Card(roles, _names(rows), _addresses(rows), within)
        yield from _cards(entity.get("entities"), (*within, ",".join(roles)))


def _entities(found: Json, depth: int = 0) -> Iterator[Json]:
    for entity in dicts(found.get("entities"))[:MOST_ENTITIES] if depth < MOST_DEPTH else []:
        yield entity
        yield from _entities(entity, depth + 1)


def _names(rows: list[list[object]]) -> tuple[str, ...]:
    return tuple(row[3] for row in rows if len(row) > 3 and row[0] == "fn" and isinstance(row[3], str))


def _addresses(rows: list[list[object]]) -> tuple[Address, ...]:
    """Those that parse; the smaller `pref` first, which some registries write as a text (RFC 6350 §5.3)."""
    mails = [row for row in rows if len(row) > 3 and row[0] == "email" and isinstance(row[3], str)]
    ranked = sorted(mails, key=lambda row: _preference(row[1]))
    found = (parse_address(str(row[3])) for row in ranked)
    return tuple(dict.fromkeys(address for address in found if address is not None))[:MOST_ADDRESSES]


def _preference(parameters: object) -> int:
    said = str(parameters.get("pref", "")) if isinstance(parameters, dict) else ""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 3 else 101


def _instant(text: object) -> Instant | None:
    try:
        return to_instant(datetime.fromisoformat(text)) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def _line(text: str) -> str:
    """One printable line of what a stranger wrote."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def dicts(value: object) -> list[Json]:
    """The objects in a list; nothing for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def lists(value: object) -> list[list[object]]:
    """The lists in a list; nothing for anything else."""
    return [item for item in value if isinstance(item, list)] if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """The texts in a list; nothing for anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
