"""A person's word on campaigns: these two are one, or never. It is remembered, and wins over all evidence."""

from __future__ import annotations

from dataclasses import replace

from antiphon.campaign.remembered import Apart, larger_first, merged
from antiphon.desk.place import StoreIndex
from antiphon.errors import MalformedInput
from antiphon.ports import Transaction
from antiphon.terms import Instant


def join(tx: Transaction, one: bytes, other: bytes) -> bytes:
    """Makes two campaigns one, however large; an earlier word that they are never one is taken back. All their mails,
    and what is like them from now on, are in the one whose name is returned. Raises MalformedInput for one and itself.
    """
    index = StoreIndex(tx)
    large, small = larger_first(index.campaign(one), index.campaign(other))
    if large.id == small.id:
        raise MalformedInput("These are one campaign already.")
    for each in (*tx.find(Apart, one=small.id), *tx.find(Apart, other=small.id)):
        tx.drop(Apart, each.one, each.other)
        if large.id not in (each.one, each.other):
            _part(tx, large.id, each.other if each.one == small.id else each.one, Instant(each.at))
    index.remember(merged(large, small), ())
    index.remember(replace(small, merged_into=large.id), ())
    return large.id


def part(tx: Transaction, one: bytes, other: bytes, now: Instant) -> None:
    """Two campaigns never become one, whatever mail belongs to both. Raises MalformedInput where they are one."""
    index = StoreIndex(tx)
    first, second = index.campaign(one).id, index.campaign(other).id
    if first == second:
        raise MalformedInput("These are one campaign already; what is one can not be kept apart.")
    _part(tx, first, second, now)


def _part(tx: Transaction, one: bytes, other: bytes, now: Instant) -> None:
    low, high = sorted((one, other))
    tx.put(Apart(low, high, now))
