"""The page says what was measured: met and not met by the figures, and left out where there is none."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from bench.grouping import page
from bench.grouping.goals import goals
from bench.grouping.pairs import Score, Share
from bench.grouping.plot import panels
from bench.grouping.run import QUICK, Results


def score(hits: int, of: int) -> Score:
    """A score with this precision."""
    return Score(Share(hits, of), Share(1, 2), Share(1, 4), 0.5)


def gold(hits: int, of: int) -> dict[str, object]:
    """What a gold section found, with this precision of ours."""
    return {
        "messages": 9,
        "campaigns": 2,
        "scores": {"ours": score(hits, of)},
        "apart": {"ours": {}},
        "order": [1.0, 0.9],
    }


def test_a_goal_is_met_by_its_figure_alone() -> None:
    """The same goal is yes, no or not measured, as the figure goes."""
    assert goals({"gold": gold(995, 1000)})[0].met is True
    assert goals({"gold": gold(994, 1000)})[0].met is False
    assert goals({})[0].met is None
    assert all(goal.met is None for goal in goals({}))


def test_the_page_tells_goals_and_what_was_left_out(tmp_path: Path) -> None:
    """A page of a run with one section: its figures, its goals, and the reason why the rest is not there."""
    results = Results(
        QUICK, quick=True, keep=str, machine={}, found={"gold": gold(9, 10)}, left_out={"real mail": "there is none"}
    )
    text = page.write(results, tmp_path).read_text("utf-8")
    assert "0.9000 (" in text
    assert "| precision, gold | >= .995 | 0.9000" in text
    assert "**no**" in text
    assert "Left out: real mail (there is none)." in text
    assert "quick run" in text
    assert "## Silver" not in text


def test_a_picture_is_well_formed_and_tells_lines_apart_without_colour() -> None:
    """Each series has dashes of its own, and names are escaped."""
    drawn = panels({"ours <1>": {"a": [1.0, 0.5, None]}, "peer": {"a": [0.0, 0.2, 0.1]}}, ["1", "2", "3"], "A & B")
    lines = [node for node in ElementTree.fromstring(drawn).iter() if node.tag.endswith("polyline")]
    assert len({line.get("stroke-dasharray") for line in lines}) == 2
