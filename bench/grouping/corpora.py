"""Real mail, read from the folder that ANTIPHON_CORPORA names; never written anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from antiphon.campaign.stream import arrived_at
from antiphon.errors import MalformedInput
from antiphon.formats.message import parse_message
from bench.grouping.gold import Mail

DEVELOPMENT = ("phishing_pot_to_2024", "trec07p_head/spam")
HAM = ("trec07p_head/ham", "list_relayed/ham", "one_click_ham")
ORPHANS = "list_relayed/orphan_one_click"


def root() -> Path | None:
    """The folder, or None where there is none."""
    named = os.environ.get("ANTIPHON_CORPORA", "")
    return Path(named) if named and Path(named).is_dir() else None


def read_folder(name: str, most: int | None = None) -> list[Mail]:
    """The messages of one folder in the order of their names, which is the order of arrival where there is one.

    A message without a readable date counts as arrived with the one before it. `truth` is the folder's name.
    """
    folder = root()
    if folder is None:
        return []
    files = sorted((file for file in (folder / name).rglob("*") if file.is_file()), key=_order)
    return list(_dated(files[:most], name))


def _order(file: Path) -> tuple[int, str]:
    digits = "".join(c for c in file.stem.partition("-")[0] or file.stem if c.isdigit())
    if not digits:
        digits = "".join(c for c in file.stem if c.isdigit())
    return (int(digits[:12] or 0), file.name)


def _dated(files: list[Path], name: str) -> Iterator[Mail]:
    at = 0
    for file in files:
        raw = file.read_bytes()
        at = seconds(raw) or at
        yield Mail(raw, at, name, made=file.stem)


def seconds(raw: bytes) -> int | None:
    """When a message came, in seconds."""
    try:
        found = arrived_at(parse_message(raw))
    except MalformedInput:
        return None
    return found // 1_000_000 if found is not None else None


def in_time(*streams: list[Mail]) -> list[Mail]:
    """Several folders as one stream, by time."""
    return sorted((mail for stream in streams for mail in stream), key=lambda mail: mail.at)
