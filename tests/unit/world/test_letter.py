"""Mails of the world verify with a stock verifier, and vary as bulk mail does."""

from __future__ import annotations

import random
from collections.abc import Callable

import dkim
import pytest

from antiphon.formats.dkim import KeyAnswer, KeyStatus, verify
from antiphon.formats.message import parse_message
from antiphon.terms import DAY, Instant
from antiphon.world.letter import BOUNDARY, Copywriter, EdKey, Key, RsaKey, Seal, mail_date, print_mail, sign_mail

NOW = Instant(20_000 * DAY)
FIELDS = [
    ("From", "shop <news@shop.example>"),
    ("To", "ada@choir.example"),
    ("Subject", "Amber  lamp,\tonly today"),
    ("Date", mail_date(NOW)),
    ("Content-Type", f'multipart/alternative; boundary="{BOUNDARY}"'),
]


def stock(mail: bytes, key: Key) -> bool:
    """What dkimpy says; it knows RSA only, without a library of its own."""
    records = {b"s1._domainkey.shop.example.": key.record.encode()}
    return bool(dkim.verify(mail, dnsfunc=lambda name, timeout=5: records.get(name)))


def ours(mail: bytes, key: Key) -> bool:
    """What the node says."""
    keys = {"s1._domainkey.shop.example": KeyAnswer("s1._domainkey.shop.example", key.record, KeyStatus.FOUND)}
    return all(signature.passes for signature in verify(parse_message(mail), keys))


@pytest.mark.parametrize(("kind", "verifies"), [(RsaKey, stock), (RsaKey, ours), (EdKey, ours)])
def test_a_verifier_accepts_the_signature(
    kind: type[RsaKey] | type[EdKey], verifies: Callable[[bytes, Key], bool]
) -> None:
    """And not after one byte was changed or a field added."""
    key = kind()
    body = Copywriter(random.Random(1), (4000, 5000)).body("Your own number: 1", random.Random(2))
    mail = sign_mail(FIELDS, body, [Seal("shop.example", "s1", key)], NOW)
    assert verifies(mail, key)
    assert not verifies(mail.replace(b"Your own number: 1", b"Your own number: 2", 1), key)
    assert not verifies(b"Subject: another\r\n" + mail, key)
    assert not verifies(mail, kind())


def test_the_same_seed_writes_the_same_mail() -> None:
    """And another recipient gets another line."""
    first, again = (Copywriter(random.Random("a"), (4000, 5000)) for _ in range(2))
    assert first.body("x", random.Random(1)) == again.body("x", random.Random(1))
    assert first.subject(random.Random(1)) == again.subject(random.Random(1))
    assert first.body("x", random.Random(1)) != first.body("y", random.Random(1))


@pytest.mark.parametrize("size", [(4_000, 6_000), (16_000, 40_000)])
def test_texts_have_the_size_that_is_asked_for(size: tuple[int, int]) -> None:
    """Each of them, with its line, and no line of it is longer than mail may have."""
    writer = Copywriter(random.Random(3), size)
    for number in range(30):
        body = writer.body("Your own number: " + "a" * 24, random.Random(number))
        assert size[0] - 500 < len(body) < size[1] + 200
        assert max(map(len, body.split(b"\r\n"))) < 998
        assert body.endswith(b"--\r\n")


def test_a_mail_without_signature_is_the_bare_mail() -> None:
    """Header, empty line, body."""
    assert print_mail([("From", "a"), ("To", "b")], b"x\r\n") == b"From: a\r\nTo: b\r\n\r\nx\r\n"
