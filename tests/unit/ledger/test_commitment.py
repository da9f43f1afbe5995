"""The hashes of the page, written out once more by hand."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest

from antiphon.ledger.commitment import (
    batch_size,
    case_tag,
    commit_case,
    commit_mail,
    delivery_leaf,
    hide,
    leaf,
    network_nullifier,
    nullifier,
)
from antiphon.terms import Digest, LedgerDay

SALT, OTHER = bytes(range(32)), Digest(bytes(32))
ONE, TWO = sorted([sha256(b"one").digest(), sha256(b"two").digest()])


def test_a_case_tag_hashes_label_salt_originator_and_epoch() -> None:
    """With a length before the name, so that no other pair gives the same bytes."""
    expected = sha256(b"antiphon/case/1" + SALT + b"\x00\x0cshop.example" + b"\x00\x00\x00\x02").digest()
    assert case_tag(SALT, "shop.example", 2) == expected


def test_the_first_half_commits_to_case_and_day() -> None:
    """Salt, case tag, received day."""
    assert commit_case(SALT, OTHER, LedgerDay(3)) == sha256(SALT + OTHER + b"\x00\x00\x00\x03").digest()


def test_the_second_half_commits_to_the_mail() -> None:
    """Salt, counted hosts, counted digests of the signatures, size."""
    expected = sha256(
        SALT + b"\x00\x02" + b"\x00\x03a.b" + b"\x00\x01c" + b"\x00\x02" + ONE + TWO + bytes(7) + b"\x09"
    ).digest()
    assert commit_mail(SALT, ["c", "a.b"], [b"one", b"two"], 9) == expected


def test_order_and_repetition_do_not_change_the_second_half() -> None:
    """Hosts and signatures are sets."""
    assert commit_mail(SALT, ["a.b", "c", "c"], [b"two", b"one", b"two"], 9) == commit_mail(
        SALT, ["c", "a.b"], [b"one", b"two"], 9
    )


def test_a_leaf_binds_both_halves() -> None:
    """Under a byte that no tree hash begins with at this length."""
    assert leaf(Digest(SALT), OTHER) == sha256(b"\x01" + SALT + OTHER).digest()


def test_nullifiers_of_the_two_sides_differ() -> None:
    """The originator side is unkeyed, the network side keyed by the community."""
    assert nullifier(b"v") == sha256(b"antiphon/n/1originatorv").digest()
    assert network_nullifier(SALT, b"v") == hmac.digest(SALT, b"antiphon/n/1networkv", "sha256")


def test_a_delivery_leaf_holds_signatures_or_else_the_identity() -> None:
    """Sorted digests of each b=, or the message identity of a mail without signature."""
    assert delivery_leaf(SALT, [b"two", b"one"], OTHER) == SALT + ONE + TWO
    assert delivery_leaf(SALT, [], OTHER) == SALT + OTHER


def test_a_hidden_value_is_salted() -> None:
    """Without the case salt a dictionary of hosts reveals nothing."""
    assert hide(SALT, "u.shop.example") == sha256(SALT + b"u.shop.example").digest()


@pytest.mark.parametrize(
    ("real", "size"), [(0, 16), (16, 16), (17, 64), (64, 64), (65, 256), (256, 256), (257, 1024), (5_000, 16_384)]
)
def test_a_batch_is_sixteen_times_a_power_of_four(real: int, size: int) -> None:
    """An overflow goes into the next class, never a second batch."""
    assert batch_size(real) == size
