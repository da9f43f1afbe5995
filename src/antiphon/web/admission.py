"""Who gets through the web's door when many come: known by the first bytes, before anything is read or looked up.

A ticket marks itself, so that whoever holds one is told from a stranger by arithmetic alone. Members come at the pace
of their ticket, however many strangers there are; strangers at the pace of their address prefix and of all strangers
together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from hashlib import sha256
from ipaddress import ip_address

from antiphon.web.pace import Pace

LOOK_BYTES = 16_384
"""In so many first bytes the head ends or shows a ticket, or the connection is closed."""
EVERY_SECONDS, BURST = 1.0, 60
"""One report a second and ticket, sixty at once: what a person can select and move."""
PREFIX_EVERY_SECONDS, PREFIX_BURST = 1 / 16, 96
STRANGERS_EVERY_SECONDS, STRANGERS_BURST = 1 / 32, 192
"""32 a second of all strangers together: pages, monitors, and what has lost its ticket. Each may cost milliseconds."""
END = b"\r\n\r\n"
TICKET = re.compile(rb"\r\nauthorization:[ \t]*bearer[ \t]+([!-~]{1,128})[ \t]*\r\n", re.IGNORECASE)


class Verdict(Enum):
    """What is done with a connection."""

    MORE = "more"
    MEMBER = "member"
    STRANGER = "stranger"
    TOO_OFTEN = "too often"
    FULL = "full"
    TOO_LONG = "too long"


class Admission:
    """`is_ours` says of a ticket's text whether this node made it, looking nothing up."""

    def __init__(self, is_ours: Callable[[str], bool]) -> None:
        self._is_ours = is_ours
        self._tickets = Pace(EVERY_SECONDS, BURST)
        self._prefixes = Pace(PREFIX_EVERY_SECONDS, PREFIX_BURST)
        self._strangers = Pace(STRANGERS_EVERY_SECONDS, STRANGERS_BURST)

    def judge(self, begun: bytes, address: str, now: float) -> tuple[Verdict, bytes]:
        """The verdict on the first bytes from an address, on a steady clock, and the party that it is counted for:
        the digest of its ticket, or nothing for all strangers."""
        found = TICKET.search(begun)
        if found is not None and self._is_ours(found[1].decode("ascii")):
            party = sha256(found[1]).digest()
            return (Verdict.TOO_OFTEN if self._tickets.wait(party, now) else Verdict.MEMBER), party
        if END not in begun:
            return (Verdict.MORE if len(begun) < LOOK_BYTES else Verdict.TOO_LONG), b""
        # Where there is no room for any stranger, none of them is counted, and most of a crowd costs no more than this.
        paced = self._strangers.late(b"", now) or self._prefixes.wait(prefix_of(address), now)
        return (Verdict.FULL if paced or self._strangers.wait(b"", now) else Verdict.STRANGER), b""


def prefix_of(address: str) -> bytes:
    """The /24 of an IPv4 address, the /48 of an IPv6 address."""
    if ":" not in address:
        return address.rpartition(".")[0].encode()
    return ip_address(address.partition("%")[0]).packed[:6]
