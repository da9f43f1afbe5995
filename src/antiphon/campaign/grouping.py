"""From messages to campaigns: pure decisions on what exact look-ups found.

The walk: `lookup` names the tokens of a message; a store answers with the `Band` rows that hold them and the
`Campaign` rows that these name; `place` decides; the store keeps what the `Placement` says. `Grouper` is that walk
over an `Index`. One message costs the same whatever the number of campaigns, and one message never welds two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import eq
from struct import pack, unpack_from
from typing import Protocol

from antiphon.campaign.fingerprint import FEW_WORDS, FIGURES, SLOTS, Fingerprint
from antiphon.campaign.likeness import JOINS, WAVE_GAP, Join, Likeness, score
from antiphon.terms import DAY, Identifier, Instant

HORIZON = 30 * DAY
"""Rows seen longer than this before or after a message are not looked at."""
COMMON = 8
"""A token that more campaigns than this carry is common, and no evidence."""
KEPT = 8 * COMMON
"""Rows of one token that a MemoryIndex keeps: far more than make it common."""
CANDIDATES = 8
"""Campaigns compared with one message: those with the most tokens of it."""
SKETCHES = 8
"""Texts remembered of one campaign."""
TOKENS = 1_000
"""Tokens remembered of one campaign."""

NEW_TEXT = 0.85
"""A text less like the remembered ones than this is remembered too."""

_HEAD = 4
_PIECE = _HEAD + SLOTS + 2 * FIGURES


@dataclass(frozen=True, slots=True)
class Band:
    """One token of one campaign as a store keeps it, unique by (token, campaign); `seen_at` is its latest sight."""

    token: bytes
    campaign: bytes
    seen_at: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign as a store keeps it: flat, about 200 bytes a remembered text.

    `first_at` and `last_at` are the earliest and the latest arrival, `opened_at` that of the message which opened it.
    `title` is that message's subject without names and numbers. `sketches`: the remembered texts, one behind the
    other; `tokens`: how many tokens it was given.
    """

    id: bytes
    opened_at: int
    first_at: int
    last_at: int
    messages: int
    title: str
    sketches: bytes
    tokens: int


def lookup(fingerprint: Fingerprint) -> tuple[bytes, ...]:
    """The tokens to ask a store for; an exact look-up each, at most COMMON + 1 rows a token."""
    return fingerprint.tokens


def common(bands: Iterable[Band]) -> frozenset[bytes]:
    """The tokens among these rows that too many campaigns carry: commonness as the stream itself shows it."""
    count: dict[bytes, int] = defaultdict(int)
    for band in bands:
        count[band.token] += 1
    return frozenset(token for token, campaigns in count.items() if campaigns > COMMON)


def compare(fingerprint: Fingerprint, campaign: Campaign, shared: Sequence[Band], at: Instant) -> Likeness:
    """The likeness of a message seen `at` and a campaign, by the tokens that they share and the remembered texts."""
    kinds: dict[bytes, int] = defaultdict(int)
    landed = WAVE_GAP
    for band in shared:
        kinds[band.token[:1]] += 1
        if band.token[:1] == b"l":
            landed = min(landed, abs(at - band.seen_at))
    texts = _pieces(campaign.sketches)
    alike, text = _nearest(fingerprint, texts)
    return Likeness(
        gap=max(campaign.first_at - at, at - campaign.last_at, 0),
        landing_age=landed,
        text=alike,
        words=min(text.words, fingerprint.words),
        figures=_overlap(text.figures, fingerprint.figures),
        numbers=min(len(text.figures), len(fingerprint.figures)) // 2,
        wordless=max(fingerprint.words, *(text.words for text in texts)) < FEW_WORDS,
        found_by_text=kinds[b"b"] > 0,
        same_words=kinds[b"t"] > 0,
        subject=kinds[b"s"] > 0,
        frame=kinds[b"f"] > 0,
        documents=kinds[b"a"],
        images=kinds[b"i"],
        landings=kinds[b"l"],
        accounts=kinds[b"k"],
        signers=kinds[b"d"],
        conversation=fingerprint.conversation,
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """One remembered text: how many words, their sketch, the numbers in it."""

    words: int
    sketch: bytes
    figures: bytes


def _pieces(sketches: bytes) -> list[_Text]:
    texts = []
    for at in range(0, len(sketches), _PIECE):
        words, numbers = unpack_from(">HH", sketches, at)
        figures_at = at + _HEAD + SLOTS
        texts.append(_Text(words, sketches[at + _HEAD : figures_at], sketches[figures_at : figures_at + 2 * numbers]))
    return texts


def _piece(fingerprint: Fingerprint) -> bytes:
    head = pack(">HH", fingerprint.words, len(fingerprint.figures) // 2)
    return head + (fingerprint.sketch or bytes(SLOTS)) + fingerprint.figures.ljust(2 * FIGURES, b"\0")


def _nearest(fingerprint: Fingerprint, texts: Sequence[_Text]) -> tuple[float, _Text]:
    """The remembered text that is most like the message's, and how much."""
    best = (-1.0, texts[0])
    for text in texts:
        enough = min(text.words, fingerprint.words) >= FEW_WORDS
        alike = sum(map(eq, text.sketch, fingerprint.sketch)) / SLOTS if enough else 0.0
        if alike > best[0]:
            best = (alike, text)
    return best


def _overlap(one: bytes, other: bytes) -> float:
    """How much of the numbers of either text stands in both; of long lists the smallest digests decide."""
    mine = {one[at : at + 2] for at in range(0, len(one), 2)}
    yours = {other[at : at + 2] for at in range(0, len(other), 2)}
    either = sorted(mine | yours)[:FIGURES]
    return sum(figure in mine and figure in yours for figure in either) / len(either) if either else 1.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a message was received, and the identifier of the campaign that it opens, if it opens one."""

    at: Instant
    fresh: Identifier


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a message went and why, and the rows to keep: the campaign as it is now, and its new or renewed bands.

    `also` names campaigns that it would have joined too: one message never welds two campaigns.
    """

    campaign: Campaign
    bands: tuple[Band, ...]
    opened: bool
    rule: str
    why: str
    also: tuple[bytes, ...] = ()


def place(
    fingerprint: Fingerprint, bands: Sequence[Band], campaigns: Mapping[bytes, Campaign], arrival: Arrival
) -> Placement:
    """Join the campaign with the strongest evidence, or open one. Pure: the same rows give the same placement.

    `bands` are the rows found for `lookup(fingerprint)`, `campaigns` those that they name. The strongest is the one
    with the first rule of JOINS, then the most alike text, then the most tokens, then the oldest.
    """
    usual = common(bands)
    shared: dict[bytes, list[Band]] = defaultdict(list)
    for band in bands:
        if band.token not in usual and abs(arrival.at - band.seen_at) <= HORIZON:
            shared[band.campaign].append(band)
    found: list[tuple[tuple[int, float, int, int, bytes], Join, Likeness]] = []
    for name in sorted(shared, key=lambda name: (-len(shared[name]), name))[:CANDIDATES]:
        like = compare(fingerprint, campaigns[name], shared[name], arrival.at)
        join = score(like)
        if join.joined:
            rank = (_RANK[join.rule], -like.text, -len(shared[name]), campaigns[name].opened_at, name)
            found.append((rank, join, like))
    if not found:
        return _opened(fingerprint, arrival)
    found.sort(key=lambda one: one[0])
    (*_, name), join, like = found[0]
    campaign, renewed = _grown(campaigns[name], fingerprint, like.text, arrival.at)
    return Placement(campaign, renewed, False, join.rule, join.why, tuple(rank[-1] for rank, *_ in found[1:]))


_RANK = {rule.name: at for at, rule in enumerate(JOINS)}


def _opened(fingerprint: Fingerprint, arrival: Arrival) -> Placement:
    # What answers somebody is found by nothing: no mailing is like it, whatever it quotes.
    at, tokens = arrival.at, () if fingerprint.conversation else fingerprint.tokens[:TOKENS]
    campaign = Campaign(arrival.fresh, at, at, at, 1, fingerprint.title, _piece(fingerprint), len(tokens))
    bands = tuple(Band(token, campaign.id, at) for token in tokens)
    return Placement(campaign, bands, True, "", "Opened: nothing alike was seen within a month.")


def _grown(campaign: Campaign, fingerprint: Fingerprint, text: float, at: Instant) -> tuple[Campaign, tuple[Band, ...]]:
    """The campaign with one message more, and the bands to add or renew; a text much like a known one adds none."""
    evidence, sketches = fingerprint.evidence, campaign.sketches
    if fingerprint.bands and text < NEW_TEXT and len(sketches) < SKETCHES * _PIECE:
        evidence, sketches = fingerprint.tokens, sketches + _piece(fingerprint)
    evidence = evidence[: max(TOKENS - campaign.tokens, 0)]
    grown = replace(
        campaign,
        first_at=min(campaign.first_at, at),
        last_at=max(campaign.last_at, at),
        messages=campaign.messages + 1,
        sketches=sketches,
        tokens=campaign.tokens + len(evidence),
    )
    return grown, tuple(Band(token, campaign.id, at) for token in evidence)


class Index(Protocol):
    """Where campaigns are looked up. What `remember` returned from is found by every later call, also after a crash."""

    def lookup(self, tokens: Sequence[bytes], at: Instant) -> Sequence[Band]:
        """The rows with one of these tokens and a `seen_at` within HORIZON of `at`: the newest COMMON + 1 a token."""

    def campaign(self, name: bytes) -> Campaign:
        """The campaign that a row of `lookup` names."""

    def remember(self, campaign: Campaign, bands: Sequence[Band]) -> None:
        """Keep the campaign and its bands, all or nothing; a band that is there already only gets its `seen_at`."""


class MemoryIndex:
    """An Index for one run: everything in memory, about 6 kB a campaign. Of one token the newest KEPT rows stay."""

    def __init__(self) -> None:
        self._campaigns: dict[bytes, Campaign] = {}
        self._seen: dict[bytes, dict[bytes, int]] = {}

    def lookup(self, tokens: Sequence[bytes], at: Instant) -> Sequence[Band]:
        """As the port promises, as far as rows were kept."""
        found: list[Band] = []
        for token in tokens:
            if rows := self._seen.get(token):
                near = [(seen, name) for name, seen in rows.items() if abs(at - seen) <= HORIZON]
                if len(near) > COMMON:
                    near = sorted(near, reverse=True)[: COMMON + 1]
                found += [Band(token, name, seen) for seen, name in near]
        return found

    def campaign(self, name: bytes) -> Campaign:
        """As the port promises."""
        return self._campaigns[name]

    def remember(self, campaign: Campaign, bands: Sequence[Band]) -> None:
        """As the port promises."""
        self._campaigns[campaign.id] = campaign
        for band in bands:
            rows = self._seen.setdefault(band.token, {})
            rows[band.campaign] = max(band.seen_at, rows.pop(band.campaign, band.seen_at))
            if len(rows) > KEPT:
                del rows[next(iter(rows))]


class Grouper:
    """Places messages one by one, in the order given, over an Index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def place(self, fingerprint: Fingerprint, arrival: Arrival) -> Placement:
        """Look up, decide, remember. When `remember` raises nothing was placed."""
        bands = self._index.lookup(lookup(fingerprint), arrival.at)
        campaigns = {name: self._index.campaign(name) for name in {band.campaign for band in bands}}
        placement = place(fingerprint, bands, campaigns, arrival)
        self._index.remember(placement.campaign, placement.bands)
        return placement
