"""Our visible text is what a browser shows: 200 drawn bodies, word by word against Chromium's innerText."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from random import Random

from antiphon.campaign.visible import fold, html
from tests.browser.conftest import Sight

BODIES = 200
AGREE = 0.97
HIDE = (
    "display:none", "visibility:hidden", "opacity:0", "font-size:0", "font-size:1px", "height:0;overflow:hidden",
    "max-height:0;overflow:hidden", "color:#ffffff", "color:transparent", "position:absolute;left:-9999px",
    "text-indent:-9999px;display:block", "color:#fefefe;background:#fff", "font:0/0 serif", "DISPLAY : NONE !important",
)  # fmt: skip
SHOW = (
    "color:#333", "font-size:14px", "background:#eee", "padding:4px", "opacity:.8", "height:40px", "visibility:visible",
    "color:#fff;background:#204060", "font-weight:bold", "text-align:center", "overflow:hidden", "width:90%",
)  # fmt: skip
TAGS = ("p", "div", "span", "b", "td", "li", "h2", "a", "center", "font", "blockquote", "i", "DIV", "Span")
UNSEEN = """() => {
  const gone = [], letters = [];
  for (const each of document.body.querySelectorAll('*')) {
    const style = getComputedStyle(each);
    const box = each.getBoundingClientRect();
    if (Number(style.opacity) <= 0.05 || box.right < -400 || parseFloat(style.textIndent) < -400) gone.push(each);
    if (style.overflow === 'hidden' && style.display !== 'inline' && each.clientHeight === 0) gone.push(each);
    let paper = 'rgb(255, 255, 255)';
    for (let up = each; up; up = up.parentElement) {
      const found = getComputedStyle(up).backgroundColor;
      if (found !== 'rgba(0, 0, 0, 0)') { paper = found; break; }
    }
    const shade = (text) => text.match(/[\\d.]+/g).map(Number);
    const ink = shade(style.color), under = shade(paper);
    const same = [0, 1, 2].every((at) => Math.abs(ink[at] - under[at]) <= 12);
    if (parseFloat(style.fontSize) < 2 || ink[3] === 0 || same) letters.push(each);
  }
  for (const each of letters)
    for (const node of [...each.childNodes]) if (node.nodeType === 3) node.data = ' ';
  for (const each of gone) each.style.setProperty('display', 'none', 'important');
  return document.body.innerText;
}"""
"""innerText knows what is laid out, not what is painted: what has no ink, size or place is taken away before it."""


def _word(draw: Random) -> str:
    return "".join(draw.choices("abcdefghijklmnoprstuvwz", k=draw.randint(3, 9)))


def _words(draw: Random) -> str:
    words = [_word(draw) for _ in range(draw.randint(2, 12))]
    if draw.random() < 0.2:
        words.append(f"{words[0][:1]}&#8203;{words[0][1:]}")
    if draw.random() < 0.2:
        words.append("caf&eacute;&nbsp;&amp;&nbsp;bar")
    return " ".join(words)


def _piece(draw: Random, depth: int) -> str:
    kind = draw.random()
    if depth > 4 or kind < 0.3:
        return _words(draw)
    if kind < 0.36:
        return f"<!-- {_words(draw)} -->"
    if kind < 0.44:
        rows = "".join(f"<tr><td>{_piece(draw, depth + 1)}<td>{_words(draw)}" for _ in range(draw.randint(1, 3)))
        return f"<table bgcolor={draw.choice(('#ffffff', '#102030 text=#fff', 'white'))}>{rows}</table>"
    tag = draw.choice(TAGS)
    look = draw.random()
    said = f' style="{draw.choice(HIDE if look < 0.25 else SHOW)}"' if look < 0.55 else ""
    if look > 0.9:
        said = f" class={draw.choice(('gone', 'seen', 'small'))}"
    inside = " ".join(_piece(draw, depth + 1) for _ in range(draw.randint(1, 4)))
    closing = "" if draw.random() < 0.06 else f"</{tag}>"
    return f"<{tag}{said}>{inside}{closing}"


def body(seed: int) -> str:
    """One page, the same for the same seed."""
    draw = Random(seed)
    sheet = (
        "<style>/* a */.gone{display:none}.small{font-size:0}p.seen{color:#222}@media print{p{display:none}}</style>"
    )
    head = f"<!DOCTYPE html><html><head><title>{_words(draw)}</title>{sheet}</head><body>"
    return head + "\n".join(_piece(draw, 0) for _ in range(draw.randint(4, 12)))


def _tokens(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", fold(text)))


def agreement(one: Counter[str], other: Counter[str]) -> float:
    """The share of all words of both that stand in both; two empty pages agree."""
    words = sum(one.values()) + sum(other.values())
    return 2 * sum((one & other).values()) / words if words else 1.0


def test_visible_text_is_what_a_browser_shows(sight: Callable[..., Sight]) -> None:
    """Of each body at least AGREE of the words agree in the mean, and hiding took words away at all."""
    page = sight(script=True).page
    agreed, hidden = [], 0
    for seed in range(BODIES):
        source = body(seed)
        page.set_content(source)
        shown = _tokens(page.evaluate(UNSEEN))
        mine = _tokens(html(source).text)
        agreed.append(agreement(shown, mine))
        hidden += sum((_tokens(re.sub(r"<[^>]*>", " ", source)) - mine).values())
    worst = sorted(range(BODIES), key=lambda seed: agreed[seed])[:5]
    assert sum(agreed) / BODIES >= AGREE, [(seed, round(agreed[seed], 3)) for seed in worst]
    assert hidden > 10 * BODIES
