"""Raw bytes to fields and parts: tolerant, bounded, and never written again."""

from __future__ import annotations

import contextlib
import os
import time
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.header import MAX_FIELDS, MAX_HEADER, MAX_LINE, split_header, split_line_by_line
from antiphon.formats.message import (
    MAX_DEPTH,
    MAX_MESSAGE,
    MAX_PARTS,
    MAX_TEXT,
    canonical_body,
    crlf,
    decode,
    decode_words,
    parse_date,
    parse_media_type,
    parse_message,
    squeeze,
    unsigned_identity,
)
from antiphon.terms import show_instant

PLAIN = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: one\r\n two\r\n\r\nbody\r\n"


def _headers(raw: bytes) -> list[object]:
    """What both readers of a header make of the same bytes."""
    found: list[object] = []
    for read in (split_header, split_line_by_line):
        try:
            found.append(read(raw))
        except MalformedInput as error:
            found.append(error.what)
    return found


PIECES = (
    b"A: b",
    b"A :b",
    b":",
    b" folded",
    b"\t",
    b"\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"From x",
    b">From x",
    b"no field",
    b"\xff",
)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_a_header_read_at_once_is_what_it_is_line_by_line(raw: bytes) -> None:
    """The short way for ordinary headers and the long way give the same spans, whatever the bytes."""
    once, lines = _headers(raw)
    assert once == lines


def test_a_header_of_the_archives_read_at_once_is_what_it_is_line_by_line() -> None:
    """Every message of real mail, with its own line ends and with the others."""
    folder = Path(os.environ.get("ANTIPHON_CORPORA", "/nonexistent"))
    if not folder.is_dir():
        pytest.skip("ANTIPHON_CORPORA names no folder of real mail")
    for file in folder.rglob("*"):
        if file.is_file():
            raw = file.read_bytes()[: 4 * MAX_LINE]
            for same in (raw, raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")):
                once, lines = _headers(same)
                assert once == lines, file.name


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
def test_fields_are_found_whatever_the_line_ends(line_end: bytes) -> None:
    """CRLF, LF, and CR where the message has no LF at all."""
    message = parse_message(PLAIN.replace(b"\r\n", line_end))
    assert [f.name for f in message.fields] == ["from", "to", "subject"]
    assert message.body.strip() == b"body"


def test_a_field_keeps_its_bytes_and_tells_its_value() -> None:
    """The raw bytes with their line ends, and the value unfolded."""
    subject = parse_message(PLAIN).all("subject")[0]
    assert subject.raw == b"Subject: one\r\n two\r\n"
    assert subject.value == "one two"


def test_a_bare_cr_begins_no_field() -> None:
    """What a DKIM verifier reads as one field is one field."""
    message = parse_message(b"X-A: 1\rList-Unsubscribe: <https://other.example/>\nFrom: a@b.example\n\n")
    assert message.count("list-unsubscribe") == 0
    assert message.count("from") == 1


def test_a_missing_blank_line_begins_the_body() -> None:
    """The first line that is no field ends the header."""
    message = parse_message(b"From: a@b.example\nHello there\nTo: c@d.example\n")
    assert message.body == b"Hello there\nTo: c@d.example\n"
    assert message.count("to") == 0


def test_an_mbox_line_is_passed_over() -> None:
    """`From ` lines are no fields and end nothing."""
    message = parse_message(b"From x Mon Jan  1 00:00:00 2026\nFrom: a@b.example\n\nx")
    assert [f.name for f in message.fields] == ["from"]


def test_one_is_none_when_there_are_two() -> None:
    """Nobody chooses between duplicates."""
    message = parse_message(b"Date: x\nDate: y\nTo: a@b.example\n\n")
    assert message.one("date") is None and message.count("date") == 2
    assert message.one("to") is not None and message.one("from") is None
    assert message.message_id() == "" and message.date_at() is None


@pytest.mark.parametrize(
    ("value", "sole"),
    [("a@b.example", "a@b.example"), ("a@b.example, c@d.example", None), ("a@b.example, junk", None), ("x:;", None)],
)
def test_only_exactly_one_mailbox_is_a_sole_address(value: str, sole: str | None) -> None:
    """What does not parse still counts as somebody."""
    message = parse_message(f"From: {value}\n\n".encode())
    found = message.sole_address("from")
    assert (str(found) if found else None) == sole
    assert message.from_domain() == ("b.example" if sole else None)


def test_the_stated_limits_hold_and_one_more_is_refused() -> None:
    """Message, header, fields and header lines: at the limit, and one past it."""
    head = b"A: b\r\n\r\n"
    parse_message(head + b"x" * (MAX_MESSAGE - len(head)))
    parse_message(b"a:\n" * MAX_FIELDS + b"\n")
    line = b"a:" + b"x" * (MAX_LINE - 3) + b"\n"
    parse_message(line + b"\n")
    parse_message(line * (MAX_HEADER // MAX_LINE) + b"\n")
    for beyond in (
        head + b"x" * (MAX_MESSAGE - len(head) + 1),
        b"a:\n" * (MAX_FIELDS + 1) + b"\n",
        b"a:x" + line[2:] + b"\n",
        line * (MAX_HEADER // MAX_LINE) + b"a:\n\n",
    ):
        with pytest.raises(MalformedInput):
            parse_message(beyond)


def test_a_long_body_line_is_no_refusal() -> None:
    """One line of 65 KiB must not make a mailing unreportable."""
    assert parse_message(b"A: b\n\n" + b"x" * (MAX_LINE + 1)).body


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fri, 11 Jul 2003 21:00:37 -0700 (PDT)", "2003-07-12T04:00:37Z"),
        ("11 Jul 2003 21:00 GMT", "2003-07-11T21:00:00Z"),
        ("Mon, 01 Jun 2026 10:00:60 +0000", "2026-06-01T10:01:00Z"),
        ("Mon, 01 Jun 2026 10:00:00 EST", "2026-06-01T15:00:00Z"),
    ],
)
def test_dates_become_instants(text: str, shown: str) -> None:
    """Zones by number and by their old names (RFC 5322 §3.3, §4.3)."""
    at = parse_date(text)
    assert at is not None and show_instant(at) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "31 Feb 2026 10:00:00 +0000",
        "1 Jun 2026 10:00:00 ODD",
        "1 Jun 2026 10:00:00",
        "1 Jun 2026 25:00:00 +0000",
        "1 Jun 2026 10:00:00 +9900",
    ],
)
def test_a_date_that_can_not_be_known_is_none(text: str) -> None:
    """An unknown zone is unknown, not UTC."""
    assert parse_date(text) is None


def test_encoded_words_open_for_people() -> None:
    """Both encodings, adjacent words joined before decoding, junk left as it is (RFC 2047 §2)."""
    assert decode_words("=?utf-8?q?caf=C3?= =?utf-8?q?=A9?= x") == "café x"
    assert decode_words("=?ISO-8859-1?B?" + b64encode("Grüße".encode("latin-1")).decode() + "?=") == "Grüße"
    assert decode_words("=?nonsense?q?abc?=") == "abc"
    assert decode_words("=?utf-8?x?abc?=") == "=?utf-8?x?abc?="


@pytest.mark.parametrize(
    "charset", ["utf-8", "us-ascii", "base64", "idna", "utf-7", "punycode", "no such", "\0", "rot13"]
)
def test_a_charset_claims_what_it_likes(charset: str) -> None:
    """Declared, then UTF-8, then windows-1252; nothing raises, nothing yields lone surrogates."""
    assert decode(b"caf\xc3\xa9 +2AA-", charset).encode("utf-8")
    assert decode(b"\x80\xff", charset).encode("utf-8")


def test_parameters_continue_and_are_coded() -> None:
    """RFC 2231 §3 and §4: pieces in order, charset of the first."""
    kind, parameters = parse_media_type(
        """message/external-body; filename*0*=utf-8''caf%C3%A9; filename*1=".eml"; x="a\\"b" """
    )
    assert kind == "message/external-body"
    assert parameters["filename"] == "café.eml" and parameters["x"] == 'a"b'
    assert parse_media_type("nonsense")[0] == "text/plain"
    assert parse_media_type("text/plain; name*")[0] == "text/plain"


MULTI = b"""Content-Type: multipart/mixed; boundary="b1"

preamble
--b1
Content-Type: multipart/alternative; boundary=b2

--b2
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--b2
Content-Type: text/html

<p>hi</p>
--b2--
--b1
Content-Type: message/rfc822

From: a@b.example

inner --b1 text
--b1
Content-Type: application/octet-stream; name="mail.eml"
Content-Transfer-Encoding: base64

RnJvbTogeEB5LmV4YW1wbGUK
--b1--
epilogue
"""


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_parts_are_leaves_in_order(line_end: bytes) -> None:
    """Nested multiparts are opened, attached messages are leaves."""
    parts = parse_message(MULTI.replace(b"\n", line_end)).parts()
    kinds = ["text/plain", "text/html", "message/rfc822", "application/octet-stream"]
    assert [part.content_type for part in parts] == kinds
    assert parts[0].text() == "Grüße"
    assert parts[3].filename == "mail.eml"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_attached_messages_are_byte_exact(line_end: bytes) -> None:
    """As they stand between the boundaries; decoded only where somebody encoded them."""
    attached = parse_message(MULTI.replace(b"\n", line_end)).attached_messages()
    assert attached == (
        b"From: a@b.example\n\ninner --b1 text".replace(b"\n", line_end),
        b"From: x@y.example\n",
    )


def test_a_missing_close_delimiter_loses_nothing() -> None:
    """The last part runs to the end."""
    parts = parse_message(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo").parts()
    assert [part.payload for part in parts] == [b"one", b"two"]


def _nested(depth: int) -> bytes:
    inner = b"Content-Type: text/plain\n\nx"
    for level in range(depth):
        name = b"b%d" % level
        inner = b"Content-Type: multipart/mixed; boundary=" + name + b"\n\n--" + name + b"\n" + inner
    return inner


def test_depth_and_number_of_parts_have_limits() -> None:
    """At the limit they are read, one past it is refused, and nothing is ever recursed into."""
    assert len(parse_message(_nested(MAX_DEPTH)).parts()) == 1
    head = b"Content-Type: multipart/mixed; boundary=b\n\n"
    assert len(parse_message(head + b"--b\n\nx\n" * (MAX_PARTS - 1)).parts()) == MAX_PARTS - 1
    for beyond in (_nested(MAX_DEPTH + 1), _nested(2000), head + b"--b\n\nx\n" * MAX_PARTS):
        with pytest.raises(MalformedInput):
            parse_message(beyond).parts()


def test_a_text_has_a_limit() -> None:
    """1 MiB of text is read, one byte more is refused."""
    whole = parse_message(b"A: b\n\n" + b"x" * MAX_TEXT).parts()[0]
    assert len(whole.text()) == MAX_TEXT
    with pytest.raises(MalformedInput):
        parse_message(b"A: b\n\n" + b"x" * (MAX_TEXT + 1)).parts()[0].text()


def test_the_bodies_of_dkim_are_as_the_rfc_says() -> None:
    """The examples of RFC 6376 §3.4.5, and the empty body of §3.4.3 and §3.4.4."""
    body = b" C \r\nD \t E\r\n\r\n\r\n"
    assert canonical_body(body, relaxed=True) == b" C\r\nD E\r\n"
    assert canonical_body(body, relaxed=False) == b" C \r\nD \t E\r\n"
    assert canonical_body(b"", relaxed=True) == b"" and canonical_body(b"", relaxed=False) == b"\r\n"
    assert canonical_body(b"\r\n\r\n", relaxed=True) == b""


@given(st.lists(st.sampled_from((b"\r\n", b"\r", b"\n", b"a", b" ")), max_size=12).map(b"".join), st.booleans())
def test_empty_lines_at_the_end_are_one_line_end(body: bytes, relaxed: bool) -> None:
    """RFC 6376 §3.4.3 and §3.4.4, one empty line after the other; a CR alone is no line end."""
    expected = crlf(body)
    if relaxed:
        expected = squeeze(expected).replace(b" \r\n", b"\r\n").removesuffix(b" ")
    while expected.endswith(b"\r\n"):
        expected = expected.removesuffix(b"\r\n")
    assert canonical_body(body, relaxed=relaxed) == (b"" if relaxed and not expected else expected + b"\r\n")


def test_white_space_costs_no_time() -> None:
    """Ten megabytes of blanks are squeezed in a moment, not in an afternoon."""
    begun = time.perf_counter()
    assert canonical_body(b" " * MAX_MESSAGE, relaxed=True) == b""
    assert canonical_body(b" \t" * (MAX_MESSAGE // 2) + b"x", relaxed=True) == b" x\r\n"
    assert canonical_body(b"x" + b"\r" * (MAX_MESSAGE - 1), relaxed=True) == b"x\r\n"
    assert time.perf_counter() - begun < 3


@given(st.binary(max_size=200))
def test_line_ends_are_settled_once(data: bytes) -> None:
    """Doing it again changes nothing, and no blanks run together."""
    assert crlf(crlf(data.replace(b"\r", b""))) == crlf(data.replace(b"\r", b""))
    assert b"  " not in squeeze(data)


def test_identity_survives_what_an_mta_does() -> None:
    """Added fields and changed line ends keep it; another body does not (LAW §2)."""
    mail = b"From: a@b.example\nDate: x\nMessage-ID: <1@b.example>\n\nhello  \n\n"
    name = unsigned_identity(parse_message(mail))
    assert name == unsigned_identity(parse_message(b"Received: y\n" + mail))
    assert name == unsigned_identity(parse_message(mail.replace(b"\n", b"\r\n")))
    assert name != unsigned_identity(parse_message(mail + b"more"))
    assert name != unsigned_identity(parse_message(mail.replace(b"<1@", b"<2@")))


@given(st.binary(max_size=400), st.sampled_from([b"", PLAIN, MULTI]))
def test_hostile_bytes_raise_nothing_but_malformed_input(tail: bytes, head: bytes) -> None:
    """Whatever comes, it is read or refused by name."""
    try:
        message = parse_message(head + tail)
        message.attached_messages()
        for part in message.parts():
            part.text()
        for found in message.fields:
            found.text.encode("utf-8")
        message.addresses("from")
        message.date_at()
    except MalformedInput:
        pass


@pytest.mark.parametrize("filler", [b"x", b"x ", b"x\n", b"\r", b": ", b"\n ", b"x:\n"])
def test_a_header_that_is_none_costs_no_time(filler: bytes) -> None:
    """Sixty thousand bytes of what never becomes a field are read in a moment, whatever they are."""
    raw = b"A: b\n" + (filler * 60_000)[:60_000] + b"\n\n"
    begun = time.process_time()
    with contextlib.suppress(MalformedInput):
        split_header(raw)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"A: b\r\n c\n\td\r\n\r\n", "b c\td"),
        (b"A: b\r\r\n c\n \n\n", "b\r c"),
        (b"A: b\nFrom x\n c\n\n", "b\nFrom x c"),
        (b"From x\nA: b\n c\n\n", "b c"),
    ],
)
def test_a_value_is_unfolded_where_a_blank_follows(raw: bytes, value: str) -> None:
    """Line ends before a blank go, other characters stay, also where a mailbox file put a line in between."""
    assert [found.value for found in parse_message(raw).all("a")] == [value]
