"""The frame of every page: one style, a strict policy, landmarks, tables that name their columns, times, the ladder.

No script, no cookie, nothing from elsewhere. A state is a shape and a word, never a colour alone.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from starlette.responses import HTMLResponse

from antiphon.optout.case import State

STYLE = """
:root{color-scheme:light dark;--ground:#fbfbf9;--ink:#1c2430;--soft:#4b5563;--line:#d6d6cf;--card:#fff;--accent:#0b5f58;
--tint:#e3f0ee;--warn:#8a4b00;--stop:#9f1d1d}
@media (prefers-color-scheme:dark){:root{--ground:#14181d;--ink:#e8ebef;--soft:#b6c0cc;--line:#3b444f;--card:#1b2129;
--accent:#6fe3d5;--tint:#143a37;--warn:#f2b866;--stop:#ff9d9d}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,"Segoe UI","DejaVu Sans",sans-serif}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
header,main,footer{max-width:80rem;margin:0 auto;padding:0 1rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline;padding-top:.75rem;padding-bottom:.75rem}
header strong{margin-right:auto}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}nav a,footer a{display:inline-block;padding:.25rem 0}
footer{color:var(--soft);border-top:1px solid var(--line);margin-top:3rem;padding-top:1rem;padding-bottom:2rem}
h1{font-size:1.75rem;line-height:1.2;margin:1.25rem 0 .5rem}h2{font-size:1.25rem;line-height:1.3;margin:2.25rem 0 .5rem}
p{max-width:46rem;margin:.5rem 0}.lead{font-size:1.1rem}.soft{color:var(--soft)}
a{color:var(--accent)}a:focus-visible,button:focus-visible,[tabindex]:focus-visible,input:focus-visible,
select:focus-visible,textarea:focus-visible{outline:3px solid var(--accent);
outline-offset:2px}
code,pre{font:14px/1.5 ui-monospace,"DejaVu Sans Mono",monospace}code{overflow-wrap:anywhere}
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.75rem;overflow-x:auto;
white-space:pre-wrap}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px;background:var(--card);margin:.75rem 0}
table{border-collapse:separate;border-spacing:0;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.5rem .75rem;border-bottom:1px solid var(--line);vertical-align:top}
thead th{vertical-align:bottom}tbody tr:last-child>*{border-bottom:0}
.n{text-align:right}td.n{white-space:nowrap}.w{white-space:nowrap}
tbody th{font-weight:600}
th small,td small{display:block;font-weight:400;color:var(--soft);font-size:13px;min-width:10rem}
.chip{display:inline-block;border:1px solid currentColor;border-radius:1rem;padding:.1rem .75rem;font-weight:600}
.good{color:var(--accent)}.care{color:var(--warn)}.halt{color:var(--stop)}
.steps{letter-spacing:.1em}.hush{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.list{list-style:none;padding:0;margin:.75rem 0}.list>li{background:var(--card);border:1px solid var(--line);
border-left:4px solid var(--warn);border-radius:6px;padding:.75rem 1rem;margin:.5rem 0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.75rem;margin:1rem 0}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.75rem 1rem;display:flex;
flex-direction:column-reverse;justify-content:flex-end}
.figures dd{margin:0;font-size:1.6rem;line-height:1.2;font-weight:600;font-variant-numeric:tabular-nums}
.figures dt{color:var(--soft);font-size:14px}
.bars{display:block}.bars .all{fill:var(--line)}.bars .late{fill:var(--soft)}.bars .sent{fill:var(--accent)}
progress{width:100%;height:1rem;accent-color:var(--accent)}
form{display:inline-block;margin:.25rem .5rem .25rem 0}
input,select,textarea{font:inherit;max-width:100%;min-height:44px;padding:.25rem .5rem;border:1px solid var(--soft);
border-radius:6px;color:var(--ink);background:var(--card)}
textarea{width:min(40rem,calc(100vw - 2rem))}
button{font:inherit;padding:.5rem 1rem;min-height:44px;border:2px solid var(--accent);border-radius:6px;
color:var(--ink);background:var(--card)}button:hover{background:var(--tint)}
@media (max-width:40rem){th,td{padding:.5rem}
tbody th{position:sticky;left:0;background:var(--card)}th small{display:none}}
@media (forced-colors:active){.bars .sent{fill:Highlight}.bars .late{fill:CanvasText}.bars .all{fill:GrayText}}
"""
_DIGEST = b64encode(sha256(STYLE.encode()).digest()).decode("ascii")
POLICY = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
HEAD = (
    "<!doctype html><html lang='{lang}'><head><meta charset='utf-8'>"
    "<meta name='viewport' content='width=device-width, initial-scale=1'><title>{title} · {name}</title>"
    "<style>{style}</style></head><body><a class='skip' href='#main'>Skip to what this page says</a>"
    "<header><strong>{name}</strong>{nav}</header><main id='main'><h1>{title}</h1>"
)
LADDER = (State.WATCHING, State.PROPOSED, State.NOTICED, State.WAITING, State.IGNORED, State.REQUESTING)
SHAPES: Mapping[str, tuple[str, str]] = {
    State.QUIET: ("✓", "good"),
    State.UNDELIVERABLE: ("✕", "care"),
    State.DISPUTED: ("▲", "care"),
    State.WITHDRAWN: ("■", "halt"),
    State.STOPPED: ("■", "halt"),
    State.CLOSED: ("■", "halt"),
}
"""What stands beside the ladder: a shape for each, since no state is told by its colour."""


@dataclass(frozen=True, slots=True)
class Markup:
    """A cell that is markup already; everything else is escaped."""

    text: str


def page(name: str, title: str, body: str, *, nav: Iterable[tuple[str, str]] = (), foot: str = "") -> HTMLResponse:
    """One page of the house `name`. `nav` names links, `body` and `foot` are markup."""
    links = "".join(f"<a href='{escape(target, quote=True)}'>{escape(word)}</a>" for target, word in nav)
    menu = f"<nav aria-label='Pages'>{links}</nav>" if links else ""
    head = HEAD.format(lang="en", title=escape(title), name=escape(name), style=STYLE, nav=menu)
    return HTMLResponse(f"{head}{body}</main><footer>{foot}</footer></body></html>", headers=POLICY)


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table that can be scrolled sideways, also by keyboard; the first cell of a row is its header, numbers stand to
    the right. Every cell but `Markup` is escaped."""
    kept = list(rows)
    lines = [_row(row) for row in kept]
    kinds = [_kind(cell) for cell in kept[0]] if kept else [""] * len(head)
    titles = "".join(f"<th scope='col'{kind}>{escape(word)}</th>" for word, kind in zip(head, kinds, strict=True))
    label = escape(caption, quote=True)
    return (
        f"<div class='scroll' role='region' tabindex='0' aria-label='{label}'><table><caption class='hush'>"
        f"{escape(caption)}</caption><thead><tr>{titles}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _row(row: Sequence[object]) -> str:
    first, *others = row
    cells = "".join(f"<td{_kind(cell)}>{shown(cell)}</td>" for cell in others)
    return f"<tr><th scope='row'>{shown(first)}</th>{cells}</tr>"


def _kind(cell: object) -> str:
    return " class='n'" if isinstance(cell, int) and not isinstance(cell, bool) else ""


def shown(value: object) -> str:
    """A value as markup."""
    if isinstance(value, Markup):
        return value.text
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return escape("–" if value is None or value == "" else str(value))


def when(at: str | None, *, day: bool = False) -> Markup:
    """An instant of the form `2027-01-31T00:00:00Z`: the minute or the day for people, exact for programs."""
    if not at:
        return Markup("–")
    text = at[:10] if day else f"{at[:10]} {at[11:16]} UTC"
    return Markup(f"<time class='w' datetime='{escape(at, quote=True)}'>{escape(text)}</time>")


def ladder(state: str) -> Markup:
    """Where a case stands: how many steps are climbed, or the shape of what ended it; always with the word."""
    steps = [step.value for step in LADDER]
    if state in steps:
        at = steps.index(state) + 1
        marks = "●" * at + "○" * (len(steps) - at)
        said = f"<span class='hush'>, step {at} of {len(steps)}</span>"
        return Markup(f"<span class='w'><span class='steps' aria-hidden='true'>{marks}</span> {state}{said}</span>")
    if state not in SHAPES:
        return Markup(f"<span class='soft w'>{escape(state)}</span>")
    shape, kind = SHAPES[state]
    return Markup(f"<span class='w {kind}'><span aria-hidden='true'>{shape}</span> {escape(state)}</span>")


def chip(shape: str, text: str, kind: str) -> str:
    """A state in a word or two, with its shape."""
    return f"<span class='chip {kind}'><span aria-hidden='true'>{shape}</span> {escape(text)}</span>"


def figures(values: Mapping[str, int | str]) -> str:
    """A few figures, big, each with what it counts."""
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{shown(value)}</dd></div>" for name, value in values.items())
    return f"<dl class='figures'>{cells}</dl>"


def commands(lines: Iterable[str]) -> str:
    """What one can type."""
    return f"<pre tabindex='0'>{escape(chr(10).join(lines))}</pre>"
