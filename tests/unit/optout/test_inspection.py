"""Inspection: every verdict on one message with every reason, as plain JSON, without an act."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.formats.dkim import KeyAnswer
from antiphon.optout.inspection import FIELDS, inspect_message, not_inspected
from antiphon.optout.originator import Standing
from antiphon.terms import DAY, Instant
from tests.unit.formats.dkim_vectors import NEWSLETTER, keys_for, sign
from tests.unit.optout.test_evidence import NOW, RULES


def view(raw: bytes, keys: dict[str, KeyAnswer] | None = None) -> dict[str, object]:
    """What is shown of a message, its signatures assumed valid unless keys are given."""
    return inspect_message(raw, "a.eml", RULES, keys=keys, received_at=NOW, now=NOW)


def test_a_good_message_has_no_refusal_and_all_fields() -> None:
    """Exactly the fields that programs rely on."""
    shown = view(sign(NEWSLETTER), keys_for())
    assert tuple(shown) == FIELDS
    assert shown["refusals"] == [] and shown["gate"] == {"passes": True, "reasons": []}
    assert (shown["from"], shown["originator"], shown["evidence"]) == ("news@shop.example", "shop.example", "C")
    (channel,) = shown["channels"]  # type: ignore[misc]  # a list of one
    assert channel["on_click"] and not channel["usable"] and channel["reasons"] == ["personal"]
    assert json.loads(json.dumps(shown)) == shown


@pytest.mark.parametrize(
    ("raw", "refusals"),
    [
        (b"Date: x\r\n" + sign(NEWSLETTER), ["time-covered", "one-date"]),
        (sign({**NEWSLETTER, "To": "a@b.example, c@d.example", "Subject": "Your invoice"}),
         ["only-to-member", "not-transactional"]),
        (b"Cfbl-Address: a@b.example\r\nCfbl-Address: a@b.example\r\n" + sign(
            {**NEWSLETTER, "To": "a@b.example, c@d.example", "Subject": "Your invoice"}),
         ["one-cfbl-address", "only-to-member", "not-transactional"]),
        (b"List-Unsubscribe: <https://innocent.example/>\r\n" + sign(NEWSLETTER), ["one-list-unsubscribe"]),
        (b"From: MAILER-DAEMON <>\r\n\r\n",
         ["not-a-robot", "one-list-unsubscribe", "one-list-unsubscribe-post", "signature-passes", "only-to-member"]),
    ],
)  # fmt: skip
def test_each_fault_is_one_refusal(raw: bytes, refusals: list[str]) -> None:
    """As many as there are faults, consequences left out."""
    assert view(raw, keys_for())["refusals"] == refusals


def test_the_assumption_is_said_and_opens_nothing_but_the_signature() -> None:
    """The diagnostic shows `assumed` where it believed."""
    shown = view(sign(NEWSLETTER))
    (signature,) = shown["signatures"]  # type: ignore[misc]  # a list of one
    assert (signature["result"], signature["reason"]) == ("pass", "assumed")
    (truth,) = view(sign(NEWSLETTER), {})["signatures"]  # type: ignore[misc]  # a list of one
    assert truth["result"] == "temporary"


def test_a_stranger_is_accountable_only_with_an_age() -> None:
    """Nothing was asked of any registry, so nothing is known."""
    assert view(sign(NEWSLETTER))["accountable"] is False
    old = Instant(NOW - 1000 * DAY)
    standing = Standing(old, old, vouched=False, blocklisted=False, rotating=False, clicked=False)
    shown = inspect_message(sign(NEWSLETTER), "a", RULES, keys=None, received_at=NOW, now=NOW, standing=standing)
    assert shown["accountable"] is True
    nobody = inspect_message(b"\n", "a", RULES, keys=None, received_at=NOW, now=NOW, standing=standing)
    assert nobody["accountable"] is False


def test_a_message_beyond_the_limits_is_a_line_too() -> None:
    """The same fields, and the one reason."""
    shown = view(b"a:" + b"x" * 70_000 + b"\r\n\r\n")
    assert set(shown) == set(FIELDS) and shown["refusals"] == ["within-limits"]
    assert (shown["channels"], shown["identity"]) == ([], None)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_shown(tail: bytes, headed: bool) -> None:
    """Never an error, always JSON."""
    shown = view((sign(NEWSLETTER)[:300] if headed else b"") + tail)
    json.dumps(shown).encode("utf-8")


def test_what_could_not_be_read_is_a_line_too() -> None:
    """A program that counts lines counts every file."""
    shown = not_inspected("a.pdf")
    assert tuple(sorted(shown)) == tuple(sorted(FIELDS)) and shown["refusals"] == ["unreadable"]
