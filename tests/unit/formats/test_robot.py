"""Bounces, receipts, feedback and auto-replies are never reports; ordinary mail is none of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.formats.message import parse_message
from antiphon.formats.robot import Robot, robot_of


def report(kind: str) -> str:
    """The Content-Type of a multipart/report."""
    return f"Content-Type: multipart/report; report-type={kind}; boundary=b\n\n--b--\n"


ROBOTS = [
    (report("delivery-status"), Robot.DSN),
    (report('"disposition-notification"'), Robot.MDN),
    (report("feedback-report"), Robot.ARF),
    (report("tlsrpt"), Robot.TLS_REPORT),
    (report("something-new"), Robot.DSN),
    ("Subject: x\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n", Robot.ARF),
    ('X-XARF: PLAIN\n\n--b\nContent-Type: application/json; name="xarf.json"\n\n{}\n', Robot.ARF),
    ("X-ARF: YES\n\n--b\nContent-Type: text/plain;\n charset=utf-8; name=report.txt\n\nCategory: abuse\n", Robot.ARF),
    ("Subject: Report domain: a.example Submitter: b.example Report-ID: 1\n\n", Robot.DMARC_REPORT),
    ("Auto-Submitted: auto-replied (vacation)\n\n", Robot.AUTO_REPLY),
    ("X-Autoreply: yes\n\n", Robot.AUTO_REPLY),
    ("From: Mail Delivery System <MAILER-DAEMON@mx.example>\nSubject: x\n\n", Robot.DSN),
    ("From: MAILER-DAEMON <>\nSubject: x\n\n", Robot.DSN),
    ("X-Failed-Recipients: a@b.example\n\n", Robot.DSN),
    ("Return-Path: <>\nFrom: a@b.example\nSubject: Undelivered Mail Returned to Sender\n\n", Robot.DSN),
    ("From: postmaster@b.example\nSubject: Delivery failure\n\n", Robot.DSN),
    ("From: a@b.example\n\nFwd\n> Final-Recipient: rfc822; x@y.example\n> Status: 5.1.1\n", Robot.DSN),
]


@pytest.mark.parametrize(("text", "kind"), ROBOTS)
def test_a_robot_is_known_by_what_it_says_of_itself(text: str, kind: Robot) -> None:
    """RFC 3464, 8098, 5965, 8460, 3834, and the programs that are older than these."""
    assert robot_of(parse_message(text.encode())) is kind
    assert robot_of(parse_message(text.replace("\n", "\r\n").encode())) is kind


@pytest.mark.parametrize(
    "text",
    [
        "From: a@b.example\nSubject: Your parcel could not be delivered\n\n",
        "Return-Path: <>\nFrom: a@b.example\nSubject: You have won\n\n",
        "From: Deals <postmaster@mg.b.example>\nSubject: Half price\n\n",
        "Auto-Submitted: auto-generated\nFrom: a@b.example\nSubject: News\n\n",
        "Precedence: bulk\nFrom: a@b.example\n\n",
        "X-XARF: PLAIN\nFrom: a@b.example\nSubject: Half price\n\n--b\nContent-Type: text/html\n\nx\n",
        'From: a@b.example\n\n--b\nContent-Type: application/json; name="xarf.json"\n\n{}\n',
        "X-Auto-Response-Suppress: All\nFrom: a@b.example\n\n",
    ],
)
def test_an_unwanted_mailing_can_not_dress_as_a_robot_by_a_null_path(text: str) -> None:
    """One mailing in fifteen wears a null reverse-path; a subject alone proves nothing either."""
    assert robot_of(parse_message(text.encode())) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_judged(data: bytes) -> None:
    """Never an error."""
    robot_of(parse_message(data))
