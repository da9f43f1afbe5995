"""How the bench itself reads a message: with no word of the engine's, so that the truth is not the engine's opinion.

Text is every text part opened, HTML as its text content with what is hidden left in: what a plain content digest
sees. Nothing of a message is ever written anywhere by the bench; only digests and counts leave it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from antiphon.errors import MalformedInput
from antiphon.formats.domain import organisational_domain, parse_domain
from antiphon.formats.message import Message, decode, parse_message

MOST_TEXT = 200_000
SAME_FILE_BYTES = 2_048
ACCOUNT_FIELDS = ("feedback-id", "x-campaign", "x-campaignid", "x-campaign-id", "x-mc-user")

_ADDRESS = re.compile(r"\S+@\S+")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_AUTHORITY = re.compile(r"\s*https?://(?:[^/?#\s@]*@)?([^/?#\s:\\]{1,253})", re.IGNORECASE)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Read:
    """What the bench knows of one message."""

    text: str
    subject: str
    links: tuple[str, ...]
    files: tuple[bytes, ...]
    accounts: tuple[str, ...]

    @property
    def masked(self) -> str:
        """The text in lower case with addresses, links and digits masked, blanks made one."""
        text = _DIGITS.sub("0", _ADDRESS.sub("@", _LINK.sub("~", self.text.lower())))
        return " ".join(text.split())

    @property
    def masked_subject(self) -> str:
        """The subject in lower case with its digits masked."""
        return " ".join(_DIGITS.sub("0", self.subject.lower()).split())

    @property
    def words(self) -> list[str]:
        """The words of the text in lower case."""
        return _WORD.findall(self.text.lower())


EMPTY = Read("", "", (), (), ())


def read(raw: bytes) -> Read:
    """One message; what passes a limit of the parser reads as EMPTY."""
    try:
        message = parse_message(raw)
        parts = list(message.parts())
    except MalformedInput:
        return EMPTY
    texts, links, files = [], dict[str, None](), []
    for part in parts:
        if part.content_type in ("text/plain", "text/html") and not (part.filename and texts):
            text = decode(part.payload[:MOST_TEXT], part.charset)
            if part.content_type == "text/html":
                text, found = _page(text)
            else:
                found = _LINK.findall(text)
            texts.append(text)
            links.update(dict.fromkeys(domain for link in found if (domain := landing(link))))
        elif len(part.payload) >= SAME_FILE_BYTES:
            files.append(blake2b(part.payload, digest_size=16).digest())
    subject = "".join(found.text for found in message.all("subject")[:1])
    return Read("\n".join(texts), subject, tuple(links), tuple(files), _accounts(message))


def _page(source: str) -> tuple[str, list[str]]:
    try:
        tree = LexborHTMLParser(source)
        tree.strip_tags(["script", "style", "title"])
        links = [node.attributes.get("href") or "" for node in tree.css("a[href], area[href]")]
        return (tree.body or tree.root).text(separator=" ") if (tree.body or tree.root) else "", links
    except (SelectolaxError, UnicodeEncodeError):
        return re.sub(r"<[^>]*>", " ", source), []


def _accounts(message: Message) -> tuple[str, ...]:
    return tuple(f"{name}:{found.value}" for name in ACCOUNT_FIELDS for found in message.all(name)[:1] if found.value)


def landing(link: str) -> str | None:
    """The registrable domain that a link leads to; None for what is no web address of a named host."""
    found = _AUTHORITY.match(link if "://" in link else f"http://{link}")
    if found is None:
        return None
    try:
        return organisational_domain(parse_domain(found[1].lower()))
    except MalformedInput:
        return None
