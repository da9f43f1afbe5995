"""A seeded sample of the drill of a whole desk, and desks that it has to find out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from antiphon.desk import attempt
from antiphon.desk.desk import Desk
from antiphon.desk.question import Wish
from antiphon.drill.desk import DeskFigures, desk_faults
from antiphon.drill.ladder import climbed
from antiphon.drill.street import DEAF, PROMPT
from antiphon.ledger.allowance import Permit
from antiphon.web import door


def drill(every: int, seed: int) -> DeskFigures:
    """A sample of the calls, each with every fault."""
    return asyncio.run(desk_faults(lambda _: None, every=every, seed=seed))


def test_a_sample_of_faults_loses_no_report_and_makes_no_attempt_twice() -> None:
    """Mail at the door, through spool, store and ledger, until it pays: whatever call fails, the inequality holds."""
    figures = drill(241, 11)
    assert figures.holds, figures
    assert figures.acknowledged == 10 * figures.runs, "on a disk that was mended all is taken"
    assert figures.checks == 4 * figures.runs


def test_the_street_is_ready_for_requests(tmp_path: Path) -> None:
    """One notice, a request of each member and own opt-outs: else a fault could meet no attempt."""
    street = asyncio.run(climbed(tmp_path))
    assert sum(street.mails.values()) == 1
    assert (street.attempts(DEAF), street.attempts(PROMPT)) == (7, 3)


def test_a_desk_that_acknowledges_before_it_writes_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What such a door took was never there."""

    real, begun = door.spool_mail, 0

    async def sometimes(*words: Any, **more: Any) -> int:
        nonlocal begun
        begun += 1
        return await real(*words, **more) if begun <= 30 or begun % 2 else 0

    monkeypatch.setattr(door, "spool_mail", sometimes)
    figures = drill(400, 5)
    assert figures.lost > 0 and not figures.holds


def test_a_desk_that_opens_a_socket_twice_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that tries again what it did not hear of: the destination counts more than the ledger has intents."""
    send = attempt._send

    async def again(desk: Desk, wish: Wish, permit: Permit, message: bytes) -> object:
        twin = Permit.__new__(Permit)
        twin.act, twin.intent, twin.reserve, twin._open = permit.act, permit.intent, permit.reserve, True
        await send(desk, wish, twin, message)
        return await send(desk, wish, permit, message)

    monkeypatch.setattr(attempt, "_send", again)
    figures = drill(700, 5)
    assert figures.twice > 0 and figures.broken > 0 and not figures.holds


def test_figures_that_prove_nothing_do_not_hold() -> None:
    """Each figure alone turns the drill red, and so does a control that lost nothing."""
    good = DeskFigures(runs=1, acknowledged=1, attempts=1, checks=1, control=1)
    assert good.holds
    for name in ("lost", "twice", "broken", "stuck"):
        assert not replace(good, **{name: 1}).holds, name
    for name in ("runs", "acknowledged", "attempts", "checks", "control"):
        assert not replace(good, **{name: 0}).holds, name
