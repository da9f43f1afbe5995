"""Settings: what is written is read back, by file and by environment."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from antiphon.errors import BrokenSettings
from antiphon.settings import Doors, Operator, Settings, load_settings, print_settings

CHANGED = Settings(
    domain="node.example",
    hosted_domains=("home.example", "other.example"),
    answer_enrolment=True,
    window_hours=480,
    operator=Operator(legal_name='Home "e.V."', postal_address="Way\\1"),
    doors=Doors(http="127.0.0.1:8025"),
)


@pytest.mark.parametrize("settings", [Settings(), CHANGED], ids=["as they come", "changed"])
def test_what_is_written_is_read_back(settings: Settings, tmp_path: Path) -> None:
    """Every kind of value: texts with quotes, numbers, lists, yes and no."""
    path = tmp_path / "settings.toml"
    path.write_text(print_settings(settings), "utf-8")
    assert load_settings(path) == settings


@pytest.mark.parametrize("name", [name for name, value in msgspec.structs.asdict(Settings()).items() if value == ()])
def test_every_list_can_be_set_from_outside(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a comma between."""
    monkeypatch.setenv(f"ANTIPHON_{name.upper()}", "a.example,b.example")
    assert getattr(load_settings(tmp_path / "none.toml"), name) == ("a.example", "b.example")


@pytest.mark.parametrize(("said", "read"), [("true", True), ("false", False), ("1", True), ("0", False)])
def test_a_switch_can_be_set_from_outside(
    said: str, read: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ANTIPHON_ANSWER_ENROLMENT` wins over the file."""
    path = tmp_path / "settings.toml"
    path.write_text(print_settings(msgspec.structs.replace(CHANGED, answer_enrolment=not read)), "utf-8")
    monkeypatch.setenv("ANTIPHON_ANSWER_ENROLMENT", said)
    assert load_settings(path).answer_enrolment is read


def test_a_switch_that_is_neither_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, with advice."""
    path = tmp_path / "settings.toml"
    path.write_text(print_settings(Settings()), "utf-8")
    monkeypatch.setenv("ANTIPHON_ANSWER_ENROLMENT", "perhaps")
    with pytest.raises(BrokenSettings, match="answer_enrolment"):
        load_settings(path)
