"""What must not happen in real streams: ham in campaigns, another campaign for another order, a wrong addressee."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from random import Random

from antiphon.errors import MalformedInput
from antiphon.formats.message import parse_message
from antiphon.node import rulebook
from antiphon.optout.inspection import inspect_message
from antiphon.settings import Settings
from antiphon.terms import Instant
from bench.grouping import ours
from bench.grouping.corpora import HAM
from bench.grouping.gold import Mail
from bench.grouping.pairs import ari
from bench.grouping.reading import read
from bench.grouping.truth import WAVE, masked_key


@dataclass(frozen=True, slots=True)
class Ham:
    """One kind of ham in the stream: how many there are, in a campaign with unwanted mail, and in one with anything.

    `disputed`: of those with unwanted mail, the ones whose own masked text the corpus labels unwanted as well, within a
    wave in the same campaign. There the labels contradict each other: one of them is wrong, whatever a grouping does.
    """

    kind: str
    messages: int
    with_spam: int
    with_any: int
    disputed: int = 0


def ham_among(mails: Sequence[Mail], labels: Sequence[Hashable]) -> list[Ham]:
    """What became of the ham; whose label is None is in no campaign."""
    size = Counter(label for label in labels if label is not None)
    spam: dict[Hashable, int] = defaultdict(int)
    for mail, label in zip(mails, labels, strict=True):
        spam[label] += mail.truth not in HAM
    found = []
    for kind in HAM:
        mine = [label for mail, label in zip(mails, labels, strict=True) if mail.truth == kind and label is not None]
        messages = sum(mail.truth == kind for mail in mails)
        with_spam, with_any = sum(spam[at] > 0 for at in mine), sum(size[at] > 1 for at in mine)
        found.append(Ham(kind, messages, with_spam, with_any, _disputed(mails, labels, kind)))
    return found


def _disputed(mails: Sequence[Mail], labels: Sequence[Hashable], kind: str) -> int:
    """The ham of one kind beside a copy of it that is labelled unwanted."""
    spam: dict[Hashable, list[Mail]] = defaultdict(list)
    for mail, label in zip(mails, labels, strict=True):
        if label is not None and mail.truth not in HAM:
            spam[label].append(mail)
    count = 0
    for mail, label in zip(mails, labels, strict=True):
        if mail.truth == kind and label in spam and (text := masked_key(read(mail.raw))) is not None:
            copies = (other for other in spam[label] if abs(other.at - mail.at) <= WAVE)
            count += any(masked_key(read(other.raw)) == text for other in copies)
    return count


def order(mails: Sequence[Mail], found: ours.Evidence, shuffles: int, seed: int) -> list[float]:
    """The adjusted Rand index between the true order of arrival and each shuffle of the same messages."""
    first = _named(ours.placed(found, mails))
    rng, indices = Random(seed), []
    for _ in range(shuffles):
        places = list(range(len(mails)))
        rng.shuffle(places)
        indices.append(ari(first, _named(ours.placed(found, mails, places))))
    return indices


def _named(labels: Sequence[str | None]) -> list[Hashable]:
    return [label if label is not None else f"alone-{at}" for at, label in enumerate(labels)]


@dataclass(frozen=True, slots=True)
class Addressees:
    """Messages of one kind, and those in which a channel to a party that the header names would be opened."""

    kind: str
    messages: int
    reached: int


def addressees(kind: str, mails: Sequence[Mail]) -> Addressees:
    """The worst case: inspected as if each well-formed signature were valid and its member had clicked."""
    rules = rulebook(Settings())
    reached = 0
    for mail in mails:
        view = inspect_message(mail.raw, kind, rules, keys=None, now=Instant(mail.at * 1_000_000))
        channels = view["channels"]
        assert isinstance(channels, list)
        reached += any(channel["usable"] or channel["on_click"] for channel in channels)
    return Addressees(kind, len(mails), reached)


def names_no_scheme(mail: Mail) -> bool:
    """Whether its List-Unsubscribe holds a value without a scheme, `<word@brand>`."""
    try:
        fields = parse_message(mail.raw).all("list-unsubscribe")
    except MalformedInput:
        return False
    values = [piece.partition(">")[0].strip() for field in fields for piece in field.value.split("<")[1:]]
    return any("@" in value and ":" not in value for value in values)
