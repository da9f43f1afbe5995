"""The probe: a marked message that goes through one door to the end of the chain, and ends there (LAW §3).

It has a mailbox of its own at the node's domain, `probe+TOKEN`, and its content is never looked at: it is sealed into
the spool like any mail, taken out of it, and all that it leaves is when that was. What makes it a probe is the
recipient alone, or over HTTP what stands in a ticket's place, so nothing that a probe carries can become a report, and
no mail to a member can become a probe. A mailbox elsewhere has none: it is a member's, and nothing is written there.
"""

from __future__ import annotations

import hmac

from antiphon.desk.desk import Desk
from antiphon.ports import Setting, Transaction
from antiphon.terms import MINUTE, SECOND, Instant

DOORS = ("lmtp", "smtp", "milter", "reports", "http")
PREFIX = "probe+"
"""What the local part of a probe's mailbox begins with; over HTTP it stands where a ticket would."""
LASTS = 10 * MINUTE
_TIME_DIGITS = 10


def probe_token(desk: Desk, door: str) -> str:
    """Good for one door and ten minutes."""
    until = (desk.clock.now() + LASTS) // SECOND
    return f"{until:0{_TIME_DIGITS}x}{_mark(desk, door, until)}"


def door_of(desk: Desk, token: str) -> str:
    """The door that a probe is for; empty for a token that is not ours, or too old."""
    try:
        until = int(token[:_TIME_DIGITS], 16)
    except ValueError:
        return ""
    given = token[_TIME_DIGITS:].encode()
    genuine = [door for door in DOORS if hmac.compare_digest(given, _mark(desk, door, until).encode())]
    return genuine[0] if genuine and 0 <= until * SECOND - desk.clock.now() <= LASTS else ""


async def take_probe(desk: Desk, token: str) -> str:
    """The end of the chain: notes that this door works, and returns its name; empty as above."""
    door = door_of(desk, token)
    if door:
        seen = Setting(_name(door), desk.clock.now().to_bytes(8, "big"))
        await desk.store.write(lambda tx: tx.put(seen))
    return door


def last_probe(tx: Transaction, door: str) -> Instant | None:
    """When a probe last came to the end of the chain by this door."""
    kept = tx.get(Setting, _name(door))
    return Instant(int.from_bytes(kept.value, "big")) if kept is not None else None


def _mark(desk: Desk, door: str, until: int) -> str:
    return hmac.digest(desk.house.derived("probe"), f"{door} {until}".encode(), "sha256").hex()[:32]


def _name(door: str) -> str:
    return f"probe.{door}"
