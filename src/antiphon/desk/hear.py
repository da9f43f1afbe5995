"""What comes back to a complaint: kept with its case, heeded where it asks for less, and never answered (RFC 3834 §2).

Nothing in this node writes because somebody wrote to this box, so a loop ends here after one mail, also with programs
that do not say that they are one.
"""

from __future__ import annotations

from dataclasses import replace

from antiphon.complaint.known import Complaint, Heard, Matter
from antiphon.desk.answer import take_bounce
from antiphon.desk.arrival import node_key
from antiphon.desk.desk import Desk
from antiphon.desk.history import tell
from antiphon.desk.told import decline
from antiphon.formats.message import Message, parse_message
from antiphon.formats.robot import Robot, robot_of
from antiphon.ports import Transaction
from antiphon.terms import DAY, Instant

STOP, DONE, NOT_US = "stop", "done", "not us"
WORDS = (STOP, DONE, NOT_US)
MOST_HEARD = 20
"""Answers that are kept for one complaint; a program that goes on is not written down for ever."""
MOST_TEXT = 4_000
RESTS = 30 * DAY
"""For how long a matter rests of which its contact says that it is done, or not theirs."""


async def hear(desk: Desk, token: str, raw: bytes) -> str:
    """One mail to the box of a complaint. Whoever holds the token may say `stop`, `done` or `not us` in the first line:
    all three only make us do less. Returns what it was: one of these, a robot's kind, or `reply`; empty where no
    complaint has this token."""
    message = parse_message(raw)
    robot = robot_of(message)
    kind = robot.value if robot is not None else _word(message) or "reply"
    key = await node_key(desk)
    text = _shown(message).encode("utf-8", "replace")

    def work(tx: Transaction) -> Complaint | None:
        found = tx.find(Complaint, token=token)
        if not found:
            return None
        _keep(tx, found[0], kind, desk.vault.seal(key, text, b"heard"), now=desk.clock.now())
        return found[0]

    complaint = await desk.store.write(work)
    if complaint is None:
        return ""
    if robot is Robot.DSN:
        await take_bounce(desk, token, raw)
    return kind


async def hear_word(desk: Desk, told: Complaint, word: str) -> None:
    """One of the three words, said on the page behind the link of this complaint: heeded and kept as one by mail."""
    sealed = desk.vault.seal(await node_key(desk), f"by the link: {word}".encode(), b"heard")
    await desk.store.write(lambda tx: _keep(tx, told, word, sealed, now=desk.clock.now()))


def _keep(tx: Transaction, told: Complaint, kind: str, sealed: bytes, *, now: Instant) -> None:
    number = tx.count(Heard, intent=told.intent)
    _heed(tx, told, kind, now)
    if number < MOST_HEARD:
        tx.add(Heard(told.intent, number, now, kind, sealed))
        tell(tx, told.case, now, who=told.contact, what=f"answered: {kind}", why=f"to entry {told.intent}")


def _heed(tx: Transaction, told: Complaint, kind: str, now: Instant) -> None:
    if kind == STOP:
        decline(tx, told.contact, f"answered stop to entry {told.intent}", now)
    matter = tx.get(Matter, told.case, told.object)
    if kind in (DONE, NOT_US) and matter is not None:
        tx.put(replace(matter, next_at=Instant(max(matter.next_at, now + RESTS)), why=f"its contact says: {kind}"))


def _word(message: Message) -> str:
    """The word in the first line of the first text part, if it is one that we know."""
    for part in message.parts():
        if part.content_type == "text/plain":
            lines = [line for line in part.text().splitlines() if line.strip()]
            word = " ".join(lines[0].split()).strip(".!\"'").lower() if lines else ""
            return word if word in WORDS else ""
    return ""


def _shown(message: Message) -> str:
    """Subject, where ticket numbers stand, and the beginning of the text."""
    subject = message.one("subject")
    text = next((part.text() for part in message.parts() if part.content_type == "text/plain"), "")
    return f"{subject.text if subject else ''}\n\n{text}"[:MOST_TEXT]
