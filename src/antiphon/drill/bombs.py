"""Mails made to hurt whoever reads them, each named by what is in it. All are made up; each fits through a door."""

from __future__ import annotations

import io
import zipfile
from base64 import encodebytes
from collections.abc import Callable

MIB = 1 << 20
HEAD = (
    b"From: News <a@shop.example>\r\nTo: m0@choir.example\r\nSubject: Offer\r\n"
    b"Date: Thu, 26 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nMessage-ID: <1@shop.example>\r\n"
)
SIGNATURE = (
    b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=shop.example; s=s; h=from:to:subject:date:message-id;\r\n"
    b" bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
)
RECEIVED = b"Received: from a.example (a.example [203.0.113.5]) by b.example; Thu, 26 Nov 2026 10:00:00 +0000\r\n"
ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
ACUTE_AND_GRAVE_BELOW = "\u0301\u0316".encode()
"""Two marks of different places, which have to be sorted."""


def again(piece: bytes, size: int) -> bytes:
    """A piece as often as it fits."""
    return piece * (size // len(piece))


def _head(fields: bytes, body: bytes = b"\r\nhello\r\n") -> bytes:
    return HEAD + fields + body


def _signed(body: bytes) -> bytes:
    return HEAD + SIGNATURE * 5 + b"\r\n" + body


def _text(body: bytes, charset: bytes = b"utf-8") -> bytes:
    return HEAD + b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\n" + body


def page(body: bytes) -> bytes:
    """A mail that is one page of HTML."""
    return HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + body


def _within(boundaries: list[bytes]) -> bytes:
    opened = b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n--%s\r\n'
    return HEAD + b"".join(opened % (each, each) for each in boundaries) + b"Content-Type: text/plain\r\n\r\nx\r\n"


def _encoded(encoding: bytes, body: bytes) -> bytes:
    return HEAD + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(100 * MIB))
    head = b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return HEAD + head + encodebytes(packed.getvalue()).replace(b"\n", b"\r\n")


ORDINARY: Callable[[], bytes] = lambda: page(again(b"<p>All good things of the <b>week</b> come to him</p>\r\n", MIB))  # noqa: E731 - a maker like the others
"""What a bomb's cost is held against: a long page."""

BOMBS: dict[str, Callable[[], bytes]] = {
    "parts within parts": lambda: _within([b"b%d" % number for number in range(100_000)]),
    "parts within parts, one boundary": lambda: _within([b"b"] * 100_000),
    "parts within parts, boundaries that begin alike": lambda: _within([b"b" * (1 + n) for n in range(200)]),
    "parts beside parts": lambda: _head(
        b"Content-Type: multipart/mixed; boundary=b\r\n", b"\r\n" + again(b"--b\r\n\r\nx\r\n", MIB)
    ),
    "mails within mails": lambda: _head(again(b"Content-Type: message/rfc822\r\n\r\n", MIB)),
    "a hundred thousand fields": lambda: _head(again(b"X-A: b\r\n", MIB)),
    "a hundred thousand hops": lambda: _head(again(RECEIVED, 8 * MIB)),
    "one endless field": lambda: _head(b"X-A: " + again(b"a ", 8 * MIB) + b"\r\n"),
    "a field of folds": lambda: _head(b"Subject: a" + again(b"\r\n b", 8 * MIB) + b"\r\n"),
    "encoded words": lambda: _head(b"Subject: " + again(b"=?utf-8?B?YWJj?=\r\n ", MIB) + b"x\r\n"),
    "encoded words never closed": lambda: _head(b"Subject: " + again(b"=?a?b?", 60_000) + b"\r\n"),
    "pieces of a parameter": lambda: _head(
        b"Content-Type: text/plain" + b"".join(b";\r\n name*%d*=a" % number for number in range(4_000)) + b"\r\n"
    ),
    "a parameter of escapes": lambda: _head(b'Content-Type: text/plain; a="' + again(b'\\"', 60_000) + b"\r\n"),
    "a parameter of semicolons": lambda: _head(b"Content-Type: text/plain" + again(b";a", 60_000) + b"\r\n"),
    "recipients": lambda: _head(b"Cc: " + again(b"a@b.example, ", 60_000) + b"\r\n"),
    "an author of brackets": lambda: _head(b"Sender: " + again(b"<", 60_000) + b"\r\n"),
    "an author of comments": lambda: _head(b"Sender: " + again(b"(", 60_000) + b"\r\n"),
    "an author of escapes": lambda: _head(b"Sender: " + again(b'"\\', 60_000) + b"\r\n"),
    "opt-out links": lambda: _head(
        ONE_CLICK + b"List-Unsubscribe: " + again(b"<https://a.example/u?x>, ", 60_000) + b"\r\n"
    ),
    "opt-out comments": lambda: _head(ONE_CLICK + b"List-Unsubscribe: " + again(b"(\\", 60_000) + b"\r\n"),
    "an opt-out link of escapes": lambda: _head(
        ONE_CLICK + b"List-Unsubscribe: <https://a.example/" + again(b"%41", 60_000) + b">\r\n"
    ),
    "an opt-out address of fields": lambda: _head(
        b"List-Unsubscribe: <mailto:a@b.example?" + again(b"subject=a&", 60_000) + b">\r\n"
    ),
    "a thousand signatures": lambda: _head(SIGNATURE * 400),
    "a signature over a thousand fields": lambda: _head(SIGNATURE.replace(b"h=from", b"h=" + again(b"a:", 60_000))),
    "a signature of folds": lambda: _head(SIGNATURE.replace(b"b=AAAA", b"b=" + again(b"AAAA\r\n ", 60_000) + b"A")),
    "a tail of blank lines": lambda: _signed(again(b" \r\n", 9 * MIB)),
    "a tail of blanks": lambda: _signed(again(b" ", 9 * MIB)),
    "line ends without LF": lambda: _signed(again(b"\r", 9 * MIB)),
    "nothing but NUL": lambda: _signed(again(b"\0", 9 * MIB)),
    "elements within elements": lambda: page(again(b"<div>", MIB)),
    "tables within tables": lambda: page(again(b"<table><tr><td>", MIB)),
    "elements never opened": lambda: page(again(b"<", MIB)),
    "elements closed crosswise": lambda: page(again(b"<a><b></a>", MIB)),
    "formatting that is opened again": lambda: page(again(b"<b><i><p>", MIB)),
    "foreign elements": lambda: page(again(b"<svg><math><select>", MIB)),
    "attributes": lambda: page(b"<a " + again(b"a=b ", MIB) + b">"),
    "entities": lambda: page(again(b"&amp;amp;", MIB)),
    "comments never closed": lambda: page(again(b"<!--", MIB)),
    "declarations": lambda: page(again(b"<![=", MIB)),
    "rules of style": lambda: page(
        b"<style>" + again(b".a{display:none}", MIB // 2) + b"</style>" + again(b"<p class=a>x", MIB // 2)
    ),
    "rules of style, all different": lambda: page(
        b"<style>" + b"".join(b".a%d{display:none}" % number for number in range(20_000)) + b"</style>"
        + b"".join(b"<p class=a%d>x" % number for number in range(20_000))
    ),
    "an element of style": lambda: page(b"<p style='" + again(b"color:red;", MIB) + b"'>x"),
    "links": lambda: page(b"".join(b"<a href='https://h%d.example/?u'>x</a>" % number for number in range(20_000))),
    "links in a text": lambda: _text(again(b"http://", MIB)),
    "addresses in a text": lambda: _text(again(b"a@", MIB)),
    "one endless number": lambda: _text(again(b"1", MIB)),
    "words, all different": lambda: _text(b" ".join(b"%x" % number for number in range(150_000))),
    "characters of no width": lambda: _text(again("\u200ba".encode(), MIB)),
    "marks that have to be sorted": lambda: _text(b"a" + again(ACUTE_AND_GRAVE_BELOW, MIB)),
    "quotes within quotes": lambda: _text(again(b"> ", MIB)),
    "quoted lines": lambda: _text(again(b"> On Mon, x wrote:\r\n", MIB)),
    "a charset that shifts": lambda: _text(again(b"+AGE-", MIB), b"utf-7"),
    "quoted-printable": lambda: _encoded(b"quoted-printable", again(b"=41", 9 * MIB)),
    "base64 with rubbish in it": lambda: _encoded(b"base64", again(b"=A!", 9 * MIB)),
    "a packed file": _zip,
    "references": lambda: _head(
        b"References: " + again(b"<a@b>", 30_000) + b"\r\nIn-Reply-To: " + again(b"<", 30_000) + b"\r\n"
    ),
    "verdicts of others": lambda: _head(b"Authentication-Results: " + again(b"a; dkim=pass ", 60_000) + b"\r\n"),
    "feedback addresses": lambda: _head(
        b"CFBL-Address: " + again(b"a@b;", 30_000) + b"\r\nCFBL-Feedback-ID: " + again(b" x", 30_000) + b"\r\n"
    ),
    "names of lists": lambda: _head(b"List-Id: " + again(b"<", 60_000) + b"\r\n"),
}  # fmt: skip
