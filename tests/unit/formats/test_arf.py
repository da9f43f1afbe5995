"""Feedback reports: the examples of RFC 5965, other generators' reports, and ours in two other parsers."""

from __future__ import annotations

import contextlib
import os
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.arf import MAX_FIELDS, Feedback, parse_feedback, print_feedback
from antiphon.formats.message import parse_message
from antiphon.formats.robot import Robot, robot_of

HEADER = (("From", "desk@node.example"), ("To", "fbl@shop.example"), ("Subject", "Feedback report"))
MACHINE = (("feedback-type", "abuse"), ("user-agent", "Antiphon/1"), ("version", "1"))
MINIMAL = Feedback(MACHINE, "A report.\r\n", b"Message-ID: <1@shop.example>\r\n", whole=False)
B1 = b"""From: <abusedesk@example.com>
Date: Thu, 8 Mar 2005 17:40:36 EDT
Subject: FW: Earn money
To: <abuse@example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
     boundary="part1_13d.2e68ed54_boundary"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report for an email message received from IP
192.0.2.1 on Thu, 8 Mar 2005 14:00:00 EDT.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1

--part1_13d.2e68ed54_boundary
Content-Type: message/rfc822
Content-Disposition: inline

From: <somebody@example.net>
To: <Undisclosed Recipients>
Subject: Earn money
Message-ID: 8787KJKJ3K4J3K4J3K4J3.mail@example.net
Date: Thu, 02 Sep 2004 12:31:03 -0500

Text
--part1_13d.2e68ed54_boundary--
"""
"""RFC 5965 appendix B.1, shortened."""


def read(raw: bytes) -> Feedback:
    """The report in a mail."""
    return parse_feedback(parse_message(raw))


def test_the_example_of_the_standard_is_read() -> None:
    """Type, generator, version, and the message as it stands."""
    found = read(B1)
    assert (found.kind, found.one("user-agent"), found.one("version"), found.whole) == (
        "abuse", "SomeGenerator/1.0", "1", True,
    )  # fmt: skip
    assert found.reported.startswith(b"From: <somebody@example.net>\n") and found.reported.endswith(b"\nText")


def test_what_we_print_is_read_back_by_us_and_by_another_parser() -> None:
    """Three parts in the order of RFC 5965 §2, with CRLF, and known as a report by whoever receives it."""
    raw = print_feedback(HEADER, MINIMAL, "=_b1")
    assert read(raw) == MINIMAL
    assert robot_of(parse_message(raw)) is Robot.ARF
    theirs = message_from_bytes(raw)
    assert theirs.get_content_type() == "multipart/report" and theirs.get_param("report-type") == "feedback-report"
    kinds = [part.get_content_type() for part in theirs.get_payload()]  # type: ignore[union-attr]  # a list here
    assert kinds == ["text/plain", "message/feedback-report", "text/rfc822-headers"]
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r\nFeedback-Type: abuse\r\nUser-Agent: Antiphon/1\r\nVersion: 1\r\n" in raw


def test_evidence_is_laid_in_byte_for_byte() -> None:
    """Bare line ends, long lines and eight bits come out as they went in."""
    odd = b"Subject: \xff\xfe\nX: " + b"y" * 2000 + b"\r\n\r\nbody\nwithout end"
    whole = Feedback(MACHINE, "A report.\r\n", odd, whole=True)
    assert odd in print_feedback(HEADER, whole, "=_b1")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"report-type=feedback-report", b"report-type=delivery-status"),
        (b"message/feedback-report", b"text/x-feedback"),
        (b"message/rfc822", b"application/octet-stream"),
        (b"Feedback-Type: abuse\n", b""),
        (b"User-Agent: SomeGenerator/1.0\n", b""),
        (b"Version: 1\n", b""),
        (b"Version: 1\n", b"Version: 0.1\n"),
        (b"Version: 1\n", b"Version: 1\nVersion: 1\n"),
        (b"Version: 1\n", b"Version: 1\nSource-IP: 192.0.2.1\nSource-IP: 192.0.2.2\n"),
        (b"Version: 1\n", b"Version: 1\nArrival-Date: x\nReceived-Date: x\n"),
    ],
)
def test_each_defect_is_refused(was: bytes, becomes: bytes) -> None:
    """A part or a required field that is missing, one that stands twice, a Version that is none (RFC 5965 §3.1)."""
    assert was in B1
    with pytest.raises(MalformedInput):
        read(B1.replace(was, becomes))


def test_unknown_fields_and_types_mean_nothing() -> None:
    """They are kept, and a type that nobody registered is `other` (RFC 5965 §6)."""
    found = read(B1.replace(b"Feedback-Type: abuse\n", b"Feedback-Type: X-Loud\nReported-URI: a\nReported-URI: b\n"))
    assert found.kind == "other"
    assert [value for name, value in found.fields if name == "reported-uri"] == ["a", "b"]


def test_as_many_fields_as_the_limit_and_one_more() -> None:
    """At the limit and one past it."""
    more = b"".join(b"X-%d: y\n" % n for n in range(MAX_FIELDS - 3))
    assert len(read(B1.replace(b"Version: 1\n", b"Version: 1\n" + more)).fields) == MAX_FIELDS
    with pytest.raises(MalformedInput):
        read(B1.replace(b"Version: 1\n", b"Version: 1\nX: y\n" + more))


@pytest.mark.parametrize(
    ("header", "feedback", "boundary"),
    [
        ((("To", "a@b\r\nBcc: c@d"),), MINIMAL, "=_b1"),
        ((("To:x", "a@b"),), MINIMAL, "=_b1"),
        ((("Subject", "Grüße"),), MINIMAL, "=_b1"),
        (HEADER, Feedback((("user-agent", "a\r\nB: c"),), "x", b"", whole=False), "=_b1"),
        (HEADER, Feedback(MACHINE, "x\x00", b"", whole=False), "=_b1"),
        (HEADER, Feedback(MACHINE, "x", b"a\r\n--=_b1--\r\n", whole=True), "=_b1"),
    ],
)
def test_nothing_breaks_out_of_its_place(
    header: tuple[tuple[str, str], ...], feedback: Feedback, boundary: str
) -> None:
    """A value is one line, and no part holds the boundary."""
    with pytest.raises(MalformedInput):
        print_feedback(header, feedback, boundary)


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Inside a report that is otherwise whole."""
    with_junk = B1.replace(b"Version: 1\n", data)
    for raw in (data, with_junk):
        with contextlib.suppress(MalformedInput):
            read(raw)


@pytest.mark.skipif("ANTIPHON_VECTORS" not in os.environ, reason="needs the vectors of public specifications")
def test_reports_of_other_generators_are_read() -> None:
    """Two of abuse, three of failed authentication."""
    files = sorted((Path(os.environ["ANTIPHON_VECTORS"]) / "arf").glob("*.eml"))
    kinds = [read(file.read_bytes()).kind for file in files]
    assert kinds == ["abuse", "abuse", "auth-failure", "auth-failure", "auth-failure"]
