"""How alike a message and a campaign are, and whether that is enough: evidence in bits, explained in a sentence.

A false merge attributes mail to the wrong party; a false split costs at most one more first notice. Each kind of
evidence has a weight: the binary logarithm of how much more often it agrees in two mails of one mailing than in two
strangers (Fellegi and Sunter, 1969). The weights stand for a token that one campaign carries; each doubling of the
carriers takes a bit away, so the stream itself says what is rare. Nothing joins without something a person sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import log2

from antiphon.campaign.keyed import FEW_WORDS
from antiphon.terms import DAY

WAVE_GAP = 14 * DAY
"""A campaign that was silent for longer is over; what follows is another one."""
NEAR = 3 * DAY
"""A landing domain counts in full for this long after it was last seen in the campaign, and not at all after a wave."""
ENOUGH = 18.0
"""Bits that make a join: odds of 1,000 to 1 against a chance candidate, and of 200 to 1 for the join."""
TEXT_WORDS = 40
"""A text of fewer words weighs less, in proportion, and never joins on its text alone."""
SAME_TEXT = 0.80
"""Texts as alike as this are the same template."""
OTHER_TEXT_BITS = -6.0
"""Of two texts that share nothing."""
ISSUE_TEXT = 0.85
"""By one author, texts less alike than this are two issues of a newsletter, or two alerts."""
SEVERAL_FIGURES = 3
SAME_FIGURES = 0.50
UNFOUND_TEXT = 6.0
"""Most that a text weighs whose every band is common: what is alike is what many mails carry."""

_TEXT_BITS = ((0.08, 0.0), (0.20, 9.0), (0.30, 13.0), (0.50, 17.0), (0.65, 19.0), (SAME_TEXT, 21.0), (1.0, 22.0))
_VOCABULARY_BITS = ((0.04, 0.0), (0.10, 3.0), (0.20, 5.0), (0.40, 6.0), (1.0, 6.0))
_BOTH = 0.5
"""Words and their order depend on each other: of the weaker one this part counts."""


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
    found_by_text: bool = False
    same_words: int = 0
    subject: int = 0
    frame: int = 0
    documents: int = 0
    images: int = 0
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

    `seen`: a person sees it; the rest may be rented by anybody who sends through the same service.
    """

    name: str
    seen: bool
    bits: Callable[[Likeness], float]
    says: Callable[[Likeness], str]


@dataclass(frozen=True, slots=True)
class Veto:
    """What keeps apart whatever else agrees."""

    name: str
    holds: Callable[[Likeness], bool]
    says: Callable[[Likeness], str]


def _rare(bits: float, carriers: int) -> float:
    return bits - log2(carriers) if carriers else 0.0


def _weight(alike: float, table: tuple[tuple[float, float], ...]) -> float:
    """Bits by the straight lines between the points of a table."""
    for (low, least), (high, most) in pairwise(table):
        if alike <= high:
            return least + (most - least) * max(alike - low, 0.0) / (high - low)
    return table[-1][1]


def _text(like: Likeness) -> float:
    if like.words < FEW_WORDS:
        return 0.0
    share = min(like.words / TEXT_WORDS, 1.0)
    text, vocabulary = _weight(like.text, _TEXT_BITS), _weight(like.vocabulary, _VOCABULARY_BITS)
    if not text and not vocabulary:
        return OTHER_TEXT_BITS * share
    text = text if like.found_by_text else min(text, UNFOUND_TEXT)
    return (max(text, vocabulary) + _BOTH * min(text, vocabulary)) * share


def _says_text(like: Likeness) -> str:
    if _weight(like.text, _TEXT_BITS) >= _weight(like.vocabulary, _VOCABULARY_BITS):
        return f"{round(like.text * 100)} % of the visible text is alike"
    return f"{round(like.vocabulary * 100)} % of the longer words are the same"


def _landing(like: Likeness) -> float:
    left = 1 - max(like.landing_age - NEAR, 0) / (WAVE_GAP - NEAR)
    return max(_rare(10.0, like.landings) * left, 0.0) if like.landings else (-6.0 if like.other_landing else 0.0)


def _days(like: Likeness) -> str:
    days = -(-like.landing_age // DAY)
    return "on the same day" if days == 0 else "within a day" if days == 1 else f"within {days} days"


EVIDENCE: tuple[Evidence, ...] = (
    Evidence("copy", True, lambda like: _rare(8.0, like.same_words), lambda like: "all visible words are the same"),
    Evidence("text", True, _text, _says_text),
    Evidence("file", True, lambda like: _rare(12.0, like.documents), lambda like: "the same file is attached"),
    Evidence("picture", False, lambda like: _rare(9.0, like.images), lambda like: "the same picture is attached"),
    Evidence("landing", False, _landing, lambda like: f"the landing domain is the same {_days(like)}"),
    Evidence(
        "subject",
        True,
        lambda like: _rare(7.0, like.subject) if like.subject else -1.0 * like.other_subject,
        lambda like: "the subject is the same but for names and numbers",
    ),
    Evidence("frame", False, lambda like: _rare(7.0, like.frame), lambda like: "the page frame is the same"),
    Evidence(
        "account",
        False,
        lambda like: _rare(6.0, like.accounts) if like.accounts else -6.0 * like.other_account,
        lambda like: "the account at the sending service is the same",
    ),
    Evidence("author", False, lambda like: 4.0 * like.same_author, lambda like: "the author's address is the same"),
    Evidence("signer", False, lambda like: _rare(3.0, like.signers), lambda like: "the signing key is the same"),
    Evidence(
        "structure",
        False,
        lambda like: 3.0 if like.same_structure else -1.0,
        lambda like: "the header is built the same way",
    ),
    Evidence(
        "figures",
        True,
        lambda like: -2.0 * _other_figures(like),
        lambda like: "the numbers in the text are the same",
    ),
)


def _other_figures(like: Likeness) -> bool:
    return like.numbers >= SEVERAL_FIGURES and like.figures < SAME_FIGURES


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
        lambda like: like.same_author and _other_figures(like),
        lambda like: "the words are those of a form, and the numbers in it are others",
    ),
    Veto(
        "issue",
        lambda like: like.same_author and like.words >= FEW_WORDS and like.text < ISSUE_TEXT,
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


def score(like: Likeness) -> Join:
    """Whether a message belongs to a campaign: no veto, enough bits, and something that a person sees among them."""
    for veto in VETOES:
        if veto.holds(like):
            return Join(False, veto.name, f"Kept apart: {veto.says(like)}.")
    weighed = [(kind.bits(like), kind) for kind in EVIDENCE]
    bits = sum(weight for weight, _ in weighed)
    strong = sorted((one for one in weighed if one[0] > 0), key=lambda one: -one[0])[:SAID]
    if bits < ENOUGH or not any(kind.seen and weight >= 3.0 for weight, kind in strong):
        return Join(False, "", "Kept apart: too little in common.", bits)
    said = [kind.says(like) for _, kind in strong]
    sentence = ", and ".join([", ".join(said[:-1]), said[-1]]) if len(said) > 1 else said[0]
    return Join(True, "+".join(kind.name for _, kind in strong), sentence[0].upper() + sentence[1:] + ".", bits)
