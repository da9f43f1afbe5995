"""Where the fields of a header lie, as a DKIM verifier sees them: two readers that give the same.

Lines end at LF or CRLF, a bare CR is data (unless the message holds no LF at all).
"""

from __future__ import annotations

import re

from antiphon.errors import MalformedInput

MAX_HEADER = 256 * 2**10
MAX_FIELDS = 1000
MAX_LINE = 64 * 2**10
"""Of a header line. A body line is bounded by the message: all that is done to it is linear."""

_FIELD = re.compile(rb"([\x21-\x39\x3b-\x7e]+)[ \t]*:")
_PLAIN_HEADER_END = re.compile(rb"\n\r*\n")
_PLAIN_FIELD = re.compile(rb"^([\x21-\x39\x3b-\x7e]+[ \t]*:)[^\n]*(?:\n[ \t][^\n]*)*\n", re.MULTILINE)

Spans = list[tuple[int, int, int]]
"""Of each field where it begins, where its value begins, and where it ends."""


def split_header(raw: bytes) -> tuple[Spans, int]:
    """Where each field begins, where its value begins, and where it ends; and where the body begins."""
    end = _PLAIN_HEADER_END.search(raw, 0, MAX_LINE)
    if end is not None:
        stop = end.start() + 1
        spans = [(found.start(), found.end(1), found.end()) for found in _PLAIN_FIELD.finditer(raw, 0, stop)]
        # One field behind the other up to the empty line, of ordinary size: line by line it would be the same.
        if len(spans) <= MAX_FIELDS and [*(at for at, _, _ in spans), stop] == [0, *(to for _, _, to in spans)]:
            return spans, end.end()
    return split_line_by_line(raw)


def split_line_by_line(raw: bytes) -> tuple[Spans, int]:
    """The same for every input, line by line."""
    eol = b"\n" if b"\n" in raw else b"\r"
    spans: Spans = []
    at = 0
    while at < len(raw):
        end = raw.find(eol, at) + 1 or len(raw)
        line = raw[at:end]
        if not line.strip(b"\r\n"):
            return spans, end
        if line[0] in b" \t" and spans:
            spans[-1] = (*spans[-1][:2], end)
        elif found := _FIELD.match(line):
            spans.append((at, at + found.end(), end))
        elif not line.startswith((b"From ", b">From ")):
            return spans, at
        if end - at > MAX_LINE or end > MAX_HEADER or len(spans) > MAX_FIELDS:
            raise MalformedInput("The header is too long, or has too many fields.")
        at = end
    return spans, at
