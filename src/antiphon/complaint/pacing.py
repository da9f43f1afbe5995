"""When one more incident is worth a mail (RFC 6650 §7.5), and how often one contact hears from us at all (LAW §6)."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.terms import DAY, Instant

EACH = 10
PROBE_SILENCE = 7 * DAY
"""After the first message to a contact that was never written to."""
APART = DAY
CAP = 10
CAP_WITHIN = 30 * DAY
"""At most so many complaints to one contact in this span, over everything that it answers for."""
REACTS_WITHIN = 3 * DAY
"""How long a contact has to act: only mail that came later shows that it did not."""
HALTS = 7 * DAY
"""After a complaint that was not taken."""
QUIET = 30 * DAY
"""A matter that rested for so long is counted from the beginning."""


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


def counted(told: int, last_at: Instant | None, now: Instant) -> int:
    """How many incidents of a matter count as told: none after it was quiet."""
    return told if last_at is not None and now - last_at < QUIET else 0


def worth_it(told: int, last_at: Instant | None, received: Sequence[Instant], now: Instant) -> bool:
    """Whether incidents that came at these instants bring about one more report about a matter of which so many were
    told, the last time then."""
    before = counted(told, last_at, now)
    went_on = last_at is None or any(at >= last_at + REACTS_WITHIN for at in received)
    return went_on and following(before) <= before + len(received)


def opens_at(sent: Sequence[Instant], *, failed: bool = False) -> Instant:
    """From when on one more complaint may leave to a contact that was sent these, oldest first: a week after the first
    that it ever got, a day after the last, or a week where that one `failed`, and as the cap says."""
    if not sent:
        return Instant(0)
    times = [sent[0] + PROBE_SILENCE, sent[-1] + (HALTS if failed else APART)]
    times += [sent[-CAP] + CAP_WITHIN] if len(sent) >= CAP else []
    return Instant(max(times))
