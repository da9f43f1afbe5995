"""DKIM signatures over what leaves in the node's own name: Ed25519 and RSA beside each other (RFC 6376, RFC 8463).

Every name of SIGNED is listed in `h=` once more than it stands in the message (RFC 6376 §8.15): nobody can add a second
From, or a Reply-To that we did not write, and keep the signature.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from antiphon.errors import MalformedInput
from antiphon.formats.dkim import signed_data
from antiphon.formats.message import Field, Message, canonical_body, parse_message
from antiphon.terms import SECOND, Instant

SIGNED = (
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "auto-submitted",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "antiphon-loop",
)
RSA_BITS = 2048


class DkimSigner:
    """Signs with both keys under the selectors `e1` and `r1` of one domain; relaxed/relaxed, the whole body."""

    def __init__(self, domain: str, ed25519: bytes, rsa_pem: bytes) -> None:
        self._domain = domain
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(ed25519)
        loaded = load_pem_private_key(rsa_pem, password=None)
        if not isinstance(loaded, RSAPrivateKey) or loaded.key_size < RSA_BITS:
            raise ValueError(f"the RSA key file must hold an RSA key of at least {RSA_BITS} bits")
        self._rsa = loaded

    def records(self) -> dict[str, str]:
        """The TXT records that verify these signatures, by name (RFC 6376 §3.6.1, RFC 8463 §4)."""
        ed = b64encode(self._ed25519.public_key().public_bytes_raw()).decode()
        der = self._rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {
            f"e1._domainkey.{self._domain}": f"v=DKIM1; k=ed25519; p={ed}",
            f"r1._domainkey.{self._domain}": f"v=DKIM1; k=rsa; p={b64encode(der).decode()}",
        }

    def sign(self, message: bytes, now: Instant, *, expires_at: Instant | None = None) -> bytes:
        """The message with our two DKIM-Signature fields before it, otherwise untouched.

        Raises MalformedInput unless its lines end with CRLF and it has exactly one From.
        """
        parsed = parse_message(message)
        if parsed.count("from") != 1 or message.count(b"\n") != message.count(b"\r\n"):
            raise MalformedInput("Only a message with one From and CRLF line ends can be signed.")
        times = f"t={now // SECOND}" + (f"; x={expires_at // SECOND}" if expires_at is not None else "")
        ed = self._field(parsed, "ed25519-sha256; s=e1", times, self._sign_ed25519)
        return ed + self._field(parsed, "rsa-sha256; s=r1", times, self._sign_rsa) + message

    def _field(self, message: Message, algorithm: str, times: str, sign: Callable[[bytes], bytes]) -> bytes:
        listed = tuple(name for name in SIGNED for _ in message.all(name)) + SIGNED
        digest = b64encode(sha256(canonical_body(message.body, relaxed=True)).digest()).decode()
        field = (
            f"DKIM-Signature: v=1; a={algorithm}; d={self._domain}; c=relaxed/relaxed; {times};\r\n"
            f" h={':'.join(listed)};\r\n bh={digest};\r\n b="
        ).encode("ascii")
        data = signed_data(message, Field("dkim-signature", field, b""), listed, relaxed=True)
        return field + b64encode(sign(data)) + b"\r\n"

    def _sign_ed25519(self, data: bytes) -> bytes:
        return self._ed25519.sign(sha256(data).digest())  # RFC 8463 §3: over the hash, not the data

    def _sign_rsa(self, data: bytes) -> bytes:
        return self._rsa.sign(data, PKCS1v15(), SHA256())


def new_rsa_key() -> bytes:
    """A fresh RSA key, as PEM without a passphrase: it belongs into a file that only its owner can read."""
    key = generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
