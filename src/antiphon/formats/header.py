"""Where the fields of a header lie, as a DKIM verifier sees them: two readers that give the same.

Lines end at LF or CRLF, a bare CR is data (unless the message holds no LF at all).
"""

from __future__ import annotations

import re
from functools import lru_cache

from antiphon.errors import MalformedInput

MAX_HEADER = 256 * 2**10
MAX_FIELDS = 1000
MAX_LINE = 64 * 2**10
"""Of a header line. A body line is bounded by the message: all that is done to it is linear."""

_NAME = re.compile(rb"([\x21-\x39\x3b-\x7e]+)[ \t]*")
_FIELD = re.compile(_NAME.pattern + b":")
_PLAIN_HEADER_END = re.compile(rb"\n\r*\n")
_PLAIN_END = re.compile(rb"\n(?![ \t])")
_POSTMARK = (b"From ", b">From ")
"""Lines that mailbox files put among the fields."""

Pieces = list[tuple[str, bytes, bytes]]
"""Of each field the name in lower case, the whole with its line ends, and what stands behind the colon."""


def split_header(raw: bytes) -> tuple[Pieces, int]:
    """The fields, and where the body begins."""
    end = _PLAIN_HEADER_END.search(raw, 0, MAX_LINE) if raw[:1] not in (b"\r", b"\n") else None
    if end is not None:
        pieces: Pieces = []
        for line in _PLAIN_END.split(raw[: end.start()]):
            before, colon, value = line.partition(b":")
            name = _name(before) if colon else None
            if name:
                pieces.append((name, line + b"\n", value + b"\n"))
            elif b"\n" in line or not line.startswith(_POSTMARK):
                break
        else:
            # One field behind the other up to the empty line, of ordinary size: line by line it would be the same.
            if len(pieces) <= MAX_FIELDS:
                return pieces, end.end()
    return split_line_by_line(raw)


@lru_cache(maxsize=4096)  # mails have few names many times
def _name(before: bytes) -> str | None:
    found = _NAME.fullmatch(before)
    return found[1].decode("ascii").lower() if found else None


def split_line_by_line(raw: bytes) -> tuple[Pieces, int]:
    """The same for every input, line by line."""
    eol = b"\n" if b"\n" in raw else b"\r"
    spans: list[tuple[int, int, int]] = []
    at = 0
    while at < len(raw):
        end = raw.find(eol, at) + 1 or len(raw)
        line = raw[at:end]
        if not line.strip(b"\r\n"):
            return _pieces(raw, spans), end
        if line[0] in b" \t" and spans:
            spans[-1] = (*spans[-1][:2], end)
        elif found := _FIELD.match(line):
            spans.append((at, at + found.end(), end))
        elif not line.startswith(_POSTMARK):
            return _pieces(raw, spans), at
        if end - at > MAX_LINE or end > MAX_HEADER or len(spans) > MAX_FIELDS:
            raise MalformedInput("The header is too long, or has too many fields.")
        at = end
    return _pieces(raw, spans), at


def _pieces(raw: bytes, spans: list[tuple[int, int, int]]) -> Pieces:
    return [
        (raw[start : value_at - 1].rstrip(b" \t").decode("ascii").lower(), raw[start:end], raw[value_at:end])
        for start, value_at, end in spans
    ]
