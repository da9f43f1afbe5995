"""A bundle for whoever helps: made of what can name nobody, shown before it is written."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from antiphon import __version__
from antiphon.cli.doctoring import findings_of
from antiphon.cli.frame import as_json, call, main, show
from antiphon.errors import AntiphonError, StorageFailed

PARTS = ("keys", "spool", "public", "snapshots", "reports")
"""Folders of a home that are counted; every other name in it is one of `others`."""
FILES = ("antiphon.db", "antiphon.db-wal", "antiphon.db-shm", "settings.toml", "STOP", "lock", "control.sock")


@main.command()
@click.argument("file", type=click.Path(path_type=Path), default="antiphon-support.zip")
@click.option("--yes", is_flag=True, help="You have read what is in it; do not ask.")
@as_json
@click.pass_obj
def support(home: Path, file: Path, yes: bool, as_json: bool) -> None:
    """Put what helps somebody to help you into one new FILE: counts, versions, findings; no address, name or mail.

    You see all of it first, and are asked; without a terminal nothing is written but with --yes. Settings are told as
    set or not set, but for numbers and switches. The log is not in it: it names nobody either, so add it if you like.

    \b
      antiphon support
      antiphon support --yes node.zip

    Exit codes: 0 written; 1 nothing was written.
    """
    parts = gather(home)
    if as_json:
        show(
            {"file": str(file) if yes else None, "parts": {name: json.loads(text) for name, text in parts.items()}},
            True,
        )
    else:
        for name, text in parts.items():
            click.echo(f"== {name}\n{text}\n")
    if not yes and not (not as_json and sys.stdin.isatty() and click.confirm(f"Write this to {file}?")):
        click.echo("Nothing was written; --yes writes it.", err=True)
        raise click.exceptions.Exit(1)
    write(file, parts)
    click.echo(f"{file} is for its owner only. Read it once more before you send it.", err=True)


def gather(home: Path) -> dict[str, str]:
    """Every part as text, by name. A part that can not be had says which error stood in the way, by its code."""
    told: dict[str, Any] = {"about.json": _about(), "home.json": _sizes(home), "settings.json": _settings(home)}
    told["doctor.json"] = [
        {"check": each["check"], "severity": each["severity"]} for each in asyncio.run(findings_of(home, probe=False))
    ]
    try:
        told["node.json"] = call(home, "support")
    except AntiphonError as error:
        told["node.json"] = {"error": error.code}
    return {name: json.dumps(value, indent=1) for name, value in told.items()}


def _about() -> Mapping[str, object]:
    import apsw

    return {
        "antiphon": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()),
        "sqlite": apsw.sqlite_lib_version(),
        "processors": os.cpu_count(),
    }


def _sizes(home: Path) -> Mapping[str, object]:
    """Files and bytes of each known part; no name that anybody could have chosen."""
    found: dict[str, object] = {name: (home / name).stat().st_size for name in FILES if (home / name).exists()}
    for name in PARTS:
        sizes = [path.stat().st_size for path in (home / name).rglob("*") if path.is_file()]
        found[name] = {"files": len(sizes), "bytes": sum(sizes)}
    known = {*PARTS, *FILES}
    found["others"] = sum(1 for path in home.iterdir() if path.name not in known) if home.is_dir() else 0
    return found


def _settings(home: Path) -> Mapping[str, object]:
    from antiphon.backends.home import Home
    from antiphon.settings import Settings, load_settings

    try:
        settings = load_settings(Home(home).settings)
    except AntiphonError as error:
        return {"error": error.code}
    return _told(msgspec.structs.asdict(settings), msgspec.structs.asdict(Settings()))


def _told(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, msgspec.Struct):
            found[name] = _told(msgspec.structs.asdict(value), msgspec.structs.asdict(defaults[name]))
        elif isinstance(value, (bool, int)):
            found[name] = value
        else:
            found[name] = "default" if value == defaults[name] else "set" if value else "empty"
    return found


def write(file: Path, parts: Mapping[str, str]) -> None:
    """A new zip for its owner only. Raises StorageFailed, also where there is something already."""
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, text in parts.items():
                bundle.writestr(name, text)
    except OSError as error:
        raise StorageFailed(f"{file} can not be written: {error.strerror}.", advice="Name a new file.") from error
