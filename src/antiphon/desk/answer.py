"""What comes back to our own mail: answers with a reply token, and bounces (RFC 3464, RFC 3834). Never answered."""

from __future__ import annotations

import re

from antiphon.desk.desk import Desk
from antiphon.desk.settle import bounced
from antiphon.desk.withdraw import dispute_case, say_done, stop_case
from antiphon.formats.message import Message, parse_message
from antiphon.optout.case import Case

WORDS = ("dispute", "done", "stop")
_BOX = re.compile(r"(reply|complaint|bounce|report|prove|probe)\+([A-Za-z0-9]{8,64})", re.IGNORECASE)


def box_of(desk: Desk, recipient: str) -> tuple[str, str] | None:
    """Which of our own mailboxes a recipient is, and the token in it; None for any other."""
    local, _, domain = recipient.rpartition("@")
    found = _BOX.fullmatch(local)
    if found is None or domain.lower() != desk.house.domain:
        return None
    return found[1].lower(), found[2].lower()


def first_word(message: Message) -> str:
    """The word in the first line of the first text part, if it is one that we know."""
    for part in message.parts():
        if part.content_type == "text/plain":
            lines = [line for line in part.text().splitlines() if line.strip()]
            word = lines[0].strip().strip(".!\"'").lower() if lines else ""
            return word if word in WORDS else ""
    return ""


async def take_answer(desk: Desk, token: str, raw: bytes) -> str:
    """An answer to a notice: `dispute`, `done` or `stop` in the first line. Whoever holds the token may say so: all
    three only make us do less. Returns the word that was heeded, or empty."""
    cases = await desk.store.read(lambda tx: tx.find(Case, reply_token=token))
    word = first_word(parse_message(raw))
    if not cases or not word:
        return ""
    return await heed(desk, cases[0], word, who="the originator, by mail")


async def heed(desk: Desk, case: Case, word: str, *, who: str) -> str:
    """Does what one of the three words asks."""
    if word == "dispute":
        await dispute_case(desk, case.case, who=who, why="the originator says that this is wrong")
    elif word == "stop":
        await stop_case(desk, case.case, case.domain, who=who)
    else:
        await say_done(desk, case.case, who=who)
    return word


_STATUS = re.compile(rb"^Status:[ \t]*([245]\.[0-9]{1,3}\.[0-9]{1,3})", re.IGNORECASE | re.MULTILINE)
_ACTION = re.compile(rb"^Action:[ \t]*([a-z]+)", re.IGNORECASE | re.MULTILINE)


async def take_bounce(desk: Desk, token: str, raw: bytes) -> bool:
    """A delivery status to the envelope of one attempt. Only a failure counts (RFC 3464 §2.3.3): a delay or a
    success is read and forgotten."""
    action, status = _ACTION.search(raw), _STATUS.search(raw)
    if action is not None and action[1].lower() != b"failed":
        return False
    return await bounced(desk, token, status[1].decode() if status else "bounced")
