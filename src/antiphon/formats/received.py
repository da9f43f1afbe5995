"""Received lines (RFC 5321 §4.4): the address of whoever handed a mail to our own border host.

Only what our own hosts wrote counts. They stand on top; the first one that names a public address is the border, and
everything below it may have been written by anybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address

from antiphon.errors import MalformedInput
from antiphon.formats.message import Message

MOST_HOPS = 8
MOST_CHARS = 2_000
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f.:]{2,45})\]", re.IGNORECASE)
_BY = re.compile(r"\sby\s", re.IGNORECASE)


def client_address(value: str) -> str:
    """The address literal in the *from* clause of one line, in its shortest form; empty where there is none, or more
    than one that differ."""
    clause = _BY.split(value[:MOST_CHARS], 1)[0]
    found = {_shortest(text) for text in _LITERAL.findall(clause)}
    return found.pop() if len(found) == 1 else ""


def _shortest(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def border_address(message: Message, is_public: Callable[[str], bool]) -> str:
    """Who handed this mail to the border host, as it stands in the header; empty where the lines do not tell.

    Lines of inner hops name private addresses and are passed over. A line without an address ends the search: what
    stands below it could be a stranger's.
    """
    for field in message.all("received")[:MOST_HOPS]:
        address = client_address(field.value)
        if not address or is_public(address):
            return address
    return ""


def address_literal(address: str) -> str:
    """As a feedback report writes it (RFC 5965 §3.2, RFC 5321 §4.1.3): IPv6 with its tag. Raises MalformedInput."""
    try:
        literal = ip_address(address)
    except ValueError as error:
        raise MalformedInput(f"{address!r} is no address.") from error
    return f"IPv6:{literal}" if literal.version == 6 else str(literal)
