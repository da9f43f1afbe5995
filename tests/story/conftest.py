"""One short world for all stories about it: its figures, what it left, what the command line said of it."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from antiphon.drill.remains import Remains
from antiphon.world.demo import Demo, run_demo
from antiphon.world.party import TEMPERS

SHORT = (
    "compliant",
    "prompt",
    "feedback",
    "deaf",
    "small-mail",
    "joe-jobber",
    "replayer",
    "unaccountable",
    "hosted-acting",
    "hosted-phishing",
    "disputing-daily",
)
DAYS, LIFETIME_SECONDS = 40, 900
PROGRAM = (sys.executable, "-m", "antiphon")


@dataclass
class Seen:
    """What one world of forty days showed. `said` holds what a command wrote as JSON, by its words;
    `books` what the home has of each party: intents, sightings that paid for them, and their bytes."""

    found: dict[str, Any]
    folder: Path
    said: dict[tuple[str, ...], Any] = field(default_factory=dict)
    complaint: Any = None
    books: dict[str, tuple[int, int, int]] = field(default_factory=dict)


def chosen(*names: str) -> list[Any]:
    """Some tempers."""
    return [temper for temper in TEMPERS if temper.name in names]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever comes first waits for the world to be lived."""
    for item in items:
        if "world" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(LIFETIME_SECONDS))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The world, lived once a session."""
    folder = tmp_path_factory.mktemp("w")
    seen = Seen({}, folder)

    async def look(demo: Demo, _: dict[str, Any]) -> None:
        for words in LOOKS:
            seen.said[words] = await said(demo, *words)
        campaign = seen.said["campaigns",][0]["campaign"]
        seen.said["campaign",] = await said(demo, "campaign", campaign[:12])
        seen.complaint = await demo.remote.call("complaint-draft", case=seen.said["case", "deaf-shop.example"]["case"])
        sent = next(c["complaint"] for c in seen.said["complaints",] if c["contact"] == "abuse@host-acting.example")
        seen.said["complaint",] = await said(demo, "complaint", str(sent))
        with Remains(demo.child.home) as remains:
            seen.books = {party.temper: remains.books(party.case) for party in demo.parties}

    seen.found = asyncio.run(run_demo(days=DAYS, tempers=chosen(*SHORT), keep=folder, serve=look))
    return seen


LOOKS: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("cases",),
    ("case", "deaf-shop.example"),
    ("case", "disputing-daily-shop.example"),
    ("campaigns",),
    ("held",),
    ("complaints",),
    ("contact", "list"),
    ("member", "list"),
    ("operator", "list"),
)


async def said(demo: Demo, *words: str) -> Any:
    """What a command says to a program, of the running node."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "--home", str(demo.child.home), *words, "--json",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)
