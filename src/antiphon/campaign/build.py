"""How a mail is built and who writes it: the sender's own habits, and whether it is a conversation."""

from __future__ import annotations

import re
from collections.abc import Iterable

from antiphon.campaign.commonplace import is_mailbox_host
from antiphon.formats.domain import organisational_domain
from antiphon.formats.message import MAX_TEXT, Message, Part, decode

READ_CHARACTERS = 40_000
"""Characters of a part in which a quotation is looked for."""

_PATCH = re.compile(r"^(?:diff --git |@@ -\d+,\d+ \+\d+|Index: \S+\n=====)", re.MULTILINE)
_PATCH_MARKS = ("diff --git ", "@@ -", "Index: ")
_QUOTE = re.compile(
    r"^[ \t]{0,4}>|^[ \t]{0,4}-{2,} ?(?:original|forwarded|urspr|message d|mensaje)", re.MULTILINE | re.IGNORECASE
)
_WRITING = ("wrote", "writes", "schrieb", "escribió", "a écrit", "ha scritto", "escreveu", "skrev")
_WROTE = re.compile(rf"^.{{0,160}}\b(?:{'|'.join(_WRITING)})\b.{{0,40}}:\s*$", re.MULTILINE | re.IGNORECASE)
_PAGE_WORDS = ("gmail_quote", "cite", "original message")
_PAGE_QUOTE = re.compile(r"gmail_quote|type=[\"']?cite\b|-{2,} ?original message", re.IGNORECASE)
_ANSWER = re.compile(r"\s*(?:\[[^\]]{1,40}\]\s*)?(?:re|aw|sv|antw|rif|odp)\s*(?:\[\d+\])?:", re.IGNORECASE)


_ON_THE_WAY = frozenset(
    [
        *("received", "return-path", "delivered-to", "x-original-to", "dkim-signature", "status"),
        *(
            "authentication-results",
            "lines",
            "content-length",
            "received-spf",
            "x-received",
            "arc-seal",
            "x-status",
            "x-uid",
        ),
        *("arc-message-signature", "arc-authentication-results", "x-google-smtp-source", "x-keywords"),
        *("domainkey-signature",),
    ]
)
_ADDED_BY_HOSTS = ("x-ms-", "x-microsoft", "x-forefront", "x-spam", "x-eop", "x-virus", "x-exchange", "x-mailman")


def author_of(message: Message) -> str:
    """Who writes: an organisation by its domain, a person by the address at a mailbox host."""
    author = message.sole_address("from")
    if author is None:
        return ""
    organisation = organisational_domain(author.domain)
    return author.folded if is_mailbox_host(organisation) else organisation


def structure_of(message: Message, parts: Iterable[Part]) -> str:
    """The order of the fields that the sender's program wrote, the program's name, and the kinds of parts."""
    names = [
        found.name
        for found in message.fields
        if found.name not in _ON_THE_WAY and not found.name.startswith(_ADDED_BY_HOSTS)
    ]
    program = "".join(found.value for found in message.all("x-mailer")[:1])
    return " ".join([*names, program, *(part.content_type for part in parts)])


def converses(message: Message, title: str, texts: Iterable[tuple[Part, str]]) -> bool:
    """Whether it answers and quotes, or holds a patch. The header fields alone say little: mailings forge them."""
    answers = message.count("in-reply-to") > 0 or message.count("references") > 0 or _ANSWER.match(title) is not None
    for part, whole in texts:
        if part.content_type in ("text/plain", "text/html") and not part.filename:
            text = whole[:READ_CHARACTERS]
            quotes = _text_quotes if part.content_type == "text/plain" else _page_quotes
            if (answers and quotes(text)) or (any(m in text for m in _PATCH_MARKS) and _PATCH.search(text)):
                return True
    return False


def _text_quotes(text: str) -> bool:
    return _QUOTE.search(text) is not None or (_may_say(text, _WRITING) and _WROTE.search(text) is not None)


def _page_quotes(text: str) -> bool:
    return _may_say(text, _PAGE_WORDS) and _PAGE_QUOTE.search(text) is not None


def _may_say(text: str, words: Iterable[str]) -> bool:
    """Whether one of the words may be there in any case: a quick look for ASCII; other letters fold by rules of their
    own."""
    lower = text.lower()
    return not text.isascii() or any(word in lower for word in words)


def text_of(part: Part) -> str:
    """The text of a part, as far as it is read."""
    return decode(part.payload[:MAX_TEXT], part.charset)
