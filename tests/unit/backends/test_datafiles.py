"""Data files: the shipped one, and the operator's own before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.backends.datafiles import authorities
from antiphon.errors import MalformedInput


def test_an_entry_of_ones_own_comes_before_the_shipped_one(tmp_path: Path) -> None:
    """By its name; without a choice nobody is there."""
    own = tmp_path / "authorities.toml"
    own.write_text(
        '[[authority]]\nname = "apwg"\naddress = "other@cert.example"\ntakes = ["malware"]\nabout = "ours"\n'
        'source = "a letter"\ndate = "2026-11-27"\n',
        "utf-8",
    )
    assert [each.address for each in authorities(("apwg",), "")] == ["reportphishing@apwg.org"]
    assert [each.address for each in authorities(("apwg",), str(own))] == ["other@cert.example"]
    assert authorities((), str(own)) == ()
    with pytest.raises(MalformedInput):
        authorities(("nobody",), str(own))
