"""The hold: a random day or two in which nothing that names a member leaves (LAW §3)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from antiphon.terms import HOUR, MINUTE, Identifier, Instant, day_end, ledger_day

SHORTEST = 24 * HOUR
LONGEST = 52 * HOUR
CLICKED = 10 * MINUTE
"""For an own opt-out whose member was told what a quick answer reveals, and prefers it."""


def hold_until(secret: bytes, what: bytes, reported_at: Instant) -> Instant:
    """When the hold of what was reported ends: 24 to 52 hours after the report, from a secret key, to the second.

    The same mail of the same member always gets the same answer, so that nothing is learnt from asking twice.
    """
    drawn = int.from_bytes(hmac.digest(secret, b"antiphon/hold/1" + what, "sha256")[:8], "big")
    return Instant(reported_at + SHORTEST + (LONGEST - SHORTEST) * drawn // 2**64)


@dataclass(frozen=True, slots=True)
class Waits:
    """Three instants of one click: when its mail may be looked at, when an own opt-out may leave, and when anything
    else that it buys may."""

    hold_until: Instant
    leaves_at: Instant
    slow_until: Instant


def click_waits(secret: bytes, report: Identifier, clicked_at: Instant, *, quick: bool) -> Waits:
    """How long a click waits: as long as any report; or, where its member prefers that and was told what it reveals,
    ten minutes and then for the next daily batch, for an own opt-out and nothing else (LAW §3)."""
    slow = hold_until(secret, report, clicked_at)
    if not quick:
        return Waits(slow, slow, slow)
    brief = Instant(clicked_at + CLICKED)
    return Waits(brief, day_end(ledger_day(brief)), slow)
