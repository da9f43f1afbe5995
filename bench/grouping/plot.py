"""Small pictures: lines in panels, as SVG, without a library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#0b6e4f", "#c44536", "#3d5a80", "#e09f3e", "#7b2d8b", "#6b705c", "#118ab2", "#9a031e", "#444444")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "4 2", "1 3", "10 4", "5 5", "3 1")
_WIDTH, _HEIGHT, _GAP = 190, 110, 34


def panels(series: Mapping[str, Mapping[str, Sequence[float | None]]], ticks: Sequence[str], title: str) -> str:
    """One panel for each key of the inner mappings, one line for each series; values from 0 to 1 over `ticks`.

    A line is told by its colour and by its dashes.
    """
    names = list(series)
    keys = list(dict.fromkeys(key for lines in series.values() for key in lines))
    columns = 4
    rows = -(-len(keys) // columns)
    width, top = columns * (_WIDTH + _GAP) + _GAP, 30 + 16 * -(-len(names) // 4)
    height = top + rows * (_HEIGHT + _GAP + 14) + 10
    drawn = [f'<text x="{_GAP}" y="16" font-size="13" font-weight="bold">{escape(title)}</text>']
    for n, name in enumerate(names):
        x, y = _GAP + (n % 4) * (_WIDTH + _GAP), 34 + 16 * (n // 4)
        drawn.append(_line([(x, y - 4), (x + 26, y - 4)], n) + f'<text x="{x + 32}" y="{y}">{escape(name)}</text>')
    for at, key in enumerate(keys):
        x, y = _GAP + (at % columns) * (_WIDTH + _GAP), top + 14 + (at // columns) * (_HEIGHT + _GAP + 14)
        drawn.append(_panel(x, y, key, ticks))
        for n, name in enumerate(names):
            values = series[name].get(key, ())
            step = _WIDTH / max(1, len(ticks) - 1)
            points = [(x + i * step, y + _HEIGHT * (1 - v)) for i, v in enumerate(values) if v is not None]
            drawn.append(_line(points, n))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
        f' font-size="11" role="img" aria-label="{escape(title)}">'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>' + "\n".join(drawn) + "</svg>\n"
    )


def _panel(x: float, y: float, key: str, ticks: Sequence[str]) -> str:
    frame = f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999999"/>'
    name = f'<text x="{x}" y="{y - 4}" font-weight="bold">{escape(key)}</text>'
    sides = "".join(
        f'<text x="{x - 6}" y="{y + down}" text-anchor="end">{value}</text>' for down, value in ((8, 1), (_HEIGHT, 0))
    )
    step = _WIDTH / max(1, len(ticks) - 1)
    below = "".join(
        f'<text x="{x + n * step:.0f}" y="{y + _HEIGHT + 13}" text-anchor="middle">{escape(tick)}</text>'
        for n, tick in enumerate(ticks)
    )
    return frame + name + sides + below


def _line(points: Sequence[tuple[float, float]], n: int) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = f' stroke-dasharray="{DASHES[n % len(DASHES)]}"' if DASHES[n % len(DASHES)] else ""
    width = 2.6 if n == 0 else 1.4
    return f'<polyline points="{path}" fill="none" stroke="{COLOURS[n % len(COLOURS)]}" stroke-width="{width}"{dash}/>'
