"""What a person sees of a message: the words on the screen, the links under them, the frame around them.

Filler that nobody reads is what glues strangers together, so it goes before anything is compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import unescape

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from antiphon.campaign.paint import CANVAS, NOTHING, Paint, Style, merged, sheet_of, style_of, under

HTML_CHARACTERS = 1 << 20
"""What is past this many characters of one HTML body is not looked at."""
NODES = 40_000
"""Nodes read of one HTML body."""
LINKS = 200
"""Different links kept of one body."""
FRAME = 400
"""Tags kept of one body's frame."""
TAGS = 20_000
"""Tags read of one HTML body, opening and closing."""
UNCLOSED = 2_000
"""With more unclosed tags than this the body is scanned, not grown into a tree."""
SHEETS = 32
"""Style sheets read of one page."""
SCANNED_CHARACTERS = 1 << 18
"""The scanner reads at most this many characters."""
NEAR = 64
"""A closing tag of the scanner looks back over this many open ones."""

_UNSEEN, _BLOCK, _FRAME, _LINK, _IMAGE = 1, 2, 4, 8, 16
_TAGS_BY_ROLE = {
    _UNSEEN: "script style title template noembed noframes iframe object audio video svg math datalist meta link",
    _BLOCK: "address article aside blockquote body br center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header"
    " hr li main nav ol option p pre section select table tbody td tfoot th thead tr ul",
    _FRAME: "table tr td th div img a ul ol li h1 h2 h3 h4 h5 h6 p center hr form input button",
    _LINK: "a area",
    _IMAGE: "img",
}
_ROLES = {
    tag: sum(role for role, tags in _TAGS_BY_ROLE.items() if tag in tags.split())
    for tag in " ".join(_TAGS_BY_ROLE.values()).split()
}
_INLINE_TAGS = "a abbr acronym b big cite code em font i ins label q s small span strong sub sup tt u"
_INLINE = frozenset(_INLINE_TAGS.split())
"""Elements that have no box of their own: a height takes nothing from them."""
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)

_HINTS = {"color": "color:", "bgcolor": "background-color:", "background": "background-image:", "text": "color:"}
_HINT_TAGS = {"color": ("font", "basefont"), "text": ("body",)}
"""The only elements on which these attributes mean anything."""
_HINTED = frozenset(_HINTS)
_LOOKED_AT = (*_HINTS, "class", "id", "style")
_PIECE = re.compile(
    r"<!--.*?(?:-->|$)|<(?P<end>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9:]{0,30})(?P<inside>[^>]*)>?|<[!?/][^>]*>?|(?P<text>[^<]+|<)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([a-zA-Z][\w:-]{0,60})\s*=\s*("[^"]{0,2048}"|'[^']{0,2048}'|[^\s"'>]{1,2048})""")
_BARE_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"]{3,500}")
_BARE_LINK_ANY_CASE = re.compile(_BARE_LINK.pattern, re.IGNORECASE)
_LONG_S = "\u017f"
"""The one letter that is an ASCII letter in any case, but not in lower case."""

_ZERO_WIDTH = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0xE0000, 0xE01EF),
)  # fmt: skip
_UNSEEN_CHARACTERS = re.compile("[" + "".join(f"{chr(low)}-{chr(high)}" for low, high in _ZERO_WIDTH) + "]+")
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u20d0-\u20f0]+")
# Cyrillic, Greek, Armenian and Latin letters that are read as the Latin letter beside them (Unicode UTS 39).
_LOOK_ALIKES = str.maketrans(
    "\u0430\u03b1\u0251\u03b2\u0441\u03f2\u0501\u0435\u03b5\u0261\u0581\u04bb\u0570\u0456\u03b9\u0131\u0458\u03f3\u043a\u03ba\u04cf\u217c\u043c\u0578\u03b7"
    "\u043e\u03bf\u0585\u0440\u03c1\u051b\u0433\u0455\u0442\u03c4\u057d\u03c5\u03bd\u0475\u051d\u03c9\u0445\u03c7\u0443\u03b3\u03b6",
    "aaabccdeegghhiiijjkkllmnnoooppqrsttuuvvwwxxyyz",
)
_OTHER_SCRIPT = re.compile("[\u0131-\u058f\u217c]")


PIECE = 1024
"""Characters that are decomposed together: marks are sorted, and a text of nothing but marks takes the square of its
length."""


@dataclass(frozen=True, slots=True)
class Visible:
    """One body as seen: `text` (spaces collapsed), `links` (targets of shown anchors, each once), `frame` (tags), and
    whether it shows pictures that are fetched from elsewhere."""

    text: str
    links: tuple[str, ...]
    frame: tuple[str, ...]
    remote: bool = False


def fold(text: str) -> str:
    """`text` in lower case with look-alikes made one: zero-width characters gone, letters of mathematics and of full
    width made plain, marks dropped, Cyrillic, Greek and Armenian letters that look Latin made Latin.

    For comparing only. It is the same for every text, so a text in Cyrillic still equals itself.
    """
    if text.isascii():
        return text.lower()
    seen = _UNSEEN_CHARACTERS.sub("", text)
    pieces = (unicodedata.normalize("NFKD", seen[at : at + PIECE]) for at in range(0, len(seen), PIECE))
    folded = _MARKS.sub("", "".join(pieces)).casefold()
    return folded.translate(_LOOK_ALIKES) if _OTHER_SCRIPT.search(folded) else folded


def plain(text: str) -> Visible:
    """A body of text/plain as seen."""
    shown = _without_unseen(text[:HTML_CHARACTERS])
    return Visible(" ".join(shown.split()), tuple(dict.fromkeys(_written_links(shown)))[:LINKS], ())


def _without_unseen(text: str) -> str:
    return text if text.isascii() else _UNSEEN_CHARACTERS.sub("", text)


def _written_links(text: str) -> list[str]:
    """Links that stand in the text itself, as mail programs make them clickable."""
    lower = text.lower()
    if "://" not in text and "www." not in lower:
        return []
    if len(lower) == len(text) and _LONG_S not in text:
        # Two letters to begin with are searched for much faster than the same in any case.
        links = [text[found.start() : found.end()] for found in _BARE_LINK.finditer(lower)]
    else:
        links = _BARE_LINK_ANY_CASE.findall(text)
    return [link.rstrip(".,;:!?)'") for link in links]


def html(source: str) -> Visible:
    """A body of text/html as seen: without what style, size, colour, place or comment hides. Never raises."""
    source = source[:HTML_CHARACTERS]
    tags = source.count("<")
    if tags > TAGS:
        tags, source = TAGS, "<".join(source.split("<", TAGS)[:TAGS])
    page = _Page()
    try:
        # Deep nesting costs the tree builder the square of the depth; unclosed tags are how one gets there.
        if tags - 2 * source.count("</") > UNCLOSED:
            _scan(source, page)
        else:
            _grow(source, page)
    except (SelectolaxError, UnicodeEncodeError):
        page = _Page()
        _scan(source.encode("utf-8", "replace").decode(), page)
    return page.visible()


_Place = tuple[Paint, int, str]
"""Where letters stand: how they look, in which block, under which link. A plain tuple: a page makes hundreds."""
_TOP: _Place = (CANVAS, 0, "")


class _Page:
    """Collects what both readers find; a place is None where nothing below can be seen."""

    def __init__(self) -> None:
        self._sheet: dict[str, Style] = {}
        self._sheets = 0
        self._looks: dict[tuple[str | None, ...], Style] = {}
        self._text: list[str] = []
        self._links: dict[str, None] = {}
        self._frame: list[str] = []
        self._framed = ""
        self._block = 0
        self._remote = False

    def style_sheet(self, css: str) -> None:
        """Another style sheet of the page; it holds for what comes after it."""
        if self._sheets < SHEETS:
            self._sheets += 1
            self._sheet.update(sheet_of(css))
            self._looks = {}

    def element(self, place: _Place, tag: str, attributes: Mapping[str, str | None], number: int) -> _Place | None:
        """The place inside an element that stands at `place`; None where nothing inside can be seen."""
        role = _ROLES.get(tag, 0)
        if role & _UNSEEN or "hidden" in attributes:
            return None
        paint, block, href = place
        if (attributes or tag in self._sheet) and (style := self._style(tag, attributes)) is not NOTHING:
            painted = under(paint, style)
            if painted is None:
                return None
            paint = painted
        if not role and paint is place[0]:
            return place
        if role & _BLOCK:
            self._text.append(" ")
            block = number
        if role & _FRAME and tag != self._framed and len(self._frame) < FRAME:
            self._framed = tag
            self._frame.append(tag)
        if role & _LINK:
            href = (attributes.get("href") or "").strip()
        elif role & _IMAGE and paint.visible:
            self._remote = self._remote or (attributes.get("src") or "").lstrip()[:4].lower() == "http"
            if href:
                self._link(href)
        return paint, block, href

    def text(self, place: _Place, data: str) -> None:
        """Letters that stand at `place`."""
        paint, block, href = place
        if not paint[0]:
            return
        if block != self._block:
            self._text.append(" ")
            self._block = block
        self._text.append(data)
        if href and not data.isspace():
            self._link(href)

    def visible(self) -> Visible:
        """What was collected."""
        text = _without_unseen("".join(self._text))
        for found in _written_links(text):
            self._link(found)
        return Visible(" ".join(text.split()), tuple(self._links), tuple(self._frame), self._remote)

    def _link(self, href: str) -> None:
        if len(self._links) < LINKS:
            self._links[href] = None

    def _style(self, tag: str, attributes: Mapping[str, str | None]) -> Style:
        # Of a sheet nothing is about an element without a name, unless it is about all of its tag.
        sheet = self._sheet
        if not sheet or not (tag in sheet or "class" in attributes or "id" in attributes):
            own = attributes.get("style")
            if _HINTED.isdisjoint(attributes):
                return style_of(own, tag in _INLINE) if own else NOTHING
            return _hinted_style(tag, own, *map(attributes.get, _HINTS))
        # Pages repeat few looks many times: the look is the key, all other attributes do not matter.
        look = (tag, *map(attributes.get, _LOOKED_AT))
        style = self._looks.get(look)
        if style is None:
            style = self._looks[look] = self._fresh_style(tag, attributes)
        return style

    def _fresh_style(self, tag: str, attributes: Mapping[str, str | None]) -> Style:
        style = NOTHING
        if not _HINTED.isdisjoint(attributes):
            style = _hinted_style(tag, None, *map(attributes.get, _HINTS))
        names = [f".{name}" for name in (attributes.get("class") or "").lower().split()]
        names += [f"#{attributes['id']}".lower()] if attributes.get("id") else []
        for selector in (tag, *names, *(tag + name for name in names)):
            if (said := self._sheet.get(selector)) is not None:
                style = merged(style, said)
        own = attributes.get("style")
        return merged(style, style_of(own, tag in _INLINE)) if own else style


@lru_cache(maxsize=4096)
def _hinted_style(tag: str, own: str | None, *hints: str | None) -> Style:
    """What attributes of old and the style of one element say together."""
    style = NOTHING
    for (name, declares), value in sorted(zip(_HINTS.items(), hints, strict=True)):
        if value is not None and tag in _HINT_TAGS.get(name, (tag,)):
            style = merged(style, style_of(declares + value))
    return merged(style, style_of(own, tag in _INLINE)) if own else style


def _grow(source: str, page: _Page) -> None:
    """Reads with Lexbor, which builds the tree that a browser builds."""
    node: LexborNode | None = LexborHTMLParser(source).root
    above: list[tuple[LexborNode, _Place]] = []
    place = _TOP
    for number in range(1, NODES + 1):
        if node is None:
            return
        tag, inner, child = node.tag, None, None
        if tag == "-text":
            page.text(place, node.text_content or "")
        else:
            if tag == "style":
                page.style_sheet(node.text())
            elif tag is not None and tag[0] != "-":
                inner = page.element(place, tag, node.attributes, number)
            child = node.first_child
        if child is not None and inner is not None:
            above.append((node, place))
            node, place = child, inner
            continue
        if child is not None and tag != "style":
            # A style sheet holds for the page even where it stands in something hidden.
            for sheet in node.css("style"):
                page.style_sheet(sheet.text())
        following = node.next
        while following is None and above:
            node, place = above.pop()
            following = node.next
        node = following


def _scan(source: str, page: _Page) -> None:
    """Reads with one regular expression in one pass: for what the tree builder refuses or would be slow at."""
    stack: list[tuple[str, _Place | None]] = [("", _TOP)]
    for count, found in enumerate(_PIECE.finditer(source[:SCANNED_CHARACTERS])):
        tag, place = found["tag"], stack[-1][1]
        if count > NODES:
            return
        if found["text"]:
            if stack[-1][0] == "style":
                page.style_sheet(found["text"])
            elif place is not None:
                page.text(place, unescape(found["text"]))
        elif tag and found["end"]:
            _close(stack, tag.lower())
        elif tag:
            tag = tag.lower()
            attributes = {
                name.lower(): unescape(value.strip("\"'")) for name, value in _ATTRIBUTE.findall(found["inside"])
            }
            inner = page.element(place, tag, attributes, count + 1) if place is not None else None
            if tag not in _VOID and len(stack) < UNCLOSED * 2:
                stack.append((tag, inner))


def _close(stack: list[tuple[str, _Place | None]], tag: str) -> None:
    """Leaves the nearest open `tag`, if it is near."""
    for back in range(1, min(len(stack), NEAR)):
        if stack[-back][0] == tag:
            del stack[-back:]
            return
