"""The spec is cited in the line, in one form, and docs/standards.md knows every document that is cited."""

from __future__ import annotations

import re

import pytest

from tests.unit.house.repository import ROOT, below, name, text

STANDARDS = ROOT / "docs" / "standards.md"
ROW = re.compile(r"^\| RFC (\d+) \| [^|]+ \| (yes|partial|no) \| [^|]+ \|$", re.MULTILINE)
CITED = re.compile(r"\bRFCs? ?-?(?!822\.SIZE)(\d{3,5})\b")
WRONG_FORM = re.compile(
    r"\bRFC(?!822\.SIZE\b)(?:\d|-\d|  +\d)"  # glued, hyphened or stretched; but one IMAP data item
    r"|\bRFCs \d"  # a list, in which no number can be found
    r"|\bRFC \d+,? *(?:[Ss]ec(?:tions?|\.)|[Ss]s?\.? ?\d|§ |§§|\(§|App\b|A\.\d|\d+\.\d)"  # a section in words
    r"|\bRFC \d+,§",
)


def listed() -> dict[str, str]:
    """Number and status of each document in docs/standards.md."""
    return dict(ROW.findall(text(STANDARDS)))


@pytest.mark.parametrize(
    "line", ["RFC8058", "RFC-8058", "RFC 8058 section 3.1", "RFC 8058 s3.1", "RFC 8058, sec. 3", "RFC 8058 § 3.1"]
)
def test_another_form_is_seen(line: str) -> None:
    """Only `RFC 8058 §3.1`, `RFC 8463 appendix A` and the bare `RFC 8058` can be searched for."""
    assert WRONG_FORM.search(line)


@pytest.mark.parametrize("line", ["RFC 8058 §3.1", "RFC 8058", "RFC 8463 appendix A.2", "RFC 9162 §2.1.3.2)"])
def test_the_one_form_passes(line: str) -> None:
    """The one form is not taken for another."""
    assert not WRONG_FORM.search(line)


def test_citations_have_one_form() -> None:
    """Each citation can be found by searching for the number with a blank before it."""
    found = [
        f"{name(file)}:{number}: {line.strip()}"
        for file in [*below("src", "docs"), *below("README.md")]
        for number, line in enumerate(text(file).splitlines(), 1)
        if WRONG_FORM.search(line)
    ]
    assert not found, "\n".join(found)


def test_citations_stand_in_the_standards_page() -> None:
    """What is cited is listed with title and status; what the code follows has a status other than no."""
    known = listed()
    assert known, "docs/standards.md has no rows"
    cited = {(number, name(file)) for file in below("src", "docs") for number in CITED.findall(text(file))}
    missing = sorted({f"RFC {number} in {where}" for number, where in cited if number not in known})
    assert not missing, "\n".join(missing)
    denied = sorted({f"{n} in {where}" for n, where in cited if where.startswith("src/") and known[n] == "no"})
    assert not denied, f"cited in code, but listed as not followed: {denied}"


def test_the_standards_page_lists_each_citation_once_and_in_order() -> None:
    """Rows are sorted by number, so that a person finds one and git merges them."""
    numbers = [int(number) for number, _ in ROW.findall(text(STANDARDS))]
    assert numbers == sorted(set(numbers))
