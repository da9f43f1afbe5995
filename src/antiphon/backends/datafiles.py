"""Data files that come with the program, and the operator's own beside them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from antiphon.complaint.authority import Authority, chosen_authorities, load_authorities


def authorities(names: Iterable[str], own: str) -> tuple[Authority, ...]:
    """The authorities that the operator opted in to; `own` is the path of a further file, whose entries come before
    those that are shipped. Raises MalformedInput for an unknown name or a file that can not be read as one; OSError."""
    known = dict(load_authorities(files("antiphon.complaint").joinpath("authorities.toml").read_text("utf-8")))
    if own:
        known |= load_authorities(Path(own).read_text("utf-8"))
    return chosen_authorities(names, known)
