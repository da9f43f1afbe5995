"""What originators do so that no two copies look alike: eleven operators, each in three strengths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from bench.grouping.letter import HIDING, Letter, is_page
from bench.grouping.seeds import links, name, person, sender
from bench.grouping.wording import FILLER, SYNONYMS

STRENGTHS = (1, 2, 3)
_PAINT = {"a": "\u0430", "c": "\u0441", "e": "\u0435", "o": "\u043e", "p": "\u0440", "x": "\u0445", "i": "\u0456"}
_ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060")
_SYLLABLES = ("ba", "ke", "lo", "mi", "ra", "su", "ti", "vo", "ne", "ga", "fu", "pe", "zy", "cho", "wa", "dri")

Change = Callable[[Letter, int, Random], Letter]


@dataclass(frozen=True, slots=True)
class Operator:
    """A name, what each strength does, and the change itself."""

    name: str
    does: tuple[str, str, str]
    change: Change
    applies: Callable[[Letter], bool] = lambda letter: True


def _personal(letter: Letter, strength: int, rng: Random) -> Letter:
    to, lines = letter.to, list(letter.paragraphs)
    greeting = f"Dear {to.name},"
    if strength >= 2:
        lines[0] = f"{lines[0]} Your customer number is {to.number} and your address with us is {to.address}."
    if strength == 3:
        paid = f"{rng.randrange(10, 999)}.{rng.randrange(10, 99)}"
        lines[1] = f"{to.name.split()[0]}, {lines[1]}"
        lines.append(
            f"Reference {rng.getrandbits(40):010X} of {rng.randrange(1, 29)}.{rng.randrange(1, 13)}.2026 over {paid}"
            f" for {to.name} in {to.city}."
        )
        return replace(letter, greeting=greeting, paragraphs=tuple(lines), subject=f"{to.name}: {letter.subject}")
    return replace(letter, greeting=greeting, paragraphs=tuple(lines))


def _noise_word(rng: Random) -> str:
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randrange(4, 11)))


def _hash_busters(letter: Letter, strength: int, rng: Random) -> Letter:
    lines = list(letter.paragraphs)
    for _ in range((1, 3, 8)[strength - 1]):
        line = " ".join(_noise_word(rng) for _ in range(rng.randrange(4, 10)))
        lines.insert(len(lines) if strength == 1 else rng.randrange(len(lines) + 1), line)
    subject = letter.subject if strength == 1 else f"{letter.subject} {_noise_word(rng)}"
    return replace(letter, paragraphs=tuple(lines), subject=subject)


def filler(rng: Random, words: int) -> str:
    """That many words out of FILLER lines in a random order, with a few words of its own."""
    found: list[str] = []
    while len(found) < words:
        found += [*rng.choice(FILLER).split(), _noise_word(rng)]
    return " ".join(found[:words])


def _hidden(letter: Letter, strength: int, rng: Random) -> Letter:
    tricks = ["display"] if strength == 1 else rng.sample(sorted(HIDING), (3, 6)[strength - 2])
    words = (60, 300, 700)[strength - 1] // len(tricks)
    return replace(letter, hidden=tuple((trick, filler(rng, words)) for trick in tricks))


def _swapped(text: str, share: float, rng: Random) -> str:
    words = []
    for word in text.split():
        others = SYNONYMS.get(word.lower())
        other = rng.choice(others) if others else f"{word}{rng.choice(('s', 'ly', 'ish', 'er'))}"
        words.append(other if rng.random() < share else word)
    return " ".join(words)


def _word_swap(letter: Letter, strength: int, rng: Random) -> Letter:
    share = (0.05, 0.15, 0.30)[strength - 1]
    lines = tuple(_swapped(text, share, rng) for text in letter.paragraphs)
    return replace(letter, paragraphs=lines, subject=_swapped(letter.subject, share, rng))


def _look_alikes(letter: Letter, strength: int, rng: Random) -> Letter:
    share, key = (0.05, 0.30, 1.0)[strength - 1], rng.getrandbits(64)

    def twist(text: str) -> str:
        dice = Random(f"{key}{text}")
        return " ".join(_disguised(word, dice) if dice.random() < share else word for word in text.split(" "))

    return replace(letter, twist=twist, charset="utf-8")


def _disguised(word: str, rng: Random) -> str:
    if rng.random() < 0.5 and len(word) > 2:
        at = rng.randrange(1, len(word))
        return word[:at] + rng.choice(_ZERO_WIDTH) + word[at:]
    return "".join(_PAINT.get(c, c) for c in word)


def _shuffled(letter: Letter, strength: int, rng: Random) -> Letter:
    lines = list(letter.paragraphs)
    if strength == 1:
        at = rng.randrange(len(lines) - 1)
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    elif strength == 2:
        half = len(lines) // 2
        lines[:half] = rng.sample(lines[:half], half)
    else:
        rng.shuffle(lines)
    return replace(letter, paragraphs=tuple(lines))


def _links(letter: Letter, strength: int, rng: Random) -> Letter:
    if strength == 1:
        return replace(
            letter, links=tuple(f"{link}/{rng.getrandbits(48):x}?u={rng.getrandbits(32):x}" for link in letter.links)
        )
    if strength == 2:
        return replace(letter, links=tuple(link.replace("www.", f"{_noise_word(rng)}.", 1) for link in letter.links))
    return replace(letter, links=links(rng, len(letter.links)))


def _sender(letter: Letter, strength: int, rng: Random) -> Letter:
    old = letter.sender
    if strength == 1:
        return replace(letter, sender=replace(old, local=_noise_word(rng), name=f"{old.name} {rng.randrange(99)}"))
    if strength == 2:
        below = f"{_noise_word(rng)}.{old.domain}"
        return replace(letter, sender=replace(old, domain=below, signer=below, selector=_noise_word(rng)))
    return replace(letter, sender=replace(sender(rng, old.name), local=_noise_word(rng)))


def _encoding(letter: Letter, strength: int, rng: Random) -> Letter:
    others = [name for name in ("quoted-printable", "base64", "8bit") if name != letter.encoding]
    changed = replace(letter, encoding=rng.choice(others))
    if strength >= 2:
        changed = replace(
            changed, charset=rng.choice(("iso-8859-1", "windows-1252", "utf-8")), entities=rng.choice((2, 3))
        )
    if strength == 3:
        changed = replace(changed, shape="related" if is_page(letter) else "alternative", entities=1)
    return changed


def foreign(text: str, tongue: str) -> str:
    """`text` in a language that nobody speaks: each word of more than one letter becomes another, always the same one.

    Numbers, links and what begins with a capital inside a sentence (names) stay. For a grouper this is what a
    translation is: every common word is another, the sense is the same.
    """
    words = []
    for place, word in enumerate(text.split(" ")):
        bare = word.strip(".,;:!?()")
        if not bare.isalpha() or len(bare) < 2 or (place and bare[0].isupper()):
            words.append(word)
            continue
        dice = Random(f"{tongue}{bare.lower()}")
        other = "".join(dice.choice(_SYLLABLES) for _ in range(max(1, round(len(bare) / 2.4))))
        words.append(word.replace(bare, other.capitalize() if bare[0].isupper() else other))
    return " ".join(words)


def _translation(letter: Letter, strength: int, rng: Random) -> Letter:
    tongue = rng.choice(("north", "south"))
    lines = list(letter.paragraphs)
    if strength == 1:
        return replace(letter, subject=foreign(letter.subject, tongue), action=foreign(letter.action, tongue))
    count = len(lines) if strength == 3 else len(lines) // 2
    lines[:count] = [foreign(line, tongue) for line in lines[:count]]
    changed = replace(letter, paragraphs=tuple(lines))
    return _translation(changed, 1, rng) if strength == 3 else changed


OPERATORS = (
    Operator(
        "personalisation",
        ("name in the greeting", "and number and address", "and name, figures, city all over, and in the subject"),
        _personal,
    ),
    Operator("hash-busters", ("1 line of noise", "3 lines", "8 lines among the paragraphs"), _hash_busters),
    Operator("hidden filler", ("60 words", "300 words, 3 tricks", "700 words, 6 tricks"), _hidden, is_page),
    Operator("word swap", ("5 % of the words", "15 %", "30 %"), _word_swap),
    Operator("look-alikes", ("5 % of the words", "30 %", "all words"), _look_alikes),
    Operator("paragraph shuffle", ("two swapped", "first half", "all"), _shuffled),
    Operator("link rotation", ("path", "sub-domain", "domain"), _links, lambda letter: len(letter.links) > 0),
    Operator("sender rotation", ("local part", "sub-domain and selector", "domain"), _sender),
    Operator("re-encoding", ("transfer encoding", "and charset, entities", "and MIME shape, all entities"), _encoding),
    Operator("translation", ("subject and button", "half of the text", "all"), _translation),
    Operator(
        "all at once",
        ("strength 1 of each", "strength 2 of each", "strength 3 of each"),
        lambda letter, strength, rng: _all(letter, strength, rng),  # noqa: PLW0108 - it reads this very table
    ),
)


def _all(letter: Letter, strength: int, rng: Random) -> Letter:
    """Every operator but translation, which would leave nothing."""
    for operator in OPERATORS[:9]:
        if operator.applies(letter):
            letter = operator.change(letter, strength, rng)
    return letter


def mutant(letter: Letter, operator: Operator, strength: int, rng: Random) -> Letter:
    """A copy to another person, changed by one operator."""
    return operator.change(replace(letter, to=person(rng)), strength, rng)


__all__ = ["OPERATORS", "STRENGTHS", "Operator", "filler", "foreign", "mutant", "name"]
