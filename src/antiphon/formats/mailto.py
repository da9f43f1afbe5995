"""mailto URLs (RFC 6068) as LAW §4 allows them: one recipient, a token, perhaps a known opt-out word.

The text of the mail is our own; from the header comes nothing that could carry a message to a stranger.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from antiphon.errors import RefusedByLaw
from antiphon.formats.domain import Rule, failures, parse_address
from antiphon.terms import Address

MAX_MAILTO = 2048
MAX_TOKEN = 128

_TOKEN = re.compile(rf"[A-Za-z0-9._=+-]{{1,{MAX_TOKEN}}}")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_WORDS = (
    "unsubscribe|unsubscribing|unsub|opt-?out|remove(?: me)?|signoff|leave|list-unsubscribe"
    "|abmelden|abmeldung|abbestellen|austragen"
    "|d[ée]sabonne(?:r|ment)|d[ée]sinscri(?:re|ption)"
)
_SUBJECT = re.compile(rf"(?:{_WORDS})(?:[ :_-]{{1,2}}({_TOKEN.pattern}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mailto:
    """Where an opt-out by mail goes. `subject` is empty or a known word, with `token` behind it or none."""

    text: str
    to: Address
    subject: str
    token: str


@dataclass(frozen=True, slots=True)
class _Read:
    """A mailto URL taken apart and decoded once; a part that does not decode is None."""

    text: str
    to: str | None
    fields: tuple[tuple[str, str | None], ...]

    @property
    def values(self) -> tuple[str | None, ...]:
        return (self.to, *(value for _, value in self.fields))

    @property
    def subject(self) -> str:
        return next((value or "" for name, value in self.fields if name == "subject"), "")


def _decode(text: str) -> str | None:
    """Percent-decoded once, `+` literal (RFC 6068 §5); None where it is no UTF-8 or holds a broken escape."""
    if _ESCAPE.search(text):
        return None
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _read(text: str) -> _Read:
    to, _, query = text.partition(":")[2].partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")] if query else []
    fields = tuple(((_decode(name) or "").lower(), _decode(value)) for name, _, value in pairs)
    return _Read(text, _decode(to), fields)


def _is_clean(value: str | None) -> bool:
    return value is not None and value.isprintable()


def _is_token_address(value: str | None) -> bool:
    address = parse_address(value) if value else None
    return address is not None and bool(_TOKEN.fullmatch(address.local))


MAILTO_RULES: tuple[Rule[_Read], ...] = (
    Rule("mailto-scheme", "Is it a mailto URL?", lambda r: r.text.lower().startswith("mailto:")),
    Rule("mailto-length", "Is it at most 2048 characters long?", lambda r: len(r.text) <= MAX_MAILTO),
    Rule("mailto-decodes", "Does it decode to UTF-8, without line breaks?", lambda r: all(map(_is_clean, r.values))),
    Rule("mailto-one-question-mark", "Is there one ? at most (RFC 6068 §2)?", lambda r: r.text.count("?") <= 1),
    Rule("mailto-one-recipient", "Is there exactly one recipient?", lambda r: bool(r.to) and "," not in (r.to or "")),
    Rule("mailto-token-address", "Is its local part a token, its domain a name?", lambda r: _is_token_address(r.to)),
    Rule(
        "mailto-only-subject",
        "Is there no field but one subject?",
        lambda r: [name for name, _ in r.fields] in ([], ["subject"]),
    ),
    Rule(
        "mailto-known-subject",
        "Is the subject a known opt-out word, perhaps with a token?",
        lambda r: not r.subject or bool(_SUBJECT.fullmatch(r.subject)),
    ),
)


def parse_mailto(text: str) -> Mailto:
    """An opt-out by mail as the law allows it. Raises RefusedByLaw with every rule that failed."""
    read = _read(text[: MAX_MAILTO + 1])
    failed = failures(MAILTO_RULES, read)
    to = parse_address(read.to or "")
    if failed or to is None:
        raise RefusedByLaw("This mailto URL can not be used.", failed or ("mailto-token-address",))
    worded = _SUBJECT.fullmatch(read.subject)
    return Mailto(text, to, read.subject, (worded[1] or "") if worded else "")
