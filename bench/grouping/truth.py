"""Silver truth on real mail: pairs that one strong, plain fact says are of one mailing. A lower bound, and known so.

Four facts: the same account field of a sending service, the same attached file of 2 kB or more, a landing domain in
common, the same masked text; each within 14 days, which is as long as a wave may be silent. Account fields and landing
domains count only where they are nobody's shared place: seen over no longer than SHORT_LIVED in the whole corpus, and
domains not linked from ham.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from bench.grouping.gold import Mail
from bench.grouping.pairs import Rows, rows_of
from bench.grouping.reading import Read

DAY = 86_400
WAVE = 14 * DAY
SHORT_LIVED = 45 * DAY
FEWEST_CHARACTERS = 40
"""A masked text of fewer says nothing."""


def by_value(values: Sequence[Iterable[object]]) -> Rows:
    """Pairs with at least one value in common."""
    holders: dict[object, int] = defaultdict(int)
    for at, mine in enumerate(values):
        for value in mine:
            holders[value] |= 1 << at
    rows = []
    for at, mine in enumerate(values):
        row = 0
        for value in mine:
            row |= holders[value]
        rows.append(row & ~(1 << at))
    return rows


def masked_text(reads: Sequence[Read]) -> Rows:
    """Pairs with the same masked text."""
    return rows_of([masked_key(read) for read in reads])


def masked_key(read: Read) -> bytes | None:
    """What stands for the masked text of one message; None for next to none."""
    text = read.masked
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() if len(text) >= FEWEST_CHARACTERS else None


def own(values: Sequence[Iterable[str]], mails: Sequence[Mail], shared: Iterable[str] = ()) -> list[tuple[str, ...]]:
    """Of the values of each message those that are nobody's shared place."""
    common = set(shared)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for mine, mail in zip(values, mails, strict=True):
        for value in mine:
            first[value] = min(mail.at, first.get(value, mail.at))
            last[value] = max(mail.at, last.get(value, mail.at))
    kept = {value for value in first if value not in common and last[value] - first[value] <= SHORT_LIVED}
    return [tuple(value for value in mine if value in kept) for mine in values]


def within_wave(mails: Sequence[Mail]) -> Rows:
    """Pairs that came within 14 days."""
    order = sorted(range(len(mails)), key=lambda at: mails[at].at)
    begin = end = window = 0
    near = [0] * len(mails)
    for at in order:
        while end < len(order) and mails[order[end]].at <= mails[at].at + WAVE:
            window |= 1 << order[end]
            end += 1
        while mails[order[begin]].at < mails[at].at - WAVE:
            window &= ~(1 << order[begin])
            begin += 1
        near[at] = window
    return near


def truths(reads: Sequence[Read], mails: Sequence[Mail], ham: Iterable[Read], *, ever: bool = False) -> dict[str, Rows]:
    """The pairs of each fact, by the kind of evidence that is hidden from the engine for it.

    `ever`: the same file, account or text counts over any time, not only within a wave.
    """
    near = within_wave(mails)
    innocent = {domain for read in ham for domain in read.links}
    facts = {
        "account": by_value(own([read.accounts for read in reads], mails)),
        "attachment": by_value([read.files for read in reads]),
        "landing": by_value(own([read.links for read in reads], mails, innocent)),
        "text": masked_text(reads),
    }
    return {
        kind: rows if ever and kind != "landing" else [row & here for row, here in zip(rows, near, strict=True)]
        for kind, rows in facts.items()
    }


def same_text(reads: Sequence[Read]) -> Rows:
    """Pairs whose masked text does not differ: those without any included."""
    return rows_of([masked_key(read) or b"" for read in reads])
