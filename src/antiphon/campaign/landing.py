"""Where a mail leads to: the registrable domains of its links, without those of a list that only relayed it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import ada_url

from antiphon.campaign.commonplace import is_shared
from antiphon.errors import MalformedInput
from antiphon.formats.domain import organisational_domain, parse_domain
from antiphon.formats.message import Message

LANDINGS = 16
"""Domains read of one message."""
FOOTER_LINES = 8
"""Lines that a list program adds at most."""

_AUTHORITY = re.compile(r"\s*(?:https?:)?[/\\]{2}([^/?#\\\s]{1,255})", re.IGNORECASE)
_LIST_FIELDS = ("list-post", "list-archive", "list-help", "list-subscribe", "list-owner", "list-unsubscribe")
_LIST_FIELD_DOMAIN = re.compile(r"(?:@|//)([a-z0-9.-]{3,255})", re.IGNORECASE)
_RULE = "\n" + "_" * 20


def landing_domains(links: Iterable[str]) -> tuple[str, ...]:
    """The registrable domains (or addresses) that these links lead to, each once, in order; not those that everybody
    links to."""
    found: dict[str, None] = {}
    for link in links:
        authority = _AUTHORITY.match(link)
        if authority and (domain := _registrable(authority[1])) and not is_shared(domain):
            found[domain] = None
            if len(found) == LANDINGS:
                break
    return tuple(found)


@lru_cache(maxsize=4096)
def _registrable(authority: str) -> str | None:
    try:
        host = ada_url.URL(f"http://{authority}/").hostname
    except ValueError:
        return None
    try:
        domain = organisational_domain(parse_domain(host))
        # Right below a public suffix live strangers; whose host is the suffix itself is not told by the host.
        return None if organisational_domain(parse_domain(f"x.{domain}")) != domain else domain
    except MalformedInput:
        return host


def list_domains(message: Message) -> frozenset[str]:
    """The domains of a discussion list that relayed this mail: what its footer leads to says nothing of the sender."""
    if not message.count("list-post"):
        return frozenset()
    values = " ".join(found.value[:500] for name in _LIST_FIELDS for found in message.all(name)[:1])
    return frozenset(domain for host in _LIST_FIELD_DOMAIN.findall(values) if (domain := _registrable(host.lower())))


def without_footer(text: str) -> str:
    """A text without what a list program adds: a line of underscores and a few lines at the very end."""
    at = text.rfind(_RULE)
    return text[:at] if at >= 0 and text.count("\n", at + 1) <= FOOTER_LINES else text
