"""What survives an originator's variation of one mailing, in a form that exact look-ups can find.

A fingerprint holds no text, address or link: keyed digests, a sketch and counts. The key ("seed") is the node's
secret, so that nobody can compute from outside which texts would meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from antiphon.campaign import visible
from antiphon.campaign.build import author_of, converses, structure_of, text_of
from antiphon.campaign.commonplace import content_end, is_shared
from antiphon.campaign.keyed import FEW_WORDS, MARK, keys_of
from antiphon.campaign.landing import landing_domains, list_domains, without_footer
from antiphon.campaign.visible import Visible, fold
from antiphon.formats.keyrecord import parse_tags
from antiphon.formats.message import Message, Part

WORDS = 3_000
"""Words read of one message."""
TEXT_CHARACTERS = 40_000
"""Characters read of one message's visible text. A word of more than 24 letters is an identifier and left out."""
ATTACHMENT_BYTES = 2_048
"""Smaller attachments (signatures, icons) say nothing."""
ATTACHMENTS = 16
ACCOUNTS = 8
SIGNERS = 8
FRAME_TAGS = 24
"""A frame of fewer tags says nothing."""
MARKS = 8
"""Author, account, subject and structure, and what is left for landing domains."""
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
    or a patch, which quote what they are about. `marks`: MARKS digests of four bytes, zero where there is none: author,
    account, subject, structure of the header, and the first landing domains; for comparing, not for finding.
    `vocabulary`: a sketch of VOCABULARY_SLOTS bytes of the longer words, empty where the sketch is.
    """

    words: int
    sketch: bytes
    figures: bytes
    bands: tuple[bytes, ...]
    evidence: tuple[bytes, ...]
    title: str
    conversation: bool
    marks: bytes = b""
    vocabulary: bytes = b""

    @property
    def tokens(self) -> tuple[bytes, ...]:
        """Everything by which a like message is looked up."""
        return self.evidence + self.bands


_WORD = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|\b[^\W\d_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]{1,24}\b"
)
_ASCII_WORD = re.compile(r"\b[a-z]{1,24}\b", re.ASCII)
_LINK = re.compile(r"https?://\S+|www\.\S+")
_PREFIX = re.compile(r"^(?:\s*(?:re|fwd?|aw|wg|tr|sv|antw)\s*(?:\[\d+\])?\s*:|\s*\[[^\]]{1,40}\])+", re.IGNORECASE)


def fingerprint(
    message: Message, *, seed: bytes, signers: Sequence[str] = (), account_keys: Sequence[str] = ()
) -> Fingerprint:
    """The fingerprint of one message; the same message under the same seed gives the same one.

    `signers`: one text for each DKIM domain and selector to count as evidence; `account_keys`: one for each account at
    a sending service. Raises MalformedInput where the message passes a limit on parts or depth.
    """
    keys = keys_of(seed)
    parts = message.parts()
    texts = [(part, text_of(part) if part.content_type.startswith("text/") else "") for part in parts]
    body, files = _opened(texts, listed=message.count("list-post") > 0)
    personal = _personal(message)
    bare = _bare(body.text)
    words = _words(bare, personal)[:WORDS]
    content = words[: content_end(words)]
    title = "".join(found.text for found in message.all("subject")[:1])
    subject = _words(_bare(_PREFIX.sub("", title)), personal)
    sketch, bands = keys.sketch(content)
    evidence = keys.each(b"t", [" ".join(content)] if len(content) >= FEW_WORDS else [])
    evidence += keys.each(b"s", [" ".join(subject)] if len(subject) >= SUBJECT_WORDS else [])
    evidence += keys.each(b"f", [" ".join(body.frame)] if len(body.frame) >= FRAME_TAGS else [])
    # Beside a page that shows pictures from elsewhere an attached one is a logo, or not shown at all.
    evidence += tuple(keys.token(b"g" if kind == b"i" and body.remote else kind, digest) for kind, digest in files)
    lists = list_domains(message)
    landings = tuple(domain for domain in landing_domains(body.links) if domain not in lists)
    evidence += keys.each(b"l", landings)
    evidence += keys.each(b"k", account_keys[:ACCOUNTS])
    evidence += keys.each(b"d", [one for one in signers[:SIGNERS] if not is_shared(one.partition("/")[0])])
    figures = keys.figures(bare)
    conversation = "[PATCH" in title or converses(message, title, texts)
    marks = (
        keys.mark(author_of(message)),
        keys.mark(account_keys[0] if account_keys else ""),
        keys.mark(" ".join(subject)),
        keys.mark(structure_of(message, parts)),
        *map(keys.mark, landings[: MARKS - 4]),
    )
    return Fingerprint(
        len(content), sketch, figures, bands, evidence, " ".join(subject)[:TITLE_CHARACTERS], conversation,
        b"".join(marks).ljust(MARKS * MARK, b"\0"),
        keys.vocabulary(content),
    )  # fmt: skip


def account_keys(message: Message) -> tuple[str, ...]:
    """What ACCOUNT_FIELDS say, for where no map of providers says it better. Anybody can write these."""
    return tuple(f"{name}:{found.value}" for name in ACCOUNT_FIELDS for found in message.all(name)[:1])


def claimed_signers(message: Message) -> tuple[str, ...]:
    """Domain and selector of each DKIM-Signature (RFC 6376 §3.5), unverified: for grouping without DNS."""
    tags = (parse_tags(found.value) or {} for found in message.all("dkim-signature")[:SIGNERS])
    return tuple(f"{tag['d']}/{tag['s']}".lower() for tag in tags if tag.get("d") and tag.get("s"))


def _opened(texts: Iterable[tuple[Part, str]], *, listed: bool = False) -> tuple[Visible, list[tuple[bytes, bytes]]]:
    """The body as seen (HTML if there is any, as a mail program shows it), and kind and digest of what is attached."""
    pages: list[Visible] = []
    plains: list[str] = []
    files: dict[tuple[bytes, bytes], None] = {}
    for part, text in texts:
        if not part.content_type.startswith("text/") or (part.filename and (pages or plains)):
            if len(part.payload) >= ATTACHMENT_BYTES and len(files) < ATTACHMENTS:
                kind = b"i" if part.content_type.startswith("image/") else b"a"
                files[kind, blake2b(part.payload, digest_size=16).digest()] = None
        elif part.content_type == "text/html":
            pages.append(visible.html(text))
        else:
            plains.append(without_footer(text) if listed else text)
    if not any(page.text or page.links for page in pages):
        pages = list(map(visible.plain, plains))
    body = Visible(
        "\n".join(body.text for body in pages),
        tuple(link for body in pages for link in body.links),
        tuple(tag for body in pages for tag in body.frame),
        any(body.remote for body in pages),
    )
    return body, list(files)


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
