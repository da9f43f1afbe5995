"""The pipe program: it ends with success only when the message is durable, and says in a sentence what went wrong."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.formats.handed import MESSAGE_BYTES, Event, open_handed, public_half
from antiphon.intake import pipe

KEY = bytes(range(32))
RAW = b"Subject: x\r\n\r\nbody\r\n"
MEMBER = ("--member", "ann@home.example")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A node was here, and is down."""
    (tmp_path / "key").write_text(public_half(KEY).hex() + "\n", "ascii")
    return tmp_path


def run(folder: Path, *words: str, raw: bytes = RAW) -> int:
    return pipe.main(["--folder", str(folder), *words], io.BytesIO(raw))


def waiting(folder: Path) -> list[tuple[Event, str, bytes]]:
    """What was laid down."""
    found = [open_handed(KEY, file.read_bytes()) for file in folder.glob("*.handed")]
    return [(handed.event, handed.mailbox, handed.raw) for handed in found]


@pytest.mark.parametrize("event", list(Event))
def test_every_event_is_known(folder: Path, event: Event) -> None:
    """With a blank or an equals sign."""
    assert run(folder, *MEMBER, f"--event={event}") == 0
    assert run(folder, *MEMBER, "--event", event) == 0
    assert waiting(folder) == [(event, "ann@home.example", RAW)] * 2


def test_a_person_reports_unless_something_else_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is told that it waits."""
    assert run(folder, *MEMBER) == 0
    assert waiting(folder)[0][0] is Event.REPORTED
    assert "waits" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [((), 2), (("--member",), 2), ((*MEMBER, "--event", "posted"), 2), ((*MEMBER, "--spool", "x"), 2), (("x",), 2)],
)
def test_wrong_usage_is_told(folder: Path, words: tuple[str, ...], code: int) -> None:
    """Exit code 2, and nothing is kept."""
    assert run(folder, *words) == code
    assert waiting(folder) == []


@pytest.mark.parametrize(
    ("raw", "code"), [(b"", 65), (b" \r\n", 65), (b"x" * MESSAGE_BYTES, 0), (b"x" * (MESSAGE_BYTES + 1), 65)]
)
def test_a_message_has_a_size(folder: Path, raw: bytes, code: int) -> None:
    """None is no message; the limit passes, one byte more does not."""
    assert run(folder, *MEMBER, raw=raw) == code


def test_where_no_node_ever_was_nothing_is_laid_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence with the settings' name; a mail program does not try for days."""
    assert run(tmp_path, *MEMBER) == 73
    assert "doors.reports" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_can_not_be_kept_may_come_again(folder: Path) -> None:
    """75 is what mail programs know as later; nothing half written is left."""
    words = [sys.executable, "-m", "antiphon", "report", "--folder", str(folder), *MEMBER]
    line = 'ulimit -f 0; exec "$@"'
    done = subprocess.run(["bash", "-c", line, "bash", *words], input=RAW, capture_output=True, check=False)
    assert done.returncode == 75, done.stderr
    assert [file.name for file in folder.iterdir()] == ["key"]


def test_the_folder_is_found_in_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ANTIPHON_REPORTS, else the home's own."""
    monkeypatch.setenv("ANTIPHON_REPORTS", str(folder))
    assert pipe.main([*MEMBER], io.BytesIO(RAW)) == 0
    assert len(waiting(folder)) == 1
    monkeypatch.delenv("ANTIPHON_REPORTS")
    monkeypatch.setenv("ANTIPHON_HOME", str(folder))
    assert pipe.main([*MEMBER], io.BytesIO(RAW)) == 73


def test_it_loads_next_to_nothing() -> None:
    """It runs once for each message: neither the command line nor the event loop is there when it reads one."""
    heavy = ("asyncio", "click", "cryptography", "msgspec", "rich")
    question = f"import sys, antiphon.__main__, antiphon.intake.pipe; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", question], text=True).strip() == "[]"
