"""An originator of the world: its names, key, hosts, list and mails. It knows only the bytes that it receives.

As it stands here it is deaf: it answers every opt-out with 200 and writes on. The tempers change one thing each.
"""

from __future__ import annotations

import csv
import io
import random  # noqa: TID251 - a seeded source, in the world
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from functools import cached_property
from hashlib import sha256
from typing import ClassVar, Protocol

from antiphon.terms import DAY, HOUR, MINUTE, Instant, day_end, ledger_day
from antiphon.world.clock import WorldTime
from antiphon.world.hosts import Delivery, Host, Request, Response, Tally
from antiphon.world.letter import BOUNDARY, Copywriter, EdKey, Key, RsaKey, Seal, mail_date, sign_mail
from antiphon.world.network import MAIL_HOST, Network
from antiphon.world.post import Post, Taken

WINDOW = 16 * DAY
SETTLES = 72 * HOUR
"""A notice counts as accepted when no bounce came for so long (LAW §5)."""
READ_AFTER = 20 * HOUR
"""How long it takes until somebody reads the abuse mailbox."""
SELECTOR = "s1"
ONE_CLICK = b"List-Unsubscribe=One-Click"
LETTERS = str.maketrans("0123456789", "ghijklmnop")


@dataclass(slots=True)
class Stage:
    """What every party of a world shares. `outbox` leads to the node's own SMTP door; `cast` holds the parties that
    others point at, by domain. `keeps_mail`: also once it was reported; `planter`: what a drill puts in every mail."""

    network: Network
    time: WorldTime
    outbox: Post
    seed: int
    start: Instant
    cast: dict[str, Originator] = field(default_factory=dict)
    keeps_mail: bool = False
    planter: Planter | None = None


class Planter(Protocol):
    """Puts into mails what must never be found again where the node has written to somebody."""

    def plant(self, to: str, fields: list[tuple[str, str]], body: bytes) -> tuple[list[tuple[str, str]], bytes]:
        """Header and body of a mail to this member, with it."""
        ...

    def word(self, to: str) -> str:
        """Another one, for what is outside of the mail: a bounce address, the number that a host gives."""
        ...


@dataclass(slots=True)
class Mail:
    """One mail as the world knows it: who wrote it to whom, when it arrived, and whether it was reported."""

    member: str
    raw: bytes
    received_at: Instant | None = None
    reported: bool = False


class Originator:
    """One party that writes mail."""

    size_bytes = (16_000, 40_000)
    every = 4 * DAY
    sightable = True
    """Whether the law lets its reported mails be spent at all."""
    registered_for = 1100 * DAY
    reporters = 100
    """How many members report its mail."""
    readers = 100
    """To how many members it writes."""
    harmful = False
    """Whether a person who reads its mail finds phishing."""
    aims_at = ""
    """An innocent that its mails point at."""
    key_kind: ClassVar[type[RsaKey] | type[EdKey]] = RsaKey

    def __init__(self, temper: str, stage: Stage, *, domain: str = "", account: str = "") -> None:
        self.temper, self.stage, self.account = temper, stage, account
        self.name = self.domain = domain or f"{temper}-shop.example"
        self.host = f"u.{self.domain}"
        self.address = ""
        self.hosts: list[Host] = []
        self.credit = Tally()
        self.mails: list[Mail] = []
        self.notices = 0
        self.recipients: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.written: Counter[str] = Counter()
        self.removed: dict[str, Instant] = {}
        self.window_end: dict[str, Instant] = {}

    @cached_property
    def key(self) -> Key:
        """Its DKIM key."""
        return self.key_kind()

    @cached_property
    def text(self) -> Copywriter:
        """What it writes."""
        return Copywriter(random.Random(f"{self.stage.seed}/{self.name}"), self.size_bytes)

    def chance(self, recipient: str) -> random.Random:
        """A seeded source for one mail: what it says does not hang on the order in which mails are written."""
        return random.Random(f"{self.stage.seed}/{self.name}/{recipient}/{self.written[recipient]}")

    @property
    def case(self) -> str:
        """The name of its case at the node."""
        return self.name

    @property
    def sends_from(self) -> str:
        """The address of its mail host."""
        return f"{self.address.rpartition('.')[0]}.{MAIL_HOST}"

    # --- its place in the world ---------------------------------------------------------------------------------------

    async def settle_in(self) -> None:
        """Takes its place: a network, names, a registration, hosts."""
        network = self.stage.network
        self.address = network.place(self.domain)
        network.registry.register(
            self.domain, registered_at=Instant(self.stage.start - self.registered_for), holder=self.domain
        )
        await self.publish(self.domain, self.address)

    async def publish(self, domain: str, address: str) -> None:
        """Zone and hosts of one domain: `u.` takes opt-outs, `mx.` takes mail, the key is below `_domainkey`."""
        names, mail_address = self.stage.network.names, f"{address.rpartition('.')[0]}.{MAIL_HOST}"
        self.stage.network.point(f"u.{domain}", address)
        self.stage.network.point(f"mx.{domain}", mail_address)
        names.record(domain, "MX", f"10 mx.{domain}")
        names.record(domain, "TXT", f"v=spf1 ip4:{mail_address} -all")
        names.record(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject")
        names.record(f"{SELECTOR}._domainkey.{domain}", "TXT", self.key.record)
        self.hosts.append(await self.stage.network.web(address, f"u.{domain}", self.answer))
        self.hosts.append(await self.stage.network.mail(mail_address, f"mx.{domain}", self.take_mail))

    # --- what it sends ------------------------------------------------------------------------------------------------

    def writes_to(self, member: str, now: Instant) -> bool:
        """Whether it still mails this member."""
        return now < self.removed.get(member, now + 1)

    async def compose(self, member: str, now: Instant) -> bytes:
        """One mail to one recipient, as it leaves its mail host."""
        token = self.new_token(member)
        fields, body = self.fields(member, now, token), self.body(member, token)
        if self.stage.planter is not None:
            fields, body = self.stage.planter.plant(member, fields, body)
        return sign_mail(fields, body, self.seals(member), now)

    def seals(self, to: str) -> tuple[Seal, ...]:
        """Who signs this mail."""
        return (Seal(self.domain, SELECTOR, self.key),)

    def body(self, to: str, token: str) -> bytes:
        """One of its texts, with a line for this recipient."""
        # In letters: numbers that differ tell invoices apart, and mailings alike must stay alike.
        return self.text.body(f"Your own word: {token.translate(LETTERS)}", self.chance(to))

    def new_token(self, recipient: str) -> str:
        """A name for one recipient and mail that only this originator can read."""
        self.written[recipient] += 1
        drawn = f"{self.stage.seed}/{self.domain}/{recipient}/{self.written[recipient]}".encode()
        token = sha256(drawn).hexdigest()[:24]
        self.recipients[token] = recipient
        return token

    def link(self, token: str) -> str:
        """The personal opt-out link."""
        return f"https://{self.host}/u/{token}"

    def author(self) -> str:
        """From."""
        return f"{self.temper} <news@{self.domain}>"

    def subject(self, to: str) -> str:
        """Subject."""
        return self.text.subject(self.chance(to))

    def fields(self, to: str, now: Instant, token: str) -> list[tuple[str, str]]:
        """The header fields, each once."""
        return [
            ("From", self.author()),
            ("To", to),
            ("Subject", self.subject(to)),
            ("Date", mail_date(now)),
            ("Message-ID", f"<{token}@{self.domain}>"),
            ("MIME-Version", "1.0"),
            ("Content-Type", f'multipart/alternative; boundary="{BOUNDARY}"'),
            ("List-Unsubscribe", f"<{self.link(token)}>, <mailto:leave+{token}@{self.domain}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ]

    # --- what it receives ---------------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Response:
        """Its opt-out host."""
        token = request.target.rpartition("/")[2].rpartition("t=")[2]
        recipient = self.recipients.get(token)
        if request.method != "POST" or ONE_CLICK not in request.body or recipient is None:
            return Response(404, credit=self.credit if self.account else None)
        self.asked[token] += 1
        response = await self.respond(recipient)
        if response.status // 100 == 2:
            self.ask_until(recipient, self.stage.time.now())
        return Response(response.status, response.headers, b"", self.credit if self.account else None)

    async def respond(self, recipient: str) -> Response:
        """What it says to an opt-out."""
        return Response(200)

    async def take_mail(self, delivery: Delivery) -> str:
        """Its mailboxes; whatever has rows is a notice, an opt-out by mail names its token."""
        mail = message_from_bytes(delivery.data)
        if tokens := rows_of(mail):
            self.notices += 1
            await self.noticed(delivery, mail, tokens)
        return "250 2.0.0 taken"

    async def noticed(self, delivery: Delivery, mail: Message, tokens: list[str]) -> None:
        """A notice came: for the members of its rows, as far as they are its own, the window runs."""
        settled = Instant(self.stage.time.now() + SETTLES)
        for token in tokens:
            if token in self.recipients:
                self.ask_until(self.recipients[token], settled)

    def ask_until(self, member: str, asked_at: Instant) -> None:
        """The member's window ends with the ledger day in which its hours end; the first asking counts."""
        self.window_end.setdefault(member, day_end(ledger_day(Instant(asked_at + WINDOW))))

    def write_back(self, after: int, sender: str, to: str, mail: bytes) -> None:
        """Mails the node later, again and again until it is taken."""

        async def act() -> None:
            if await self.stage.outbox.deliver(sender, to, mail) is Taken.NOT_NOW:
                self.stage.time.shortly(MINUTE, act)

        self.later(after, act)

    def later(self, after: int, act: Callable[[], Awaitable[None]]) -> None:
        """Does something when time has passed."""
        self.stage.time.at(Instant(self.stage.time.now() + after), act)

    # --- what the world counted ---------------------------------------------------------------------------------------

    @property
    def tally(self) -> Tally:
        """What came to all its hosts, and what came to a provider's host for it."""
        whole = Tally()
        for part in (*(host.tally for host in self.hosts), self.credit):
            whole.add(part)
        return whole

    @property
    def reported(self) -> list[Mail]:
        """Its mails whose report the node has acknowledged."""
        return [mail for mail in self.mails if mail.reported]

    @property
    def after_window(self) -> list[Mail]:
        """Its reported mails that a member received after its own window."""
        return [m for m in self.reported if m.received_at and m.received_at >= self.window_end.get(m.member, 1 << 62)]

    def figures(self, state: str) -> dict[str, object]:
        """One row of the demo: the world's own counts, and the state that the node tells."""
        tally = self.tally
        return {
            "name": self.name,
            "temper": self.temper,
            "mails": sum(mail.received_at is not None for mail in self.mails),
            "sightings": len(self.reported) if self.sightable else 0,
            "sightings_after_window": len(self.after_window) if self.sightable else 0,
            "notices": self.notices,
            "attempts_at_destination": tally.connections,
            "bytes_in": tally.bytes_in,
            "bytes_out": tally.bytes_out,
            "state": state,
        }


def rows_of(mail: Message) -> list[str]:
    """The tokens in the attached rows."""
    for part in mail.walk():
        if part.get_filename() == "rows.csv":
            payload = part.get_payload(decode=True)
            text = payload.decode() if isinstance(payload, bytes) else ""
            return [row["token"] for row in csv.DictReader(io.StringIO(text))]
    return []


def text_of(mail: Message) -> str:
    """The first text part, as a person reads it."""
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return ""
