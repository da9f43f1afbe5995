"""How alike a message and a campaign are, and whether that is enough: evidence in bits, explained in a sentence.

A false merge attributes mail to the wrong party; a false split costs at most one more first notice. Each kind of
evidence has a weight: the binary logarithm of how much more often it agrees in two mails of one mailing than in two
strangers (Fellegi and Sunter, 1969), counted by `bench/grouping/weights.py` in two sorts of strangers: those that have
nothing to do with one another, and those of one trade. What is read in order or word by word weighs the mean of both.
What a sender rents (landing, account, key, frame, the build of a header) weighs half or less of what was counted, for
strangers of one trade rent from one landlord. A weight stands for a token that one campaign carries; each doubling of
the carriers takes a bit away, so the stream itself says what is rare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import log2

from antiphon.campaign.keyed import FEW_WORDS, PHRASES
from antiphon.terms import DAY

WAVE_GAP = 14 * DAY
"""A campaign that was silent for longer is over; what follows is another one."""
NEAR = 3 * DAY
"""A landing domain counts in full for this long after it was last seen in the campaign, and not at all after a wave."""
ENOUGH = 21.0
"""Bits that make a join: odds of some 10,000 to 1 against a chance campaign, and of 200 to 1 for the join."""
SEEN = 14.0
"""Bits of a join that come from what a person sees, at least: all the rest can be rented."""
TEXT_WORDS = 40
"""A text of fewer words weighs less, in proportion, and never joins on its text alone."""
OTHER_TEXT_BITS = -2.0
"""Of two texts that share nothing."""
UNFOUND_TEXT = 6.0
"""Most that a text weighs whose every token is common: what is alike is what many mails carry."""
ISSUE_TEXT = 0.55
"""By one author, texts of which less than this stands in the other are two issues of a newsletter, or two alerts."""
ISSUE_WORDS = 0.45
"""... unless so many of their longer words are the same: then the words were swapped, not the articles."""
SEVERAL_FIGURES = 3
SAME_FIGURES = 0.50
WORDS_A_NUMBER = 8
"""A text with a number for every so many words, or more, is a form that was filled in."""

_Table = tuple[tuple[float, float], ...]
_TEXT: _Table = ((0.03, 0.0), (0.05, 4.0), (0.10, 7.0), (0.20, 10.0), (0.30, 13.0), (0.50, 16.0), (0.80, 20.0))
_PHRASES: _Table = ((0.2, 0.0), (1.0, 7.0), (2.0, 9.0), (3.0, 10.0), (8.0, 14.0), (16.0, 18.0), (32.0, 20.0))
_VOCABULARY: _Table = ((0.06, 0.0), (0.10, 3.0), (0.20, 6.0), (0.30, 8.0), (0.50, 11.0), (1.0, 13.0))
_COPY = 20.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """How one message compares with one campaign.

    For each kind of token: how many campaigns carry the rarest one shared, 0 where none is (common ones are not
    counted). `text` and what follows it compare with the most alike of the remembered texts: `same_*` and `other_*`
    say that both have such a mark, and that it is the same or another one.
    """

    gap: int = 0
    landing_age: int = 0
    text: float = 0.0
    words: int = 0
    vocabulary: float = 0.0
    figures: float = 1.0
    numbers: int = 0
    contained: float = 0.0
    phrases: float = 0.0
    found_by_text: bool = False
    same_words: int = 0
    subject: int = 0
    frame: int = 0
    documents: int = 0
    images: int = 0
    logos: int = 0
    landings: int = 0
    accounts: int = 0
    signers: int = 0
    same_structure: bool = False
    same_author: bool = False
    other_subject: bool = False
    other_account: bool = False
    other_landing: bool = False
    conversation: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """One kind of evidence: what it weighs in bits (below zero where it speaks against), and how it is said.

    `group`: kinds of one group depend on each other, so beside the strongest the others count in part (GROUPS).
    """

    name: str
    group: str
    bits: Callable[[Likeness], float]
    says: Callable[[Likeness], str]


@dataclass(frozen=True, slots=True)
class Veto:
    """What keeps apart whatever else agrees."""

    name: str
    holds: Callable[[Likeness], bool]
    says: Callable[[Likeness], str]


GROUPS = {"content": 0.5, "file": 0.5, "shape": 0.5, "sender": 0.2}
"""Of the weaker kinds of a group this part counts: who has one account has one key, one author and one landing host."""


def _rare(bits: float, carriers: int) -> float:
    return bits - log2(carriers) if carriers else 0.0


def _weight(alike: float, table: _Table) -> float:
    """Bits by the straight lines between the points of a table."""
    for (low, least), (high, most) in pairwise(table):
        if alike <= high:
            return least + (most - least) * max(alike - low, 0.0) / (high - low)
    return table[-1][1]


def _length(like: Likeness) -> float:
    """What part of its weight a text has by its length; nothing where there is none but a footer."""
    return min(like.words / TEXT_WORDS, 1.0) if like.words >= FEW_WORDS else 0.0


def _copy(like: Likeness) -> float:
    return max(_rare(_COPY, like.same_words), 0.0) * _length(like)


def _text(like: Likeness) -> float:
    if not like.found_by_text:
        return min(_weight(like.text, _TEXT), UNFOUND_TEXT) * _length(like)
    return max(_weight(like.text, _TEXT), _weight(like.phrases, _PHRASES)) * _length(like)


def _says_text(like: Likeness) -> str:
    if _weight(like.text, _TEXT) >= _weight(like.phrases, _PHRASES):
        return f"{round(like.text * 100)} % of the visible text is alike"
    return f"{round(like.phrases / PHRASES * 100)} % of the phrases were used in it before"


def _vocabulary(like: Likeness) -> float:
    strange = like.vocabulary < _VOCABULARY[0][0] and like.phrases < 1
    return (OTHER_TEXT_BITS if strange else _weight(like.vocabulary, _VOCABULARY)) * _length(like)


def _subject(like: Likeness) -> float:
    """Beside a text a title; where there is next to no text it is all that a person reads."""
    if not like.subject:
        return -1.0 * like.other_subject
    return _rare(10.0 if like.words >= FEW_WORDS else 14.0, like.subject)


def _picture(like: Likeness) -> float:
    """Beside a text a picture is a logo; where there is next to no text it is what a person sees."""
    return _rare(8.0 if like.words >= FEW_WORDS else 18.0, like.images) or _rare(4.0, like.logos)


def _landing(like: Likeness) -> float:
    left = 1 - max(like.landing_age - NEAR, 0) / (WAVE_GAP - NEAR)
    return max(_rare(10.0, like.landings) * left, 0.0) if like.landings else (-4.0 if like.other_landing else 0.0)


def _account(like: Likeness) -> float:
    return _rare(6.0, like.accounts) if like.accounts else -6.0 * like.other_account


def _days(like: Likeness) -> str:
    days = -(-like.landing_age // DAY)
    return "on the same day" if days == 0 else "within a day" if days == 1 else f"within {days} days"


def _other_figures(like: Likeness) -> bool:
    return like.numbers >= SEVERAL_FIGURES and like.figures < SAME_FIGURES


EVIDENCE: tuple[Evidence, ...] = (
    Evidence("copy", "content", _copy, lambda like: "all visible words are the same"),
    Evidence("text", "content", _text, _says_text),
    Evidence(
        "vocabulary",
        "content",
        _vocabulary,
        lambda like: f"{round(like.vocabulary * 100)} % of the longer words are the same",
    ),
    Evidence("subject", "content", _subject, lambda like: "the subject is the same but for names and numbers"),
    Evidence("figures", "content", lambda like: -2.0 * _other_figures(like), lambda like: "the numbers are the same"),
    Evidence("file", "file", lambda like: _rare(12.0, like.documents), lambda like: "the same file is attached"),
    Evidence("picture", "file", _picture, lambda like: "the same picture is attached"),
    Evidence("frame", "shape", lambda like: _rare(6.0, like.frame), lambda like: "the page frame is the same"),
    Evidence(
        "structure",
        "shape",
        lambda like: 3.0 if like.same_structure else -1.0,
        lambda like: "the header is built the same way",
    ),
    Evidence("landing", "sender", _landing, lambda like: f"the landing domain is the same {_days(like)}"),
    Evidence("account", "sender", _account, lambda like: "the account at the sending service is the same"),
    Evidence("author", "sender", lambda like: 4.0 * like.same_author, lambda like: "the author's address is the same"),
    Evidence("signer", "sender", lambda like: _rare(3.0, like.signers), lambda like: "the signing key is the same"),
)

VETOES: tuple[Veto, ...] = (
    Veto(
        "silent",
        lambda like: like.gap > WAVE_GAP,
        lambda like: f"the campaign was silent for {like.gap // DAY} days",
    ),
    Veto("conversation", lambda like: like.conversation, lambda like: "it answers or patches something"),
    Veto(
        # A bill, an alert or a report is one of its kind: the form is the author's own, the numbers are the message.
        "other-figures",
        lambda like: like.same_author and _other_figures(like) and like.numbers * WORDS_A_NUMBER >= like.words,
        lambda like: "the words are those of a form, and the numbers in it are others",
    ),
    Veto(
        "issue",
        lambda like: (
            like.same_author
            and like.words >= FEW_WORDS
            and like.contained < ISSUE_TEXT
            and like.vocabulary < ISSUE_WORDS
        ),
        lambda like: "it is another issue by the same author",
    ),
)


@dataclass(frozen=True, slots=True)
class Join:
    """The answer for one pair: `why` is a sentence either way; `rule` names the evidence that carried it, strongest
    first, or the veto, or is empty; `bits` is the sum."""

    joined: bool
    rule: str
    why: str
    bits: float = 0.0


SAID = 3
"""Kinds of evidence named in a sentence."""


def _together(weights: list[float], share: float) -> float:
    """The strongest, and a share of the others."""
    return max(weights) * (1 - share) + sum(weights) * share if weights else 0.0


def score(like: Likeness) -> Join:
    """Whether a message belongs to a campaign: no veto, enough bits, and something that a person sees among them."""
    for veto in VETOES:
        if veto.holds(like):
            return Join(False, veto.name, f"Kept apart: {veto.says(like)}.")
    weighed = [(kind.bits(like), kind) for kind in EVIDENCE]
    groups: dict[str, list[float]] = {group: [] for group in GROUPS}
    for weight, kind in weighed:
        if weight > 0:
            groups[kind.group].append(weight)
    totals = {group: _together(weights, GROUPS[group]) for group, weights in groups.items()}
    bits = sum(totals.values()) + sum(weight for weight, _ in weighed if weight < 0)
    if bits < ENOUGH or totals["content"] + totals["file"] < SEEN:
        return Join(False, "", "Kept apart: too little in common.", bits)
    strong = sorted((one for one in weighed if one[0] > 0), key=lambda one: -one[0])[:SAID]
    said = [kind.says(like) for _, kind in strong]
    sentence = ", and ".join([", ".join(said[:-1]), said[-1]]) if len(said) > 1 else said[0]
    return Join(True, "+".join(kind.name for _, kind in strong), sentence[0].upper() + sentence[1:] + ".", bits)
