"""How alike a message and a campaign are, and the rules that make them one: each with its question and its sentence.

A false merge attributes mail to the wrong party; a false split costs at most one more first notice. So a join needs
strong evidence, or two kinds of it that agree; evidence that many campaigns share was taken out before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from antiphon.campaign.fingerprint import FEW_WORDS
from antiphon.terms import DAY

WAVE_GAP = 14 * DAY
"""A campaign that was silent for longer is over; what follows is another one."""
NEAR = 3 * DAY
"""A landing domain counts for this long after it was last seen in the campaign."""
TEXT_WORDS = 40
"""A text of fewer words never joins on its text alone."""
SAME_TEXT = 0.80
SEVERAL_FIGURES = 3
SAME_FIGURES = 0.50


@dataclass(frozen=True, slots=True)
class Likeness:
    """How one message compares with one campaign. Counts are of evidence that is not common."""

    gap: int
    landing_age: int
    text: float
    words: int
    figures: float
    numbers: int
    wordless: bool
    found_by_text: bool
    same_words: bool
    subject: bool
    frame: bool
    documents: int
    images: int
    landings: int
    accounts: int
    signers: int
    conversation: bool


@dataclass(frozen=True, slots=True)
class JoinRule:
    """One way to belong together, strongest first in JOINS: `holds` decides, `says` explains it in one sentence."""

    name: str
    question: str
    holds: Callable[[Likeness], bool]
    says: Callable[[Likeness], str]


def _alike(like: Likeness) -> str:
    return f"the visible texts are {round(like.text * 100)} % alike"


def _days(like: Likeness) -> str:
    days = -(-like.landing_age // DAY)
    return "the same day" if days == 0 else "1 day" if days == 1 else f"{days} days"


VETOES: tuple[JoinRule, ...] = (
    JoinRule(
        "silent",
        "Was the campaign silent for longer than a wave lasts?",
        lambda like: like.gap > WAVE_GAP,
        lambda like: f"the campaign was silent for {like.gap // DAY} days",
    ),
    JoinRule(
        "conversation",
        "Is it an answer or a patch? They quote what they are about, and go to few.",
        lambda like: like.conversation,
        lambda like: "it answers or patches something",
    ),
    JoinRule(
        "other-figures",
        "Do the numbers differ, in texts with several? A bill, an alert or a report is one of its kind.",
        lambda like: like.numbers >= SEVERAL_FIGURES and like.figures < SAME_FIGURES,
        lambda like: "the words are those of a form, and the numbers in it are others",
    ),
)

JOINS: tuple[JoinRule, ...] = (
    JoinRule(
        "copy",
        "Are all visible words the same, and enough of them?",
        lambda like: like.same_words and like.words >= TEXT_WORDS,
        lambda like: "All visible words are the same.",
    ),
    JoinRule(
        "text",
        "Are two texts of enough words nearly the same?",
        lambda like: like.found_by_text and like.text >= SAME_TEXT and like.words >= TEXT_WORDS,
        lambda like: f"{_alike(like).capitalize()}.",
    ),
    JoinRule(
        "document",
        "Is the same file attached, and does subject or text agree?",
        lambda like: like.documents > 0 and (like.subject or like.text >= SAME_TEXT or like.wordless),
        lambda like: "The same file is attached" + _agreeing(like),
    ),
    JoinRule(
        "image",
        "Is the same picture attached, and does text agree, or subject where there is no text?",
        lambda like: like.images > 0 and (like.text >= SAME_TEXT or (like.wordless and like.subject)),
        lambda like: "The same picture is attached" + _agreeing(like),
    ),
    JoinRule(
        "landing",
        "Is there a landing domain in common within days, and half of the text?",
        lambda like: like.landings > 0 and like.landing_age <= NEAR and like.text >= SAME_TEXT,
        lambda like: f"Same landing domain within {_days(like)}, and {_alike(like)}.",
    ),
    JoinRule(
        "landing-subject",
        "Is there a landing domain in common within days, and the subject, where there is no text to disagree?",
        lambda like: like.landings > 0 and like.landing_age <= NEAR and like.subject and _undisputed(like),
        lambda like: f"Same landing domain within {_days(like)}, and the same subject but for names and numbers.",
    ),
    JoinRule(
        "account",
        "Is it the same customer of a mail service, and half of the text?",
        lambda like: like.accounts > 0 and like.text >= SAME_TEXT,
        lambda like: f"Same account at the sending service, and {_alike(like)}.",
    ),
    JoinRule(
        "frame",
        "Are frame and subject the same, and part of the text?",
        lambda like: like.frame and like.subject and like.text >= SAME_TEXT,
        lambda like: f"Same subject and same page frame, and {_alike(like)}.",
    ),
    JoinRule(
        "short",
        "Are all words of a short text the same, and something else too?",
        lambda like: like.same_words and like.words >= FEW_WORDS and _second(like) != "",
        lambda like: f"All visible words are the same, and so is the {_second(like)}.",
    ),
)


def _agreeing(like: Likeness) -> str:
    if like.text >= SAME_TEXT:
        return f", and {_alike(like)}."
    return ", and the subject is the same." if like.subject else ", and neither has a text of its own."


def _undisputed(like: Likeness) -> bool:
    return like.wordless or like.text >= SAME_TEXT


def _second(like: Likeness) -> str:
    for name, there in (
        ("subject", like.subject),
        ("page frame", like.frame),
        ("landing domain", like.landings > 0),
        ("account at the sending service", like.accounts > 0),
        ("signing domain", like.signers > 0),
    ):
        if there:
            return name
    return ""


@dataclass(frozen=True, slots=True)
class Join:
    """The answer for one pair: `why` is a sentence either way; `rule` names the join rule or the veto, or is empty."""

    joined: bool
    rule: str
    why: str


def score(like: Likeness) -> Join:
    """Whether a message belongs to a campaign: no veto, and at least one of JOINS."""
    for veto in VETOES:
        if veto.holds(like):
            return Join(False, veto.name, f"Kept apart: {veto.says(like)}.")
    for rule in JOINS:
        if rule.holds(like):
            return Join(True, rule.name, rule.says(like))
    return Join(False, "", "Kept apart: too little in common.")
