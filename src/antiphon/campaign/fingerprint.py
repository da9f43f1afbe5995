"""What survives an originator's variation of one mailing, in a form that exact look-ups can find.

A fingerprint holds no text, address or link: keyed digests, a sketch and counts. The key ("seed") is the node's
secret, so that nobody can compute from outside which texts would meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from struct import pack

import ada_url
from rensa import RMinHash
from xxhash import xxh3_64_digest

from antiphon.campaign import visible
from antiphon.campaign.visible import Visible, fold
from antiphon.errors import MalformedInput
from antiphon.formats.dkim import parse_tags
from antiphon.formats.domain import organisational_domain, parse_domain
from antiphon.formats.message import MAX_TEXT, Message, Part, decode

SLOTS = 128
"""Places of a sketch; an estimated likeness is off by .04 (one standard deviation)."""
ROWS = 5
"""Places that must agree for two texts to meet in one band: texts that are alike by .7 meet with certainty."""
SHINGLE_WORDS = 3
FEW_WORDS = 12
"""A text of fewer words is no text: it gets no sketch."""
WORDS = 3_000
"""Words read of one message."""
TEXT_CHARACTERS = 40_000
"""Characters read of one message's visible text. A word of more than 24 letters is an identifier and left out."""
ATTACHMENT_BYTES = 2_048
"""Smaller attachments (signatures, icons) say nothing."""
ATTACHMENTS = 16
LANDINGS = 16
ACCOUNTS = 8
SIGNERS = 8
FRAME_TAGS = 24
"""A frame of fewer tags says nothing."""
FIGURES = 32
"""Numbers remembered of one text."""
TITLE_CHARACTERS = 120
SUBJECT_WORDS = 3
"""A subject of fewer words says nothing."""


RECIPIENT_FIELDS = ("to", "cc", "delivered-to", "x-original-to")
RECIPIENT_CHARACTERS = 2_000
ACCOUNT_FIELDS = ("feedback-id", "x-campaign", "x-campaignid", "x-campaign-id", "x-mc-user")
"""Fields in which sending services tell their customers, or the mailings of one customer, apart."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is compared of one message. A token is 8 bytes: one for the kind of evidence, seven of a keyed digest.

    `words`: visible words without personal ones. `sketch`: SLOTS bytes, or empty for a text of few words. `figures`:
    the numbers in the text, two bytes each, the FIGURES smallest. `bands`: the tokens of the sketch. `evidence`: the
    tokens of everything else. `title`: the subject without names and numbers, for people. `conversation`: an answer
    or a patch, which quote what they are about.
    """

    words: int
    sketch: bytes
    figures: bytes
    bands: tuple[bytes, ...]
    evidence: tuple[bytes, ...]
    title: str
    conversation: bool

    @property
    def tokens(self) -> tuple[bytes, ...]:
        """Everything by which a like message is looked up."""
        return self.evidence + self.bands


_WORD = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|\b[^\W\d_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]{1,24}\b"
)
_ASCII_WORD = re.compile(r"\b[a-z]{1,24}\b", re.ASCII)
_FIGURE = re.compile(r"\d[\d.,:/-]*\d|\d")
_LINK = re.compile(r"https?://\S+|www\.\S+")
_PREFIX = re.compile(r"^(?:\s*(?:re|fwd?|aw|wg|tr|sv|antw)\s*(?:\[\d+\])?\s*:|\s*\[[^\]]{1,40}\])+", re.IGNORECASE)
_PATCH = re.compile(r"^(?:diff --git |@@ -\d+,\d+ \+\d+|Index: \S+\n=====)", re.MULTILINE)
_PATCH_MARKS = ("diff --git ", "@@ -", "Index: ")
_QUOTE = re.compile(r"^[ \t]{0,4}>", re.MULTILINE)
_AUTHORITY = re.compile(r"\s*(?:https?:)?[/\\]{2}([^/?#\\\s]{1,255})", re.IGNORECASE)


def fingerprint(
    message: Message, *, seed: bytes, signers: Sequence[str] = (), account_keys: Sequence[str] = ()
) -> Fingerprint:
    """The fingerprint of one message; the same message under the same seed gives the same one.

    `signers`: one text for each DKIM domain and selector to count as evidence; `account_keys`: one for each account at
    a sending service. Raises MalformedInput where the message passes a limit on parts or depth.
    """
    keys = _keys(seed)
    parts = message.parts()
    body, files = _opened(parts)
    personal = _personal(message)
    bare = _bare(body.text)
    words = _words(bare, personal)[:WORDS]
    title = "".join(found.text for found in message.all("subject")[:1])
    subject = _words(_bare(_PREFIX.sub("", title)), personal)
    sketch, bands = keys.sketch(words)
    evidence = keys.each(b"t", [" ".join(words)] if words else [])
    evidence += keys.each(b"s", [" ".join(subject)] if len(subject) >= SUBJECT_WORDS else [])
    evidence += keys.each(b"f", [" ".join(body.frame)] if len(body.frame) >= FRAME_TAGS else [])
    evidence += tuple(keys.token(kind, digest) for kind, digest in files)
    evidence += keys.each(b"l", landing_domains(body.links))
    evidence += keys.each(b"k", account_keys[:ACCOUNTS])
    evidence += keys.each(b"d", signers[:SIGNERS])
    figures = keys.figures(bare)
    conversation = "[PATCH" in title or _converses(message, parts)
    return Fingerprint(len(words), sketch, figures, bands, evidence, " ".join(subject)[:TITLE_CHARACTERS], conversation)


def account_keys(message: Message) -> tuple[str, ...]:
    """What ACCOUNT_FIELDS say, for where no map of providers says it better. Anybody can write these."""
    return tuple(f"{name}:{found.value}" for name in ACCOUNT_FIELDS for found in message.all(name)[:1])


def claimed_signers(message: Message) -> tuple[str, ...]:
    """Domain and selector of each DKIM-Signature (RFC 6376 §3.5), unverified: for grouping without DNS."""
    tags = (parse_tags(found.value) or {} for found in message.all("dkim-signature")[:SIGNERS])
    return tuple(f"{tag['d']}/{tag['s']}".lower() for tag in tags if tag.get("d") and tag.get("s"))


class _Keys:
    """What one secret seed makes of evidence."""

    def __init__(self, seed: bytes) -> None:
        self._key = blake2b(seed, digest_size=32, person=b"antiphon-token").digest()
        self._sketch_seed = int.from_bytes(blake2b(seed, digest_size=7, person=b"antiphon-sketch").digest(), "big")

    def token(self, kind: bytes, value: bytes) -> bytes:
        """Eight bytes that stand for this value of this kind of evidence."""
        return kind + blake2b(value, digest_size=7, key=self._key, person=kind).digest()

    def each(self, kind: bytes, values: Iterable[str]) -> tuple[bytes, ...]:
        """A token for each value."""
        return tuple(self.token(kind, value.encode("utf-8", "replace")) for value in values)

    def figures(self, bare: str) -> bytes:
        """The numbers of a text, as short digests in order: bills, alerts and reports differ in little else."""
        found = {xxh3_64_digest(number.encode(), seed=self._sketch_seed)[:2] for number in set(_FIGURE.findall(bare))}
        return b"".join(sorted(found)[:FIGURES])

    def sketch(self, words: Sequence[str]) -> tuple[bytes, tuple[bytes, ...]]:
        """The sketch of a text and its bands; nothing for a text of few words."""
        if len(words) < FEW_WORDS:
            return b"", ()
        sketch = RMinHash(num_perm=SLOTS, seed=self._sketch_seed)
        sketch.update([*map(" ".join, zip(words, words[1:], words[2:], strict=False))])
        places: list[int] = sketch.digest()
        packed = pack(f">{SLOTS}I", *places)
        width = ROWS * 4
        bands = tuple(
            b"b" + xxh3_64_digest(packed[at : at + width], seed=self._sketch_seed + at)[:7]
            for at in range(0, len(packed) - width + 1, width)
        )
        return packed[3::4], bands


_keys = lru_cache(maxsize=4)(_Keys)


def landing_domains(links: Iterable[str]) -> tuple[str, ...]:
    """The registrable domains (or addresses) that these links lead to, each once, in order."""
    found: dict[str, None] = {}
    for link in links:
        authority = _AUTHORITY.match(link)
        if authority and (domain := _registrable(authority[1])):
            found[domain] = None
            if len(found) == LANDINGS:
                break
    return tuple(found)


@lru_cache(maxsize=4096)
def _registrable(authority: str) -> str | None:
    try:
        host = ada_url.URL(f"http://{authority}/").hostname
    except ValueError:
        return None
    try:
        return organisational_domain(parse_domain(host))
    except MalformedInput:
        return host


def _opened(parts: Iterable[Part]) -> tuple[Visible, list[tuple[bytes, bytes]]]:
    """The body as seen (HTML if there is any, as a mail program shows it), and kind and digest of what is attached."""
    pages: list[Visible] = []
    plains: list[Visible] = []
    files: dict[tuple[bytes, bytes], None] = {}
    for part in parts:
        if not part.content_type.startswith("text/") or (part.filename and (pages or plains)):
            if len(part.payload) >= ATTACHMENT_BYTES and len(files) < ATTACHMENTS:
                kind = b"i" if part.content_type.startswith("image/") else b"a"
                files[kind, blake2b(part.payload, digest_size=16).digest()] = None
        elif part.content_type == "text/html":
            pages.append(visible.html(_text(part)))
        else:
            plains.append(visible.plain(_text(part)))
    if any(page.text or page.links for page in pages):
        plains = pages
    body = Visible(
        "\n".join(body.text for body in plains),
        tuple(link for body in plains for link in body.links),
        tuple(tag for body in plains for tag in body.frame),
    )
    return body, list(files)


def _text(part: Part) -> str:
    return decode(part.payload[:MAX_TEXT], part.charset)


def _converses(message: Message, parts: Iterable[Part]) -> bool:
    """Whether it answers and quotes, or holds a patch. The header fields alone say little: mailings forge them."""
    answers = message.count("in-reply-to") > 0 or message.count("references") > 0
    for part in parts:
        if part.content_type == "text/plain" and not part.filename:
            text = _text(part)[:TEXT_CHARACTERS]
            if (answers and _QUOTE.search(text)) or (any(m in text for m in _PATCH_MARKS) and _PATCH.search(text)):
                return True
    return False


def _personal(message: Message) -> frozenset[str]:
    """The words of the recipients' names and addresses, which a text may repeat to please."""
    named = " ".join(found.text for name in RECIPIENT_FIELDS for found in message.all(name)[:1])[:RECIPIENT_CHARACTERS]
    return frozenset(word for word in _WORD.findall(fold(named.replace("_", " "))) if len(word) > 2)


def _bare(text: str) -> str:
    """A text folded, without links and addresses."""
    folded = fold(text[:TEXT_CHARACTERS])
    if "://" in folded or "www." in folded:
        folded = _LINK.sub(" ", folded)
    return " ".join([piece for piece in folded.split() if "@" not in piece]) if "@" in folded else folded


def _words(bare: str, personal: frozenset[str]) -> list[str]:
    """The words of a text without what differs from one recipient to the next: addresses, links, names, numbers."""
    found: list[str] = (_ASCII_WORD if bare.isascii() else _WORD).findall(bare)
    return found if personal.isdisjoint(found) else [word for word in found if word not in personal]
