"""Signatures: what the RFCs' own messages prove, what damage does, and what no verifier may be fooled by."""

from __future__ import annotations

import time
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from antiphon.formats.dkim import (
    MAX_SIGNATURES,
    MAX_TAG_DIGITS,
    KeyAnswer,
    KeyStatus,
    Result,
    Signature,
    assume_valid,
    identities,
    keys_needed,
    verify,
)
from antiphon.formats.keyrecord import MAX_KEY_BITS, MAX_KEY_RECORD, parse_tags
from antiphon.formats.message import parse_message
from antiphon.terms import Domain
from tests.unit.formats.dkim_vectors import (
    EDWARDS,
    NEWSLETTER,
    RFC6376,
    RFC8463,
    RFC8463_KEYS,
    SIGNER,
    found,
    keys_for,
    record_of,
    sign,
)

ORDER = 2**252 + 27742317777372353535851937790883648493


def only(raw: bytes, keys: dict[str, KeyAnswer]) -> Signature:
    """The one signature of a message."""
    (signature,) = verify(parse_message(raw), keys)
    return signature


def test_rfc_8463_appendix_a_verifies() -> None:
    """Both signatures pass, Ed25519 and RSA, each with its key's size (RFC 8463 appendix A)."""
    message = parse_message(RFC8463)
    assert keys_needed(message) == tuple(RFC8463_KEYS)
    edwards, small = verify(message, RFC8463_KEYS)
    assert (edwards.result, edwards.algorithm, edwards.canonical) == (Result.PASS, "ed25519-sha256", True)
    assert (small.result, small.key_bits, small.canonical) == (Result.PASS, 1024, True)
    assert edwards.signed_at == 1528637909_000000


def test_rfc_6376_appendix_a_is_hashed_as_written() -> None:
    """simple/simple, oversized h=, the body hash as printed; its published key is not the one that signed."""
    message = parse_message(RFC6376)
    signature = only(RFC6376, {})
    assert keys_needed(message) == ("brisbane._domainkey.example.com",)
    assert signature.covers == ("received", "from", "to", "subject", "date", "message-id")
    assert (
        signature.body_hash.hex()
        == sha256(b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n").hexdigest()
    )


@pytest.mark.parametrize("key", [SIGNER, EDWARDS], ids=["rsa", "ed25519"])
def test_our_verdict_is_that_of_dkimpy(key: rsa.RSAPrivateKey) -> None:
    """A second verifier agrees on good and on changed messages (it knows no Ed25519 without a further library)."""
    good = sign(NEWSLETTER, b"One  line \r\n\r\ntwo\r\n\r\n", key=key)
    for raw in (
        good,
        good.replace(b"One", b"Two"),
        good.replace(b"Offers", b"Gifts"),
        good.replace(b"member@", b"other@"),
    ):
        ours = only(raw, keys_for(key)).result is Result.PASS
        if key is SIGNER:
            record = record_of(key).encode()
            assert ours == dkim.verify(raw, dnsfunc=lambda name, timeout=5, record=record: record)
        assert ours == (raw in (good, good.replace(b"Offers", b"Gifts")))


def test_an_unfetched_key_is_temporary_and_an_absent_one_is_none() -> None:
    """Only an answer decides."""
    raw, name = sign(NEWSLETTER), "s1._domainkey.shop.example"
    assert only(raw, {}).result is Result.TEMPORARY
    assert only(raw, {name: KeyAnswer(name, None, KeyStatus.TEMPORARY)}).result is Result.TEMPORARY
    assert only(raw, {name: KeyAnswer(name, None, KeyStatus.ABSENT)}).result is Result.NO_KEY


@pytest.mark.parametrize(
    "record",
    [
        "v=DKIM1; p=",
        "v=DKIM2; p=AAAA",
        "p=AAAA",
        "k=ed25519; p=AAAA",
        "junk",
        "v=DKIM1; k=dsa; p=AAAA",
        "v=DKIM1; " + "n=" + "x" * 5000,
    ],
)
def test_a_record_that_holds_no_key_is_no_key(record: str) -> None:
    """Revoked, foreign, broken or endless records (RFC 6376 §3.6.1)."""
    assert only(sign(NEWSLETTER), {"s1._domainkey.shop.example": found("s1", record)}).result is Result.NO_KEY


def test_what_the_key_says_of_itself_is_kept() -> None:
    """Testing, services, hashes, and the chain of names that led to it."""
    raw = sign(NEWSLETTER)
    assert only(raw, keys_for(extra=" t=y:s;")).key_testing
    assert not only(raw, keys_for(extra=" s=tlsrpt;")).key_service_ok
    assert only(raw, keys_for(extra=" s=email:tlsrpt;")).key_service_ok
    assert only(raw, keys_for(extra=" h=sha1;")).result is Result.NO_KEY
    assert only(sign(NEWSLETTER, tags=" i=@news.shop.example;"), keys_for(extra=" t=s;")).reason == "identity"
    assert only(sign(NEWSLETTER, tags=" i=@news.shop.example;"), keys_for()).passes


def test_times_and_length_are_read() -> None:
    """t=, x= and l= as instants and as a warning."""
    signature = only(sign(NEWSLETTER, tags=" t=1000; x=2000; l=6;"), keys_for())
    assert (signature.signed_at, signature.expires_at, signature.has_length) == (1000_000000, 2000_000000, True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"v=1;", b"v=2;"),
        (b"a=rsa-sha256", b"a=rsa-md5"),
        (b"d=shop.example", b"d=shop_.example"),
        (b"d=shop.example", b"d=192.0.2.1"),
        (b"s=s1", b"s=.."),
        (b"h=From:", b"h=Subject:"),
        (b"c=relaxed/relaxed", b"c=loose"),
        (b"s=s1;", b"s=s1; i=@other.example;"),
        (b"s=s1;", b"s=s1; t=soon;"),
        (b"s=s1;", b"s=s1; t=5; x=4;"),
        (b"s=s1;", b"s=s1; s=s2;"),
        (b"s=s1;", b"s=s1; q=http;"),
        (b"s=s1;", b"s=s1; l=9999999999999;"),
        (b"bh=", b"bh=!"),
    ],
)
def test_a_malformed_signature_is_named_and_asks_nothing(old: bytes, new: bytes) -> None:
    """One broken tag, and no key is asked for (RFC 6376 §3.5, §6.1.1)."""
    raw = sign(NEWSLETTER).replace(old, new, 1)
    assert only(raw, keys_for()).result is Result.MALFORMED
    assert keys_needed(parse_message(raw)) == ()
    assert only(raw, keys_for()).reason


def test_five_signatures_are_looked_at_and_no_sixth() -> None:
    """More than MAX_SIGNATURES cost neither questions nor time."""
    raw = sign(NEWSLETTER)
    end = raw.index(b"From: ")
    many = b"".join(raw[:end].replace(b"s=s1", b"s=s%d" % n) for n in range(9)) + raw[end:]
    assert len(keys_needed(parse_message(many))) == len(verify(parse_message(many), {})) == MAX_SIGNATURES


def test_a_store_that_damages_is_not_the_signers_fault() -> None:
    """Behind an mbox mark a broken signature is unverifiable, not failed."""
    raw = sign(NEWSLETTER).replace(b"Hello.", b"Hello.\r\n>From me")
    assert only(raw, keys_for()).result is Result.UNVERIFIABLE
    assert only(sign(NEWSLETTER).replace(b"Hello.", b"Hallo."), keys_for()).result is Result.FAIL


def test_only_the_canonical_encoding_passes() -> None:
    """A second encoding of one signature would be a second coin (LAW §2)."""
    message = parse_message(RFC8463)
    value = verify(message, RFC8463_KEYS)[0].value
    twin = value[:32] + (int.from_bytes(value[32:], "little") + ORDER).to_bytes(32, "little")
    folded = b"/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
    assert folded in RFC8463
    edwards = verify(parse_message(RFC8463.replace(folded, b64encode(twin))), RFC8463_KEYS)[0]
    assert not edwards.canonical and not edwards.passes
    raw = sign(NEWSLETTER)
    padded = b64encode(b"\0" + only(raw, {}).value)
    begin = raw.index(b" b=") + 3
    long = only(raw[:begin] + padded + raw[raw.index(b"\r\n", begin) :], keys_for())
    assert not long.canonical and not long.passes


@pytest.mark.parametrize(
    ("scalar", "size", "canonical"),
    [(ORDER - 1, 64, True), (ORDER, 64, False), (ORDER + 1, 64, False), (1, 63, False), (1, 65, False)],
)
def test_an_ed25519_value_is_canonical_below_the_order_and_at_64_bytes(scalar: int, size: int, canonical: bool) -> None:
    """S below L, to the last one (RFC 8032 §5.1.7); neither shorter nor longer."""
    value = (bytes(32) + scalar.to_bytes(32, "little") + bytes(1))[:size]
    head, _, rest = sign(NEWSLETTER, key=EDWARDS).partition(b" b=")
    raw = head + b" b=" + b64encode(value) + b"\r\n" + rest.partition(b"\r\n")[2]
    assert only(raw, keys_for(EDWARDS)).canonical is canonical


def test_to_pass_is_to_verify_in_canonical_form() -> None:
    """Both; and nothing is assumed of a signature that says nothing."""
    blank = Signature(Domain("shop.example"), "s1", "rsa-sha256", (), Result.PASS, "")
    assert not blank.passes and replace(blank, canonical=True).passes
    assert not replace(blank, canonical=True, result=Result.FAIL).passes
    assert (blank.value, blank.body_hash, blank.key_bits, blank.key_record) == (b"", b"", 0, None)
    assert (blank.has_length, blank.key_testing, blank.key_service_ok) == (False, False, True)


def test_the_limits_are_those_that_are_stated() -> None:
    """Five signatures (LAW §4), keys of 8,192 bits, records of 4,096 characters, numbers of 12 digits."""
    assert (MAX_SIGNATURES, MAX_KEY_BITS, MAX_KEY_RECORD, MAX_TAG_DIGITS) == (5, 8192, 4096, 12)


@pytest.mark.parametrize(("length", "result"), [(4096, Result.PASS), (4097, Result.NO_KEY)])
def test_a_key_record_is_read_up_to_its_limit(length: int, result: Result) -> None:
    """At the limit and one past it."""
    record = record_of(SIGNER) + "; n="
    keys = {"s1._domainkey.shop.example": found("s1._domainkey.shop.example", record + "x" * (length - len(record)))}
    assert only(sign(NEWSLETTER), keys).result is result


def test_a_record_of_another_version_or_with_the_version_last_is_no_key() -> None:
    """v= is DKIM1 and stands first, where it stands at all (RFC 6376 §3.6.1)."""
    good = record_of(SIGNER).removeprefix("v=DKIM1; ")
    for record, result in (
        (good, Result.PASS),
        (f"v=DKIM2; {good}", Result.NO_KEY),
        (f"{good}; v=DKIM1", Result.NO_KEY),
    ):
        keys = {"s1._domainkey.shop.example": found("s1._domainkey.shop.example", record)}
        assert only(sign(NEWSLETTER), keys).result is result


def test_a_header_that_was_signed_as_it_stands_may_not_change_by_a_blank() -> None:
    """simple/simple (RFC 6376 §3.4.1), signed by dkimpy; relaxed would not mind."""
    plain = b"From: a@shop.example\r\nSubject:  two  blanks\r\n\r\nHello.\r\n"
    pem = SIGNER.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    for name, result in ((b"simple", Result.FAIL), (b"relaxed", Result.PASS)):
        made = dkim.sign(
            plain, b"s1", b"shop.example", pem, canonicalize=(name, b"simple"), include_headers=[b"from", b"subject"]
        )
        assert only(made + plain, keys_for()).passes
        assert only(made + plain.replace(b"two  blanks", b"two blanks"), keys_for()).result is result


def test_a_stock_verifier_accepts_what_the_gate_must_refuse() -> None:
    """A second field above the signed one still verifies: h= names the bottom-most (RFC 6376 §5.4.2)."""
    raw = b"List-Unsubscribe: <https://innocent.example/>\r\n" + sign(NEWSLETTER)
    record = record_of(SIGNER).encode()
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: record)
    assert only(raw, keys_for()).passes


def test_an_oversigned_field_can_not_be_added() -> None:
    """Named once more than present, nobody can add it."""
    covers = ("From", "To", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
    raw = sign(NEWSLETTER, covers=(*covers, "List-Unsubscribe"))
    assert only(raw, keys_for()).passes
    added = b"List-Unsubscribe: <https://innocent.example/>\r\n" + raw
    assert only(added, keys_for()).result is Result.FAIL


def test_candidates_of_one_mail_share_one() -> None:
    """At delivery, and later with more fields, other line ends and no keys (LAW §2)."""
    raw = sign(NEWSLETTER)
    first = parse_message(raw)
    later = parse_message(b"Received: somewhere\nX-Spam: no\n" + raw.replace(b"\r\n", b"\n"))
    named = identities(first, verify(first, keys_for()))
    assert named == identities(later, verify(later, {}))
    assert len(named) == 2
    other = parse_message(sign({**NEWSLETTER, "Message-ID": "<2@shop.example>"}))
    assert not set(named) & set(identities(other, verify(other, {})))


def test_an_aligned_passing_signature_names_the_mail() -> None:
    """Best first: who passes, then who is aligned with From."""
    raw = sign(NEWSLETTER)
    both = sign(NEWSLETTER, domain="mailer.example", key=EDWARDS).split(b"From: ", 1)[0] + raw
    keys = keys_for() | keys_for(EDWARDS, domain="mailer.example")
    message, alone = parse_message(both), parse_message(raw)
    assert identities(message, verify(message, keys))[0] == identities(alone, verify(alone, keys))[0]


def test_assumed_signatures_pass_and_malformed_ones_do_not() -> None:
    """The diagnostic believes every well-formed signature, nothing else."""
    raw = sign(NEWSLETTER).replace(b"Hello", b"Hallo")
    (signature,) = assume_valid(parse_message(raw))
    assert signature.passes and signature.key_bits == 2048
    assert not assume_valid(parse_message(raw.replace(b"v=1;", b"v=2;")))[0].passes


def test_hostile_white_space_costs_no_time() -> None:
    """Long runs in the signature field and in the body are passed over linearly."""
    raw = sign(NEWSLETTER, b" " * 2_000_000 + b"\r\n").replace(b" b=", b" b" + b"\r\n " * 9_000 + b"=", 1)
    begun = time.perf_counter()
    verify(parse_message(raw), keys_for())
    assert time.perf_counter() - begun < 1


@given(st.text(max_size=60))
def test_any_text_is_a_tag_list_or_none(text: str) -> None:
    """Tag lists never raise."""
    parse_tags(text)


@given(st.binary(max_size=120))
def test_hostile_signature_fields_never_raise(data: bytes) -> None:
    """Whatever stands in DKIM-Signature, there is a verdict."""
    message = parse_message(b"DKIM-Signature: " + data + b"\r\n" + RFC8463)
    for signature in verify(message, RFC8463_KEYS):
        assert signature.result in Result
    identities(message, assume_valid(message))
