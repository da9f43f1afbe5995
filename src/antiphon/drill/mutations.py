"""D10: a published ledger is changed in one place, again and again; the auditor has to find each change."""

from __future__ import annotations

import random  # noqa: TID251 - a seeded source: a drill can be had again
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from antiphon.ledger.audit import NotAuditable, audit

KINDS = ("byte", "byte", "byte", "byte", "byte", "byte", "byte", "cut", "extra", "missing")
"""How often each kind of change is drawn."""
TOLD_EVERY = 100


@dataclass(frozen=True, slots=True)
class MutationFigures:
    """What the drill ends with. `unfound` names each change that passed; `whole` is the control: untouched, before
    and after, the ledger has no offence."""

    changes: int = 0
    bytes_changed: int = 0
    files: int = 0
    whole: bool = False
    unfound: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Every change was found, and the untouched ledger passed."""
        return self.changes > 0 and self.whole and not self.unfound


def mutate_ledger(folder: Path, *, changes: int, seed: int, progress: Callable[[str], None]) -> MutationFigures:
    """Changes the files below `folder` one at a time and puts each back. The same seed changes the same places."""
    chance = random.Random(seed)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    whole, unfound, single = not _found(folder), [], 0
    for number in range(1, changes + 1):
        path, kind = chance.choice(files), chance.choice(KINDS)
        before, what = path.read_bytes(), f"{kind} in {path.relative_to(folder)}"
        try:
            what = _change(path, kind, chance) or what
            single += kind == "byte"
            if not _found(folder):
                unfound.append(what)
        finally:
            _put_back(path, before)
        if number % TOLD_EVERY == 0:
            progress(f"{number} of {changes} changes, {len(unfound)} not found")
    whole = whole and not _found(folder)
    return MutationFigures(changes, single, len(files), whole, tuple(unfound))


def _found(folder: Path) -> bool:
    try:
        return audit(folder).offence is not None
    except NotAuditable:
        return True


def _change(path: Path, kind: str, chance: random.Random) -> str:
    """Makes one change; says where."""
    data = bytearray(path.read_bytes())
    if kind == "extra":
        _extra(path).write_bytes(bytes(data[: chance.randrange(len(data) + 1)]))
    elif kind == "missing":
        path.unlink()
    elif kind == "cut":
        path.write_bytes(data[: chance.randrange(len(data))])
    else:
        at = chance.randrange(len(data))
        data[at] ^= chance.randrange(1, 256)
        path.write_bytes(data)
        return f"byte {at} of {path.name}"
    return ""


def _extra(path: Path) -> Path:
    return path.with_name(f"{path.name}x")


def _put_back(path: Path, before: bytes) -> None:
    path.write_bytes(before)
    _extra(path).unlink(missing_ok=True)
