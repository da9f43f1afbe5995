"""List-Unsubscribe (RFC 2369) and one-click (RFC 8058): what was offered, and every reason to refuse it.

Nothing is repaired. A value without a scheme, one in encoded words, two URLs of one kind: each of them
was seen aiming at innocent third parties, so the whole field, or that kind of it, is refused (LAW §4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.formats.domain import Rule, Url, failures, parse_domain, parse_url
from antiphon.terms import Domain

MAX_ITEMS = 16
ONE_CLICK = "List-Unsubscribe=One-Click"
"""The pair that is the whole body of the request (RFC 8058 §3.1)."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_COMMENT = re.compile(r"\s*\((?:[^()\\]|\\.)*\)\s*|\s+")
_HOST = re.compile(r"(?:https?://(?:[^/@?#\s]*@)?|mailto:[^?\s]*@)([^/:?#,\s]+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Offer:
    """A List-Unsubscribe value: `items` are the texts between angle brackets, left to right, blanks removed."""

    value: str
    items: tuple[str, ...]
    closed: bool

    def of(self, *schemes: str) -> tuple[str, ...]:
        """The items of these schemes."""
        return tuple(item for item in self.items if scheme_of(item) in schemes)


def scheme_of(item: str) -> str:
    """The scheme in lower case; empty where there is none. `user@host:` has none: a scheme holds no @."""
    found = _SCHEME.match(item)
    return found[1].lower() if found else ""


def parse_offer(value: str) -> Offer:
    """The items of the list (RFC 2369 §2): comments between them skipped, the first other text ends it."""
    items: list[str] = []
    at, closed = 0, True
    while len(items) <= MAX_ITEMS:
        while skipped := _COMMENT.match(value, at):
            at = skipped.end()
        if not value.startswith("<", at):
            break
        end = value.find(">", at)
        if end < 0:
            closed = False
            break
        items.append("".join(value[at + 1 : end].split()))
        after = value.find(",", end)
        if after < 0:
            break
        at = after + 1
    return Offer(value, tuple(items), closed)


LIST_RULES: tuple[Rule[Offer], ...] = (
    Rule("encoded-words", "Is the value free of RFC 2047 encoded words?", lambda o: "=?" not in o.value),
    Rule("angle-brackets", "Does it begin with a bracketed URL?", lambda o: bool(o.items)),
    Rule("brackets-closed", "Is every bracket closed?", lambda o: o.closed),
    Rule("scheme-less", "Does every item name its scheme?", lambda o: all(scheme_of(i) for i in o.items)),
    Rule("no-control-characters", "Are there no control characters?", lambda o: not _CONTROL.search(o.value)),
    Rule("not-too-many", "Are there at most 16 items?", lambda o: len(o.items) <= MAX_ITEMS),
)
WEB_RULES: tuple[Rule[Offer], ...] = (
    Rule("url-offered", "Is there a URL for the web?", lambda o: bool(o.of("http", "https"))),
    Rule("one-url", "Is there no second one of that kind?", lambda o: len(o.of("http", "https")) <= 1),
)
MAIL_RULES: tuple[Rule[Offer], ...] = (
    Rule("mailto-offered", "Is there a mailto URL?", lambda o: bool(o.of("mailto"))),
    Rule("one-mailto", "Is there no second one of that kind?", lambda o: len(o.of("mailto")) <= 1),
)
POST_RULES: tuple[Rule[str], ...] = (
    Rule("one-click-post", "Is List-Unsubscribe-Post exactly the pair?", lambda post: post == ONE_CLICK),
)


def one_click(value: str, post: str) -> tuple[Url | None, tuple[str, ...]]:
    """The URL of the one-click form (RFC 8058 §3.1), or None; and every rule that failed.

    `value` and `post` are the two fields' values, unfolded.
    """
    offer = parse_offer(value)
    failed = failures(LIST_RULES, offer) + failures(WEB_RULES, offer) + failures(POST_RULES, post)
    url: Url | None = None
    for item in offer.of("http", "https")[:1]:
        try:
            url = parse_url(item)
        except RefusedByLaw as refusal:
            failed += refusal.rules
    return (None if failed else url), failed


def mailto(value: str) -> tuple[str, tuple[str, ...]]:
    """The one mailto URL as it stands, or an empty text; and every rule that failed."""
    offer = parse_offer(value)
    failed = failures(LIST_RULES, offer) + failures(MAIL_RULES, offer)
    return ("" if failed else offer.of("mailto")[0]), failed


def hosts(value: str) -> tuple[Domain, ...]:
    """Every host name in a List-Unsubscribe value, web and mail, sorted, each once; what is none is left out."""
    found: set[Domain] = set()
    for item in parse_offer(value).items[:MAX_ITEMS]:
        for text in _HOST.findall(item)[:1]:
            try:
                found.add(parse_domain(text))
            except MalformedInput:
                continue
    return tuple(sorted(found))
