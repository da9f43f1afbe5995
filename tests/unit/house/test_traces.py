"""No file speaks of the machine that it was written on, or of where packages come from."""

from __future__ import annotations

import re

from tests.unit.house.repository import ROOT, name, text, tracked

# Each with one letter in brackets, so that this file does not find itself.
TRACES = [
    re.compile(pattern)
    for pattern in (
        r"(?<![\w.])/wor[k]/",
        r"(?<![\w.])/tm[p]/",
        r"(?<![\w.])/roo[t]/",
        r"(?<![\w.])/op[t]/",
        r"(?<![\w.])/hom[e]/\w",
        r"/User[s]/\w",
        r"pyp[i]\.org",
        r"pythonhoste[d]\.org",
        r"registry\.npmj[s]\.org",
        r"deb\.debia[n]\.org",
        r"index[-]url",
        r"trusted[-]host",
    )
]
BESIDE = re.compile(r"\.\./share[d]")
# The option that keeps an address out of a lock has to name it.
ALLOWED = {"Makefile": ("index" + "-url", "trusted" + "-host")}


def test_no_machine_path_and_no_registry_host() -> None:
    """Paths of one machine, and addresses of package registries, have no place in the repository."""
    found = [
        f"{name(file)}:{number}: {match.group()}"
        for file in tracked()
        for number, line in enumerate(text(file).splitlines(), 1)
        for trace in TRACES
        if (match := trace.search(line)) and match.group() not in ALLOWED.get(name(file), ())
    ]
    assert not found, "\n".join(found)


def test_only_the_ci_script_looks_beside_the_checkout() -> None:
    """What lies beside the checkout is named in one place."""
    assert [name(file) for file in tracked() if BESIDE.search(text(file))] == [".ci/run"]


def test_there_is_no_hosters_folder() -> None:
    """The one door is the Makefile and .ci/run; nothing here depends on one host of repositories."""
    assert not (ROOT / ".github").exists()
