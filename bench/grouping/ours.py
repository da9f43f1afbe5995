"""The engine under test, called by its public interface only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from antiphon.campaign.fingerprint import Fingerprint, account_keys, claimed_signers, fingerprint
from antiphon.campaign.grouping import Arrival, Grouper, MemoryIndex
from antiphon.campaign.remembered import hand_of
from antiphon.errors import MalformedInput
from antiphon.formats.message import parse_message
from antiphon.formats.robot import robot_of
from antiphon.terms import Identifier, Instant
from bench.grouping.gold import Mail

SEED = b"the open grouping bench, seed 1."
KINDS = {"account": b"k", "attachment": b"aig", "landing": b"l", "text": b"tbp"}
"""Which tokens of a fingerprint are of one kind of evidence, by their first byte."""
MARKS = {"account": slice(4, 8), "landing": slice(16, None)}
"""Where the marks of a fingerprint tell the same."""

Evidence = list[Fingerprint | None]


def evidence(raw: bytes, seed: bytes = SEED) -> Fingerprint | None:
    """The fingerprint of one message as `antiphon group` takes it; None where it takes none."""
    try:
        message = parse_message(raw)
        if robot_of(message) is not None:
            return None
        return fingerprint(message, seed=seed, signers=claimed_signers(message), account_keys=account_keys(message))
    except MalformedInput:
        return None


TEN = "ours, as reports of ten members"


def of_ten(count: int) -> list[bytes]:
    """Whose report each of so many messages is, dealt to ten members by lot."""
    rng = Random(count)
    return [hand_of(b"%d" % rng.randrange(10)) for _ in range(count)]


def evidence_of(mails: Iterable[Mail], seed: bytes = SEED) -> Evidence:
    """The fingerprints of a stream."""
    return [evidence(mail.raw, seed) for mail in mails]


def hidden(found: Evidence, kind: str) -> Evidence:
    """The fingerprints with one kind of evidence left out."""
    return [print_ and _left_out(print_, kind) for print_ in found]


def _left_out(print_: Fingerprint, kind: str) -> Fingerprint:
    kept = tuple(token for token in print_.evidence if token[0] not in KINDS[kind])
    if kind == "text":
        return replace(print_, evidence=kept, bands=(), sketch=b"", vocabulary=b"")
    marks = bytearray(print_.marks)
    if kind in MARKS:
        place = MARKS[kind]
        marks[place] = bytes(len(marks[place]))
    return replace(print_, evidence=kept, marks=bytes(marks))


def placed(
    found: Sequence[Fingerprint | None],
    mails: Sequence[Mail],
    order: Sequence[int] | None = None,
    *,
    hands: Sequence[bytes] = (),
) -> list[str | None]:
    """The campaign of each message, placed one by one in `order` (else as they stand); None is in none.

    Told when all are placed: a later message may show that two small campaigns are one. `hands`: whose report each is,
    where anybody is told from anybody.
    """
    index = MemoryIndex()
    grouper, names = Grouper(index), list[bytes | None]([None] * len(mails))
    for at in order if order is not None else range(len(mails)):
        print_ = found[at]
        if print_ is not None:
            hand = hands[at] if hands else b""
            arrival = Arrival(Instant(mails[at].at * 1_000_000), Identifier(at.to_bytes(16, "big")), hand)
            names[at] = grouper.place(print_, arrival).campaign.id
    return [index.name_of(name).hex() if name is not None else None for name in names]
