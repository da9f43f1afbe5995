"""One originator of the world: its domain, key, hosts and temper. It knows only the bytes that it receives."""

from __future__ import annotations

import base64
import csv
import io
import random  # noqa: TID251 - a seeded source, in the world
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.utils import format_datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from antiphon.terms import DAY, HOUR, Instant, day_end, ledger_day, to_datetime
from antiphon.world.network import Network, Tally

WINDOW = 16 * DAY
SETTLES = 72 * HOUR
WORDS = [
    "save",
    "spring",
    "garden",
    "offer",
    "boots",
    "light",
    "winter",
    "coffee",
    "today",
    "leather",
    "lamp",
    "bicycle",
    "music",
    "kitchen",
    "linen",
    "travel",
    "summer",
    "paper",
    "wool",
    "silver",
    "clock",
    "river",
    "mountain",
    "bread",
    "window",
    "chair",
    "table",
    "market",
    "morning",
    "evening",
    "choice",
    "gift",
]


@dataclass(frozen=True, slots=True)
class Temper:
    """What sets one originator apart. `answers` is the status of its opt-out host; `bytes_each` the size of a mail."""

    name: str
    answers: int = 200
    bytes_each: tuple[int, int] = (16_000, 40_000)
    honours_posts: bool = False
    honours_rows: bool = False
    stops_after_window: bool = False
    bounces: bool = False
    reply: str = ""
    signs: bool = True
    aims_at: str = ""
    subject: str = ""
    young: bool = False
    limit: int = 100
    relays: bool = False
    replays: bool = False
    account: str = ""


TEMPERS: tuple[Temper, ...] = (
    Temper("compliant", honours_rows=True, honours_posts=True, reply="done"),
    Temper("prompt", honours_posts=True),
    Temper("slow", stops_after_window=True),
    Temper("deaf"),
    Temper("deaf-capped", limit=20),
    Temper("small-mail", bytes_each=(4_000, 6_000)),
    Temper("refusing", answers=403),
    Temper("redirecting", answers=302),
    Temper("overloaded", answers=429),
    Temper("unreachable", bounces=True),
    Temper("disputing", reply="dispute"),
    Temper("unaccountable", signs=False),
    Temper("throw-away", young=True),
    Temper("joe-jobber", aims_at="url"),
    Temper("joe-jobber-cname", aims_at="cname"),
    Temper("joe-jobber-address", aims_at="address"),
    Temper("replayer", replays=True),
    Temper("esp-deaf", account="a1001"),
    Temper("esp-good-1", account="a2001", honours_rows=True, honours_posts=True),
    Temper("esp-good-2", account="a2002", honours_rows=True, honours_posts=True),
    Temper("transactional", subject="Your order confirmation #{n}"),
    Temper("list-host", relays=True),
)
ESP = "mailworks.example"
ESP_HOST = f"out.{ESP}"


@dataclass(slots=True)
class Party:
    """One originator at work."""

    temper: Temper
    network: Network
    chance: random.Random
    key: RSAPrivateKey
    now: Callable[[], Instant]
    domain: str = ""
    host: str = ""
    address: str = ""
    innocent: str = ""
    innocent_address: str = ""
    web: Tally = field(default_factory=Tally)
    mail: Tally = field(default_factory=Tally)
    posts: int = 0
    notices: int = 0
    mails: int = 0
    muted: set[str] = field(default_factory=set)
    muted_from: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    window_end: dict[str, int] = field(default_factory=dict)
    stops_at: int | None = None
    reported: int = 0
    after_window: int = 0
    answers: list[tuple[str, str, str]] = field(default_factory=list)

    async def settle_in(self, now: Instant, *, innocent: tuple[str, str]) -> None:
        """Takes its place: names, registration, hosts."""
        word = self.temper.name.replace("esp-", "client-")
        self.domain = f"{word}-shop.example"
        self.innocent, self.innocent_address = innocent
        self.address = self.network.place(self.domain)
        self.host = f"u.{self.domain}"
        self.network.record(self.host, "A", self.address)
        self.network.record(self.domain, "MX", f"10 mx.{self.domain}")
        self.network.record(f"mx.{self.domain}", "A", self.address)
        self.network.record(f"_dmarc.{self.domain}", "TXT", "v=DMARC1; p=none")
        self.publish_key(self.domain)
        self.network.register(self.domain, registered_at=now - 1100 * DAY, holder=self.domain)
        if self.temper.aims_at == "url":
            self.host = self.innocent
        elif self.temper.aims_at == "cname":
            self.network.record(self.host, "CNAME", self.innocent)
        elif self.temper.aims_at == "address":
            self.network.record(f"*.{self.domain}", "A", self.innocent_address)
            self.host = f"leave.{self.domain}"
        if self.temper.account:
            self.host = ESP_HOST
        elif self.temper.aims_at != "address":
            self.web = await self.network.web(f"u.{self.domain}", self.address, self.answer)
        self.mail = await self.network.mail(f"mx.{self.domain}", self.address, self.take_mail)

    def publish_key(self, domain: str) -> None:
        """The DKIM key in DNS."""
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        record = f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"
        self.network.record(f"s1._domainkey.{domain}", "TXT", record)

    def wants_to_write(self, member: str, now: int) -> bool:
        """Whether it still mails this member."""
        stopped = self.stops_at is not None and now >= self.stops_at
        return not stopped and now < self.muted_from.get(member, now + 1)

    def compose(self, member: str, now: Instant) -> bytes:
        """One signed mail to one member."""
        self.mails += 1
        domain = self.domain
        if self.temper.young:
            domain = f"deal{ledger_day(now) // 7}-now.example"
            self.network.register(domain, registered_at=now - 2 * DAY, holder="nobody in particular")
            self.publish_key(domain)
        to = "reader@newsletter-friend.example" if self.temper.replays else member
        token = sha256(f"{self.domain}/{member}".encode()).hexdigest()[:24]
        self.tokens[token] = member
        return self._sign(self._fields(domain, to, token, now), self._body(token), now)

    def _fields(self, domain: str, to: str, token: str, now: Instant) -> list[tuple[str, str]]:
        number = self.mails
        subject = self.temper.subject.format(n=number) or f"{self._phrase(3).capitalize()} at {self.temper.name}"
        url = f"https://{self.host}/u/{token}"
        if self.temper.account:
            url = f"https://{ESP_HOST}/u?a={self.temper.account}&t={token}"
        listed = f"<{url}>, <mailto:leave+{token}@{domain}>"
        rows = [
            ("From", f"{self.temper.name} <news@{domain}>"),
            ("To", to),
            ("Subject", subject),
            ("Date", format_datetime(to_datetime(now).replace(microsecond=0))),
            ("Message-ID", f"<{number}.{token}@{domain}>"),
            ("MIME-Version", "1.0"),
            ("Content-Type", 'multipart/alternative; boundary="b"'),
            ("List-Unsubscribe", listed),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ]
        if self.temper.account:
            rows.append(("X-Mailworks-Account", self.temper.account))
        if self.temper.relays:
            rows[0] = ("From", "somebody <somebody@strangers.example>")
            rows.append(("List-Id", f"<talk.{domain}>"))
        return rows

    def _phrase(self, count: int) -> str:
        return " ".join(self.chance.choice(WORDS) for _ in range(count))

    def _body(self, token: str) -> bytes:
        size = self.chance.randrange(*self.temper.bytes_each)
        seed = random.Random(self.temper.name)
        sale = " ".join(seed.choice(WORDS) for _ in range(60))
        lines = [f"{self.temper.name} has for you: {sale}.", f"Your own number is {token[:8]}."]
        while sum(len(line) + 2 for line in lines) < size // 2:
            lines.append(self._phrase(12) + ".")
        plain = "\r\n".join(lines)
        page = "<html><body>" + "".join(f"<p>{line}</p>\r\n" for line in lines) + "</body></html>"
        return (
            f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{plain}\r\n"
            f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{page}\r\n--b--\r\n"
        ).encode()

    def _sign(self, rows: list[tuple[str, str]], body: bytes, now: Instant) -> bytes:
        head = b"".join(f"{name}: {value}\r\n".encode() for name, value in rows)
        trace = b"Received: from mx by relay; Thu, 1 Jan 2026 00:00:00 +0000\r\n"
        if not self.temper.signs:
            return trace + head + b"\r\n" + body
        signers = [self.domain, ESP] if self.temper.account else [self.domain]
        if self.temper.young:
            signers = [rows[0][1].partition("@")[2].rstrip(">")]
        own = b"".join(self._signature(signer, rows, body, now) for signer in signers)
        return trace + own + head + b"\r\n" + body

    def _signature(self, signer: str, rows: list[tuple[str, str]], body: bytes, now: Instant) -> bytes:
        names = [name.lower() for name, _ in rows]
        bh = base64.b64encode(body_hash(body)).decode()
        own = (
            f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={signer}; s=s1; t={now // 1_000_000};\r\n"
            f" h={':'.join([*names, *names])};\r\n bh={bh};\r\n b="
        ).encode()
        data = b"".join(relaxed_field(f"{n}: {v}".encode()) + b"\r\n" for n, v in rows) + relaxed_field(own)
        return own + base64.b64encode(self.key.sign(data, PKCS1v15(), SHA256())) + b"\r\n"

    async def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Its opt-out host."""
        self.posts += 1
        token = target.rpartition("/")[2].rpartition("t=")[2]
        member = self.tokens.get(token)
        status = self.temper.answers if not (self.temper.answers == 429 and self.posts > 3) else 200
        if self.temper.honours_posts and member and method == "POST" and b"One-Click" in body:
            self.muted.add(member)
            self.muted_from.setdefault(member, 0)
        extra = {}
        if status == 302:
            extra = {"Location": f"https://{self.innocent}/"}
        if status == 429:
            extra = {"Retry-After": "86400"}
        return status, extra, b""

    async def take_mail(self, sender: str, recipients: list[str], data: bytes) -> str:
        """Its abuse mailbox: a notice, as bytes."""
        self.notices += 1
        mail = message_from_bytes(data)
        tokens = rows_of(mail)
        if self.temper.bounces:
            self.answers.append(("bounce", sender, ""))
            return "250 2.0.0 taken for now"
        self.asked(tokens, self.now())
        if self.temper.reply:
            self.answers.append((self.temper.reply, str(mail["Reply-To"]), str(mail["Message-ID"])))
        return "250 2.0.0 taken"

    def asked(self, tokens: list[str], at: int) -> None:
        """The members of a notice's rows: their window starts when the notice counts as accepted."""
        for token in tokens:
            member = self.tokens.get(token)
            if member:
                settled = at + SETTLES
                self.window_end.setdefault(member, day_end(ledger_day(Instant(settled + WINDOW))))
                if self.temper.honours_rows:
                    self.muted.add(member)
                    self.muted_from.setdefault(member, at + DAY)
        if self.temper.stops_after_window and self.window_end:
            self.stops_at = max(self.window_end.values()) + 6 * DAY


def rows_of(mail: Message) -> list[str]:
    """The tokens in the attached rows."""
    for part in mail.walk():
        if part.get_filename() == "rows.csv":
            payload = part.get_payload(decode=True)
            text = payload.decode() if isinstance(payload, bytes) else ""
            return [row["token"] for row in csv.DictReader(io.StringIO(text))]
    return []


def relaxed_field(field: bytes) -> bytes:
    """One header field in the form that is signed (RFC 6376 §3.4.2)."""
    name, _, value = field.replace(b"\r\n", b"").partition(b":")
    return name.strip().lower() + b":" + re.sub(rb"[ \t]+", b" ", value).strip()


def body_hash(body: bytes) -> bytes:
    """SHA-256 of the body in its relaxed form (RFC 6376 §3.4.4)."""
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return sha256(b"".join(line + b"\r\n" for line in lines)).digest()


def new_key() -> RSAPrivateKey:
    """A key of 2048 bits."""
    return generate_private_key(public_exponent=65537, key_size=2048)
