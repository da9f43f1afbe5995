"""Authorities: entries that are whole, names that are no domain, nobody chosen by itself."""

from __future__ import annotations

from importlib.resources import files

import pytest

from antiphon.complaint.authority import chosen_authorities, load_authorities
from antiphon.complaint.known import Harm
from antiphon.errors import MalformedInput

SHIPPED = files("antiphon.complaint").joinpath("authorities.toml").read_text("utf-8")
ENTRY = {
    "name": "cert", "address": "reports@cert.example", "takes": ["phishing"], "about": "a team",
    "source": "cert.example says so", "date": "2026-11-27",
}  # fmt: skip


def toml(**changes: object) -> str:
    """A file with one entry; a change to None leaves a field out."""
    rows = {name: value for name, value in {**ENTRY, **changes}.items() if value is not None}
    return "[[authority]]\n" + "".join(f"{name} = {value!r}\n" for name, value in rows.items())


def test_the_shipped_file_is_whole_and_chooses_nobody() -> None:
    """Each entry with its source and day."""
    known = load_authorities(SHIPPED)
    assert known and all(each.source and each.date for each in known.values())
    assert chosen_authorities((), known) == ()


def test_one_is_chosen_by_name() -> None:
    """In the operator's order."""
    known = {**load_authorities(SHIPPED), **load_authorities(toml())}
    assert [each.name for each in chosen_authorities(("cert", "apwg"), known)] == ["cert", "apwg"]
    assert known["cert"].takes == (Harm.PHISHING,)
    with pytest.raises(MalformedInput, match="cret") as refused:
        chosen_authorities(("cret",), known)
    assert "apwg, cert" in (refused.value.advice or "")


@pytest.mark.parametrize(
    "text",
    [
        "x", "authority = 1", toml(address="no address"), toml(takes=[]), toml(takes=["spam"]), toml(source=""),
        toml(name="shop.example"), toml(name="9.9.9.0/24"), toml(name=""), toml(more="x"), toml(about=None),
    ],
)  # fmt: skip
def test_an_entry_that_is_not_whole_is_one_clear_error(text: str) -> None:
    """No TOML, an unknown harm or field, nothing taken, no source; a name that could be a domain or a network."""
    with pytest.raises(MalformedInput):
        load_authorities(text)
