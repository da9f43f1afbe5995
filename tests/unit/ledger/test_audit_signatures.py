"""What the audit verifies by hand: signatures, keys, notes and paths, against vectors and other implementations."""

from __future__ import annotations

import base64
from hashlib import sha512

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.ledger import audit
from tests.unit.ledger.building import inclusion, mth
from tests.unit.ledger.keys import (
    HandKey,
    der,
    hand_key,
    integer,
    pkcs1,
    public,
    record,
    rsa_key,
    rsa_signature,
    secret,
    sha,
    spki,
    u,
)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
        "24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
        "eeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed2"
        "8dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce8"
        "0e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac1"
        "7ad9bef1177331a704",
    ),
]
ORDER_8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032_verify(key: str, message: str, signature: str) -> None:
    """RFC 8032 §7.1, and no other message, key or signature in their place."""
    parts = [bytes.fromhex(part) for part in (key, message, signature)]
    assert audit.ed25519_verifies(*parts)
    assert not audit.ed25519_verifies(parts[0], parts[1] + b"x", parts[2])
    assert not audit.ed25519_verifies(public("another"), parts[1], parts[2])
    for at in (0, 31, 32, 63):
        assert not audit.ed25519_verifies(
            parts[0], parts[1], parts[2][:at] + u(1, parts[2][at] ^ 1) + parts[2][at + 1 :]
        )


@settings(max_examples=60, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), flip=st.integers(0, 64 * 8))
def test_ed25519_agrees_with_a_library(seed: bytes, message: bytes, flip: int) -> None:
    """Good signatures and those with one bit changed: the same answer."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    number = int.from_bytes(key.sign(message), "big") ^ (1 << flip if flip < 64 * 8 else 0)
    signature = u(64, number)
    encoded = key.public_key().public_bytes_raw()
    assert audit.ed25519_verifies(encoded, message, signature) == _library_verifies(encoded, message, signature)


def _library_verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_a_second_encoding_of_a_signature_is_refused() -> None:
    """S + L would verify as well, and give every entry a twin."""
    signature = secret("log").sign(b"entry")
    s = int.from_bytes(signature[32:], "little")
    assert audit.ed25519_verifies(public("log"), b"entry", signature)
    assert not audit.ed25519_verifies(public("log"), b"entry", signature[:32] + (s + L).to_bytes(32, "little"))


@pytest.mark.parametrize("size", [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)])
def test_only_32_and_64_bytes_are_key_and_signature(size: tuple[int, int]) -> None:
    """Nothing is cut or filled."""
    signature = secret("log").sign(b"") + b"\x00"
    assert not audit.ed25519_verifies((public("log") + b"\x00")[: size[0]], b"", signature[: size[1]])


def test_points_have_one_encoding() -> None:
    """A y of p or more, an x of minus zero and what is no point at all are no keys (RFC 8032 §5.1.3)."""
    identity = (1).to_bytes(32, "little")
    forged = identity + bytes(32)
    assert audit.ed25519_verifies(identity, b"any", forged), "the small subgroup is as RFC 8032 leaves it"
    assert not audit.ed25519_verifies((P + 1).to_bytes(32, "little"), b"any", forged)
    assert not audit.ed25519_verifies((1 | 1 << 255).to_bytes(32, "little"), b"any", forged)
    assert not audit.ed25519_verifies(identity, b"any", (P + 1).to_bytes(32, "little") + bytes(32))
    assert not audit.ed25519_verifies((2).to_bytes(32, "little"), b"any", forged)


def test_verification_is_without_the_cofactor() -> None:
    """A key with a part of small order: what holds only times eight is refused, here and in the library."""
    private = 12345
    rows, twisted = audit._multiples(audit._BASE), audit._point(ORDER_8)
    assert rows is not None and twisted is not None
    key = _encoded(audit._plus(audit._times(rows, private), twisted))
    r = _encoded(audit._times(rows, 777))
    for number in range(16):
        message = u(1, number)
        k = int.from_bytes(sha512(r + key + message).digest(), "little") % L
        signature = r + ((777 + k * private) % L).to_bytes(32, "little")
        assert audit.ed25519_verifies(key, message, signature) == (k % 8 == 0)
        assert _library_verifies(key, message, signature) == (k % 8 == 0)


def _encoded(point: tuple[int, int, int, int]) -> bytes:
    inverse = pow(point[2], -1, P)
    return (point[1] * inverse % P | (point[0] * inverse % P & 1) << 255).to_bytes(32, "little")


DIGEST = sha(b"header data")


def test_rsa_verifies_both_shapes_of_a_key() -> None:
    """SubjectPublicKeyInfo and the bare RSAPublicKey; for this digest only."""
    fields = rsa_signature("x")
    for shape in (spki(rsa_key()), pkcs1(rsa_key())):
        assert audit.rsa_verifies(shape, fields[6] or b"", fields[5] or b"")
        assert not audit.rsa_verifies(shape, DIGEST, fields[5] or b"")


def test_rsa_demands_the_whole_encoded_message() -> None:
    """RFC 8017 §8.2.2: short padding with a tail, other padding, another or no DigestInfo, a missing NULL."""
    key = hand_key(1024)
    good, info = key.encoded(DIGEST), bytes.fromhex("3031300d060960864801650304020105000420")
    assert audit.rsa_verifies(key.bare(), DIGEST, key.sign(good))
    tail = b"\x00" + info + DIGEST
    bare_info = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20"
    for wrong in (
        b"\x00\x01" + b"\xff" * 8 + tail + bytes(key.size - 10 - len(tail)),
        b"\x00\x01" + b"\xff" * 8 + tail + b"\xff" * (key.size - 10 - len(tail)),
        b"\x00\x02" + good[2:],
        good[:40] + b"\xfe" + good[41:],
        b"\x00\x01" + b"\xff" * (key.size - 35) + b"\x00" + DIGEST,
        b"\x00\x01" + b"\xff" * (key.size - 35 - len(bare_info)) + b"\x00" + bare_info + DIGEST,
    ):
        assert len(wrong) == key.size
        assert not audit.rsa_verifies(key.bare(), DIGEST, key.sign(wrong))


def test_rsa_signatures_have_one_encoding() -> None:
    """Exactly as long as the modulus and below it."""
    key = hand_key(1024)
    signature = key.sign(key.encoded(DIGEST))
    assert not audit.rsa_verifies(key.bare(), DIGEST, b"\x00" + signature)
    short = HandKey(key.n, key.e, key.d)
    assert not audit.rsa_verifies(short.bare(), DIGEST, signature.lstrip(b"\x00")[1:])
    twin = int.from_bytes(signature, "big") + key.n
    if twin < 1 << 1024:
        assert not audit.rsa_verifies(key.bare(), DIGEST, u(128, twin))


def _forged(bits: int) -> tuple[bytes, bytes]:
    """A modulus of this size for which a chosen number is a signature: the limit is on size, not on being honest."""
    size = (bits + 7) // 8
    tail = b"\x00" + bytes.fromhex("3031300d060960864801650304020105000420") + DIGEST
    message = int.from_bytes(b"\x00\x01" + b"\xff" * (size - 2 - len(tail)) + tail, "big")
    low, high = 0, 1 << bits // 3 + 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 - message < 1 << bits else (low, middle)
    modulus = low**3 - message
    assert modulus.bit_length() == bits and modulus > message
    return der(0x30, integer(modulus) + integer(3)), u(size, low)


def test_the_limits_of_rsa_keys() -> None:
    """1024 to 16,384 bits, an odd exponent from 3 to 64 bits; one past each is no key."""
    for bits, good in ((1023, False), (1024, True)):
        key = hand_key(bits)
        assert audit.rsa_verifies(key.bare(), DIGEST, key.sign(key.encoded(DIGEST))) == good
    for bits, good in ((audit.LIMIT_MODULUS_BITS, True), (audit.LIMIT_MODULUS_BITS + 1, False)):
        assert audit.rsa_verifies(*_swap(_forged(bits))) == good
    for exponent, good in ((1, False), (3, True), (2**64 - 59, True), (2**64 + 13, False)):
        key = hand_key(1024, exponent)
        assert audit.rsa_verifies(key.bare(), DIGEST, key.sign(key.encoded(DIGEST))) == good
    even = HandKey(hand_key(1024).n, 4, 1)
    assert not audit.rsa_verifies(even.bare(), DIGEST, u(128, 2))


def _swap(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes, bytes]:
    return pair[0], DIGEST, pair[1]


def _bad_keys() -> list[bytes]:
    key = hand_key(1024)
    good, n, e = key.wrapped(), integer(key.n), integer(key.e)
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return [
        b"", b"\x30", good[:-1], good + b"\x00", b"\x31" + good[1:], key.bare() + b"\x00",
        b"\x30\x80" + n + e + b"\x00\x00",
        b"\x30\x83" + u(3, len(n + e)) + n + e,
        b"\x30\x84" + u(4, len(n + e)) + n + e,
        der(0x30, n), der(0x30, n + e + integer(1)), der(0x30, n + b"\x02\x00"),
        der(0x30, n + b"\x02\x04\x00\x01\x00\x01"), der(0x30, b"\x02\x81\x80" + u(128, key.n) + e),
        der(0x30, algorithm + der(3, b"\x01" + key.bare())), der(0x30, algorithm + der(3, b"")),
        der(0x30, algorithm + der(4, b"\x00" + key.bare())),
        der(0x30, bytes.fromhex("300b06092a864886f70d010101") + der(3, b"\x00" + key.bare())),
    ]  # fmt: skip


def test_keys_are_strict_der() -> None:
    """Cut, long, indefinite or over-long forms, negative or padded integers, other algorithms: no key."""
    key = hand_key(1024)
    signature = key.sign(key.encoded(DIGEST))
    assert audit.rsa_verifies(key.wrapped(), DIGEST, signature)
    for number, bad in enumerate(_bad_keys()):
        assert not audit.rsa_verifies(bad, DIGEST, signature), number


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.binary(max_size=40), st.booleans())
def test_no_bytes_make_the_verifiers_fail(data: bytes, other: bytes, wrapped: bool) -> None:
    """Whatever stands for a key, a record or a signature: an answer, no error."""
    key = hand_key(1024).wrapped()
    mixed = key[: len(data)] + data + key[2 * len(data) :] if wrapped else data
    assert not audit.rsa_verifies(mixed, other, data)
    audit.dkim_key(data, "rsa-sha256")
    audit.dkim_key(b"p=" + base64.b64encode(data) + other, "rsa-sha256")
    assert not audit.ed25519_verifies(data, other, data)


@pytest.mark.parametrize(
    ("text", "algorithm", "found"),
    [
        (b"v=DKIM1; k=rsa; p=YWJj", "rsa-sha256", b"abc"),
        (b"p=YWJj", "rsa-sha256", b"abc"),
        (b" v = DKIM1 ; p = YW \t\r\n Jj ; ", "rsa-sha256", b"abc"),
        (b"v=DKIM1; k=ed25519; p=YWJj", "ed25519-sha256", b"abc"),
        (b"v=DKIM1; h=sha1:sha256; s=*; t=s; n=a note; p=YWJj", "rsa-sha256", b"abc"),
        (b"v=DKIM1; s=tlsrpt : email; p=YWJj", "rsa-sha256", b"abc"),
        (b"v=DKIM1; k=ed25519; p=YWJj", "rsa-sha256", None),
        (b"v=DKIM1; p=YWJj", "ed25519-sha256", None),
        (b"v=DKIM2; p=YWJj", "rsa-sha256", None),
        (b"v=DKIM1; h=sha1; p=YWJj", "rsa-sha256", None),
        (b"v=DKIM1; s=tlsrpt; p=YWJj", "rsa-sha256", None),
        (b"v=DKIM1; p=YWJj; p=YWJj", "rsa-sha256", None),
        (b"v=DKIM1; p=", "rsa-sha256", None),
        (b"v=DKIM1", "rsa-sha256", None),
        (b"v=DKIM1; p=YW-j", "rsa-sha256", None),
        (b"v=DKIM1; p=YWJ", "rsa-sha256", None),
        (b"v=DKIM1; nonsense; p=YWJj", "rsa-sha256", None),
        (b"", "rsa-sha256", None),
    ],
)
def test_key_records_are_read_as_rfc_6376_says(text: bytes, algorithm: str, found: bytes | None) -> None:
    """RFC 6376 §3.6.1: one p= for this algorithm, this hash and mail; no tag twice."""
    assert audit.dkim_key(text, algorithm) == found
    assert record(b"abc", b"p=") == b"p=YWJj"


def test_the_example_of_signed_note_verifies() -> None:
    """C2SP signed-note: its verifier key and its note."""
    key = audit._key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", 1)
    blob = base64.b64decode(
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    )
    assert blob[:4] == key.id
    assert audit.ed25519_verifies(key.public, b"This is an example message.\n", blob[4:])


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 70), st.data())
def test_a_path_leads_to_the_root_from_its_place_only(size: int, data: st.DataObject) -> None:
    """RFC 9162 §2.1.3.2, against a second prover; another place, a longer or a shorter path lead elsewhere."""
    leaves = [sha(b"\x00", u(1, number)) for number in range(size)]
    at = data.draw(st.integers(0, size - 1))
    path = inclusion(leaves, at)
    assert audit._root(leaves) == mth(leaves)
    assert audit._climb(leaves[at], at, size, path) == mth(leaves)
    assert audit._climb(leaves[at], at, size, [*path, sha()]) is None
    assert not path or audit._climb(leaves[at], at, size, path[:-1]) is None
    assert audit._climb(leaves[at], at + size, size, path) is None
    other = data.draw(st.integers(0, size - 1))
    assert other == at or audit._climb(leaves[at], other, size, path) != mth(leaves)
