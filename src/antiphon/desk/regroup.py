"""A person's word on campaigns: these two are one, or never; these mails are another. It is remembered, and wins over
all evidence."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from antiphon.campaign.remembered import Apart, Campaign, larger_first, merged, parts_of, texts_of
from antiphon.campaign.report import Report
from antiphon.desk.place import StoreIndex
from antiphon.errors import MalformedInput
from antiphon.ports import Transaction
from antiphon.terms import DAY, Identifier, Instant

PARTS = 16
"""Campaigns that may be split off one within REMEMBERED."""
REMEMBERED = 60 * DAY
"""After this no mail is compared with what was found before a split."""


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


@dataclass(frozen=True, slots=True)
class Division:
    """What a split makes of a campaign: which mails leave it, how many stay, and what each side is known by. `texts`
    are the names of the remembered texts that leave; without any, no later mail finds its way to those that left."""

    campaign: Campaign
    leaving: tuple[Report, ...]
    staying: int
    texts: frozenset[bytes]


def division(tx: Transaction, one: bytes, mails: Collection[Identifier]) -> Division:
    """What `split` would do; changes nothing. With the named mails go all that are most like the same remembered text,
    since whatever comes of that text is found by it. Raises MalformedInput where nothing would leave, or nothing stay.
    """
    campaign = StoreIndex(tx).campaign(one)
    reports = tx.find(Report, campaign=campaign.id, order="received_at")
    named = [report for report in reports if report.report in mails]
    if len(named) < len(set(mails)) or not named:
        raise MalformedInput(
            "Not all of these mails are in this campaign.", advice="`antiphon campaign ID` lists them."
        )
    texts = frozenset(report.text for report in named if report.text is not None)
    leaving = tuple(report for report in reports if report in named or report.text in texts)
    if len(leaving) == len(reports):
        raise MalformedInput(
            "No mail would stay: all of this campaign are named, or have the text of those that are.",
            advice="Name mails of one of the texts; a campaign of one text is one mailing.",
        )
    return Division(campaign, leaving, len(reports) - len(leaving), texts & texts_of(campaign).keys())


def split(tx: Transaction, one: bytes, mails: Collection[Identifier], *, fresh: Identifier, now: Instant) -> Division:
    """Makes the mails of `division` a campaign of their own, `fresh`; the two never become one unless a person joins
    them. A mail like them that comes later goes to it, also where it is found by what came before. One transaction, so
    that a crash leaves all of it or nothing. Raises MalformedInput as `division` does."""
    found = division(tx, one, mails)
    index, old, kept = StoreIndex(tx), found.campaign, texts_of(found.campaign)
    since = [name for name in parts_of(old) if index.campaign(name).opened_at > now - REMEMBERED]
    if len(since) >= PARTS:
        raise MalformedInput(f"{PARTS} campaigns were split off this one within two months.")
    times = [report.received_at for report in found.leaving]
    going = b"".join(piece for name, piece in kept.items() if name in found.texts)
    part = Campaign(fresh, now, min(times), max(times), len(times), old.title, going, old.tokens)
    staying = b"".join(piece for name, piece in kept.items() if name not in found.texts)
    rest = max(old.messages - len(times), found.staying)
    index.remember(part, ())
    index.remember(replace(old, messages=rest, sketches=staying, parts=b"".join((*since, fresh))), ())
    _part(tx, old.id, fresh, now)
    for each in index.apart(old.id) - {fresh}:
        _part(tx, fresh, each, now)
    for report in found.leaving:
        tx.put(replace(report, campaign=fresh))
    return found
