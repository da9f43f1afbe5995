"""`antiphon`, and `python -m antiphon`."""

from __future__ import annotations

import gc
import sys

SELDOM = (50_000, 20, 20)
"""How many objects more than before, and how many of those rounds, until Python looks for rings. Records come
and go by the ten thousand and form none; at Python's own 700 the search took a twentieth of a node's time."""


def start() -> None:
    """Runs the program. `antiphon report` runs once for each message that somebody moves, so it loads nothing else."""
    words = sys.argv[1:]
    if words[:1] == ["report"] and "--help" not in words:
        from antiphon.intake.pipe import main as report

        sys.exit(report(words[1:]))
    from antiphon.cli import main

    gc.set_threshold(*SELDOM)
    main(prog_name="antiphon")


if __name__ == "__main__":
    start()
