"""`antiphon`, and `python -m antiphon`."""

from __future__ import annotations

import sys


def start() -> None:
    """Runs the program. `antiphon report` runs once for each message that somebody moves, so it loads nothing else."""
    words = sys.argv[1:]
    if words[:1] == ["report"] and "--help" not in words:
        from antiphon.intake.pipe import main as report

        sys.exit(report(words[1:]))
    from antiphon.cli import main

    main(prog_name="antiphon")


if __name__ == "__main__":
    start()
