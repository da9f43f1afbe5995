"""The demo's page in a real browser: what a stranger sees first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from antiphon.terms import DAY
from antiphon.world.board import Board
from antiphon.world.demo import START
from antiphon.world.party import TEMPERS
from antiphon.world.roles import GROUPS
from tests.browser.conftest import SCHEMES, SIZES, Served, Sight

FIGURES = json.loads((Path(__file__).parent / "figures.json").read_text("utf-8"))
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "demo.png"
MOST_PICTURE_BYTES = 150_000
Look = Callable[..., Sight]


class Party(SimpleNamespace):
    """One that has counted."""

    def figures(self, state: str) -> dict[str, Any]:
        return {**self.row, "state": state}


def world(day: int) -> Any:
    """What the page needs of a world."""
    rows = FIGURES["originators"]
    return SimpleNamespace(
        days=FIGURES["days"],
        clock=SimpleNamespace(now=lambda: START + day * DAY),
        parties=[Party(temper=row["temper"], case=row["name"], row=row) for row in rows],
        innocents=[SimpleNamespace(name=i["name"], tally=SimpleNamespace(packets=0)) for i in FIGURES["innocents"]],
        http=1,
        states={row["name"]: row["state"] for row in rows},
        intents={row["name"]: row["attempts_at_destination"] for row in rows},
    )


@pytest.fixture(scope="module")
def boards(served: Served) -> Iterator[dict[str, str]]:
    """The page while the days pass, and when they are over."""
    under_way, over = Board(world(44)), Board(world(90))
    over.result = FIGURES
    yield {"under way": served.do(under_way.open()), "over": served.do(over.open())}
    for board in (under_way, over):
        board.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("which", ["under way", "over"])
def test_axe_has_nothing_against_it(boards: dict[str, str], sight: Look, which: str, size: str, scheme: str) -> None:
    """No rule of the standard set is broken, on a phone and a desk, light and dark."""
    seen = sight(size, scheme, script=True)
    seen.open(boards[which] + "still")
    assert seen.faults() == []
    assert seen.strange == []


def test_it_shows_what_was_counted_and_what_the_auditor_says(boards: dict[str, str], sight: Look) -> None:
    """Everybody's ladder and figures, innocents with their controls, the verdict, and what to do next."""
    page = sight().open(boards["over"])
    said = page.inner_text("main")
    lines = {text.split("\n")[0]: text.split("\t") for text in page.locator("tbody tr").all_inner_texts()}
    for row in FIGURES["originators"]:
        counted = (row["mails"], row["sightings_after_window"], row["notices"], row["attempts_at_destination"])
        assert lines[row["temper"]][2:6] == [str(number) for number in counted]
    assert all(innocent["name"] in said for innocent in FIGURES["innocents"])
    assert "lawful" in said and "make run MAIL=" in said


def test_it_reloads_by_itself_until_it_is_held_still(boards: dict[str, str], sight: Look) -> None:
    """Whoever reads slowly can stop it, with a link; when the days are over it stands still by itself."""
    page = sight().open(boards["under way"])
    assert page.request.get(boards["under way"]).headers["refresh"]
    page.get_by_role("link", name="Hold it still").click()
    assert page.url.endswith("/still")
    assert "refresh" not in page.request.get(page.url).headers
    assert "refresh" not in page.request.get(boards["over"]).headers


def test_every_temper_has_its_sentence() -> None:
    """The page leaves nobody out."""
    told = {temper for group in GROUPS for temper in group.roles}
    names = {temper.name for temper in TEMPERS}
    hosts = {name.replace("hosted", "host") for name in names if name.startswith("hosted-")}
    assert names | hosts | {"esp", "registrar"} == told


def test_the_picture_in_the_docs_is_this_page(boards: dict[str, str], sight: Look) -> None:
    """docs/pictures/demo.png is made here, when it is not there; it stays small."""
    page = sight().open(boards["over"])
    if not PICTURE.exists():
        page.screenshot(path=PICTURE)
    assert PICTURE.read_bytes()[:4] == b"\x89PNG"
    assert PICTURE.stat().st_size < MOST_PICTURE_BYTES
