"""A seeded sample of the spool drill, and spools that it has to find out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from antiphon.backends import spool as spool_module
from antiphon.backends.spool import FileSpool
from antiphon.drill.disk import Fault, Machine
from antiphon.drill.files import FailingFiles
from antiphon.drill.spooled import SpoolFigures, spool_faults


def drill(every: int) -> SpoolFigures:
    """A sample of the calls, each with every fault."""
    return asyncio.run(spool_faults(lambda _: None, every=every, seed=2))


def test_a_sample_of_faults_loses_nothing_and_every_flipped_bit_is_found() -> None:
    """Every third call fails in every way; what was acknowledged is given out again, what was changed never."""
    figures = drill(3)
    assert figures.holds, figures
    assert figures.acknowledged > 3_000
    assert figures.flipped > 30


def test_a_spool_that_does_not_sync_its_own_name_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The power takes a new folder with all that it holds, until the folder around it was synced."""
    folders = FailingFiles.sync_folder

    def forgetful(files: FailingFiles, folder: Path) -> None:
        if folder.name == "spool":
            folders(files, folder)

    monkeypatch.setattr(FailingFiles, "sync_folder", forgetful)
    figures = drill(5)
    assert figures.lost > 0 and not figures.holds


def test_a_spool_that_does_not_check_what_it_reads_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that the disk has changed are given out: the drill counts them as wrong."""
    monkeypatch.setattr(spool_module, "_payload", lambda record: record[spool_module.HEAD : -len(spool_module.END)])
    figures = drill(5)
    assert figures.wrong > 0 and figures.unfound > 0 and not figures.holds


def test_figures_that_prove_nothing_do_not_hold() -> None:
    """Each figure alone turns the drill red, and so does a control that lost nothing."""
    assert SpoolFigures(1, 1, flipped=1, control=1).holds
    for wrong in (
        SpoolFigures(1, 1, flipped=1),
        SpoolFigures(1, 1, control=1),
        SpoolFigures(1, 0, flipped=1, control=1),
        SpoolFigures(1, 1, lost=1, flipped=1, control=1),
        SpoolFigures(1, 1, wrong=1, flipped=1, control=1),
        SpoolFigures(1, 1, reused=1, flipped=1, control=1),
        SpoolFigures(1, 1, flipped=1, unfound=1, control=1),
    ):
        assert not wrong.holds, wrong


async def test_after_a_fault_a_spool_goes_on_in_one_process(tmp_path: Path) -> None:
    """A full disk: what was acknowledged before is served, nothing is acknowledged after, and nothing comes back."""
    machine = Machine(Fault.FULL, fail_at=-1, seed=1)
    spool = FileSpool(tmp_path / "spool", FailingFiles(machine))
    assert await spool.append(b"first") == 0
    machine.fail_at = machine.calls + 1
    assert isinstance((await asyncio.gather(spool.append(b"second"), return_exceptions=True))[0], Exception)
    assert isinstance((await asyncio.gather(spool.append(b"third"), return_exceptions=True))[0], Exception)
    assert list(spool.waiting()) == [(0, b"first")]
    spool.close()
    again = FileSpool(tmp_path / "spool")
    assert list(again.waiting()) == [(0, b"first")]
    again.close()
