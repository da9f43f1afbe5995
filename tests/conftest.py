"""What every test gets: loopback only, in its own process and in the processes that it starts."""

from __future__ import annotations

import os
import runpy
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no defect: what is slow shows in bench/.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

GUARD = Path(__file__).parent / "guard"
_, LOG = tempfile.mkstemp(prefix="antiphon-guard-")

os.environ["ANTIPHON_GUARD_LOG"] = LOG
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(GUARD), os.environ.get("PYTHONPATH", "")]))
runpy.run_path(str(GUARD / "sitecustomize.py"), run_name="antiphon_socket_guard")


def pytest_sessionfinish() -> None:
    """The log is a scratch file of this run."""
    Path(LOG).unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def loopback_only(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test whose code tried to leave loopback, also where the refusal was swallowed."""
    os.truncate(LOG, 0)
    yield
    attempts = Path(LOG).read_text(encoding="utf-8").splitlines()
    os.truncate(LOG, 0)
    if request.node.get_closest_marker("escapes"):
        assert attempts, "nothing stopped an escape that this test makes on purpose"
    else:
        assert not attempts, f"left loopback: {attempts}"
