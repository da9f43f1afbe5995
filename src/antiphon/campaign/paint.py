"""Whether letters show: the few parts of CSS with which mail hides text, and nothing else of CSS.

A style that is not understood leaves the text visible: taking away what a person reads would part one mailing in two,
leaving filler in would glue two together, and the second costs more; but only what is surely unseen may go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

STYLE_CHARACTERS = 4096
"""A longer style attribute is read up to here."""
SHEET_CHARACTERS = 1 << 16
"""A longer style sheet is read up to here."""
SHEET_RULES = 1000
"""Rules kept of one style sheet."""

_UNREADABLE_PIXELS = 2.0
_UNREADABLE_ALPHA = 0.05
_UNREADABLE_CONTRAST = 12
_OFF_SCREEN_PIXELS = -400.0

_UNKNOWN = -1
_CLEAR = -2
_NAMES = {
    "black": 0x000000, "white": 0xFFFFFF, "red": 0xFF0000, "lime": 0x00FF00, "blue": 0x0000FF, "yellow": 0xFFFF00,
    "cyan": 0x00FFFF, "aqua": 0x00FFFF, "magenta": 0xFF00FF, "fuchsia": 0xFF00FF, "silver": 0xC0C0C0,
    "gray": 0x808080, "grey": 0x808080, "maroon": 0x800000, "olive": 0x808000, "green": 0x008000,
    "purple": 0x800080, "teal": 0x008080, "navy": 0x000080, "orange": 0xFFA500, "snow": 0xFFFAFA,
    "ivory": 0xFFFFF0, "whitesmoke": 0xF5F5F5, "ghostwhite": 0xF8F8FF, "lightgrey": 0xD3D3D3,
    "lightgray": 0xD3D3D3, "transparent": _CLEAR,
}  # fmt: skip

_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*(px|pt|em|rem|ex|%|vw|vh|in|cm|mm)?")
_FONT_SIZE = re.compile(r"(?:^|\s)(\d*\.?\d+(?:px|pt|em|rem|%)|0(?=/|$))")
_FUNCTION = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})(?:[\s,/]+([\d.]+)(%?))?\s*\)")
_PIXELS = {"px": 1.0, "pt": 1.33, "em": 16.0, "rem": 16.0, "ex": 8.0, "%": 0.16, "in": 96.0, "cm": 38.0, "mm": 3.8}
_SIMPLE = re.compile(r"([a-z][a-z0-9]*)?([.#][\w-]+)?")
_TELLING_NAMES = (
    "display opacity filter transform overflow max-height max-width height width text-indent margin-left margin-top"
    " position left top right bottom clip visibility font-size font color -webkit-text-fill-color"
    " background background-color background-image"
)
_TELLING = frozenset(_TELLING_NAMES.split())
_BLOCK_ONLY = frozenset(["overflow", "text-indent", "transform", "margin-top"])
_BOXES = ("max-height", "max-width", "height", "width")
_NO_CLIP = re.compile(r"rect\(\s*0\D+0\D+0\D+0\D*\)")
_NO_FILTER = re.compile(r"opacity\s*=\s*0\s*\)")
_NO_SCALE = re.compile(r"scale\(\s*0\s*[,)]")
_OFFSETS = ("left", "top", "right", "bottom")


class Style(NamedTuple):
    """What one style says; None where it says nothing. `gone` takes all below along, the others can be overruled."""

    gone: bool = False
    visible: bool | None = None
    sized: bool | None = None
    ink: int | None = None
    paper: int | None = None


class Paint(NamedTuple):
    """What holds for the letters at one place of a page; `seen` is the sum of it."""

    seen: bool = True
    visible: bool = True
    sized: bool = True
    ink: int = 0x000000
    paper: int = 0xFFFFFF


NOTHING = Style()
CANVAS = Paint()


@lru_cache(maxsize=4096)
def under(paint: Paint, style: Style) -> Paint | None:
    """What holds inside an element with `style` in a place with `paint`; None where nothing below can be seen."""
    if style.gone:
        return None
    visible = paint.visible if style.visible is None else style.visible
    sized = paint.sized if style.sized is None else style.sized
    ink = paint.ink if style.ink is None else style.ink
    paper = paint.paper if style.paper is None or style.paper == _CLEAR else style.paper
    return Paint(visible and sized and _legible(ink, paper), visible, sized, ink, paper)


def merged(first: Style, then: Style) -> Style:
    """Both; where they differ the second holds."""
    if first is NOTHING:
        return then
    if then is NOTHING:
        return first
    return Style(
        first.gone or then.gone,
        first.visible if then.visible is None else then.visible,
        first.sized if then.sized is None else then.sized,
        first.ink if then.ink is None else then.ink,
        first.paper if then.paper is None else then.paper,
    )


@lru_cache(maxsize=16384)
def style_of(css: str, inline: bool = False) -> Style:
    """The declarations of a style attribute, as far as they can hide. Never raises.

    `inline`: of an element that is laid out in a line, where boxes, indents and transforms do nothing unless its
    display says otherwise.
    """
    said: dict[str, str] = {}
    css = css[:STYLE_CHARACTERS].lower()
    for declaration in (_COMMENT.sub("", css) if "/*" in css else css).split(";"):
        name, _, value = declaration.partition(":")
        if (name := name.strip()) in _TELLING:
            said[name] = value.replace("!important", "").strip()
    if inline and said.get("display", "inline") == "inline" and said.get("position") not in ("absolute", "fixed"):
        for name in _BLOCK_ONLY & said.keys():
            del said[name]
    if not said:
        return NOTHING
    style = Style(_gone(said), _shown(said), _sized(said), _ink(said), _paper(said))
    return NOTHING if style == NOTHING else style


def colour_of(value: str) -> int:
    """0xRRGGBB, or a negative number for one that is clear or not understood."""
    value = value.strip().lower()
    if value in _NAMES:
        return _NAMES[value]
    digits = value.lstrip("#")
    try:
        if len(digits) == 6:
            return int(digits, 16)
        if len(digits) == 3:
            return int("".join(digit * 2 for digit in digits), 16)
    except ValueError:
        return _UNKNOWN
    found = _FUNCTION.match(value)
    if not found:
        return _UNKNOWN
    if found[4] and _number(found[4]) * (0.01 if found[5] else 1) <= _UNREADABLE_ALPHA:
        return _CLEAR
    red, green, blue = (min(int(found[at]), 255) for at in (1, 2, 3))
    return red << 16 | green << 8 | blue


def sheet_of(css: str) -> Mapping[str, Style]:
    """The rules of a style sheet that hide or show, by simple selector (`p`, `.x`, `#x`, `p.x`).

    Rules inside @media hold for some screens only and are left out, as are selectors with more than one step.
    """
    return _rules(css[:SHEET_CHARACTERS])


@lru_cache(maxsize=128)  # the mails of one mailing have one sheet
def _rules(css: str) -> Mapping[str, Style]:
    sheet: dict[str, Style] = {}
    for rule in _flat(css).split("}", SHEET_RULES)[:SHEET_RULES]:
        selectors, _, body = rule.rpartition("{")
        style = style_of(body) if selectors else NOTHING
        if style is NOTHING:
            continue
        for selector in selectors.lower().split(","):
            name = selector.strip()
            if name and _SIMPLE.fullmatch(name):
                sheet[name] = merged(sheet.get(name, NOTHING), style)
    return sheet


def _flat(css: str) -> str:
    """`css` without comments and without the blocks of @-rules."""
    kept: list[str] = []
    css = _COMMENT.sub("", css)
    at = 0
    while (start := css.find("@", at)) >= 0:
        kept.append(css[at:start])
        brace, semicolon = css.find("{", start), css.find(";", start)
        if brace < 0 or 0 <= semicolon < brace:
            at = semicolon + 1 if semicolon >= 0 else len(css)
        else:
            at = _block_end(css, brace)
    kept.append(css[at:])
    return "".join(kept)


def _block_end(css: str, brace: int) -> int:
    depth = 0
    for found in re.finditer("[{}]", css[brace:]):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return brace + found.end()
    return len(css)


def _legible(ink: int, paper: int) -> bool:
    if ink == _CLEAR:
        return False
    if ink < 0 or paper < 0:
        return True
    return max(abs((ink >> shift & 255) - (paper >> shift & 255)) for shift in (16, 8, 0)) > _UNREADABLE_CONTRAST


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 1.0


def _pixels(value: str) -> float | None:
    found = _NUMBER.match(value)
    return float(found[1]) * _PIXELS.get(found[2] or "px", 1.0) if found else None


def _gone(said: Mapping[str, str]) -> bool:
    return any(name in said and hides(said) for name, hides in _HIDING)


def _transparent(said: Mapping[str, str]) -> bool:
    opacity = _pixels(said["opacity"])
    return opacity is not None and opacity <= _UNREADABLE_ALPHA


def _boxed_in(said: Mapping[str, str]) -> bool:
    return said["overflow"].startswith(("hidden", "clip")) and any(
        box in said and _pixels(said[box]) == 0 for box in _BOXES
    )


def _away(said: Mapping[str, str], names: Sequence[str]) -> bool:
    return any(name in said and (_pixels(said[name]) or 0) <= _OFF_SCREEN_PIXELS for name in names)


def _placed_away(said: Mapping[str, str]) -> bool:
    if said["position"] not in ("absolute", "fixed", "relative"):
        return False
    return _away(said, _OFFSETS) or bool(_NO_CLIP.match(said.get("clip", "")))


_HIDING: tuple[tuple[str, Callable[[Mapping[str, str]], bool]], ...] = (
    ("display", lambda said: said["display"] == "none"),
    ("opacity", _transparent),
    ("filter", lambda said: bool(_NO_FILTER.search(said["filter"]))),
    ("transform", lambda said: bool(_NO_SCALE.search(said["transform"]))),
    ("overflow", _boxed_in),
    ("text-indent", lambda said: _away(said, ("text-indent",))),
    ("margin-left", lambda said: _away(said, ("margin-left",))),
    ("margin-top", lambda said: _away(said, ("margin-top",))),
    ("position", _placed_away),
)
"""Each way to take a whole element away: the property that must be there, and whether its value does it."""


def _shown(said: Mapping[str, str]) -> bool | None:
    value = said.get("visibility")
    return {"hidden": False, "collapse": False, "visible": True}.get(value or "")


def _sized(said: Mapping[str, str]) -> bool | None:
    size = said.get("font-size")
    if size is None and (found := _FONT_SIZE.search(said.get("font", ""))):
        size = found[1]
    pixels = _pixels(size) if size is not None else None
    return None if pixels is None else pixels >= _UNREADABLE_PIXELS


def _ink(said: Mapping[str, str]) -> int | None:
    value = said.get("-webkit-text-fill-color") or said.get("color")
    return colour_of(value) if value and value != "inherit" else None


def _paper(said: Mapping[str, str]) -> int | None:
    if "background-image" in said and said["background-image"] != "none":
        return _UNKNOWN
    value = said.get("background-color") or said.get("background")
    if not value or value in ("inherit", "none", "initial"):
        return None
    if "url(" in value or "gradient" in value:
        return _UNKNOWN
    shades = [shade for shade in map(colour_of, value.split() if "(" not in value else [value]) if shade != _UNKNOWN]
    return shades[0] if shades else _UNKNOWN
