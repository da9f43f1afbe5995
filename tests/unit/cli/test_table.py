"""Tables fit the terminal and hold nothing that could move its cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from antiphon.cli.table import LEAST, cell, paragraph, table

COLUMNS = {"id": "campaign", "n": "mails", "title": "subject"}
ROWS = [
    {"id": "8c31436e", "n": 1234, "title": "Microsoft account unusual sign-in activity, and so on and so forth " * 3},
    {"id": "4faf147b", "n": 7, "title": "短い"},
]


@pytest.mark.parametrize("across", [80, 120])
def test_no_line_is_longer_than_the_terminal(across: int) -> None:
    """At both widths that people have; what was cut says so."""
    lines = table(ROWS, COLUMNS, across).splitlines()
    assert max(map(cell_len, lines)) == across
    assert lines[1].endswith("…")


def test_numbers_stand_to_the_right_and_names_are_whole() -> None:
    """Only the widest column gives way."""
    head, first, second = table(ROWS, COLUMNS, 60).splitlines()
    assert head.startswith("campaign  mails  subject")
    assert first.startswith("8c31436e  1,234  Microsoft")
    assert second == "4faf147b      7  短い"


def test_a_mail_can_not_move_the_cursor() -> None:
    """A subject with an escape sequence is only text; nor can it turn the direction of writing."""
    assert cell("\x1b[2J\x07a\nb\u202ec") == " [2J a b c"


def test_every_kind_of_value_has_a_cell() -> None:
    """Nothing is `-`, lists have commas."""
    assert [cell(v) for v in (None, "", 1234, ["a", "b"], {"a": 1}, True)] == ["-", "-", "1,234", "a, b", "a 1", "True"]


def test_a_paragraph_is_broken_between_words() -> None:
    """And its name is not broken at a hyphen."""
    text = paragraph("not-transactional: it reads like an answer", first="  12  ", indent="      ", across=30)
    assert text == "  12  not-transactional: it\n      reads like an answer"


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.integers(), "c": st.text()}), max_size=5))
def test_any_text_makes_a_table(rows: list[dict[str, object]]) -> None:
    """A line each, no wider than asked for while a column has more than its least."""
    lines = table(rows, {"a": "a", "b": "b", "c": "c"}, 60).split("\n")
    assert len(lines) == len(rows) + 1
    numbers = max(len(f"{row['b']:,}") for row in rows) if rows else 1
    assert all(cell_len(line) <= max(60, numbers + 2 * LEAST + 4) for line in lines)
