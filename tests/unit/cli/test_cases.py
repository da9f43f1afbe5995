"""A case is named as a commit is in git: by its beginning, as long as no other begins so; or by whose it is."""

from __future__ import annotations

import pytest

from antiphon.cli.cases import case_among
from antiphon.errors import UnreadableFile

CASES = [
    {"case": "5df26f06" + "0" * 24, "originator": "shop.example"},
    {"case": "5df2aaaa" + "0" * 24, "originator": "abc.example"},
    {"case": "abc12345" + "0" * 24, "originator": "other.example"},
    {"case": "77777777" + "0" * 24, "originator": "shop.example"},
]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("5df26", 0),
        ("5DF26F06", 0),
        ("5df26f06" + "0" * 24, 0),
        ("5df2a", 1),
        ("abc", 2),
        ("abc.example", 1),
        ("shop.example", 3),
        ("5df2", None),
        ("", None),
        ("ffff", None),
        ("shop", None),
    ],
)
def test_a_beginning_names_a_case_where_no_other_begins_so(word: str, found: int | None) -> None:
    """Of one originator the newest case; several, or none, is an error and no guess."""
    if found is None:
        with pytest.raises(UnreadableFile, match="several" if word in ("5df2", "") else "no case"):
            case_among(CASES, word)
    else:
        assert case_among(CASES, word) == CASES[found]["case"]
