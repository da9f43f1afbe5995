"""Answers of an IMAP server as words, and what our client says in them (RFC 3501 §4, §9)."""

from __future__ import annotations

import re
from datetime import datetime

from antiphon.errors import MalformedInput
from antiphon.terms import Instant, to_instant

DEPTH = 8
"""How deeply lists may lie in lists."""

Word = bytes | None | list["Word"]
"""A word of an answer: an atom, string or literal; NIL; a list of words."""

_WORD = re.compile(rb'[ \t]*(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|([^ \t()"]+))')
_LITERAL = re.compile(rb"\{([0-9]{1,10})\}$")
_CODE = re.compile(rb"\[([A-Z-]{1,40})(?: ([^\]\r\n]{0,200}))?\]")
_STATED = re.compile(rb"(OK|NO|BAD|BYE|PREAUTH)\b ?(.*)", re.DOTALL)


def literal_of(line: bytes) -> tuple[bytes, int | None]:
    """A line without the literal that it announces at its end, and the literal's size in bytes (RFC 3501 §4.3)."""
    found = _LITERAL.search(line)
    return (line, None) if found is None else (line[: found.start()], int(found[1]))


def stated(line: bytes) -> list[Word] | None:
    """A response that states how it goes, as its word and its text, which follows no grammar; None for any other."""
    found = _STATED.fullmatch(line)
    return [found[1], found[2]] if found is not None else None


def codes(text: bytes) -> dict[bytes, Word]:
    """The response codes in a text, each with its value (RFC 3501 §7.1)."""
    return {found[1]: found[2] or b"" for found in _CODE.finditer(text)}


class Sentence:
    """The words of one answer, while it is read."""

    def __init__(self) -> None:
        self._open: list[list[Word]] = [[]]

    def read(self, text: bytes) -> None:
        """The words of a piece that holds no literal."""
        at, text = 0, text.rstrip(b" \t")
        while at < len(text):
            found = _WORD.match(text, at)
            if found is None:
                raise MalformedInput("The server's answer can not be read.")
            at = found.end()
            if found[1]:
                self._down()
            elif found[2]:
                self._up()
            elif found[3] is not None:
                self.add(re.sub(rb"\\(.)", rb"\1", found[3]))
            else:
                self.add(None if found[4].upper() == b"NIL" else found[4])

    def add(self, word: Word) -> None:
        """One word more."""
        self._open[-1].append(word)

    def _down(self) -> None:
        if len(self._open) > DEPTH:
            raise MalformedInput("The server's answer is nested too deeply.")
        inner: list[Word] = []
        self.add(inner)
        self._open.append(inner)

    def _up(self) -> None:
        if len(self._open) == 1:
            raise MalformedInput("The server's answer closes what it did not open.")
        self._open.pop()

    def whole(self) -> list[Word]:
        """All of it."""
        if len(self._open) != 1:
            raise MalformedInput("The server's answer is cut off.")
        return self._open[0]


def pairs(items: list[Word]) -> dict[bytes, Word]:
    """A list of names and values, names in capitals."""
    found: dict[bytes, Word] = {}
    for name, value in zip(items[::2], items[1::2], strict=False):
        if isinstance(name, bytes):
            found[name.upper()] = value
    return found


def number(word: Word) -> int:
    """A number of at most 32 bits as it is written. Raises MalformedInput."""
    if isinstance(word, bytes) and word.isdigit() and len(word) <= 10:
        return int(word)
    raise MalformedInput("The server says no number where one belongs.")


def instant(word: Word) -> Instant:
    """A date-time of the server's. Raises MalformedInput."""
    text = word.decode("latin-1").strip() if isinstance(word, bytes) else ""
    try:
        return to_instant(datetime.strptime(text, "%d-%b-%Y %H:%M:%S %z"))
    except ValueError as error:
        raise MalformedInput("The server does not say when a mail came.") from error


def quoted(text: str) -> bytes:
    """A quoted string. Raises UnicodeEncodeError for what is not ASCII."""
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode("ascii") + b'"'


def shown_name(name: str) -> str:
    """A folder's name as a person reads it, out of modified UTF-7 (RFC 3501 §5.1.3)."""
    return re.sub(r"&([^-]*)-", _from_utf7, name)


def _from_utf7(found: re.Match[str]) -> str:
    try:
        return f"+{found[1].replace(',', '/')}-".encode().decode("utf-7") if found[1] else "&"
    except ValueError:
        return found[0]
