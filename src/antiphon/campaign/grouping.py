"""From messages to campaigns: pure decisions on what exact look-ups found.

The walk: `lookup` names the tokens of a message; a store answers with the `Band` rows that hold them and the
`Campaign` rows that these name; `place` decides; the store keeps what the `Placement` says. `Grouper` is that walk
over an `Index`. One message costs the same whatever the number of campaigns, and one message never welds two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol, TypeVar

from antiphon.campaign.fingerprint import Fingerprint
from antiphon.campaign.likeness import Join, Likeness, score
from antiphon.campaign.remembered import (
    PIECE,
    SKETCHES,
    TOKENS,
    Band,
    Campaign,
    changed,
    compare,
    larger_first,
    may_change,
    merged,
    nearness,
    parts_of,
    piece_of,
    said_by,
    vouched,
)
from antiphon.terms import DAY, Identifier, Instant

HORIZON = 30 * DAY
"""Rows seen longer than this before or after a message are not looked at."""
COMMON = 8
"""A token that more campaigns than this carry is common, and no evidence."""
KEPT = 8 * COMMON
"""Rows of one token that a MemoryIndex keeps: far more than make it common."""
MOST_CAMPAIGNS = 200_000
"""Campaigns that a MemoryIndex keeps unless it is told otherwise."""
TOKENS_EACH = 64
"""Tokens that it keeps for each."""
CANDIDATES = 8
"""Campaigns compared with one message: those with the most tokens of it."""
WELDED = 1
"""A campaign of at most so many messages goes into another when a message belongs to both; no message welds larger
ones (the bridge guard)."""

NEW_TEXT = 0.85
"""A text less like the remembered ones than this is remembered too."""


def lookup(fingerprint: Fingerprint) -> tuple[bytes, ...]:
    """The tokens to ask a store for; an exact look-up each, at most COMMON + 1 rows a token."""
    return fingerprint.tokens


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a message was received, and the identifier of the campaign that it opens, if it opens one. `hand`: by whose
    report it is here, who may change one campaign no more than OF_ONE times; empty where nobody reports."""

    at: Instant
    fresh: Identifier
    hand: bytes = b""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a message went and why, and the rows to keep: the campaign as it is now, and its new or renewed bands.

    `absorbed`: small campaigns that the message showed to be parts of this one, as they are to be kept. `also` names
    larger ones that it would have joined too: one message never welds those.
    """

    campaign: Campaign
    bands: tuple[Band, ...]
    opened: bool
    rule: str
    why: str
    also: tuple[bytes, ...] = ()
    absorbed: tuple[Campaign, ...] = ()


def place(
    fingerprint: Fingerprint,
    bands: Sequence[Band],
    campaigns: Mapping[bytes, Campaign],
    arrival: Arrival,
    *,
    apart: Callable[[bytes], frozenset[bytes]] = lambda name: frozenset(),
) -> Placement:
    """Join the campaign with the strongest evidence, or open one. Pure: the same rows give the same placement.

    `bands` are the rows found for `lookup(fingerprint)`, `campaigns` what each of them names, merged ones as what they
    are now; `apart` says with which ones a person wants a campaign never to be one. The strongest is the one with the
    most bits, then the oldest.
    """
    shared = _shared(bands, campaigns, arrival.at)
    held = {each.id: each for each in campaigns.values()}
    found: list[tuple[tuple[float, int, bytes], Join, Likeness]] = []
    for name in sorted(shared, key=lambda name: (-len(shared[name]), name))[:CANDIDATES]:
        like = compare(fingerprint, held[name], shared[name], arrival.at)
        join = score(like)
        if join.joined:
            found.append(((-join.bits, held[name].opened_at, name), join, like))
    if not found:
        return _opened(fingerprint, arrival)
    found.sort(key=lambda one: one[0])
    (*_, name), join, like = found[0]
    known = frozenset(band.token for band in bands if campaigns[band.campaign].id == name)
    campaign = _vouched(held[name], fingerprint, shared[name], arrival)
    campaign, renewed = _grown(campaign, fingerprint, like.text, arrival, known=known)
    campaign, absorbed, also = _welded(campaign, [held[rank[-1]] for rank, *_ in found[1:]], apart, hand=arrival.hand)
    if absorbed:
        renewed = tuple(replace(band, campaign=campaign.id) for band in renewed)
    return Placement(campaign, renewed, False, join.rule, join.why, also, absorbed)


def _shared(bands: Sequence[Band], campaigns: Mapping[bytes, Campaign], at: Instant) -> dict[bytes, dict[Band, int]]:
    """The rows that are evidence by the campaign they belong to, each with the number of campaigns that carry it."""
    carriers: dict[bytes, set[bytes]] = defaultdict(set)
    named = {name: campaign.id for name, campaign in campaigns.items()}
    for band in bands:
        carriers[band.token].add(named[band.campaign])
    shared: dict[bytes, dict[Band, int]] = defaultdict(dict)
    for band in bands:
        if (count := len(carriers[band.token])) <= COMMON and abs(at - band.seen_at) <= HORIZON:
            shared[named[band.campaign]][band] = count
    return shared


def _welded(
    campaign: Campaign, others: Sequence[Campaign], apart: Callable[[bytes], frozenset[bytes]], *, hand: bytes
) -> tuple[Campaign, tuple[Campaign, ...], tuple[bytes, ...]]:
    """The campaign with the small ones among the others in it, these as parts of it, and the names of the rest."""
    absorbed: list[Campaign] = []
    also: list[bytes] = []
    for other in others:
        may = may_change(campaign, hand) and may_change(other, hand)
        if not may or min(campaign.messages - 1, other.messages) > WELDED or other.id in apart(campaign.id):
            also.append(other.id)
            continue
        large, small = larger_first(campaign, other)
        # A person's word about either holds for what they become; so who has such a word is no part of another.
        if apart(small.id):
            also.append(other.id)
            continue
        campaign = changed(merged(large, small, hand), hand)
        absorbed.append(small)
    return campaign, tuple(replace(each, merged_into=campaign.id) for each in absorbed), tuple(also)


def _opened(fingerprint: Fingerprint, arrival: Arrival) -> Placement:
    # What answers somebody is found by nothing: no mailing is like it, whatever it quotes.
    at, tokens = arrival.at, () if fingerprint.conversation else fingerprint.tokens[:TOKENS]
    opened = Campaign(arrival.fresh, at, at, at, 1, fingerprint.title, piece_of(fingerprint), len(tokens))
    campaign = changed(opened, arrival.hand)
    bands = tuple(Band(token, campaign.id, at) for token in tokens)
    return Placement(campaign, bands, True, "", "Opened: nothing alike was seen within a month.")


def _vouched(campaign: Campaign, fingerprint: Fingerprint, shared: Mapping[Band, int], arrival: Arrival) -> Campaign:
    """The campaign, of whose texts those that were one other member's word alone are everybody's by now: this message
    is in it without them, and would be by each of them."""
    if not arrival.hand or not may_change(campaign, arrival.hand):
        return campaign
    sketches = vouched(
        campaign.sketches,
        arrival.hand,
        lambda text: score(compare(fingerprint, campaign, shared, arrival.at, only=text)).joined,
    )
    return campaign if sketches == campaign.sketches else changed(replace(campaign, sketches=sketches), arrival.hand)


def _grown(
    campaign: Campaign, fingerprint: Fingerprint, text: float, arrival: Arrival, *, known: frozenset[bytes]
) -> tuple[Campaign, tuple[Band, ...]]:
    """The campaign with one message more, and the bands to add or renew. A text much like a known one adds none. One
    that is new is this member's word alone, and so brings no token that is new; whoever changed the campaign often
    enough renews what is `known`, which takes no room."""
    evidence, sketches, at = fingerprint.evidence, campaign.sketches, arrival.at
    may = may_change(campaign, arrival.hand)
    if may and fingerprint.bands and text < NEW_TEXT and len(sketches) < SKETCHES * PIECE:
        evidence = fingerprint.tokens
        if nearness(fingerprint, sketches) < NEW_TEXT:
            sketches += said_by(fingerprint, arrival.hand)
        may = not arrival.hand or nearness(fingerprint, sketches, everybodys=True) >= NEW_TEXT
    room = max(TOKENS - campaign.tokens, 0) if may else 0
    new = tuple(token for token in evidence if token not in known)[:room]
    evidence = tuple(token for token in evidence if token in known) + new
    grown = replace(
        campaign,
        first_at=min(campaign.first_at, at),
        last_at=max(campaign.last_at, at),
        messages=campaign.messages + 1,
        sketches=sketches,
        tokens=campaign.tokens + len(new),
    )
    if new or sketches != campaign.sketches:
        grown = changed(grown, arrival.hand)
    return grown, tuple(Band(token, campaign.id, at) for token in evidence)


class Index(Protocol):
    """Where campaigns are looked up. What `remember` returned from is found by every later call, also after a crash."""

    def lookup(self, tokens: Sequence[bytes], at: Instant) -> Sequence[Band]:
        """The rows with one of these tokens and a `seen_at` within HORIZON of `at`: the newest COMMON + 1 a token."""

    def campaign(self, name: bytes) -> Campaign:
        """The campaign that a row of `lookup` names, or the one that it was merged into."""

    def apart(self, name: bytes) -> frozenset[bytes]:
        """The campaigns that a person wants never to be one with this one, as what they are now."""

    def remember(self, campaign: Campaign, bands: Sequence[Band]) -> None:
        """Keep the campaign and its bands, all or nothing; a band that is there already only gets its `seen_at`."""


_V = TypeVar("_V")


class MemoryIndex:
    """An Index for one run: in memory, and bounded. Of one token the newest KEPT rows stay; of tokens and campaigns as
    many as there is room for, those that were touched last. A campaign that was forgotten is found by no message."""

    def __init__(self, most: int = MOST_CAMPAIGNS) -> None:
        self._most, self._most_tokens = most, most * TOKENS_EACH
        self._campaigns: dict[bytes, Campaign] = {}
        self._moved: dict[bytes, bytes] = {}
        self._seen: dict[bytes, tuple[int, bytes] | dict[bytes, int]] = {}

    def lookup(self, tokens: Sequence[bytes], at: Instant) -> Sequence[Band]:
        """As the port promises, as far as rows were kept."""
        found: list[Band] = []
        for token in tokens:
            rows = self._seen.get(token)
            if rows is None:
                continue
            if not isinstance(rows, dict):
                # Nearly every token is of one campaign: a pair takes a third of the room of a dict.
                seen, name = rows
                if abs(at - seen) <= HORIZON and self.name_of(name) in self._campaigns:
                    found.append(Band(token, name, seen))
                continue
            near = [
                (seen, name)
                for name, seen in rows.items()
                if abs(at - seen) <= HORIZON and self.name_of(name) in self._campaigns
            ]
            if len(near) > COMMON:
                near = sorted(near, reverse=True)[: COMMON + 1]
            found += [Band(token, name, seen) for seen, name in near]
        return found

    def campaign(self, name: bytes) -> Campaign:
        """As the port promises."""
        return self._campaigns[self.name_of(name)]

    def name_of(self, name: bytes) -> bytes:
        """The name of the campaign that this one is a part of by now; its own where it was not merged."""
        while name in self._moved:
            name = self._moved[name]
        return name

    def apart(self, name: bytes) -> frozenset[bytes]:
        """Nobody has a word in one run over a heap."""
        return frozenset()

    def remember(self, campaign: Campaign, bands: Sequence[Band]) -> None:
        """As the port promises."""
        self._campaigns.pop(campaign.id, None)
        if campaign.merged_into is not None:
            self._moved[campaign.id] = campaign.merged_into
            return
        self._campaigns[campaign.id] = campaign
        pairs: dict[tuple[int, bytes], tuple[int, bytes]] = {}
        for band in bands:
            # All tokens of one message share one pair.
            pair = (band.seen_at, band.campaign)
            pair = pairs.setdefault(pair, pair)
            self._seen[band.token] = _with(self._seen.pop(band.token, None), pair)
        self._campaigns = _bounded(self._campaigns, self._most)
        self._seen = _bounded(self._seen, self._most_tokens)


def _bounded(rows: dict[bytes, _V], most: int) -> dict[bytes, _V]:
    """The newest rows; a tenth more may wait, so that making room costs next to nothing a row."""
    return rows if len(rows) <= most * 1.1 else dict(islice(rows.items(), len(rows) - most, None))


def _with(
    rows: tuple[int, bytes] | dict[bytes, int] | None, pair: tuple[int, bytes]
) -> tuple[int, bytes] | dict[bytes, int]:
    """The rows of one token with one more; a row that is there only gets its time."""
    seen, name = pair
    if rows is None:
        return pair
    if not isinstance(rows, dict):
        if rows[1] == name:
            return max(rows, pair)
        rows = {rows[1]: rows[0]}
    rows[name] = max(seen, rows.pop(name, seen))
    if len(rows) > KEPT:
        del rows[next(iter(rows))]
    return rows


class Grouper:
    """Places messages one by one, in the order given, over an Index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def place(self, fingerprint: Fingerprint, arrival: Arrival) -> Placement:
        """Look up, decide, remember. When `remember` raises nothing was placed."""
        bands = [*self._index.lookup(lookup(fingerprint), arrival.at)]
        campaigns = {name: self._index.campaign(name) for name in {band.campaign for band in bands}}
        self._split(bands, campaigns)
        placement = place(fingerprint, bands, campaigns, arrival, apart=self._index.apart)
        self._index.remember(placement.campaign, placement.bands)
        for part in placement.absorbed:
            self._index.remember(part, ())
        return placement

    def _split(self, bands: list[Band], campaigns: dict[bytes, Campaign]) -> None:
        """What was found by a campaign before a person split it is found by its parts too; the texts tell which."""
        held = {(band.token, band.campaign) for band in bands} if any(c.parts for c in campaigns.values()) else set()
        fresh = bands if held else []
        while fresh:
            split: list[Band] = []
            for band in fresh:
                for name in parts_of(campaigns[band.campaign]):
                    part = campaigns[name] = campaigns.get(name) or self._index.campaign(name)
                    if band.seen_at <= part.opened_at and (band.token, name) not in held:
                        held.add((band.token, name))
                        split.append(replace(band, campaign=name))
            fresh = split
            bands += split
