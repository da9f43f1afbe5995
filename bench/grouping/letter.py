"""A made-up message as a model that operators can change, and its bytes as a mail program would have written them."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from random import Random

_MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
START = int(_MONDAY.timestamp())
"""Second 0 of every made-up stream."""


@dataclass(frozen=True, slots=True)
class Person:
    """A recipient."""

    name: str
    address: str
    city: str
    number: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the header From, and the domain and selector in the signature."""

    name: str
    local: str
    domain: str
    signer: str
    selector: str
    account: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message. Texts are plain; `hidden` are pairs of a trick and a text; `twist` is applied to each shown text."""

    sender: Sender
    to: Person
    subject: str
    greeting: str
    paragraphs: tuple[str, ...]
    action: str
    links: tuple[str, ...]
    footer: str
    layout: str
    at: int
    hidden: tuple[tuple[str, str], ...] = ()
    file: tuple[str, bytes] | None = None
    encoding: str = "quoted-printable"
    charset: str = "utf-8"
    shape: str = "alternative"
    entities: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    twist: Callable[[str], str] | None = field(default=None, compare=False)

    def shown(self, text: str) -> str:
        """A text as this message shows it."""
        return self.twist(text) if self.twist else text


HIDING: dict[str, str] = {
    "display": '<div style="display:none">%s</div>',
    "size": '<span style="font-size:0px;line-height:0">%s</span>',
    "colour": '<p style="color:#ffffff;background-color:#ffffff;font-size:9px">%s</p>',
    "clip": '<div style="max-height:0;overflow:hidden">%s</div>',
    "opacity": '<div style="opacity:0">%s</div>',
    "place": '<div style="position:absolute;left:-9999px">%s</div>',
    "sheet": '<div class="zx9">%s</div>',
    "comment": "<!-- %s -->",
}
_SHEET = "<style>.zx9{display:none} a{color:#1155cc}</style>"


def plain(letter: Letter) -> str:
    """The text part."""
    pieces = [letter.shown(letter.greeting)] if letter.greeting else []
    pieces += [letter.shown(paragraph) for paragraph in letter.paragraphs]
    if letter.links:
        pieces.append(f"{letter.shown(letter.action)}: {letter.links[0]}" if letter.action else letter.links[0])
    pieces += [letter.shown(letter.footer)] if letter.footer else []
    return "\n\n".join(pieces) + "\n"


def page(letter: Letter) -> str:
    """The HTML part."""
    blocks = [_shown(letter, text) for text in letter.paragraphs]
    hidden = [HIDING[trick] % escape(text) for trick, text in letter.hidden]
    body = LAYOUTS[letter.layout](letter, blocks, hidden)
    sheet = _SHEET if any(trick == "sheet" for trick, _ in letter.hidden) else ""
    charset = f'<meta http-equiv="Content-Type" content="text/html; charset={letter.charset}">'
    return f"<html><head>{charset}{sheet}</head><body>{body}</body></html>\n"


def _shown(letter: Letter, text: str) -> str:
    shown = letter.shown(text)
    if not letter.entities:
        return escape(shown, quote=False)
    return "".join(f"&#{ord(c)};" if n % letter.entities == 0 else escape(c, quote=False) for n, c in enumerate(shown))


def _woven(blocks: list[str], hidden: list[str]) -> list[str]:
    """Hidden pieces between the shown ones."""
    woven = list(blocks)
    for count, piece in enumerate(hidden):
        woven.insert(min(len(woven), 1 + 2 * count), piece)
    return woven


def _card(letter: Letter, blocks: list[str], hidden: list[str]) -> str:
    rows = "".join(
        f'<tr><td style="padding:8px 24px;font:15px Arial">{block}</td></tr>' for block in _woven(blocks, hidden)
    )
    button = (
        f'<tr><td align="center"><a href="{escape(letter.links[0])}" style="background:#0a66c2;color:#fff">'
        f"{_shown(letter, letter.action)}</a></td></tr>"
        if letter.links and letter.action
        else ""
    )
    return (
        '<table width="100%" bgcolor="#eeeeee"><tr><td align="center"><table width="560" bgcolor="#ffffff">'
        f'<tr><td style="padding:20px"><h2>{_shown(letter, letter.subject)}</h2></td></tr>'
        f'<tr><td style="padding:8px 24px">{_shown(letter, letter.greeting)}</td></tr>{rows}{button}'
        f'<tr><td style="font-size:11px;color:#777777">{_shown(letter, letter.footer)}</td></tr></table>'
        "</td></tr></table>"
    )


def _bare(letter: Letter, blocks: list[str], hidden: list[str]) -> str:
    lines = "".join(f"<p>{block}</p>" for block in _woven(blocks, hidden))
    link = f'<p><a href="{escape(letter.links[0])}">{_shown(letter, letter.action)}</a></p>' if letter.links else ""
    greeting = f"<p>{_shown(letter, letter.greeting)}</p>" if letter.greeting else ""
    return f"<div>{greeting}{lines}{link}<hr><small>{_shown(letter, letter.footer)}</small></div>"


def _newsletter(letter: Letter, blocks: list[str], hidden: list[str]) -> str:
    links = letter.links or ("#",)
    stories = "".join(
        f'<tr><td width="160"><img src="cid:pic{n}" width="150" height="100"></td>'
        f"<td><h3>{_shown(letter, letter.paragraphs[n][:32])}</h3><p>{block}</p>"
        f'<a href="{escape(links[n % len(links)])}">{_shown(letter, letter.action)}</a></td></tr>'
        for n, block in enumerate(blocks)
    )
    return (
        f'{"".join(hidden)}<table width="600" align="center"><tr><td colspan="2">'
        f"<h1>{_shown(letter, letter.subject)}</h1>"
        f"<p>{_shown(letter, letter.greeting)}</p></td></tr>{stories}"
        f'<tr><td colspan="2"><p style="font-size:10px">{_shown(letter, letter.footer)}</p></td></tr></table>'
    )


LAYOUTS: dict[str, Callable[[Letter, list[str], list[str]], str]] = {
    "card": _card,
    "bare": _bare,
    "mixed": _bare,
    "newsletter": _newsletter,
    "plain": _bare,
}


def is_page(letter: Letter) -> bool:
    """Whether the message has an HTML part."""
    return letter.layout != "plain"


def write(letter: Letter, rng: Random) -> bytes:
    """The bytes of the message; the same letter and state of `rng` give the same bytes."""
    parts = []
    if not is_page(letter) or letter.shape == "alternative":
        parts.append(_part("text/plain", plain(letter), letter))
    if is_page(letter):
        parts.append(_part("text/html", page(letter), letter))
    body = parts[0] if len(parts) == 1 else _multipart("alternative", parts, rng)
    if letter.shape == "related":
        body = _multipart("related", [body, _file("image/png", "dot.png", rng.randbytes(180), inline=True)], rng)
    if letter.file:
        name, data = letter.file
        kind = "application/pdf" if name.endswith(".pdf") else "image/png"
        body = _multipart("mixed", [body, _file(kind, name, data, inline=False)], rng)
    return _head(letter, rng) + body


def _part(kind: str, text: str, letter: Letter) -> bytes:
    data = text.encode(letter.charset, "xmlcharrefreplace" if kind == "text/html" else "replace")
    if letter.encoding == "base64":
        coded = base64.encodebytes(data)
    elif letter.encoding == "quoted-printable":
        coded = quopri.encodestring(data)
    else:
        coded = data
    head = f"Content-Type: {kind}; charset={letter.charset}\nContent-Transfer-Encoding: {letter.encoding}\n\n"
    return head.encode() + coded


def _file(kind: str, name: str, data: bytes, *, inline: bool) -> bytes:
    place = "inline" if inline else "attachment"
    head = (
        f'Content-Type: {kind}; name="{name}"\nContent-Disposition: {place}; filename="{name}"\n'
        "Content-Transfer-Encoding: base64\n\n"
    )
    return head.encode() + base64.encodebytes(data)


def _multipart(kind: str, parts: list[bytes], rng: Random) -> bytes:
    mark = f"=_{rng.getrandbits(80):020x}"
    inner = b"".join(b"--" + mark.encode() + b"\n" + part + b"\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{mark}"\n\n'.encode() + inner + f"--{mark}--\n".encode()


def _head(letter: Letter, rng: Random) -> bytes:
    sender, at = letter.sender, datetime.fromtimestamp(START + letter.at, UTC)
    stamp = format_datetime(at)
    relay = sender.host or f"out{rng.randrange(9)}.{sender.domain}"
    unique = f"{rng.getrandbits(96):024x}"
    lines = [
        f"Return-Path: <bounce-{unique[:10]}@{sender.domain}>",
        f"Received: from {relay} (192.0.2.{rng.randrange(1, 250)}) by mx.mailbox.example"
        f" with ESMTPS id {unique[:12]}; {stamp}",
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={sender.signer}; s={sender.selector};"
        f" h=from:to:subject:date; bh={base64.b64encode(rng.randbytes(32)).decode()};"
        f" b={base64.b64encode(rng.randbytes(64)).decode()}",
        f"Message-ID: <{unique}@{sender.domain}>",
        f"Date: {stamp}",
        f'From: "{sender.name}" <{sender.local}@{sender.domain}>',
        f"To: {letter.to.address}",
        f"Subject: {_encoded(letter.shown(letter.subject))}",
        "MIME-Version: 1.0",
    ]
    lines += [f"Feedback-ID: {sender.account}"] if sender.account else []
    lines += [f"{name}: {value}" for name, value in letter.headers]
    return ("\n".join(lines) + "\n").encode()


def _encoded(text: str) -> str:
    if text.isascii():
        return text
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="
