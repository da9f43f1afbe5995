"""A DKIM key record (RFC 6376 §3.6.1, RFC 8463 §4), and what is signed with its key."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

MAX_KEY_BITS = 8192
PROVING_BITS = 2048
"""An RSA key shorter than that proves nothing by itself (RFC 8301 §3.2)."""
MAX_KEY_RECORD = 4096

ALGORITHMS: dict[str, type[SHA256 | SHA1]] = {"rsa-sha256": SHA256, "ed25519-sha256": SHA256, "rsa-sha1": SHA1}
_ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
_FOLDED = re.compile(rb"[ \t\r\n]+")
_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def parse_tags(text: str) -> dict[str, str] | None:
    """A tag list (RFC 6376 §3.2) without folding white space around values; None if it is none."""
    tags: dict[str, str] = {}
    specs = text.split(";")
    for number, spec in enumerate(specs):
        name, equals, value = spec.partition("=")
        if not spec.strip() and number == len(specs) - 1:
            break
        if not equals or not _TAG_NAME.fullmatch(name.strip()) or name.strip() in tags:
            return None
        tags[name.strip()] = value.strip()
    return tags


def bytes_of(text: str) -> bytes | None:
    """What base64 with folding white space in it says; None where it is none."""
    try:
        return b64decode(_FOLDED.sub(b"", text.encode("ascii")), validate=True)
    except ValueError:
        return None


def names_of(text: str) -> tuple[str, ...]:
    """A colon list, in lower case."""
    return tuple(name.strip().lower() for name in text.split(":"))


@dataclass(frozen=True, slots=True)
class Key:
    """A key record that can be used."""

    public: RSAPublicKey | Ed25519PublicKey
    bits: int
    testing: bool
    strict: bool
    service_ok: bool


def _load_key(data: bytes, kind: str) -> RSAPublicKey | Ed25519PublicKey | None:
    try:
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(data)
        loaded = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return loaded if isinstance(loaded, RSAPublicKey) else None


def parse_key(record: str, algorithm: str) -> Key | None:
    """The key of a record (RFC 6376 §3.6.1), if it is one for this algorithm."""
    tags = parse_tags(record) if len(record) <= MAX_KEY_RECORD else None
    kind, _, digest = algorithm.partition("-")
    if tags is None or tags.get("v", "DKIM1") != "DKIM1" or tags.get("k", "rsa") != kind:
        return None
    if ("v" in tags and next(iter(tags)) != "v") or digest not in names_of(tags.get("h", digest)):
        return None
    public = _load_key(bytes_of(tags.get("p", "")) or b"", kind)
    bits = public.key_size if isinstance(public, RSAPublicKey) else 256
    if public is None or bits > MAX_KEY_BITS:
        return None
    flags, services = names_of(tags.get("t", "")), names_of(tags.get("s", "*"))
    return Key(public, bits, "y" in flags, "s" in flags, "*" in services or "email" in services)


def is_canonical(value: bytes, key: Key) -> bool:
    """Whether `value` is the one encoding of itself: RSA below n and as long as n, Ed25519 S below L ."""
    if isinstance(key.public, RSAPublicKey):
        return len(value) == (key.bits + 7) // 8 and int.from_bytes(value, "big") < key.public.public_numbers().n
    return len(value) == 64 and int.from_bytes(value[32:], "little") < _ED25519_ORDER


def verifies(key: Key, value: bytes, data: bytes, algorithm: str) -> bool:
    """Whether `value` signs these bytes as DKIM does (RFC 6376 §3.7, RFC 8463 §3)."""
    try:
        if isinstance(key.public, RSAPublicKey):
            key.public.verify(value, data, PKCS1v15(), ALGORITHMS[algorithm]())
        else:
            key.public.verify(value, sha256(data).digest())  # RFC 8463 §3: the hash is what is signed
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def holds_key(record: str, algorithm: str, value: bytes, text: bytes) -> bool:
    """Whether `value` is a signature over this text, which is no mail, by the key of a record: RSA of PROVING_BITS or
    more with PKCS#1 v1.5 and SHA-256 (RFC 8017 §8.2), or Ed25519 over the text itself (RFC 8032 §5.1)."""
    key = parse_key(record, algorithm)
    if key is None:
        return False
    try:
        if isinstance(key.public, RSAPublicKey):
            key.public.verify(value, text, PKCS1v15(), SHA256())
        else:
            key.public.verify(value, text)
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return key.bits >= PROVING_BITS or isinstance(key.public, Ed25519PublicKey)
