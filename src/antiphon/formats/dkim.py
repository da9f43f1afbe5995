"""DKIM signatures: which keys a message needs, what each signature proves with given keys, message identity.

RFC 6376 and RFC 8463, verified from canonical bytes that this module makes itself: the signed header
data is needed anyway (message identity, openings), all canonicalisation is linear in hostile input,
and nothing reads a clock. Keys come as arguments; a key that was not fetched is temporarily unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import Hash

from antiphon.errors import MalformedInput
from antiphon.formats.domain import Rule, aligned, failures, is_at_or_below, parse_domain
from antiphon.formats.keyrecord import (
    ALGORITHMS,
    Key,
    bytes_of,
    is_canonical,
    names_of,
    parse_key,
    parse_tags,
    verifies,
)
from antiphon.formats.message import Field, Message, crlf, squeeze, unsigned_identity
from antiphon.terms import SECOND, Digest, Domain, Instant

MAX_SIGNATURES = 5
MAX_TAG_DIGITS = 12

_SELECTOR = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_CANONICAL = {"simple": False, "relaxed": True}
_NOTHING = Digest(bytes(32))


class KeyStatus(StrEnum):
    """What DNS said about a key record."""

    FOUND = "found"
    ABSENT = "absent"
    TEMPORARY = "temporary"


@dataclass(frozen=True, slots=True)
class KeyAnswer:
    """A key record as fetched: `chain` holds the names that CNAMEs led through, `ttl` is in seconds."""

    name: str
    record: str | None
    status: KeyStatus
    ttl: int = 0
    dnssec: bool = False
    chain: tuple[Domain, ...] = ()


class Result(StrEnum):
    """What became of one signature. UNVERIFIABLE: the store damaged the message; nobody is to blame."""

    PASS = "pass"
    FAIL = "fail"
    NO_KEY = "no_key"
    TEMPORARY = "temporary"
    MALFORMED = "malformed"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature and what it proves. `covers` is its h=, in order, with repetitions.

    `value` is the decoded b=; `canonical` says that it is the only encoding of this signature (LAW §2).
    `data_hash` is SHA-256 over exactly the bytes whose hash DKIM signs; `body_hash` over the body as it is.
    """

    domain: Domain
    selector: str
    algorithm: str
    covers: tuple[str, ...]
    result: Result
    reason: str
    value: bytes = b""
    canonical: bool = False
    data_hash: Digest = _NOTHING
    body_hash: bytes = b""
    signed_at: Instant | None = None
    expires_at: Instant | None = None
    has_length: bool = False
    key_record: str | None = None
    key_bits: int = 0
    key_testing: bool = False
    key_service_ok: bool = True
    key_chain: tuple[Domain, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether it verified, in canonical form."""
        return self.result is Result.PASS and self.canonical


def _is_domain(text: str) -> bool:
    try:
        parse_domain(text)
    except MalformedInput:
        return False
    return not text.endswith(".")


def _is_number(text: str | None) -> bool:
    return text is None or (text.isascii() and text.isdigit() and len(text) <= MAX_TAG_DIGITS)


Tags = Mapping[str, str]
_FORM: tuple[Rule[Tags], ...] = (
    Rule("tags", "Are the required tags there?", lambda t: {"v", "a", "b", "bh", "d", "h", "s"} <= t.keys()),
    Rule("version", "Is it version 1?", lambda t: t.get("v") == "1"),
    Rule("algorithm", "Is the algorithm known?", lambda t: t.get("a") in ALGORITHMS),
    Rule("base64", "Do b= and bh= decode?", lambda t: bool(bytes_of(t.get("b", "")) and bytes_of(t.get("bh", "")))),
    Rule("domain", "Is d= a domain name?", lambda t: _is_domain(t.get("d", ""))),
    Rule("selector", "Is s= a selector?", lambda t: bool(_SELECTOR.fullmatch(t.get("s", "")))),
    Rule("from-signed", "Does h= name From?", lambda t: "from" in names_of(t.get("h", ""))),
    Rule(
        "canonicalisation",
        "Is c= known?",
        lambda t: len(t.get("c", "").split("/")) <= 2 and all(c in _CANONICAL for c in _canonicalnames_of(t)),
    ),
    Rule("numbers", "Are l=, t= and x= numbers?", lambda t: all(_is_number(t.get(n)) for n in "ltx")),
    Rule("query", "May the key be asked of DNS?", lambda t: "dns/txt" in names_of(t.get("q", "dns/txt"))),
    Rule(
        "identity",
        "Is i= at or below d=?",
        lambda t: is_at_or_below(_identity_domain(t), t.get("d", "").lower()),
    ),
    Rule(
        "order",
        "Is x= after t=?",
        lambda t: not all(_is_number(t.get(n, "")) for n in "tx") or int(t["x"]) > int(t["t"]),
    ),
)
"""What makes a signature well-formed (RFC 6376 §3.5, §6.1.1); the name of a failed rule is the reason."""


def _canonicalnames_of(tags: Tags) -> tuple[str, str]:
    header, _, body = tags.get("c", "simple").partition("/")
    return header, body or "simple"


def _identity_domain(tags: Tags) -> str:
    return tags["i"].rpartition("@")[2].lower() if "i" in tags else tags.get("d", "").lower()


def _fields(message: Message) -> tuple[Field, ...]:
    return message.all("dkim-signature")[:MAX_SIGNATURES]


def keys_needed(message: Message) -> tuple[str, ...]:
    """The names to ask TXT of, each once, for the first MAX_SIGNATURES signatures (RFC 6376 §3.6.2.1)."""
    found = (_read(field.value)[1] for field in _fields(message))
    return tuple(dict.fromkeys(_key_name(tags) for tags in found if tags))


def _key_name(tags: Tags) -> str:
    return f"{tags['s']}._domainkey.{tags['d']}".lower()


@lru_cache(maxsize=256)  # a mail's keys are asked for, its identity is worked out, then it is verified
def _read(value: str) -> tuple[str, Tags]:
    """The reason why it is malformed, or an empty one and its tags."""
    tags = parse_tags(value)
    if tags is None:
        return "tags", {}
    failed = failures(_FORM, tags)
    return (failed[0], {}) if failed else ("", tags)


def _header_line(field: Field, *, relaxed: bool) -> bytes:
    if not relaxed:
        return crlf(field.raw).removesuffix(b"\r\n") + b"\r\n"
    value = crlf(field.raw).partition(b":")[2].replace(b"\r\n", b"")
    return field.name.encode("ascii") + b":" + squeeze(value).strip(b" ") + b"\r\n"


def _without_value(raw: bytes) -> bytes:
    """The signature field with an empty b= (RFC 6376 §3.7)."""
    name, colon, value = raw.partition(b":")
    specs = value.split(b";")
    emptied = [s.partition(b"=")[0] + b"=" if s.partition(b"=")[0].strip() == b"b" else s for s in specs]
    return name + colon + b";".join(emptied)


def signed_data(message: Message, field: Field, covers: tuple[str, ...], *, relaxed: bool) -> bytes:
    """Exactly the bytes whose hash this signature signs: the bottom-most instances first (RFC 6376 §5.4.2)."""
    left = {name: list(message.all(name)) for name in set(covers)}
    lines = [_header_line(left[name].pop(), relaxed=relaxed) for name in covers if left[name]]
    own = Field(field.name, _without_value(field.raw), b"")
    return b"".join(lines) + _header_line(own, relaxed=relaxed).removesuffix(b"\r\n")


@dataclass(frozen=True, slots=True)
class _Proof:
    tags: Tags
    signature: Signature
    data: bytes
    key: Key


_PROOF: tuple[Rule[_Proof], ...] = (
    Rule("body-hash", "Is bh= the hash of the body?", lambda p: p.signature.body_hash == bytes_of(p.tags["bh"])),
    Rule("signature", "Does b= verify?", lambda p: verifies(p.key, p.signature.value, p.data, p.tags["a"])),
    Rule(
        "identity",
        "Is i= exactly d= where the key says so (t=s)?",
        lambda p: not p.key.strict or _identity_domain(p.tags) == p.signature.domain,
    ),
)


def _hash(data: bytes, algorithm: str) -> bytes:
    hasher = Hash(ALGORITHMS[algorithm]())
    hasher.update(data)
    return hasher.finalize()


Judge = Callable[[Tags, Signature, bytes], Signature]


def _signatures(message: Message, judge: Judge) -> Iterator[Signature]:
    """Each well-formed signature with its bytes, handed to `judge`; malformed ones with the reason."""
    for field in _fields(message):
        reason, tags = _read(field.value)
        if reason:
            yield Signature(Domain(""), "", "", (), Result.MALFORMED, reason)
            continue
        header_relaxed, body_relaxed = (_CANONICAL[name] for name in _canonicalnames_of(tags))
        body = message.canonical_body(relaxed=body_relaxed)[: int(tags["l"]) if "l" in tags else None]
        covers = names_of(tags["h"])
        data = signed_data(message, field, covers, relaxed=header_relaxed)
        blank = Signature(
            parse_domain(tags["d"]),
            tags["s"].lower(),
            tags["a"],
            covers,
            Result.TEMPORARY,
            "key-unknown",
            value=bytes_of(tags["b"]) or b"",
            data_hash=Digest(sha256(data).digest()),
            body_hash=_hash(body, tags["a"]),
            signed_at=Instant(int(tags["t"]) * SECOND) if "t" in tags else None,
            expires_at=Instant(int(tags["x"]) * SECOND) if "x" in tags else None,
            has_length="l" in tags,
        )
        yield judge(tags, blank, data)


def verify(message: Message, keys: Mapping[str, KeyAnswer]) -> tuple[Signature, ...]:
    """Every signature of the message, top to bottom, at most MAX_SIGNATURES, judged with the keys given.

    A name of `keys_needed` that is missing in `keys` counts as temporarily unknown. Never raises.
    """
    damaged = b"\n>From " in message.body or message.raw.startswith((b"From ", b">From "))

    def judge(tags: Tags, blank: Signature, data: bytes) -> Signature:
        answer = keys.get(_key_name(tags))
        if answer is None or answer.status is KeyStatus.TEMPORARY:
            return blank
        if answer.status is KeyStatus.ABSENT or answer.record is None:
            return replace(blank, result=Result.NO_KEY, reason="key-absent")
        fetched = replace(blank, key_record=answer.record, key_chain=answer.chain)
        key = parse_key(answer.record, tags["a"])
        if key is None:
            return replace(fetched, result=Result.NO_KEY, reason="key-unusable")
        failed = failures(_PROOF, _Proof(tags, blank, data, key))
        failure = Result.UNVERIFIABLE if damaged else Result.FAIL
        return replace(
            fetched,
            result=failure if failed else Result.PASS,
            reason=failed[0] if failed else "",
            canonical=is_canonical(blank.value, key),
            key_bits=key.bits,
            key_testing=key.testing,
            key_service_ok=key.service_ok,
        )

    return tuple(_signatures(message, judge))


def assume_valid(message: Message) -> tuple[Signature, ...]:
    """A diagnostic for archives whose keys are gone: every well-formed signature passes with a 2048-bit key."""

    def judge(_tags: Tags, blank: Signature, _data: bytes) -> Signature:
        return replace(blank, result=Result.PASS, reason="assumed", canonical=True, key_bits=2048)

    return tuple(_signatures(message, judge))


def is_aligned(message: Message, signature: Signature) -> bool:
    """Whether d= belongs to the organisation of the From domain, the walk assumed to agree with the list."""
    author = message.from_domain()
    return author is not None and bool(signature.domain) and aligned(signature.domain, author, None)


def identities(message: Message, signatures: tuple[Signature, ...]) -> tuple[Digest, ...]:
    """The candidates for the message identity, best first: From-aligned and passing ones, the unsigned one last.

    They need no key: what was committed at delivery and what is reported later share a candidate, also
    when header fields were added or line ends changed in between (LAW §2).
    """
    formed = [s for s in signatures if s.result is not Result.MALFORMED]
    formed.sort(key=lambda s: (not s.passes, not is_aligned(message, s)))
    signed = (Digest(sha256(s.data_hash + s.body_hash).digest()) for s in formed)
    return (*dict.fromkeys(signed), unsigned_identity(message))
