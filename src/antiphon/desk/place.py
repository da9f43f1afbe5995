"""Campaigns kept in the store: the grouper's index inside the transaction that keeps the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from antiphon.campaign.fingerprint import Fingerprint
from antiphon.campaign.grouping import COMMON, HORIZON, Arrival, Grouper
from antiphon.campaign.remembered import Band, Campaign
from antiphon.campaign.report import Report
from antiphon.errors import AnchorLost
from antiphon.ports import Transaction
from antiphon.terms import Identifier, Instant


class StoreIndex:
    """The `Index` of grouping over the store."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def lookup(self, tokens: Sequence[bytes], at: Instant) -> Sequence[Band]:
        """The newest rows of each token within the horizon."""
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

    def remember(self, campaign: Campaign, bands: Sequence[Band]) -> None:
        """Keeps the campaign and its bands; the reports of one that was merged go where it went."""
        self._tx.put(campaign)
        if campaign.merged_into is not None:
            for report in self._tx.find(Report, campaign=campaign.id):
                self._tx.put(replace(report, campaign=campaign.merged_into))
        for band in bands:
            self._tx.put(band)


def placer(fresh: Callable[[], Identifier]) -> Callable[[Transaction, Fingerprint, Instant, str], tuple[bytes, str]]:
    """Puts messages into campaigns, in the caller's transaction; `fresh` names new ones."""

    def place(tx: Transaction, print_: Fingerprint, at: Instant, title: str) -> tuple[bytes, str]:
        placed = Grouper(StoreIndex(tx)).place(print_, Arrival(at, fresh()))
        return placed.campaign.id, placed.why

    return place
