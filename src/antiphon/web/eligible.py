"""What a member is not told: why, where the reason is what another person did, or did not do (LAW §3)."""

from __future__ import annotations

from collections.abc import Iterable

NOT_ELIGIBLE = "not-eligible"
SENTENCE = "Not eligible."
ABOUT_OTHERS = frozenset({"personal", "not-rotating", "not-infrastructure", "quorum", "named-stand"})
"""Reasons that hang on somebody else's mail: whether a second member got the same mailing, how many stand behind a
notice, what others reported of who signed. All of them look alike, and none is worked out sooner than another."""


def for_member(names: Iterable[str]) -> list[str]:
    """The names of reasons as a member is shown them, in their order, each once."""
    return list(dict.fromkeys(NOT_ELIGIBLE if name in ABOUT_OTHERS else name for name in names))
