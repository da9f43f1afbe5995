"""The words of the one answer."""

from __future__ import annotations

import pytest

from antiphon.registry.welcome import TEXT, welcome_text


@pytest.mark.parametrize("language", [*TEXT, "xx"])
def test_the_words_fit_a_terminal(language: str) -> None:
    """In each language, English where there is none."""
    subject, body = welcome_text(language, address="a@b.example", report="r@n.example", node="N", legal_name="L",
                                 postal_address="P")  # fmt: skip
    assert subject and all(len(line) <= 80 for line in body.splitlines()) and "{" not in body
