"""Campaigns kept in the store: the grouper's index inside the transaction that keeps the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from antiphon.campaign.fingerprint import Fingerprint
from antiphon.campaign.grouping import COMMON, HORIZON, Arrival, Grouper
from antiphon.campaign.remembered import Apart, Band, Campaign, hand_of, text_of
from antiphon.campaign.report import Report
from antiphon.errors import AnchorLost
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Identifier, Instant

MOST_TOGETHER = 400
"""Rows that are read at once for all tokens of a message."""


class StoreIndex:
    """The `Index` of grouping over the store."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def lookup(self, tokens: Sequence[bytes], at: Instant) -> Sequence[Band]:
        """The newest rows of each token within the horizon."""
        # Most tokens are in few campaigns: all their rows come at once, by the key, which ends at the limit. Where
        # there are more, each token is asked for alone.
        together = self._tx.find(Band, token__in=list(tokens), limit=MOST_TOGETHER)
        if len(together) < MOST_TOGETHER:
            return _newest([band for band in together if abs(band.seen_at - at) <= HORIZON])
        near = {"seen_at__ge": at - HORIZON, "seen_at__le": at + HORIZON}
        found: list[Band] = []
        for token in tokens:
            found += self._tx.find(Band, token=token, order="-seen_at", limit=COMMON + 1, **near)
        return found

    def campaign(self, name: bytes) -> Campaign:
        """The campaign that a row names, or the one that it was merged into."""
        kept = self._kept(name)
        while kept.merged_into is not None:
            kept = self._kept(kept.merged_into)
        return kept

    def _kept(self, name: bytes) -> Campaign:
        kept = self._tx.get(Campaign, name)
        if kept is None:
            raise AnchorLost("A campaign is missing.", advice="Restore a backup.")
        return kept

    def apart(self, name: bytes) -> frozenset[bytes]:
        """The campaigns that a person parted from this one."""
        rows = [*self._tx.find(Apart, one=name), *self._tx.find(Apart, other=name)]
        return frozenset(self.campaign(row.other if row.one == name else row.one).id for row in rows)

    def remember(self, campaign: Campaign, bands: Sequence[Band]) -> None:
        """Keeps the campaign and its bands; the reports of one that was merged go where it went."""
        self._tx.put(campaign)
        if campaign.merged_into is not None:
            for report in self._tx.find(Report, campaign=campaign.id):
                self._tx.put(replace(report, campaign=campaign.merged_into))
        for band in bands:
            self._tx.put(band)


def _newest(bands: Sequence[Band]) -> list[Band]:
    """Of each token the newest rows, as many as show that it is common."""
    rows: dict[bytes, list[Band]] = defaultdict(list)
    for band in bands:
        rows[band.token].append(band)
    for token, found in rows.items():
        if len(found) > COMMON + 1:
            rows[token] = sorted(found, key=lambda band: (-band.seen_at, band.campaign))[: COMMON + 1]
    return [band for found in rows.values() for band in found]


class Place(NamedTuple):
    """The campaign of a message, why it is in it, and the name of the remembered text that it is most like."""

    campaign: bytes
    why: str
    text: bytes | None


def placer(fresh: Callable[[], Identifier]) -> Callable[[Transaction, Fingerprint, Instant, Identifier], Place]:
    """Puts messages that a member reported into campaigns, in the caller's transaction; `fresh` names new ones."""

    def place(tx: Transaction, print_: Fingerprint, at: Instant, member: Identifier) -> Place:
        # Who is alone here leads nobody's campaigns elsewhere.
        alone = len(tx.find(Mandate, limit=2)) < 2
        placed = Grouper(StoreIndex(tx)).place(print_, Arrival(at, fresh(), b"" if alone else hand_of(member)))
        return Place(placed.campaign.id, placed.why, text_of(print_, placed.campaign))

    return place
