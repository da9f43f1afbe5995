"""A desk in memory: real rules, store, vault and ledger; DNS, registry and destinations that only write down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from importlib.resources import files
from typing import TypeVar

from antiphon.backends.keybook import MemoryBook
from antiphon.backends.memory import MemoryStore
from antiphon.backends.signer import DkimSigner, new_rsa_key
from antiphon.backends.vault import KeyVault
from antiphon.campaign.fingerprint import Fingerprint, fingerprint
from antiphon.campaign.report import Report
from antiphon.campaign.transactional import load_transactional
from antiphon.desk.approve import prepare_operator, submit_operator
from antiphon.desk.arrival import Arrival
from antiphon.desk.desk import ARMED, Desk, House
from antiphon.desk.enrol import add_member
from antiphon.desk.log import HOUR_CLOSED, LogBook, keep_number
from antiphon.desk.place import placer
from antiphon.desk.receive import commit_delivery, take_report
from antiphon.desk.round import take_round
from antiphon.errors import AnchorLost
from antiphon.formats.message import parse_message
from antiphon.formats.note import Signer, public_key, sign
from antiphon.formats.providers import ProviderMap
from antiphon.ledger.allowance import Armed, Permit
from antiphon.optout.approval import OperatorKey
from antiphon.optout.destination import Pair, PairState
from antiphon.optout.evidence import Rulebook
from antiphon.optout.known import KnownOriginator
from antiphon.ports import CABINETS, Answer, Exchange, Letter, Questions, Setting
from antiphon.registry.mandate import Mandate
from antiphon.terms import DAY, HOUR, Identifier, Instant, to_datetime, to_instant
from tests.unit.formats.dkim_vectors import NEWSLETTER, SIGNER, record_of
from tests.unit.formats.dkim_vectors import sign as dkim_sign

T = TypeVar("T")
START = to_instant(datetime(2026, 6, 1, 6, tzinfo=UTC))
MEMBER = "ann@home.example"
RSA = new_rsa_key()
TRANSACTIONAL = load_transactional(files("antiphon.campaign").joinpath("transactional.toml").read_text("utf-8"))
PROVIDERS = ProviderMap(())


class Time:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> Instant:
        return self.at


class Dice:
    """Bytes that nobody could have guessed before this file was read."""

    def __init__(self) -> None:
        self._count = 0

    def draw(self, size: int) -> bytes:
        drawn = b""
        while len(drawn) < size:
            self._count += 1
            drawn += sha256(b"%d" % self._count).digest()
        return drawn[:size]


class Shelved:
    """Anchor, spool and shelf of a home that is thrown away."""

    def __init__(self) -> None:
        self.held: bytes | None = None
        self.records: dict[int, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.turned = 0

    def read(self) -> bytes | None:
        return self.held

    def write(self, checkpoint: bytes, *, instead_of: bytes | None) -> None:
        if self.held != instead_of:
            raise AnchorLost("Somebody else wrote to the anchor.")
        self.held = checkpoint

    async def append(self, record: bytes) -> int:
        self.records[len(self.records)] = record
        return len(self.records) - 1

    def waiting(self) -> list[tuple[int, bytes]]:
        return list(self.records.items())

    def done(self, number: int) -> None:
        self.records[number] = b""

    async def turn(self) -> None:
        self.turned += 1

    def put(self, path: str, data: bytes) -> None:
        self.files[path] = data

    def drop(self, path: str) -> None:
        self.files.pop(path, None)


class Names:
    """DNS and the registry: what they hold, and what they were asked. A name that is `down` is not answered now."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], tuple[str, ...]] = {}
        self.asked: list[str] = []
        self.down: set[str] = set()
        self.registered: dict[str, Instant | None] = {}
        self.registry_asked: list[str] = []
        self.contacts: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self.registrars: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}

    async def ask(self, name: str, kind: str, questions: Questions | None = None) -> Answer:
        if questions is not None and not questions.take():
            return Answer("temporary", ())
        self.asked.append(name)
        if name in self.down:
            return Answer("temporary", ())
        values = self.rows.get((name, kind), ())
        return Answer("found" if values else "absent", values, (), 3600)

    async def registered_at(self, domain: str) -> Instant | None:
        self.registry_asked.append(domain)
        return self.registered.get(domain)

    async def holder(self, address: str) -> str:
        return "Holder Ltd"

    async def abuse_contacts(self, subject: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        self.registry_asked.append(subject)
        return self.contacts.get(subject, ((), ()))

    async def registrar_contacts(self, domain: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        self.registry_asked.append(domain)
        return self.registrars.get(domain, ((), ()))

    def call(self, address: str, name: str) -> None:
        """The address has this name, which leads back to it."""
        self.rows[address, "PTR"], self.rows[name, "A"] = (f"{name}.",), (address,)

    def key(self, domain: str, selector: str = "s1") -> None:
        """The key of `sign` stands in DNS."""
        self.rows[f"{selector}._domainkey.{domain}", "TXT"] = (record_of(SIGNER),)


class Destinations:
    """What would have left: POSTs by URL, mails by recipient."""

    def __init__(self) -> None:
        self.posts: list[str] = []
        self.said: list[str] = []
        self.asked: list[tuple[str, str, str]] = []
        self.takes_not = ""
        self.refuses: set[str] = set()
        self.mails: list[str] = []
        self.letters: list[Letter] = []
        self.answers: list[Letter] = []
        self.outcome = "accepted"

    async def post(self, permit: Permit, url: str, address: str, *, position: str) -> Exchange:
        self.posts.append(url)
        self.said.append(position)
        return Exchange(self.outcome, "200", None, 1000, 500, "", True)

    async def answer(self, letter: Letter) -> Exchange:
        self.answers.append(letter)
        return Exchange(self.outcome, "250", None, 1000, 500, "", True)

    async def takes(self, address: str, exchanger: str, recipient: str) -> str:
        self.asked.append((address, exchanger, recipient))
        return self.takes_not

    async def send(self, permit: Permit, letter: Letter) -> Exchange:
        self.mails.append(letter.recipient)
        self.letters.append(letter)
        if letter.recipient in self.refuses:
            return Exchange("failed", "550 5.1.1", None, 1000, 500, "", True)
        return Exchange("accepted", "250", None, 1000, 500, "", True)


class Household:
    """One node with one hosted domain, `home.example`; an old and known originator, `shop.example`."""

    def __init__(self) -> None:
        self.time, self.dice, self.kept = Time(), Dice(), Shelved()
        self.names, self.out = Names(), Destinations()
        self.store, self.book = MemoryStore(CABINETS), MemoryBook()
        self.numbers: Counter[str] = Counter()
        self.reopen()

    def reopen(self) -> None:
        """As after a start: the ledger has not looked at its anchor yet."""
        signer = Signer("antiphon/test", bytes(32))
        self.log = LogBook(self.store, self.kept, signer, chance=self.dice)
        house = House(
            name="Home", domain="node.example", hosted_domains=("home.example",), legal_name="Home e.V.",
            postal_address="Way 1", public_url="https://node.example", language="en", window_hours=16 * 24,
            community=Identifier(bytes(16)), operator=Identifier(b"\x01" * 16), secret=b"\x02" * 32,
        )  # fmt: skip
        self.desk = Desk(
            house=house, store=self.store, clock=self.time, chance=self.dice, vault=KeyVault(b"\x03" * 32, self.book),
            log=self.log, spool=self.kept, resolver=self.names, registrar=self.names, one_click=self.out,
            postman=self.out, mail_signer=DkimSigner("node.example", b"\x04" * 32, RSA),
            rules=Rulebook(PROVIDERS, TRANSACTIONAL), sketch=_sketch,
            place=placer(lambda: Identifier(self.dice.draw(16))), stopped=lambda: False, is_public=_yes,
        )  # fmt: skip

    async def open(self, *, armed: Armed = Armed.OWN) -> Household:
        """Ready to work, with one member."""
        await self.store.write(lambda tx: keep_number(tx, HOUR_CLOSED, self.time.now() // HOUR - 1))
        await self.store.write(lambda tx: tx.put(Setting(ARMED, bytes([armed]))))
        await self.log.begin()
        self.know("shop.example")
        await self.enrol(MEMBER, "count,token")
        return self

    def know(self, domain: str) -> None:
        """Keys, addresses and age of an originator."""
        self.names.key(domain)
        for host in (domain, f"www.{domain}", f"mail.{domain}"):
            self.names.rows[host, "A"] = ("8.8.4.4",)
        self.names.registered[domain] = Instant(START - 3000 * DAY)

    async def enrol(self, address: str, consents: str = "count,token") -> Mandate:
        """A member of this house."""
        return await add_member(self.desk, address, consents=consents)

    async def operator(self, name: str, *, first: bool = False, revoke: bool = False) -> None:
        """A person's key comes, or goes, by the word of ada's."""
        keys = {who: sha256(who.encode()).digest() for who in ("ada", name)}
        by = None if first else (await self.all(OperatorKey))[0].entry
        prepared = await prepare_operator(self.desk, name, public_key(keys[name]), by=by, revoke=revoke)
        signed = sign(keys["ada"], prepared.sign)
        await submit_operator(self.desk, prepared, {} if by is None else {by: signed}, own=signed)

    async def member(self, address: str = MEMBER) -> Mandate:
        """The mandate of an address."""
        (found,) = await self.store.read(lambda tx: tx.find(Mandate, address=address))
        return found

    def mail(self, *, domain: str = "shop.example", to: str = MEMBER, size: int = 20_000, **fields: str) -> bytes:
        """A newsletter that was just signed, big enough to pay for a request."""
        self.numbers["mail"] += 1
        number = self.numbers["mail"]
        token = sha256(f"{to}{number}".encode()).hexdigest()[:20]
        head = {
            **NEWSLETTER,
            "From": f"News <news@{domain}>",
            "To": to,
            "Date": format_datetime(to_datetime(self.time.now())),
            "Message-ID": f"<{number}@{domain}>",
            "List-Unsubscribe": f"<https://{domain}/u/{token}>",
            **{name.replace("_", "-"): value for name, value in fields.items() if name != "signer"},
        }
        body = (f"Offer {number}.\r\n" * 3).encode() + b"x" * 60 + b"\r\n"
        body += b"All the good things of this week.\r\n" * (size // 35)
        return dkim_sign(head, body, domain=fields.get("signer", domain))

    async def report(self, raw: bytes, address: str = MEMBER) -> Report:
        """An upload by a member: class C."""
        return await take_report(self.desk, await self.member(address), raw, at=self.time.now(), source="test")

    async def delivered(
        self, raw: bytes, address: str = MEMBER, *, peer: str = "9.9.9.9", sender: str | None = None
    ) -> Report:
        """A mail that our own door saw, committed, and reported: class A."""
        arrival = Arrival("delivery", "", b"", self.time.now(), "lmtp", peer, 25, False, b"", sender)
        await commit_delivery(self.desk, await self.member(address), raw, arrival)
        return await self.report(raw, address)

    async def wait(self, span: int) -> None:
        """Time passes; the node takes its round whenever something is due."""
        until = Instant(self.time.now() + span)
        due = await take_round(self.desk, self.kept)
        while due < until:
            self.time.at = max(due, self.time.at)
            due = await take_round(self.desk, self.kept)
        self.time.at = until
        await take_round(self.desk, self.kept)

    async def allow_pairs(self) -> None:
        """A person allows every address pair that waits."""
        from dataclasses import replace

        def work(tx):  # type: ignore[no-untyped-def]  # a transaction
            for pair in tx.find(Pair, state=PairState.HELD):
                tx.put(replace(pair, state=PairState.ALLOWED))

        await self.store.write(work)

    async def all(self, kind: type[T]) -> list[T]:
        """Every record of a kind."""
        return await self.store.read(lambda tx: tx.find(kind))

    async def knows(self, domain: str, **changes: object) -> None:
        """What the home remembers of an originator."""
        known = KnownOriginator(
            domain, domain, "", Instant(START - 400 * DAY), Instant(START - 3000 * DAY), None, None, ""
        )
        from dataclasses import replace

        await self.store.write(lambda tx: tx.put(replace(known, **changes)))  # type: ignore[arg-type]  # as named


async def _sketch(raw: bytes, signers: Sequence[str]) -> Fingerprint:
    return fingerprint(parse_message(raw), seed=b"\x05" * 32, signers=signers)


async def _yes() -> bool:
    return True
