"""Signed notes: text that named Ed25519 keys sign (C2SP signed-note). Also the one place that signs and verifies.

Stricter than the standard where it leaves room: base64 is canonical, a key signs once, and keys are of type 0x01 only.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from antiphon.errors import MalformedInput

MOST_NOTE_BYTES = 262_144
MOST_SIGNATURES = 64

_ED25519 = b"\x01"
_DASH = "\N{EM DASH} "


def public_key(private_key: bytes) -> bytes:
    """The 32-byte public key of a 32-byte private key. Raises ValueError for another length."""
    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def sign(private_key: bytes, message: bytes) -> bytes:
    """The 64-byte Ed25519 signature (RFC 8032 §5.1.6). Raises ValueError for a key of another length than 32."""
    return Ed25519PrivateKey.from_private_bytes(private_key).sign(message)


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether this is an Ed25519 signature over the message (RFC 8032 §5.1.7); False for anything malformed."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Verifier:
    """A name and the public key that is known under it. Raises MalformedInput for a name that no note can hold."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public) != 32:
            raise MalformedInput("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before the signature."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]


@dataclass(frozen=True, slots=True)
class Signer:
    """A name and the 32-byte private key that signs under it."""

    name: str
    private: bytes = field(repr=False)

    @property
    def verifier(self) -> Verifier:
        """What others need to check this signer."""
        return Verifier(self.name, public_key(self.private))


@dataclass(frozen=True, slots=True)
class Note:
    """An opened note: its text, who is known to have signed it, and the names on lines of keys that are not known."""

    text: str
    signed_by: tuple[Verifier, ...]
    unknown: tuple[str, ...]


def print_vkey(verifier: Verifier) -> str:
    """The verifier key as one line: name, key id and key."""
    return f"{verifier.name}+{verifier.key_id.hex()}+{encode_base64(_ED25519 + verifier.public)}"


def parse_vkey(text: str) -> Verifier:
    """The verifier of such a line. Raises MalformedInput for any other key type, or a key id that does not fit."""
    name, _, rest = text.partition("+")
    key = decode_base64(rest.partition("+")[2])
    if key[:1] != _ED25519:
        raise MalformedInput("not a verifier key of type Ed25519")
    verifier = Verifier(name, key[1:])
    if print_vkey(verifier) != text:
        raise MalformedInput("the key id of a verifier key does not fit its name and key")
    return verifier


def sign_note(text: str, signers: Sequence[Signer]) -> bytes:
    """The text with one signature line a signer. Raises MalformedInput for a text that no note can hold."""
    lines = []
    for signer in signers:
        verifier = signer.verifier
        lines.append(f"{_DASH}{signer.name} {encode_base64(verifier.key_id + sign(signer.private, text.encode()))}\n")
    data = f"{text}\n{''.join(lines)}".encode()
    if _split(data) != (text, [line[:-1] for line in lines]):
        raise MalformedInput("this text can not be signed as a note")
    return data


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> Note:
    """The note, once every line of a known key verifies and at least one does. Raises MalformedInput else."""
    text, lines = _split(data)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    signed_by: list[Verifier] = []
    unknown = []
    for name, signature in map(_signature, lines):
        verifier = known.get((name, signature[:4]))
        if verifier is None:
            unknown.append(name)
        elif verifier in signed_by or not verify(verifier.public, signature[4:], text.encode()):
            raise MalformedInput(f"the signature of {name} is wrong or there twice")
        else:
            signed_by.append(verifier)
    if not signed_by:
        raise MalformedInput("no known key signed this note")
    return Note(text, tuple(signed_by), tuple(unknown))


def decode_base64(text: str) -> bytes:
    """RFC 4648 §4, canonical only, padding bits included. Raises MalformedInput."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise MalformedInput("not base64") from None
    if encode_base64(data) != text:
        raise MalformedInput("base64 is not canonical")
    return data


def encode_base64(data: bytes) -> str:
    """RFC 4648 §4."""
    return b64encode(data).decode()


def _split(data: bytes) -> tuple[str, list[str]]:
    """The text and the signature lines. The last empty line parts them."""
    if len(data) > MOST_NOTE_BYTES:
        raise MalformedInput(f"a note is longer than {MOST_NOTE_BYTES} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise MalformedInput("a note is not UTF-8") from None
    if any(mark < " " and mark != "\n" for mark in whole):
        raise MalformedInput("a note has control characters")
    text, blank, signatures = whole.rpartition("\n\n")
    lines = signatures.split("\n")
    if not blank or lines.pop() or not 1 <= len(lines) <= MOST_SIGNATURES:
        raise MalformedInput(f"a note has a text, an empty line and 1 to {MOST_SIGNATURES} signature lines")
    return text + "\n", lines


def _signature(line: str) -> tuple[str, bytes]:
    if not line.startswith(_DASH):
        raise MalformedInput("a signature line does not begin with a dash")
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    _check_name(name)
    signature = decode_base64(encoded)
    if len(signature) <= 4:
        raise MalformedInput("a signature line has no signature")
    return name, signature


def _check_name(name: str) -> None:
    if not name or any(mark == "+" or mark < " " or mark.isspace() or "\ud800" <= mark <= "\udfff" for mark in name):
        raise MalformedInput("a key name is empty, or has a space, a plus or what can not be printed")
