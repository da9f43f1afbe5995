"""Tables for people: as wide as the terminal, never wider; nothing that came in a mail can move the cursor."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from textwrap import wrap

LEAST = 8
"""No column is made narrower than this."""
GAP = "  "


def width() -> int:
    """Characters in a line: those of the terminal (or `COLUMNS`), 100 where there is none."""
    return max(shutil.get_terminal_size((100, 24)).columns, 40)


def cell(value: object) -> str:
    """A value in one printable line."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{name} {cell(item)}" for name, item in value.items())
    elif isinstance(value, list | tuple):
        text = ", ".join(map(cell, value))
    elif isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}"
    else:
        text = "-" if value is None or value == "" else str(value)
    return "".join(c if c.isprintable() else " " for c in text) or "-"


def table(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str], across: int = 0) -> str:
    """Rows under their titles; `columns` maps a field to its title. Numbers stand to the right. Where a line would be
    longer than `across` (the terminal, if 0), the widest columns of text are cut, with `…` for what is left out."""
    cells = [[cell(row.get(name)) for name in columns] for row in rows]
    right = [all(isinstance(row.get(name), int | float) for row in rows) for name in columns]
    titles = list(columns.values())
    widths = [max(map(_columns, (title, *(line[at] for line in cells)))) for at, title in enumerate(titles)]
    room = (across or width()) - len(GAP) * (len(columns) - 1)
    while sum(widths) > room:
        at = max((at for at in range(len(widths)) if not right[at]), key=lambda at: widths[at], default=0)
        if widths[at] <= LEAST:
            break
        widths[at] -= 1
    lines = [
        GAP.join(_fit(text, size, to_right=at_right) for text, size, at_right in zip(line, widths, right, strict=True))
        for line in (titles, *cells)
    ]
    return "\n".join(line.rstrip() for line in lines)


def paragraph(text: str, *, indent: str = "", first: str | None = None, across: int = 0) -> str:
    """Text broken at the terminal's width; the first line may begin otherwise."""
    begin = indent if first is None else first
    lines = wrap(text, across or width(), initial_indent=begin, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(lines)


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _fit(text: str, size: int, *, to_right: bool) -> str:
    if _columns(text) > size:
        from rich.cells import set_cell_size

        text = set_cell_size(text, size - 1) + "…"
    blank = " " * (size - _columns(text))
    return blank + text if to_right else text + blank
