"""What is planted in mails to find out who got one: a word for each place and encoding; and the search for it."""

from __future__ import annotations

import base64
import codecs
import random  # noqa: TID251 - a seeded source: a drill can be had again
import re
from collections.abc import Callable, Iterable
from email import message_from_bytes
from hashlib import md5, sha1, sha256
from urllib.parse import quote

from antiphon.world.letter import BOUNDARY

MARK, ISSUED = "qzxjvk", "kvzqxw"
"""Every canary begins with the first, so that a piece of any is found without knowing which; those that stand in
Message-IDs with the second: of a member who agreed to it, that goes back to who issued it, and to nobody else."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
LENGTH = 12
DIGESTS = (md5, sha1, sha256)
_TOKEN = re.compile(rb"[A-Za-z0-9+/_-]{22,64}")
_ISSUED = re.compile(rf"{ISSUED}[a-z0-9]{{{LENGTH}}}".encode())

Fields = list[tuple[str, str]]


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FIELDS: dict[str, Callable[[str], str]] = {
    "X-Recipient": str,
    "X-Recipient-Upper": str.upper,
    "X-Recipient-Backwards": lambda word: word[::-1],
    "X-Recipient-Base64": _encoded,
    "X-Recipient-Base64-Within": lambda word: _encoded(f"r={word}&x"),
    "X-Recipient-Hex": lambda word: word.encode().hex(),
    "X-Recipient-Quoted": lambda word: f"=?utf-8?q?{''.join(f'={ord(letter):02X}' for letter in word)}?=",
    "X-Recipient-Url": lambda word: "".join(f"%{ord(letter):02x}" for letter in word),
    "X-Recipient-Rot13": lambda word: codecs.encode(word, "rot13"),
    "X-Recipient-Base32": lambda word: base64.b32encode(word.encode()).decode(),
    "X-Recipient-MD5": lambda word: md5(word.encode(), usedforsecurity=False).hexdigest(),
    "X-Recipient-SHA1": lambda word: sha1(word.encode(), usedforsecurity=False).hexdigest(),
    "X-Recipient-SHA256": lambda word: sha256(word.encode()).hexdigest(),
    "Feedback-ID": lambda word: f"{word}:shop:news",
    "X-Mailer": lambda word: f"Mailer 1.0 ({word})",
}
"""Header fields of a mail, by name, and in which form the word stands there."""


class Canaries:
    """Plants them, and knows them all: `planted`, word by word, with the member that it would give away;
    `issued`, those of Message-IDs, with their domain too."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"canaries/{seed}")
        self.planted: dict[str, str] = {}
        self.issued: dict[str, tuple[str, str]] = {}

    def word(self, to: str) -> str:
        """A new one that would tell of this member."""
        word = MARK + self._drawn()
        self.planted[word] = to
        return word

    def _drawn(self) -> str:
        return "".join(self._chance.choices(LETTERS, k=LENGTH))

    def plant(self, to: str, fields: Fields, body: bytes) -> tuple[Fields, bytes]:
        """As the world's port says: in fields, Message-ID, boundary, name, and in the text as a link, a picture, a
        comment and plain."""
        boundary = f"=_{self.word(to)}"
        changed = [(name, self._own(name, value, to).replace(BOUNDARY, boundary)) for name, value in fields]
        changed += [(name, form(self.word(to))) for name, form in FIELDS.items()]
        link = f"https://u.shop.example/see?r={quote(self.word(to) + '@home.example')}&h={_encoded(self.word(to))}"
        text = f"For {self.word(to)}: {link}\r\n"
        page = f"<!-- {self.word(to)} --><img src='https://u.shop.example/{self.word(to)}.gif'>\r\n"
        body = body.replace(b"utf-8\r\n\r\n", b"utf-8\r\n\r\n" + text.encode(), 1)
        return changed, body.replace(b"</body>", page.encode() + b"</body>").replace(
            BOUNDARY.encode(), boundary.encode()
        )

    def _own(self, name: str, value: str, to: str) -> str:
        match name:
            case "Message-ID":
                word, domain = ISSUED + self._drawn(), value.rpartition("@")[2].rstrip(">")
                self.issued[word] = (to, domain)
                return f"<{word}@{domain}>"
            case "To":
                return f'"{self.word(to)}" <{value}>'
            case "Subject":
                return f"{value} {self.word(to)}"
        return value


def forms(text: str) -> list[bytes]:
    """A text as it may hide, as far as others' characters around it leave it alone; in lower case where that is the
    same thing."""
    raw = text.encode()
    found = [raw, raw[::-1], raw.hex().encode(), codecs.encode(text, "rot13").encode(), text.encode("utf-16-le")]
    found += ["".join(f"{mark}{ord(letter):02x}" for letter in text).encode() for mark in ("=", "%")]
    found += ["".join(f"&#{ord(letter)};" for letter in text).encode()]
    return found


def packed(text: str) -> list[bytes]:
    """The same in base64 and base32, wherever in the packed text it begins; the case counts."""
    raw = text.encode()
    found = []
    for pack, bits, group in ((base64.b64encode, 6, 3), (base64.b32encode, 5, 5)):
        for shift in range(group):
            whole = pack(bytes(shift) + raw).rstrip(b"=")
            begins, ends = -(-8 * shift // bits), 8 * (shift + len(raw)) // bits
            found.append(whole[begins:ends])
    return found


def views(said: bytes) -> Iterable[bytes]:
    """What was said, as it stands, unfolded, and each part with its transfer encoding opened."""
    yield said
    yield said.replace(b"=\r\n", b"").replace(b"\r\n ", b"").replace(b"\r\n\t", b"")
    for part in message_from_bytes(said).walk():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield payload


def issued_in(said: bytes) -> set[str]:
    """The words of Message-IDs that stand in there."""
    return {found.decode("ascii") for view in views(said) for found in _ISSUED.findall(view)}


class Search:
    """Looks for texts of which nothing may be found, and for digests of them."""

    def __init__(self, texts: Iterable[str], private: Iterable[str]) -> None:
        texts = list(texts)
        self._plain = [form for text in texts for form in forms(text)]
        self._packed = [form for text in texts for form in packed(text)]
        digests = [digest(text.encode()) for text in (*private, *texts) for digest in DIGESTS]
        self._tokens = {each.hexdigest().encode() for each in digests}
        self._tokens |= {base64.b64encode(each.digest()).rstrip(b"=") for each in digests}
        self._tokens |= {base64.urlsafe_b64encode(each.digest()).rstrip(b"=") for each in digests}

    def found_in(self, said: bytes) -> list[str]:
        """What of them stands in there, in whatever form."""
        found: set[bytes] = set()
        for view in views(said):
            lowered = view.lower()
            found |= {form for form in self._plain if form in lowered} | {form for form in self._packed if form in view}
            found |= {token for token in _TOKEN.findall(view) if token in self._tokens}
        return sorted(form.decode("latin-1") for form in found)
