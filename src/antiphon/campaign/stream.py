"""Grouping a heap of mail in one run: no home, no members, no DNS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

from antiphon.campaign.fingerprint import account_keys, claimed_signers, fingerprint
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


def group_messages(found: Iterable[tuple[str, bytes]], *, seed: bytes) -> Iterator[Grouped]:
    """Where each message belongs, in the order given; told when all are read, since a later message may show that two
    small campaigns are one.

    The same messages in the same order under the same seed give the same campaigns. What is no mail of a person or a
    mailing (bounces, receipts), and what passes a limit of the parser, is in no campaign. A message without a
    readable date counts as arrived with the one before it.
    """
    index = MemoryIndex()
    placed = list(_placed(found, Grouper(index), seed))
    for one in placed:
        yield replace(one, campaign=index.name_of(bytes.fromhex(one.campaign)).hex()) if one.campaign else one


def _placed(found: Iterable[tuple[str, bytes]], grouper: Grouper, seed: bytes) -> Iterator[Grouped]:
    at = Instant(0)
    for count, (path, raw) in enumerate(found):
        try:
            message = parse_message(raw)
            robot = robot_of(message)
            if robot is not None:
                yield Grouped(path, "", f"Not grouped: written by a mail system ({robot}).")
                continue
            print_ = fingerprint(
                message, seed=seed, signers=claimed_signers(message), account_keys=account_keys(message)
            )
        except MalformedInput as error:
            yield Grouped(path, "", f"Not grouped: {error.what}")
            continue
        at = arrived_at(message) or at
        fresh = blake2b(b"%d/" % count + raw[:OPENING_BYTES], digest_size=16, key=seed[:64]).digest()
        placed = grouper.place(print_, Arrival(at, Identifier(fresh)))
        yield Grouped(path, placed.campaign.id.hex(), placed.why)


def arrived_at(message: Message) -> Instant | None:
    """When an archived message came: the topmost Received line (RFC 5321 §4.4), else its Date; None if unknown."""
    stamp = stamped_at(message)
    return stamp if stamp is not None else message.date_at()


def stamped_at(message: Message) -> Instant | None:
    """What the last host that took an archived message wrote, which is its reader's own mailbox provider. Date, which
    its author wrote, says nothing here."""
    received = message.all("received")
    return parse_date(received[0].value.rpartition(";")[2]) if received else None
