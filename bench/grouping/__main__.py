"""`python -m bench.grouping [--quick] [--out FOLDER]`: the whole bench, and the page at the end."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.grouping import corpora, page
from bench.grouping.run import FULL, QUICK, run

SMALL = page.ROOT / ".run" / "benchmarks"
"""A small run does not write over the figures of a whole one."""


def main() -> None:
    """Runs, and says where the page is."""
    parser = argparse.ArgumentParser(description="The open grouping bench.")
    parser.add_argument("--quick", action="store_true", help="a small run, to see that all works")
    parser.add_argument("--out", type=Path, help="the folder of the page")
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    mail = corpora.root()
    print(f"Time limit: no section begins after {size.seconds} s.")
    print(f"Real mail: {mail}" if mail else "ANTIPHON_CORPORA is not set: made-up mail only.")
    folder = asked.out or (SMALL if asked.quick else page.FOLDER)
    run(size, quick=asked.quick, keep=lambda results: page.write(results, folder))
    print(f"Written: {folder / 'grouping.md'}")


if __name__ == "__main__":
    main()
