"""Who gets through: told by the first bytes, members at their ticket's pace, strangers at that of all strangers."""

from __future__ import annotations

import pytest

from antiphon.web.admission import (
    BURST,
    LOOK_BYTES,
    PREFIX_BURST,
    STRANGERS_BURST,
    Admission,
    Verdict,
    prefix_of,
)

OURS = "antiphon_ours"
HEAD = b"POST /api/v1/reports HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer %s\r\n"
PAGE = b"GET / HTTP/1.1\r\nHost: node\r\n\r\n"


def fresh() -> Admission:
    """One that knows a single ticket."""
    return Admission(lambda text: text == OURS)


def test_a_ticket_is_seen_before_the_head_has_ended() -> None:
    """No byte of the rest is waited for; how the field is spelled does not matter."""
    for head in (HEAD % OURS.encode(), b"GET / HTTP/1.1\r\naUTHORIZATION:bearer\t" + OURS.encode() + b" \r\n"):
        assert fresh().judge(head, "192.0.2.1", 0.0)[0] is Verdict.MEMBER


@pytest.mark.parametrize("word", ["antiphon_other", OURS + "x", "", "ä", "x" * 129])
def test_a_forged_ticket_is_a_strangers(word: str) -> None:
    """Whatever stands there that this node did not make counts for nothing."""
    head = HEAD % word.encode() + b"\r\n"
    assert fresh().judge(head, "192.0.2.1", 0.0) == (Verdict.STRANGER, b"")


def test_a_ticket_below_the_head_is_no_ticket() -> None:
    """A field in the middle of another's line is none either."""
    for head in (
        PAGE[:-2] + b"X: Authorization: Bearer antiphon_ours\r\n\r\n",
        b"Authorization: Bearer antiphon_ours\r\n",
    ):
        assert fresh().judge(head + PAGE, "192.0.2.1", 0.0)[0] is Verdict.STRANGER


def test_a_head_may_come_in_pieces_up_to_the_limit() -> None:
    """As long as nothing is known more is awaited; at the limit no more."""
    gate = fresh()
    assert gate.judge(PAGE[:-1], "192.0.2.1", 0.0)[0] is Verdict.MORE
    assert gate.judge(b"x" * (LOOK_BYTES - 1), "192.0.2.1", 0.0)[0] is Verdict.MORE
    assert gate.judge(b"x" * LOOK_BYTES, "192.0.2.1", 0.0)[0] is Verdict.TOO_LONG


def test_a_ticket_has_its_pace_and_no_stranger_changes_it() -> None:
    """Sixty at once and then one a second, whatever else stands at the door."""
    gate, head = fresh(), HEAD % OURS.encode()
    for number in range(STRANGERS_BURST * 2):
        gate.judge(PAGE, f"10.{number // 250}.{number % 250}.1", 0.0)
    said = [gate.judge(head, "192.0.2.1", 0.0)[0] for _ in range(BURST + 1)]
    assert said == [Verdict.MEMBER] * BURST + [Verdict.TOO_OFTEN]
    assert gate.judge(head, "192.0.2.1", 1.0)[0] is Verdict.MEMBER


def test_strangers_have_the_pace_of_their_prefix_and_of_all() -> None:
    """One prefix can not take what all strangers have; many prefixes together can not take more than that."""
    gate = fresh()
    one = [gate.judge(PAGE, f"192.0.2.{number % 250}", 0.0)[0] for number in range(PREFIX_BURST + 1)]
    assert one == [Verdict.STRANGER] * PREFIX_BURST + [Verdict.FULL]
    rest = [gate.judge(PAGE, f"10.0.{number % 250}.1", 0.0)[0] for number in range(STRANGERS_BURST)]
    assert rest.count(Verdict.STRANGER) == STRANGERS_BURST - PREFIX_BURST
    assert gate.judge(PAGE, "10.1.1.1", 60.0)[0] is Verdict.STRANGER


def test_a_full_house_counts_against_no_prefix() -> None:
    """Whoever was turned away because of all the others has its own pace still, as soon as there is room."""
    gate = fresh()
    for number in range(STRANGERS_BURST):
        gate.judge(PAGE, f"10.{number // 250}.{number % 250}.1", 0.0)
    assert {gate.judge(PAGE, "192.0.2.1", 0.0)[0] for _ in range(PREFIX_BURST * 2)} == {Verdict.FULL}
    let_in = [gate.judge(PAGE, "192.0.2.1", 3.0)[0] for _ in range(PREFIX_BURST)]
    assert let_in == [Verdict.STRANGER] * PREFIX_BURST


def test_prefixes_are_those_that_are_paced_elsewhere() -> None:
    """/24 and /48."""
    assert prefix_of("192.0.2.1") == prefix_of("192.0.2.254") != prefix_of("192.0.3.1")
    assert prefix_of("2001:db8:1::1") == prefix_of("2001:db8:1:ffff::2%eth0") != prefix_of("2001:db8:2::1")
