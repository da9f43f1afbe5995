"""What is signed with a DKIM key and is no mail; how records are read is in test_dkim.py, with the signatures."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from antiphon.formats.keyrecord import PROVING_BITS, holds_key
from tests.unit.formats.dkim_vectors import SIGNER, record_of

TEXT = b"antiphon desk 1 of nobody"
EDWARDS = Ed25519PrivateKey.from_private_bytes(bytes(32))


def test_either_kind_of_key_signs_a_text() -> None:
    """As openssl does it: RSA with PKCS#1 v1.5 and SHA-256, Ed25519 over the text itself."""
    assert holds_key(record_of(SIGNER), "rsa-sha256", SIGNER.sign(TEXT, padding.PKCS1v15(), SHA256()), TEXT)
    assert holds_key(record_of(EDWARDS), "ed25519-sha256", EDWARDS.sign(TEXT), TEXT)


@pytest.mark.parametrize("bits", [1024, PROVING_BITS - 8, PROVING_BITS])
def test_a_short_key_proves_nothing(bits: int) -> None:
    """What many can factor is nobody's own."""
    key = rsa.generate_private_key(65537, bits)
    assert holds_key(record_of(key), "rsa-sha256", key.sign(TEXT, padding.PKCS1v15(), SHA256()), TEXT) is (bits >= 2048)


@pytest.mark.parametrize(
    ("record", "algorithm", "value"),
    [
        (record_of(SIGNER), "rsa-sha256", SIGNER.sign(TEXT + b".", padding.PKCS1v15(), SHA256())),
        (record_of(SIGNER), "rsa-sha256", SIGNER.sign(TEXT, padding.PKCS1v15(), SHA1())),
        (record_of(SIGNER), "ed25519-sha256", EDWARDS.sign(TEXT)),
        (record_of(EDWARDS), "ed25519-sha256", EDWARDS.sign(TEXT)[:-1]),
        ("v=DKIM1; p=", "rsa-sha256", b""),
    ],
    ids=["another text", "another hash", "another kind", "cut", "revoked"],
)
def test_nothing_else_is_a_proof(record: str, algorithm: str, value: bytes) -> None:
    """No error, whatever it is."""
    assert not holds_key(record, algorithm, value, TEXT)
