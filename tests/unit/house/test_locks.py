"""The locks name every package with its hash, and no address."""

from __future__ import annotations

import re

import pytest

from tests.unit.house.repository import ROOT, project, text

PINNED = re.compile(r"^([a-z0-9-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    """Package and version of each pin in a lock."""
    return {package: version for package, version, _ in PINNED.findall(text(ROOT / "requirements" / lock))}


@pytest.mark.parametrize("lock", ["run.lock.txt", "test.lock.txt", "bench.lock.txt"])
def test_a_lock_holds_pins_with_hashes_and_nothing_else(lock: str) -> None:
    """No option line, no address, no package without a hash."""
    assert PINNED.sub("", text(ROOT / "requirements" / lock)).strip() == ""


@pytest.mark.parametrize("lock", ["test.lock.txt", "bench.lock.txt"])
def test_the_other_locks_extend_the_run_lock(lock: str) -> None:
    """What is tested and measured is what runs: the same versions, and more."""
    assert pins("run.lock.txt").items() <= pins(lock).items()


@pytest.mark.parametrize("extra", ["", "build", "test", "lint", "bench"])
def test_every_declared_package_is_locked(extra: str) -> None:
    """A dependency that is declared stands in the lock that installs it."""
    declared = project()["project"]["optional-dependencies"][extra] if extra else project()["project"]["dependencies"]
    lock = pins({"": "run.lock.txt", "build": "run.lock.txt", "bench": "bench.lock.txt"}.get(extra, "test.lock.txt"))
    assert {re.split(r"[<>=]", requirement)[0] for requirement in declared} <= lock.keys()
