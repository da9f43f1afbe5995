"""Packs the add-on: `python contrib/thunderbird/build.py OUT.xpi`. The same files give the same bytes anywhere."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
FILES = ("manifest.json", "background.js", "outbox.mjs", "options.html", "options.css", "options.js", "icon.svg")
FIRST_DAY = (1980, 1, 1, 0, 0, 0)
PLAIN_FILE = 0o100644 << 16


def build(out: Path) -> None:
    """Writes the XPI: stored in this order, of one date, nothing else in it."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for name in FILES:
            entry = zipfile.ZipInfo(name, FIRST_DAY)
            entry.external_attr, entry.create_system = PLAIN_FILE, 3
            packed.writestr(entry, (HERE / name).read_bytes())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build(Path(sys.argv[1]))
