"""DKIM signatures over what leaves in the node's own name: Ed25519 and RSA beside each other (RFC 6376, RFC 8463)."""

from __future__ import annotations

import base64
import re
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

from antiphon.terms import SECOND, Instant

SIGNED = ("from", "to", "reply-to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type",
          "content-transfer-encoding", "antiphon-loop")
_WSP = re.compile(rb"[ \t]+")


class DkimSigner:
    """Signs with both keys under the selectors `e1` and `r1` of one domain."""

    def __init__(self, domain: str, ed25519: bytes, rsa_pem: bytes) -> None:
        self._domain = domain
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(ed25519)
        loaded = load_pem_private_key(rsa_pem, password=None)
        if not isinstance(loaded, RSAPrivateKey):
            raise ValueError("the RSA key file holds another kind of key")
        self._rsa = loaded

    def records(self) -> dict[str, str]:
        """The TXT records that verify these signatures, by name."""
        ed = base64.b64encode(self._ed25519.public_key().public_bytes_raw()).decode()
        der = self._rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        rsa = base64.b64encode(der).decode()
        return {
            f"e1._domainkey.{self._domain}": f"v=DKIM1; k=ed25519; p={ed}",
            f"r1._domainkey.{self._domain}": f"v=DKIM1; k=rsa; p={rsa}",
        }

    def sign(self, message: bytes, now: Instant, *, expires_at: Instant | None = None) -> bytes:
        """The message (CRLF line ends) with our two DKIM-Signature fields before it."""
        head, _, body = message.partition(b"\r\n\r\n")
        fields = _fields(head)
        names = [name for name in SIGNED if name in fields]
        digest = base64.b64encode(sha256(_body(body)).digest()).decode()
        signatures = b""
        for algorithm, selector in (("ed25519-sha256", "e1"), ("rsa-sha256", "r1")):
            times = f" t={now // SECOND};" + (f" x={expires_at // SECOND};" if expires_at is not None else "")
            # Each name once more than it stands: nobody can add a second one and keep the signature.
            listed = ":".join([*names, *names])
            field = (
                f"DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={self._domain}; s={selector};{times}\r\n"
                f" h={listed};\r\n bh={digest};\r\n b="
            ).encode()
            data = b"".join(fields[name] + b"\r\n" for name in names) + _relaxed(field)
            signatures += field + base64.b64encode(self._value(algorithm, data)) + b"\r\n"
        return signatures + message

    def _value(self, algorithm: str, data: bytes) -> bytes:
        if algorithm == "ed25519-sha256":
            return self._ed25519.sign(sha256(data).digest())
        return self._rsa.sign(data, PKCS1v15(), SHA256())


def _fields(head: bytes) -> dict[str, bytes]:
    """Each header field by name, relaxed (RFC 6376 §3.4.2)."""
    found: dict[str, bytes] = {}
    for line in re.split(rb"\r\n(?![ \t])", head):
        found[line.partition(b":")[0].strip().decode("ascii").lower()] = _relaxed(line)
    return found


def _relaxed(field: bytes) -> bytes:
    name, _, value = field.replace(b"\r\n", b"").partition(b":")
    return name.strip().lower() + b":" + _WSP.sub(b" ", value).strip()


def _body(body: bytes) -> bytes:
    """RFC 6376 §3.4.4."""
    lines = [_WSP.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def new_rsa_key() -> bytes:
    """A fresh RSA key of 2048 bits, as PEM."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
