"""What an originator is handed that proved its DKIM key: rows about mail which that key signed (LAW §5, §8 L1)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from antiphon.terms import DAY, Digest, Identifier, Instant

CHALLENGE_FOR = DAY
GRANT_FOR = 30 * DAY
"""After which the key has to be proved again."""
MOST_CHALLENGES = 8
"""Of one case, unanswered at a time; the oldest makes room."""
MOST_SAID = 300
"""Characters that are kept of what is said of one row."""
ROWS = 1_000_000_000
"""Among how many numbers those of rows are drawn."""
FIELDS = ("row", "message_id", "cfbl_feedback_id", "token", "received")


@dataclass(frozen=True, slots=True)
class Challenge:
    """A nonce that waits to be signed, once."""

    nonce: str
    case: Identifier
    until: Instant


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody proved a key: `grant` is the SHA-256 of the secret link it was given, `key` that of the key record."""

    grant: Digest
    case: Identifier
    domain: str
    selector: str
    key: Digest
    proved_at: Instant
    until: Instant
    fetched: int


class RowStatus(StrEnum):
    """What the originator says of one row. `OPTED_IN`: here is the recorded opt-in."""

    HANDED = "handed"
    REMOVED = "removed"
    NOT_FOUND = "not-found"
    OPTED_IN = "opted-in"


@dataclass(frozen=True, slots=True)
class HandedRow:
    """One person's row: `number` stays theirs, `entry` is the first Handed entry whose file named them. `said` is the
    originator's own text, sealed with the node's key."""

    member: Identifier
    originator: str
    case: Identifier
    number: int
    entry: int
    status: RowStatus
    said: bytes
    said_at: Instant | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a row file: the originator's own tokens, and the day of receipt, never the instant."""

    row: int
    message_id: str
    feedback_id: str
    token: str
    received: str


def text_to_sign(tag: Digest, nonce: str) -> bytes:
    """What the key signs: it is no header field, so it can not be taken for a part of a mail."""
    return f"antiphon desk 1 {tag.hex()} {nonce}".encode("ascii")


def print_file(lines: Sequence[Line]) -> bytes:
    """The whole file as CSV (RFC 4180 §2); never what is new in it alone. Cells are quoted, and none begins as a
    formula does in a spreadsheet: each is what the originator itself wrote into its mail."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(FIELDS)
    writer.writerows([n.row, n.message_id, n.feedback_id, n.token, n.received] for n in lines)
    return out.getvalue().encode("utf-8")
