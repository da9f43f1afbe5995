"""A person's leave: how long, how much, where, and by whose key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.optout.approval import (
    KEY_AGE_DAYS,
    LIMIT_FOR_ONE,
    LONGEST_DAYS,
    Approval,
    Draft,
    OperatorKey,
    Scope,
    draft_reports,
    room_for,
)
from antiphon.terms import Digest, Identifier, Instant, LedgerDay

CASE = Identifier(bytes(16))
TODAY = LedgerDay(20_000)
LEAVE = Approval(
    9, CASE, Scope.STANDING, None, "shop.example,www.shop.example", 1, 20, 0, TODAY, LedgerDay(20_030), "1"
)


def test_the_measures_are_those_of_the_law() -> None:
    """A key counts after 7 days, a leave lasts 30 at most, one person alone gives a hundred (LAW §5)."""
    assert (KEY_AGE_DAYS, LONGEST_DAYS, LIMIT_FOR_ONE) == (7, 30, 100)


def test_a_key_counts_from_its_seventh_day_until_it_is_revoked() -> None:
    """On the sixth it does not."""
    key = OperatorKey(1, "ada", bytes(32), TODAY, False)
    assert not key.counts(LedgerDay(TODAY + 6))
    assert key.counts(LedgerDay(TODAY + 7))
    assert not replace(key, revoked=True).counts(LedgerDay(TODAY + 7))


def test_a_leave_lives_to_the_end_of_its_last_day_and_to_its_last_request() -> None:
    """Not a day longer, and not once more."""
    assert LEAVE.live(LEAVE.expiry_day)
    assert not LEAVE.live(LedgerDay(LEAVE.expiry_day + 1))
    assert replace(LEAVE, used=19).live(TODAY)
    assert not replace(LEAVE, used=20).live(TODAY)


@pytest.mark.parametrize(
    ("host", "kind", "covered"),
    [
        ("shop.example", 1, True),
        ("www.shop.example", 1, True),
        ("www.shop.example", 2, False),
        ("hop.example", 1, False),
        ("other.example", 1, False),
        ("shop.example,www.shop.example", 1, False),
    ],
)
def test_a_leave_covers_the_hosts_and_kinds_that_it_names(host: str, kind: int, covered: bool) -> None:
    """Whole names, and the kind of channel as well."""
    assert LEAVE.covers(host, kind) is covered


def test_what_one_person_gives_alone_in_thirty_days_sums_to_a_hundred() -> None:
    """What was given 30 days ago counts no longer; what two signed, what another signed, and notices never did."""
    assert room_for(1, TODAY, ()) == 100
    assert room_for(1, TODAY, (LEAVE, replace(LEAVE, limit=30))) == 50
    assert room_for(1, LedgerDay(TODAY + 29), (LEAVE,)) == 80
    assert room_for(1, LedgerDay(TODAY + 30), (LEAVE,)) == 100
    others = (replace(LEAVE, signers="2"), replace(LEAVE, signers="1,2"), replace(LEAVE, scope=Scope.NOTICE))
    assert room_for(1, TODAY, others) == 100


def test_a_draft_names_its_reports() -> None:
    """Sixteen bytes each, in their order."""
    names = tuple(Identifier(bytes([n]) * 16) for n in (1, 2, 3))
    draft = Draft(CASE, 1, "abuse@shop.example", "en", b"", Digest(bytes(32)), b"".join(names), Instant(0), None)
    assert draft_reports(draft) == names
    assert draft_reports(replace(draft, reports=b"")) == ()
