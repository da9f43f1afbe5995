"""A small hunt for words that give a member away: real processes; every form is found; a node that tells is, too."""

from __future__ import annotations

import asyncio
import sys
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from antiphon.drill.canaries import FIELDS, MARK, Canaries, Search, issued_in
from antiphon.drill.redaction import RedactionFigures, redaction_drill
from antiphon.world.letter import BOUNDARY
from antiphon.world.traffic import MEMBERS
from tests.drill.test_crash import MAIN

GOOD = (sys.executable, "-m", "antiphon")
TELLS = """
from base64 import b64encode
from antiphon.desk import letter

true = letter._feedback

def telling(desk, header, offer, evidence, **more):
    return true(desk, [*header, ("X-Case", b64encode(evidence.subject.encode()).decode())], offer, evidence, **more)

letter._feedback = telling
"""


def drill(*command: str) -> RedactionFigures:
    """Twelve days: notices, members' own opt-outs, feedback reports."""
    return asyncio.run(redaction_drill(days=12, seed=3, node_command=command, progress=lambda _: None))


def test_nothing_that_gives_a_member_away_leaves() -> None:
    """Thousands of words in every encoding, and not a piece of one in what anybody was told."""
    figures = drill(*GOOD)
    assert figures.holds, figures
    assert figures.planted > 2_000


def test_a_node_that_tells_is_found_out() -> None:
    """A subject in base64, in a field of a report."""
    figures = drill(sys.executable, "-c", TELLS + MAIN)
    assert figures.recovered and not figures.holds


@pytest.mark.parametrize("name", FIELDS)
def test_each_form_that_is_planted_is_found(name: str) -> None:
    """As it stands in a header, folded by quoted-printable, and in a part that is base64."""
    canaries = Canaries(1)
    hidden = FIELDS[name](canaries.word("a@home.example")).encode()
    search = Search((MARK, *MEMBERS), canaries.planted)
    assert search.found_in(b"Subject: x\r\nX-A: " + hidden + b"\r\n\r\nbody\r\n")
    assert search.found_in(b"Subject: x\r\n\r\n" + hidden[:9] + b"=\r\n" + hidden[9:] + b"\r\n")
    coded = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b64encode(b"a " + hidden)
    assert search.found_in(coded)
    assert not search.found_in(b"Subject: x\r\n\r\nNothing of it.\r\n")


def test_a_member_s_address_is_found_in_whatever_form() -> None:
    """Plain, as a digest, and within other characters in base64."""
    search = Search((MARK, *MEMBERS), ())
    for place in range(5):
        assert search.found_in(b"A: " + b64encode(b"x" * place + MEMBERS[0].encode() + b"y"))
    assert search.found_in(f"to {MEMBERS[3].upper()}".encode())


def test_what_is_planted_is_in_the_mail() -> None:
    """Every field and the text, a boundary of its own in header and body, and one word for each place."""
    canaries = Canaries(1)
    head = [("From", "a@shop.example"), ("To", MEMBERS[0]), ("Message-ID", "<1@shop.example>"),
            ("Content-Type", f'multipart/alternative; boundary="{BOUNDARY}"')]  # fmt: skip
    body = f"--{BOUNDARY}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhi\r\n<body></body>--{BOUNDARY}--\r\n"
    fields, text = canaries.plant(MEMBERS[0], head, body.encode())
    assert BOUNDARY + '"' not in dict(fields)["Content-Type"]
    assert dict(fields)["Content-Type"].split('"')[1].encode() in text
    assert issued_in(dict(fields)["Message-ID"].encode()) == set(canaries.issued)
    assert text.count(MARK.encode()) >= 5 and set(canaries.planted.values()) == {MEMBERS[0]}
    assert canaries.word(MEMBERS[1]) not in text.decode()


STANDS = """
from dataclasses import replace
from antiphon.desk import question, quorum

true = question.coin

def generous(*told):
    return replace(true(*told), has_token=True)

question.coin = quorum.coin = generous
"""


def test_a_node_that_ends_by_itself_ends_the_drill() -> None:
    """Everybody has *token* to the rules and not to what is written, which leads nowhere: the drill says so."""
    figures = drill(sys.executable, "-c", STANDS + MAIN)
    assert "knows no event" in figures.stuck and not figures.holds
    assert figures.planted > 0 and figures.messages > 0, "what left until then was looked through"


SOUND = RedactionFigures(9, 2, 3, 400, 2, 5, (), 0, (), 4, 3, 6, 0, True)


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"recovered": ("message 1: x",)}, False),
        ({"unnamed_shown": 1}, False),
        ({"strayed": ("x",)}, False),
        ({"planted": 0}, False),
        ({"messages": 0}, False),
        ({"tokens_shown": 0}, False),
        ({"issued_shown": 0}, False),
        ({"lawful": False}, False),
        ({"stuck": "node"}, False),
    ],
)
def test_one_figure_that_is_wrong_does_not_hold(changed: dict[str, Any], holds: bool) -> None:
    """One word found, one token of somebody who did not agree, or nothing that was looked through."""
    assert replace(SOUND, **changed).holds is holds
