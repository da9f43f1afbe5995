"""When one more incident is worth a mail (RFC 6650 §7.5): the first ten each, then ever fewer."""

from __future__ import annotations

EACH = 10


def leaves(incident: int) -> bool:
    """Whether the incident with this number, counted from one for a contact and an object, brings about a report: up
    to 10 each, to 100 every 10th, to 1,000 every 100th, and so on."""
    if incident < 1:
        return False
    step = 1
    while incident > EACH * step:
        step *= EACH
    return incident % step == 0


def following(incident: int) -> int:
    """The next number after this one that brings about a report."""
    step = 1
    while incident >= EACH * step:
        step *= EACH
    return incident - incident % step + step
