"""What it costs to harm a grouping from outside: to weld two campaigns, or to make an innocent party the originator.

Against the defender's interest everything is assumed: the adversary knows every rule and every text, only not the
secret seed, and all of its mail is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from antiphon.node import rulebook
from antiphon.optout.inspection import inspect_message
from antiphon.settings import Settings
from antiphon.terms import Instant
from bench.grouping import ours
from bench.grouping.gold import Mail
from bench.grouping.letter import START, Letter, Sender, write
from bench.grouping.seeds import person, seed
from bench.grouping.wording import TOPICS

AGES = {"young": 2, "grown": 10}
"""Messages of each of the two campaigns before, and after."""
AFTER = 5
BUDGETS = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class Weld:
    """One way to weld: the fewest messages after which later messages of both share a campaign; None for never."""

    way: str
    age: str
    messages: int | None
    tried: int


def _mixed(one: Letter, other: Letter, share: float) -> Letter:
    """A letter that is `share` of the other's and the rest of one's; links, sender and account of both ends."""
    mine = one.paragraphs[round(len(one.paragraphs) * share) :]
    yours = other.paragraphs[: round(len(other.paragraphs) * share)]
    return replace(
        one if share < 0.5 else other, paragraphs=(*mine, *yours), links=(*one.links, *other.links), layout="newsletter"
    )


def _halves(one: Letter, other: Letter, count: int) -> Iterator[Letter]:
    """All the same: half of each text, the links of both."""
    for _ in range(count):
        yield _mixed(one, other, 0.5)


def _ladder(one: Letter, other: Letter, count: int) -> Iterator[Letter]:
    """Steps from one text to the other, word by word."""
    mine, yours = (" ".join(letter.paragraphs).split() for letter in (one, other))
    length = max(len(mine), len(yours))
    for step in range(1, count + 1):
        at = length * step // (count + 1)
        text = " ".join((*yours[:at], *mine[at:]))
        yield replace(one if 2 * step < count else other, paragraphs=(text,), links=(*one.links, *other.links))


def _both(one: Letter, other: Letter, count: int) -> Iterator[Letter]:
    """All the same: both whole texts, one below the other, with the links and the attachments of both."""
    for _ in range(count):
        yield replace(one, paragraphs=(*one.paragraphs, *other.paragraphs), links=(*one.links, *other.links))


def _forged(one: Letter, other: Letter, count: int) -> Iterator[Letter]:
    """One's text under the other's sender, subject, account and links, and the reverse, in turn."""
    for step in range(count):
        a, b = (one, other) if step % 2 else (other, one)
        yield replace(a, sender=b.sender, subject=b.subject, links=b.links, action=b.action)


WAYS: dict[str, Callable[[Letter, Letter, int], Iterator[Letter]]] = {
    "half of each text, links of both": _halves,
    "a ladder of texts from one to the other": _ladder,
    "both texts one below the other": _both,
    "the text of one under the sender, subject and links of the other": _forged,
}


def welds(seed_: int) -> list[Weld]:
    """Every way against young campaigns and grown ones, with growing budgets until it works or they are spent."""
    rng = Random(seed_)
    one, other = (seed(topic, 0, rng) for topic in (TOPICS[0], TOPICS[2]))
    one = replace(one, sender=replace(one.sender, account="a:1:x"))
    found = []
    for way, make in WAYS.items():
        for age, before in AGES.items():
            spent = (b for b in BUDGETS if _welded(one, other, list(make(one, other, b)), before))
            found.append(Weld(way, age, next(spent, None), BUDGETS[-1]))
    return found


def _welded(one: Letter, other: Letter, injected: Sequence[Letter], before: int) -> bool:
    """Whether, after these, any later genuine message of one is with any later genuine one of the other."""
    rng = Random(len(injected))
    stream = [*(one, other) * before, *injected, *(one, other) * AFTER]
    mails = [
        Mail(write(replace(letter, to=person(rng), at=at * 600), rng), START + at * 600, "")
        for at, letter in enumerate(stream)
    ]
    after = ours.placed(ours.evidence_of(mails), mails)[-2 * AFTER :]
    return not set(after[::2]).isdisjoint(after[1::2])


INNOCENT = "innocent-brand.example"


@dataclass(frozen=True, slots=True)
class Framing:
    """One way to have an innocent party asked: how many of how many messages made it the originator or opened it."""

    way: str
    named: int
    tried: int


def _fake(way: str, rng: Random) -> bytes:
    letter = seed(rng.choice(TOPICS), 0, rng)
    own = letter.sender.domain
    opt_out = f"<https://{INNOCENT}/u/{rng.getrandbits(64):x}>"
    headers = (("List-Unsubscribe", opt_out), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    signed = Sender("Innocent", "news", INNOCENT, own, "s1")
    letter = replace(letter, sender=signed, headers=headers, to=person(rng))
    raw = write(replace(letter, at=rng.randrange(10**6)), rng)
    covered = b"h=from:to:subject:date:list-unsubscribe:list-unsubscribe-post;"
    raw = raw.replace(b"h=from:to:subject:date;", covered)
    if way == CONTROL:
        return raw.replace(f"d={own};".encode(), f"d={INNOCENT};".encode())
    if way == "own From, the innocent's links and opt-out address":
        return raw.replace(b"<news@" + INNOCENT.encode(), b"<news@" + own.encode())
    if way == "two From fields, one of them forged":
        return raw.replace(b"\nTo: ", f'\nFrom: "x" <x@{own}>\nTo: '.encode(), 1)
    if way == "the innocent's name before an own address":
        return raw.replace(b"<news@" + INNOCENT.encode() + b">", f'" news@{INNOCENT} <x@{own}>'.encode())
    if way == "a scheme-less value that names the innocent":
        return raw.replace(opt_out.encode(), f"<word@{INNOCENT}>".encode())
    return raw


CONTROL = "control: the innocent itself, signed by itself"
FRAMINGS = (
    CONTROL,
    "forged From, an own signature over it",
    "own From, the innocent's links and opt-out address",
    "two From fields, one of them forged",
    "the innocent's name before an own address",
    "a scheme-less value that names the innocent",
)


def framings(seed_: int, tries: int) -> list[Framing]:
    """Every way, and the control that shows that the question can be answered yes.

    Each message is inspected as if the adversary's own signature were valid and a member had clicked.
    """
    rules, found = rulebook(Settings()), []
    for way in FRAMINGS:
        rng, named = Random(seed_), 0
        for _ in range(tries):
            view = inspect_message(_fake(way, rng), way, rules, keys=None, now=Instant((START + 10**7) * 1_000_000))
            channels = view["channels"]
            assert isinstance(channels, list)
            opened = [c for c in channels if c["usable"] or c["on_click"]]
            named += INNOCENT in str(view["originator"] or "") or any(INNOCENT in str(c["destination"]) for c in opened)
        found.append(Framing(way, named, tries))
    return found
