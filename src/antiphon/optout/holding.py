"""The hold: a random day or two in which nothing that names a member leaves (LAW §3)."""

from __future__ import annotations

import hmac

from antiphon.terms import HOUR, MINUTE, Identifier, Instant

SHORTEST = 24 * HOUR
LONGEST = 52 * HOUR
CLICKED = 10 * MINUTE
"""For an own opt-out whose member was told what a quick answer reveals, and prefers it."""


def hold_until(secret: bytes, report: Identifier, reported_at: Instant, *, quick: bool = False) -> Instant:
    """When the hold of this report ends: 24 to 52 hours after the report, from a secret key, to the second.

    The same report always gets the same answer, so that nothing is learnt from asking twice.
    """
    if quick:
        return Instant(reported_at + CLICKED)
    drawn = int.from_bytes(hmac.digest(secret, b"antiphon/hold/1" + report, "sha256")[:8], "big")
    return Instant(reported_at + SHORTEST + (LONGEST - SHORTEST) * drawn // 2**64)
