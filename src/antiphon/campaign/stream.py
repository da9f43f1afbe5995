"""Grouping a heap of mail in one run: no home, no members, no DNS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from typing import Protocol

from antiphon.campaign.fingerprint import Fingerprint, account_keys, claimed_signers, fingerprint
from antiphon.campaign.grouping import Arrival, Grouper, MemoryIndex
from antiphon.errors import MalformedInput
from antiphon.formats.message import Message, parse_date, parse_message
from antiphon.formats.robot import robot_of
from antiphon.terms import Identifier, Instant

OPENING_BYTES = 4_096
"""Of a message, to name the campaign that it opens; its place in the heap is in the name too."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """One message and its campaign: 32 hex digits, or empty where it is in none; `why` is a sentence in any case."""

    path: str
    campaign: str
    why: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What grouping needs of one message; without a `fingerprint` it is not grouped, and `why` says it.

    `at`: when it came, if that is known. `opens`: the campaign that it opens, if it opens one.
    """

    path: str
    opens: Identifier
    at: Instant | None = None
    fingerprint: Fingerprint | None = None
    why: str = ""


Numbered = tuple[int, tuple[str, bytes]]
"""The place of a message in the heap, its path and its bytes."""


class InOrder(Protocol):
    """Does one thing with each item and yields what came of it, in the order of the items: `map`, or many hands."""

    def __call__(self, act: Callable[[Numbered], Evidence], items: Iterable[Numbered], /) -> Iterable[Evidence]:
        """Each result once, in order; what `act` raises comes out where its result would have."""


def group_messages(found: Iterable[tuple[str, bytes]], *, seed: bytes, each: InOrder = map) -> Iterator[Grouped]:
    """Where each message belongs, in the order given; told when all are read, since a later message may show that two
    small campaigns are one.

    The same messages in the same order under the same seed give the same campaigns, whoever reads `each`. What is no
    mail of a person or a mailing (bounces, receipts), and what passes a limit of the parser, is in no campaign. A
    message without a readable date counts as arrived with the one before it.
    """
    index = MemoryIndex()
    placed = list(_placed(each(partial(evidence_of, seed), enumerate(found)), Grouper(index)))
    for one in placed:
        yield replace(one, campaign=index.name_of(bytes.fromhex(one.campaign)).hex()) if one.campaign else one


def evidence_of(seed: bytes, numbered: Numbered) -> Evidence:
    """The evidence of one message: all that is dear, and needs no other message."""
    count, (path, raw) = numbered
    opens = Identifier(blake2b(b"%d/" % count + raw[:OPENING_BYTES], digest_size=16, key=seed[:64]).digest())
    try:
        message = parse_message(raw)
        robot = robot_of(message)
        if robot is not None:
            return Evidence(path, opens, why=f"Not grouped: written by a mail system ({robot}).")
        keys = account_keys(message)
        print_ = fingerprint(message, seed=seed, signers=claimed_signers(message), account_keys=keys)
        return Evidence(path, opens, arrived_at(message), print_)
    except MalformedInput as error:
        return Evidence(path, opens, why=f"Not grouped: {error.what}")


def _placed(found: Iterable[Evidence], grouper: Grouper) -> Iterator[Grouped]:
    at = Instant(0)
    for one in found:
        if one.fingerprint is None:
            yield Grouped(one.path, "", one.why)
            continue
        at = one.at or at
        placed = grouper.place(one.fingerprint, Arrival(at, one.opens))
        yield Grouped(one.path, placed.campaign.id.hex(), placed.why)


def arrived_at(message: Message) -> Instant | None:
    """When an archived message came: the topmost Received line (RFC 5321 §4.4), else its Date; None if unknown."""
    stamp = stamped_at(message)
    return stamp if stamp is not None else message.date_at()


def stamped_at(message: Message) -> Instant | None:
    """What the last host that took an archived message wrote, which is its reader's own mailbox provider. Date, which
    its author wrote, says nothing here."""
    received = message.all("received")
    return parse_date(received[0].value.rpartition(";")[2]) if received else None
