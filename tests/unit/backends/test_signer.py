"""What we sign is verified by a foreign verifier, and by the one we judge others with."""

from __future__ import annotations

from base64 import b64decode
from types import SimpleNamespace

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.backends.signer import SIGNED, DkimSigner, new_rsa_key
from antiphon.errors import MalformedInput
from antiphon.formats.dkim import KeyAnswer, KeyStatus, Signature, verify
from antiphon.formats.message import parse_message
from antiphon.terms import HOUR, SECOND, Instant

NOW = Instant(1_600_000_000 * SECOND)  # dkimpy reads the real clock and refuses the future
MESSAGE = (
    b"From: Node <node@node.example>\r\nTo: <abuse@one.example>\r\nSubject: a  notice\r\n of  two lines \r\n"
    b"Date: Fri, 15 Jan 2027 08:00:00 +0000\r\nMessage-ID: <1@node.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nX-Other: not signed\r\n\r\n"
    b"Dear  all, \t\r\n\r\n..dots\r\ntrailing\t \r\n\r\n\r\n"
)


@pytest.fixture(scope="session")
def signer() -> DkimSigner:
    """One signer for the run: RSA keys are dear."""
    return DkimSigner("node.example", bytes(range(32)), new_rsa_key())


class VerifyKey:
    """What dkimpy asks of PyNaCl, which is not installed: Ed25519 by `cryptography`."""

    def __init__(self, public: bytes, encoder: object) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(b64decode(public))

    def verify(self, data: bytes, signature: bytes) -> bytes:
        self._key.verify(signature, data)
        return data


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch, signer: DkimSigner):
    """dkimpy's verdict on the signature at an index, with our records for DNS."""
    errors = SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError)
    stand_in = SimpleNamespace(
        signing=SimpleNamespace(VerifyKey=VerifyKey), encoding=SimpleNamespace(Base64Encoder=None), exceptions=errors
    )
    monkeypatch.setattr(dkim, "nacl", stand_in, raising=False)

    def asked(name: bytes, timeout: int = 5) -> bytes | None:
        record = signer.records().get(name.decode().removesuffix("."))
        return record.encode() if record else None

    def verdict(message: bytes, index: int) -> bool:
        try:
            return dkim.DKIM(message).verify(idx=index, dnsfunc=asked)
        except dkim.ValidationError:
            return False

    return verdict


def judged(signer: DkimSigner, message: bytes) -> tuple[Signature, ...]:
    keys = {name: KeyAnswer(name, record, KeyStatus.FOUND) for name, record in signer.records().items()}
    return verify(parse_message(message), keys)


@pytest.mark.parametrize("index", [0, 1])
def test_a_foreign_verifier_accepts_both_signatures(signer: DkimSigner, foreign, index: int) -> None:
    """dkimpy, Ed25519 (RFC 8463 §3) and RSA (RFC 6376 §3.3.1)."""
    signed = signer.sign(MESSAGE, NOW)
    assert signed.endswith(MESSAGE)
    assert foreign(signed, index)
    assert not foreign(signed.replace(b"Dear", b"Deer"), index)


def test_our_own_gate_accepts_both_signatures(signer: DkimSigner) -> None:
    """Canonical values, strong keys, times as given."""
    signatures = judged(signer, signer.sign(MESSAGE, NOW, expires_at=Instant(NOW + 72 * HOUR)))
    assert [signature.algorithm for signature in signatures] == ["ed25519-sha256", "rsa-sha256"]
    for signature in signatures:
        assert signature.passes and not signature.has_length
        assert (signature.domain, signature.signed_at) == ("node.example", NOW)
        assert signature.expires_at == NOW + 72 * HOUR
    assert signatures[1].key_bits >= 2048


def test_without_a_limit_there_is_no_expiry(signer: DkimSigner) -> None:
    """A notice may be verified later, an opt-out by mail only for a time."""
    assert [signature.expires_at for signature in judged(signer, signer.sign(MESSAGE, NOW))] == [None, None]


@pytest.mark.parametrize("name", SIGNED)
def test_no_signed_field_can_be_added_afterwards(signer: DkimSigner, foreign, name: str) -> None:
    """Each name is listed once more than it stands (RFC 6376 §5.4.2), on top and at the bottom."""
    signed = signer.sign(MESSAGE, NOW)
    extra = name.title().encode() + b": <other@two.example>\r\n"
    head, blank, body = signed.partition(b"\r\n\r\n")
    for changed in (extra + signed, head + b"\r\n" + extra + b"\r\n" + body):
        assert not foreign(changed, 0) and not foreign(changed, 1)
        assert not any(signature.passes for signature in judged(signer, changed))
    assert blank


def test_every_signed_field_is_covered(signer: DkimSigner, foreign) -> None:
    """Changing one breaks the signature; X-Other may change."""
    signed = signer.sign(MESSAGE, NOW)
    for old, new in ((b"a  notice", b"no notice"), (b"abuse@", b"other@"), (b"<1@", b"<2@"), (b"utf-8", b"ascii")):
        assert not foreign(signed.replace(old, new), 1)
    assert foreign(signed.replace(b"not signed", b"changed"), 1)


BODIES = [b"", b"\r\n", b"\r\n\r\n", b"x", b"x\r\n", b" \t \r\n x  y\t\r\n \r\n", b"x \r\n\r\n\r\n"]


@pytest.mark.parametrize("body", BODIES)
def test_any_body_is_verified(signer: DkimSigner, foreign, body: bytes) -> None:
    """The corners of RFC 6376 §3.4.4."""
    signed = signer.sign(b"From: <a@node.example>\r\n\r\n" + body, NOW)
    assert foreign(signed, 0) and foreign(signed, 1)
    assert all(signature.passes for signature in judged(signer, signed))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    subject=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200),
    lines=st.lists(st.text(st.sampled_from(" \tab."), max_size=12), max_size=8),
)
def test_whatever_we_write_verifies(signer: DkimSigner, foreign, subject: str, lines: list[str]) -> None:
    """White space in every place."""
    text = f"From: <a@node.example>\r\nSubject:{subject}\r\n\r\n" + "".join(f"{line}\r\n" for line in lines)
    signed = signer.sign(text.encode(), NOW)
    assert foreign(signed, 0) and foreign(signed, 1)


UNFIT = [b"", b"To: <a@b.example>\r\n\r\nx", b"From: <a@b>\r\nFrom: <c@d>\r\n\r\n", b"From: <a@b>\n\nx\n"]


@pytest.mark.parametrize("message", UNFIT)
def test_a_message_that_is_not_fit_is_not_signed(signer: DkimSigner, message: bytes) -> None:
    """One From, CRLF line ends."""
    with pytest.raises(MalformedInput):
        signer.sign(message, NOW)


def test_a_weak_or_foreign_key_is_refused() -> None:
    """RSA of at least 2048 bits, and RSA at all."""
    weak = rsa.generate_private_key(65537, 1024)
    other = ec.generate_private_key(ec.SECP256R1())
    for key in (weak, other):
        with pytest.raises(ValueError):
            DkimSigner("node.example", bytes(32), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
