"""Campaigns as a store keeps them, and how a message compares with one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from struct import pack, unpack_from
from typing import NamedTuple

from antiphon.campaign.fingerprint import MARKS, Fingerprint
from antiphon.campaign.keyed import FEW_WORDS, FIGURES, MARK, SLOTS, VOCABULARY_SLOTS
from antiphon.campaign.likeness import WAVE_GAP, Likeness
from antiphon.terms import Instant

SKETCHES = 8
"""Texts remembered of one campaign."""
TOKENS = 1_000
"""Tokens remembered of one campaign."""
NAME = 16
"""Bytes of a campaign's name."""
TEXT_NAME = 8
"""Bytes by which one remembered text is named."""
HAND = 4
"""Bytes by which one is told from another who changed a campaign."""
HANDS = 64
"""Changes of one campaign of which it is remembered who made them, the latest."""
OF_ONE = 2
"""Changes that the reports of one member may make to a campaign: a text, tokens or a part of it that are new. What they
bring beyond that is in the campaign, and changes nothing: no one mailbox leads it elsewhere."""

_HEAD = 4
_WORDS_BITS, _NUMBERS_BITS = 12, 6
"""Of the two halves of a head; what is left of them, 14 bits, says who vouches."""
PIECE = _HEAD + MARKS * MARK + SLOTS + VOCABULARY_SLOTS + 2 * FIGURES
"""Bytes of one remembered text."""


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
    other; `tokens`: how many tokens it was given. `merged_into`: the campaign that this one turned out to be a part of.
    `parts`: the names of those that a person split off, one behind the other: what was found by it before is found by
    them too. `hands`: who changed it, HAND bytes each.
    """

    id: bytes
    opened_at: int
    first_at: int
    last_at: int
    messages: int
    title: str
    sketches: bytes
    tokens: int
    merged_into: bytes | None = None
    parts: bytes = b""
    hands: bytes = b""


@dataclass(frozen=True, slots=True)
class Apart:
    """A person's word that two campaigns are never one; `one` is the smaller name. Only a person takes it back."""

    one: bytes
    other: bytes
    at: int


def merged(large: Campaign, small: Campaign, hand: bytes = b"") -> Campaign:
    """Both as one, under the name of the first; where a report by `hand` showed it, the texts of the second are its
    word alone."""
    room = SKETCHES * PIECE - len(large.sketches)
    texts = b"".join(_by(piece, hand) for piece in _pieces(small.sketches)) if hand else small.sketches
    return replace(
        large,
        first_at=min(large.first_at, small.first_at),
        last_at=max(large.last_at, small.last_at),
        messages=large.messages + small.messages,
        sketches=large.sketches + texts[:room],
        tokens=min(large.tokens + small.tokens, TOKENS),
        parts=large.parts + small.parts,
        hands=(large.hands + small.hands)[-HANDS * HAND :],
    )


def hand_of(member: bytes) -> bytes:
    """Whose report it is, as campaigns remember it."""
    return blake2b(member, digest_size=HAND).digest()


def may_change(campaign: Campaign, hand: bytes) -> bool:
    """Whether a report by this hand may change the campaign; an empty one is nobody's, and may."""
    made = (campaign.hands[at : at + HAND] for at in range(0, len(campaign.hands), HAND))
    return not hand or sum(each == hand for each in made) < OF_ONE


def changed(campaign: Campaign, hand: bytes) -> Campaign:
    """The campaign, with a change more by this hand."""
    return replace(campaign, hands=(campaign.hands + hand)[-HANDS * HAND :])


def parts_of(campaign: Campaign) -> tuple[bytes, ...]:
    """The names of the campaigns that a person split off this one."""
    return tuple(campaign.parts[at : at + NAME] for at in range(0, len(campaign.parts), NAME))


def larger_first(one: Campaign, other: Campaign) -> tuple[Campaign, Campaign]:
    """The campaign with more messages first; of equal ones the older."""
    large, small = sorted((one, other), key=lambda each: (-each.messages, each.opened_at, each.id))
    return large, small


def compare(
    fingerprint: Fingerprint, campaign: Campaign, shared: Mapping[Band, int], at: Instant, *, only: bytes = b""
) -> Likeness:
    """The likeness of a message seen `at` and a campaign, by the tokens that they share (each with the number of
    campaigns that carry it) and the remembered texts: those that are no one member's word alone, or the one `only`."""
    rarest, landed, phrases = _rarest(shared, at)
    alike, text = _nearest(fingerprint, _texts(only) if only else _everybodys(campaign.sketches))
    enough = min(text.words, fingerprint.words) >= FEW_WORDS
    mine, theirs = _marks(fingerprint.marks), _marks(text.marks)
    return Likeness(
        gap=max(campaign.first_at - at, at - campaign.last_at, 0),
        landing_age=landed,
        text=alike,
        words=min(text.words, fingerprint.words),
        figures=_overlap(text.figures, fingerprint.figures),
        numbers=min(len(text.figures), len(fingerprint.figures)) // 2,
        vocabulary=_alike(text.vocabulary, fingerprint.vocabulary) if enough else 0.0,
        found_by_text=not rarest.keys().isdisjoint((b"b", b"p", b"t")),
        phrases=phrases,
        contained=_contained(alike, text.words, fingerprint.words),
        same_words=rarest.get(b"t", 0),
        subject=rarest.get(b"s", 0),
        frame=rarest.get(b"f", 0),
        documents=rarest.get(b"a", 0),
        images=rarest.get(b"i", 0),
        logos=rarest.get(b"g", 0),
        landings=rarest.get(b"l", 0),
        accounts=rarest.get(b"k", 0),
        signers=rarest.get(b"d", 0),
        same_structure=mine.structure == theirs.structure,
        same_author=_same(mine.author, theirs.author),
        other_subject=mine.subject != theirs.subject,
        other_account=_other(mine.account, theirs.account),
        other_landing=bool(mine.landings and theirs.landings and mine.landings.isdisjoint(theirs.landings)),
        conversation=fingerprint.conversation,
    )


def _rarest(shared: Mapping[Band, int], at: Instant) -> tuple[dict[bytes, int], int, float]:
    """Of each kind of token the fewest carriers; how long ago a landing was seen; how many phrases, the rare ones in
    full."""
    rarest: dict[bytes, int] = {}
    landed, phrases = WAVE_GAP, 0.0
    for band, carriers in shared.items():
        kind = band.token[:1]
        rarest[kind] = min(carriers, rarest.get(kind, carriers))
        if kind == b"l":
            landed = min(landed, abs(at - band.seen_at))
        elif kind == b"p":
            phrases += 1 / carriers
    return rarest, landed, phrases


class _Marks(NamedTuple):
    """The marks of a fingerprint by their names."""

    author: bytes
    account: bytes
    subject: bytes
    structure: bytes
    landings: frozenset[bytes]


@lru_cache(maxsize=4096)  # a message is compared with several campaigns, and they with the next one
def _marks(marks: bytes) -> _Marks:
    author, account, subject, structure, *landings = (marks[at : at + MARK] for at in range(0, MARKS * MARK, MARK))
    return _Marks(author, account, subject, structure, frozenset(landings) - {_NO_MARK, b""})


_NO_MARK = bytes(MARK)


def _same(one: bytes, other: bytes) -> bool:
    return one == other and one.strip(b"\0") != b""


def _other(one: bytes, other: bytes) -> bool:
    return one != other and one.strip(b"\0") != b"" and other.strip(b"\0") != b""


@dataclass(frozen=True, slots=True)
class _Text:
    """One remembered text: how many words, the marks of its message, the sketches, the numbers in it. `by`: the one
    member whose word it is that this text is of the campaign; 0 where it is more than that."""

    words: int
    marks: bytes
    sketch: bytes
    vocabulary: bytes
    figures: bytes
    by: int = 0


_NOTHING = _Text(0, b"", bytes(SLOTS), bytes(VOCABULARY_SLOTS), b"")


@lru_cache(maxsize=1024)  # the campaigns that are met now are met again
def _texts(sketches: bytes) -> tuple[_Text, ...]:
    texts = []
    for at in range(0, len(sketches), PIECE):
        words, numbers, by = _head(sketches, at)
        sketch_at = at + _HEAD + MARKS * MARK
        vocabulary_at = sketch_at + SLOTS
        figures_at = vocabulary_at + VOCABULARY_SLOTS
        texts.append(
            _Text(
                words,
                sketches[at + _HEAD : sketch_at],
                sketches[sketch_at:vocabulary_at],
                sketches[vocabulary_at:figures_at],
                sketches[figures_at : figures_at + 2 * numbers],
                by,
            )
        )
    return tuple(texts)


def _everybodys(sketches: bytes) -> Sequence[_Text]:
    texts = _texts(sketches)
    return [text for text in texts if not text.by] if any(text.by for text in texts) else texts


def piece_of(fingerprint: Fingerprint) -> bytes:
    """What is remembered of a message: PIECE bytes."""
    head = pack(">HH", fingerprint.words, len(fingerprint.figures) // 2)
    marks = fingerprint.marks.ljust(MARKS * MARK, b"\0")
    sketches = (fingerprint.sketch or bytes(SLOTS)) + (fingerprint.vocabulary or bytes(VOCABULARY_SLOTS))
    return head + marks + sketches + fingerprint.figures.ljust(2 * FIGURES, b"\0")


def said_by(fingerprint: Fingerprint, hand: bytes) -> bytes:
    """What is remembered of a message whose text is this member's word alone; everybody's for an empty hand."""
    return _by(piece_of(fingerprint), hand)


def vouched(sketches: bytes, hand: bytes, belongs: Callable[[bytes], bool]) -> bytes:
    """The remembered texts, of which those that another member's word alone stands for are everybody's where `belongs`
    says so of them."""
    return b"".join(
        _by(piece, b"") if _head(piece)[2] not in {0, _tag(hand)} and belongs(piece) else piece
        for piece in _pieces(sketches)
    )


def nearness(fingerprint: Fingerprint, sketches: bytes, *, everybodys: bool = False) -> float:
    """How much the text of a message is like the most alike of the remembered ones, or of those that are everybody's;
    0 where there is nothing to compare."""
    return max(_nearest(fingerprint, _everybodys(sketches) if everybodys else _texts(sketches))[0], 0.0)


def texts_of(campaign: Campaign) -> dict[bytes, bytes]:
    """The remembered texts of a campaign as everybody's, each by its name."""
    pieces = (_by(piece, b"") for piece in _pieces(campaign.sketches))
    return {blake2b(piece, digest_size=TEXT_NAME).digest(): piece for piece in pieces}


def _pieces(sketches: bytes) -> Iterator[bytes]:
    return (sketches[at : at + PIECE] for at in range(0, len(sketches), PIECE))


def _head(sketches: bytes, at: int = 0) -> tuple[int, int, int]:
    """Words, numbers, and who alone says that this text is of the campaign."""
    words, numbers = unpack_from(">HH", sketches, at)
    by = words >> _WORDS_BITS << (16 - _NUMBERS_BITS) | numbers >> _NUMBERS_BITS
    return words & ~(~0 << _WORDS_BITS), numbers & ~(~0 << _NUMBERS_BITS), by


def _by(piece: bytes, hand: bytes) -> bytes:
    """The text as this member's word alone; as everybody's for an empty hand."""
    words, numbers, _ = _head(piece)
    by = _tag(hand)
    high, low = by >> (16 - _NUMBERS_BITS), by & ~(~0 << (16 - _NUMBERS_BITS))
    return pack(">HH", words | high << _WORDS_BITS, numbers | low << _NUMBERS_BITS) + piece[_HEAD:]


def _tag(hand: bytes) -> int:
    """14 bits of a hand, never 0; 0 for nobody's."""
    return int.from_bytes(hand, "big") % 16_383 + 1 if hand else 0


def text_of(fingerprint: Fingerprint, campaign: Campaign) -> bytes | None:
    """The name of the remembered text that a message of this campaign is most like; where there is no text to compare,
    one with the same marks. None where nothing is remembered."""
    mine, best, name = fingerprint.marks, (-1.0, -1), None
    for each, piece in texts_of(campaign).items():
        (text,) = _texts(piece)
        enough = min(text.words, fingerprint.words) >= FEW_WORDS
        alike = _alike(text.sketch, fingerprint.sketch) if enough else 0.0
        same = sum(mine[at : at + MARK] == text.marks[at : at + MARK] for at in range(0, len(mine), MARK))
        if (alike, same) > best:
            best, name = (alike, same), each
    return name


def _alike(one: bytes, other: bytes) -> float:
    """The share of equal places of two sketches, all in one go: in the difference a byte is zero where they agree."""
    low = _LOW_BITS[len(one)]
    differ = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return 1 - ((((differ & low) + low) | differ) & ~low).bit_count() / len(one)


_LOW_BITS = {size: int.from_bytes(b"\x7f" * size, "big") for size in (SLOTS, VOCABULARY_SLOTS)}


def _contained(alike: float, one: int, other: int) -> float:
    """How much of the shorter text stands in the longer one, by their likeness and lengths."""
    return min(alike / (1 + alike) * (one + other) / max(min(one, other), 1), 1.0)


def _nearest(fingerprint: Fingerprint, texts: Sequence[_Text]) -> tuple[float, _Text]:
    """The remembered text that is most like the message's, and how much."""
    best = (-1.0, texts[0]) if texts else (0.0, _NOTHING)
    for text in texts:
        enough = min(text.words, fingerprint.words) >= FEW_WORDS
        alike = _alike(text.sketch, fingerprint.sketch) if enough else 0.0
        if alike > best[0]:
            best = (alike, text)
    return best


def _overlap(one: bytes, other: bytes) -> float:
    """How much of the numbers of either text stands in both; of long lists the smallest digests decide."""
    mine = {one[at : at + 2] for at in range(0, len(one), 2)}
    yours = {other[at : at + 2] for at in range(0, len(other), 2)}
    either = sorted(mine | yours)[:FIGURES]
    return sum(figure in mine and figure in yours for figure in either) / len(either) if either else 1.0
