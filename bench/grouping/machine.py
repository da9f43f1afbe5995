"""On what a run was made: the machine, the date, the versions; and how much memory the process holds."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

PACKAGES = ("antiphon", "selectolax", "rensa", "xxhash", "ada-url", "pyzor", "py-tlsh", "ssdeep-wheel")


def facts() -> dict[str, str]:
    """What the page tells about the run."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 2**30} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "commit": _commit(),
        "libraries": ", ".join(f"{name} {version}" for name in PACKAGES if (version := _version(name))),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _commit() -> str:
    here = Path(__file__).parent
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"


def available_bytes() -> int:
    """Memory that the system could give now (Linux); 0 where that is not known."""
    try:
        text = Path("/proc/meminfo").read_text("utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("MemAvailable:")), 0)


def _family(pid: int) -> list[int]:
    """A process and all below it (Linux)."""
    below: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        if fields := _stat(place):
            below.setdefault(int(fields[1]), []).append(int(place.parent.name))
    family = [pid]
    for member in family:
        family += below.get(member, [])
    return family


def _stat(place: Path) -> list[str]:
    """The fields behind the name of a program; none of a process that has ended."""
    try:
        return place.read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def processor_seconds(pid: int) -> float:
    """Processor time that a process and all below it have used."""
    found = [_stat(Path(f"/proc/{member}/stat")) for member in _family(pid)]
    return sum(int(fields[11]) + int(fields[12]) for fields in found if fields) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int | None = None) -> int:
    """Memory that a process and all below it hold now, shared pages counted once (Linux); 0 where that is not known."""
    size = 0
    for member in _family(pid or os.getpid()):
        try:
            text = Path(f"/proc/{member}/smaps_rollup").read_text("utf-8")
        except OSError:
            continue
        size += next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)
    return size
