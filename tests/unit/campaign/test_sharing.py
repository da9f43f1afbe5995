"""What may be told to a filter: nothing before five mailboxes of two domains share it."""

from __future__ import annotations

from hashlib import sha256

import pytest

from antiphon.campaign.sharing import DOMAINS, MAILBOXES, Saying, Shared, shareable, subject_digest

NOTHING = Shared((), ())


def said(count: int, tenants: int = 2, *, originator: str = "shop.example", subject: str = "Offer") -> list[Saying]:
    """So many mailboxes at so many houses say the same."""
    return [Saying(b"%d" % n, f"house{n % tenants}.example", originator, subject) for n in range(count)]


@pytest.mark.parametrize(
    ("count", "tenants", "shared"),
    [(MAILBOXES, DOMAINS, True), (MAILBOXES - 1, DOMAINS, False), (MAILBOXES, DOMAINS - 1, False), (50, 1, False)],
)
def test_five_mailboxes_of_two_domains_and_not_one_fewer(count: int, tenants: int, shared: bool) -> None:
    """LAW §7, for both kinds of value."""
    wanted = Shared(("shop.example",), (subject_digest("Offer"),)) if shared else NOTHING
    assert shareable(said(count, tenants)) == wanted


def test_one_mailbox_counts_once_and_who_has_no_voice_never() -> None:
    """However often it says it; a mailbox of yesterday says it in vain."""
    four = said(MAILBOXES - 1)
    assert shareable(four * 9) == NOTHING
    assert shareable([*four, Saying(b"", "house9.example", "shop.example", "Offer")]) == NOTHING


def test_each_value_has_to_be_shared_itself() -> None:
    """An originator with a subject for each reader is told without subjects; a subject of many without originators."""
    each = [Saying(b"%d" % n, f"house{n % 2}.example", "shop.example", f"Ann {n}") for n in range(MAILBOXES)]
    assert shareable(each) == Shared(("shop.example",), ())
    many = [Saying(b"%d" % n, f"house{n % 2}.example", f"s{n}.example", "Offer") for n in range(MAILBOXES)]
    assert shareable(many) == Shared((), (subject_digest("Offer"),))
    assert shareable(said(MAILBOXES, originator="", subject=" ")) == NOTHING


def test_a_digest_is_what_the_filter_computes() -> None:
    """Lower case, UTF-8, SHA-256 in hexadecimal."""
    assert subject_digest(" GRÜSSE aus Öl ") == sha256("grüsse aus öl".encode()).hexdigest()
