"""Keys and signatures for tests of the audit: real ones by `cryptography`, and odd ones by hand."""

from __future__ import annotations

import base64
import hashlib
import random
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN = "ledger.example/antiphon"
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")

Fields = dict[int, bytes | None]
"""Values by tag; None leaves the field out."""


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def u(width: int, number: int) -> bytes:
    return number.to_bytes(width, "big")


@cache
def secret(name: str) -> Ed25519PrivateKey:
    """The same key for the same name."""
    return Ed25519PrivateKey.from_private_bytes(sha(b"key", name.encode()))


def public(name: str) -> bytes:
    return secret(name).public_key().public_bytes_raw()


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def spki(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def pkcs1(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


def record(der: bytes, before: bytes = b"v=DKIM1; k=rsa; p=") -> bytes:
    return before + base64.b64encode(der)


def rsa_signature(seed: str, key: rsa.RSAPrivateKey | None = None, der: bytes | None = None) -> Fields:
    """A passing rsa-sha256 signature, as a record of an opening."""
    key, digest = key or rsa_key(), sha(b"header", seed.encode())
    b = key.sign(digest, padding.PKCS1v15(), Prehashed(SHA256()))
    return {1: b"shop.example", 2: b"s1", 3: b"rsa-sha256", 4: record(der or spki(key)), 5: b, 6: digest}


def ed25519_signature(seed: str) -> Fields:
    """A passing ed25519-sha256 signature, as a record of an opening."""
    digest = sha(b"header", seed.encode())
    text = record(public("dkim"), b"v=DKIM1; k=ed25519; p=")
    return {1: b"shop.example", 2: b"s2", 3: b"ed25519-sha256", 4: text, 5: secret("dkim").sign(digest), 6: digest}


def key_id(name: str, kind: int, key: str) -> bytes:
    return sha(name.encode(), b"\n", bytes([kind]), public(key))[:4]


def vkey(key: str = "log", name: str = ORIGIN, kind: int = 1) -> str:
    encoded = base64.b64encode(bytes([kind]) + public(key)).decode()
    return f"{name}+{key_id(name, kind, key).hex()}+{encoded}"


def signature_line(name: str, key: str, body: str) -> str:
    blob = key_id(name, 1, key) + secret(key).sign(body.encode())
    return f"— {name} {base64.b64encode(blob).decode()}\n"


def cosignature_line(name: str, key: str, body: str, time: int = 1_800_000_000) -> str:
    text = f"cosignature/v1\ntime {time}\n{body}".encode()
    blob = key_id(name, 4, key) + u(8, time) + secret(key).sign(text)
    return f"— {name} {base64.b64encode(blob).decode()}\n"


def der(tag: int, content: bytes) -> bytes:
    """One value with the shortest length."""
    size = len(content)
    octets = (size.bit_length() + 7) // 8
    return bytes([tag]) + (u(1, size) if size < 128 else bytes([0x80 | octets]) + u(octets, size)) + content


def integer(number: int) -> bytes:
    """A positive DER INTEGER."""
    return der(2, u(number.bit_length() // 8 + 1, number))


@dataclass(frozen=True)
class HandKey:
    """An RSA key of any size and exponent, which signs whatever it is given."""

    n: int
    e: int
    d: int

    @property
    def size(self) -> int:
        return (self.n.bit_length() + 7) // 8

    def bare(self) -> bytes:
        return der(0x30, integer(self.n) + integer(self.e))

    def wrapped(self) -> bytes:
        return der(0x30, RSA_ALGORITHM + der(3, b"\x00" + self.bare()))

    def encoded(self, digest: bytes) -> bytes:
        tail = b"\x00" + SHA256_INFO + digest
        return b"\x00\x01" + b"\xff" * (self.size - 2 - len(tail)) + tail

    def sign(self, encoded: bytes) -> bytes:
        return u(self.size, pow(int.from_bytes(encoded, "big"), self.d, self.n))


def _prime(bits: int, e: int, source: random.Random) -> int:
    while True:
        number = source.getrandbits(bits) | 3 << bits - 2 | 1
        if pow(2, number - 1, number) == 1 and (e <= 2 or (number - 1) % e):
            return number


@cache
def hand_key(bits: int, e: int = 65537) -> HandKey:
    """The same key for the same size: two primes of a seeded source."""
    source = random.Random(bits)
    while True:
        p, q = _prime(bits // 2, e, source), _prime(bits - bits // 2, e, source)
        if (p * q).bit_length() == bits:
            return HandKey(p * q, e, pow(e, -1, (p - 1) * (q - 1)))


def hand_signature(seed: str, key: HandKey) -> Fields:
    """A DKIM signature by such a key, as a record of an opening."""
    digest = sha(b"header", seed.encode())
    b = key.sign(key.encoded(digest))
    return {1: b"shop.example", 2: b"s3", 3: b"rsa-sha256", 4: record(key.bare()), 5: b, 6: digest}
