"""Mail that answers the member's own act, in three languages; the vectors stand in the rules file itself."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from antiphon.campaign.transactional import MOST_SUBJECT, load_transactional
from antiphon.errors import MalformedInput

TEXT = files("antiphon.campaign").joinpath("transactional.toml").read_text("utf-8")
RULES = load_transactional(TEXT)
VECTORS = tomllib.loads(TEXT)["vector"]


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['language']}: {v['subject']}" for v in VECTORS])
def test_every_vector_shows_its_kinds(vector: dict[str, object]) -> None:
    """English, German and French subjects, those that look alike included."""
    assert list(RULES.reasons(str(vector["subject"]))) == vector["kinds"]
    assert list(RULES.reasons(str(vector["subject"]).upper())) == vector["kinds"]


def test_every_kind_has_vectors_in_every_language() -> None:
    """And every language has subjects that are none of them."""
    assert RULES.version
    for language in ("en", "de", "fr"):
        shown = [v["kinds"] for v in VECTORS if v["language"] == language]
        assert {kind for kinds in shown for kind in kinds} == {kind.name for kind in RULES.kinds}
        assert [] in shown


def test_styled_letters_are_read_as_letters() -> None:
    """Compatibility forms and decomposed accents are the same words."""
    assert RULES.reasons("\U0001d5dc\U0001d5fb\U0001d603\U0001d5fc\U0001d5f6\U0001d5f0\U0001d5f2 7") == ("invoice",)
    assert RULES.reasons("Rec\u0327u de paiement") == ("receipt",)


def test_a_subject_is_read_up_to_a_limit() -> None:
    """500 characters count, what stands behind them does not."""
    assert RULES.reasons("x" * (MOST_SUBJECT - 8) + " invoice") == ("invoice",)
    assert RULES.reasons("x" * (MOST_SUBJECT - 7) + " invoice") == ()
    assert RULES.reasons("(" * 100_000) == ()


@pytest.mark.parametrize("text", ["[", "version = '1'", "[kinds]\ncode = ['(']", "kinds = 3", "[kinds]\ncode = [3]"])
def test_a_broken_rules_file_is_refused(text: str) -> None:
    """No rules file is no rules, so nothing starts with half of one."""
    with pytest.raises(MalformedInput):
        load_transactional(text)
