"""What the node remembers of a complaint: in the transaction of its intent, and when it is known what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from antiphon.complaint.known import Complaint, ContactState, KnownContact, Matter
from antiphon.complaint.pacing import APART, counted
from antiphon.desk.question import Telling, Wish
from antiphon.formats.message import Message
from antiphon.ledger.allowance import Side
from antiphon.ledger.kept import Spent
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.ports import Transaction
from antiphon.terms import DAY, Digest, Identifier, Instant

ANSWERS_WITHIN = 30 * DAY
"""So long mail of a contact counts as an answer."""
MOST_FAILURES = 3
"""Complaints in a row that came to nothing, after which a contact counts as dead."""
GONE = ("5.1.", "550 5.1.", "551", "553")
"""What says that there is no such mailbox or domain (RFC 3463 §3.2): asking again tells nothing new."""


def note_told(
    tx: Transaction, wish: Wish, telling: Telling, index: int, *, nullifiers: Iterable[Digest], now: Instant
) -> None:
    """The complaint itself, its matter and its contact. The published nullifiers are taken too, as the other nodes of a
    community see them."""
    for key in nullifiers:
        tx.add(Spent(Side.NETWORK.value, key, index))
    count = len(wish.reports)
    tx.add(Complaint(index, wish.case, telling.object, telling.contact, telling.rule, count, telling.token,
                     telling.message, now))  # fmt: skip
    matter = tx.get(Matter, wish.case, telling.object)
    before = counted(matter.told, matter.last_at, now) if matter is not None else 0
    tx.put(Matter(wish.case, telling.object, telling.contact, before + count, now, Instant(now + APART), ""))
    known = contact_of(tx, telling.contact, now)
    tx.put(replace(known, first_at=known.first_at or now, last_at=now))


def contact_of(tx: Transaction, contact: str, now: Instant) -> KnownContact:
    """What is known of a contact; a new one is open."""
    return tx.get(KnownContact, contact) or KnownContact(contact, ContactState.OPEN, None, None, 0, "", now)


def note_outcome(tx: Transaction, attempt: Attempt, outcome: Outcome, now: Instant) -> None:
    """A contact's health: what was taken restores it, what came back lowers it (LAW §6)."""
    told = tx.get(Complaint, attempt.intent)
    if told is None:
        return
    known = contact_of(tx, told.contact, now)
    if outcome is Outcome.ACCEPTED:
        tx.put(replace(known, failures=0))
        return
    failures = MOST_FAILURES if attempt.status.startswith(GONE) else known.failures + 1
    dead = failures >= MOST_FAILURES and known.state is ContactState.OPEN
    tx.put(
        replace(
            known,
            failures=failures,
            state=ContactState.DEAD if dead else known.state,
            why=f"entry {attempt.intent}: {attempt.status or outcome}" if dead else known.why,
            changed_at=now if dead else known.changed_at,
        )
    )


def wrote_to(tx: Transaction, message: Message, now: Instant) -> bool:
    """Whether a mail says that it is from a desk to which we complained lately: an answer, marked as one or not, is no
    report (LAW §6)."""
    author = message.sole_address("from")
    known = tx.get(KnownContact, author.folded) if author is not None else None
    return known is not None and known.last_at is not None and now - known.last_at < ANSWERS_WITHIN


def put_off(tx: Transaction, case: Identifier, object_: str, *, until: Instant, why: str, contact: str = "") -> None:
    """Nothing about this matter is worked out before `until`."""
    matter = tx.get(Matter, case, object_)
    if matter is None:
        tx.add(Matter(case, object_, contact, 0, None, until, why))
    else:
        tx.put(replace(matter, next_at=until, why=why))


def decline(tx: Transaction, contact: str, why: str, now: Instant) -> None:
    """This contact gets no more, for good: an address, or `@` and a domain."""
    tx.put(replace(contact_of(tx, contact, now), state=ContactState.DECLINED, why=why, changed_at=now))


def reopen(tx: Transaction, contact: str, why: str, now: Instant) -> None:
    """A person says that this contact may be written to again."""
    known = contact_of(tx, contact, now)
    tx.put(replace(known, state=ContactState.OPEN, failures=0, why=why, changed_at=now))
