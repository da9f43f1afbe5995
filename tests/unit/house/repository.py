"""The repository as the house tests read it: which files there are, and what stands in them."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "src" / "antiphon"
TEXT_ENDINGS = frozenset({
    "", ".cf", ".cfg", ".conf", ".css", ".html", ".in", ".js", ".json", ".md", ".py", ".service", ".sh", ".sieve",
    ".sql", ".svg", ".toml", ".txt", ".yml",
})  # fmt: skip


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is, or is about to be, part of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    files = sorted({ROOT / name.decode() for name in listed.split(b"\0") if name})
    return tuple(file for file in files if file.is_file() and file.suffix in TEXT_ENDINGS)


def below(*folders: str, ending: str = "") -> list[Path]:
    """The tracked files in these folders."""
    roots = [ROOT / folder for folder in folders]
    return [f for f in tracked() if f.name.endswith(ending) and any(root in (f, *f.parents) for root in roots)]


def name(file: Path) -> str:
    """How a file is called in a failure."""
    return file.relative_to(ROOT).as_posix()


def text(file: Path) -> str:
    """A file's text."""
    return file.read_text(encoding="utf-8")


def tree(file: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(text(file), str(file))


@cache
def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads(text(ROOT / "pyproject.toml"))
