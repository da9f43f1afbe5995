"""A town for one node: members, originators of several tempers, DNS, sockets that count, and a disk that survives.

The desk is the real one. What is faked is what lies behind its ports, and every fake keeps its own books.
"""

from __future__ import annotations

import csv
import email
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from hashlib import sha256

from antiphon.backends.keybook import MemoryBook
from antiphon.backends.machine import SteadyClock
from antiphon.backends.signer import DkimSigner
from antiphon.backends.vault import KeyVault
from antiphon.campaign.fingerprint import Fingerprint, fingerprint
from antiphon.campaign.report import Report
from antiphon.campaign.sighting import Sighting
from antiphon.complaint.authority import Authority as Told
from antiphon.complaint.known import Harm
from antiphon.desk.desk import Desk, House
from antiphon.desk.log import LogBook
from antiphon.desk.place import placer
from antiphon.formats.message import parse_message
from antiphon.formats.note import Signer, public_key, sign
from antiphon.ledger.allowance import Permit
from antiphon.ledger.entry import ComplaintIntended, Intended, NoticeIntended, Purpose, RequestIntended, parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.optout.evidence import Rulebook
from antiphon.ports import Answer, Clock, Exchange, Letter, Questions, Store
from antiphon.terms import DAY, SECOND, Identifier, Instant, to_datetime
from tests.law.fuse import BrittleStore, Disk, Fuse, answered
from tests.law.tally import AUTHORITY, CARRIER, REGISTRAR, Attempt, Said, Tally
from tests.unit.desk.household import PROVIDERS, RSA, START, TRANSACTIONAL, Dice, Time
from tests.unit.formats.dkim_vectors import NEWSLETTER, SIGNER, record_of
from tests.unit.formats.dkim_vectors import sign as sign_mail

HOUSE = House(
    name="Home", domain="node.example", hosted_domains=("home.example",), legal_name="Home e.V.",
    postal_address="Way 1", public_url="https://node.example", language="en", window_hours=16 * 24,
    community=Identifier(bytes(16)), operator=Identifier(b"\x01" * 16), secret=b"\x02" * 32,
    authorities=(Told("cert", f"reports@{AUTHORITY}", tuple(Harm), "a team", "its page", "2026-11-27"),),
)  # fmt: skip
LOG = Signer("antiphon/test", bytes(32))
OPERATOR = b"\x09" * 32
MAIL_SIGNER = DkimSigner("node.example", b"\x04" * 32, RSA)
PEOPLE = tuple(f"{name}@home.example" for name in ("ann", "ben", "cai", "dot", "eve", "fay"))


@dataclass(frozen=True, slots=True)
class Originator:
    """Who writes to the members. `innocent`: its opt-out URL is a stranger's. `by_mail`: it offers an address only."""

    domain: str
    address: str
    days_old: int | None = 3000
    days_seen: int = 400
    innocent: str = ""
    by_mail: bool = False
    signed: bool = True

    @property
    def host(self) -> str:
        """Where its opt-outs lead."""
        return self.innocent or self.domain


ORIGINATORS = {
    o.domain: o
    for o in (
        Originator("shop.example", "8.8.4.4"),
        Originator("post.example", "8.8.5.4", by_mail=True),
        Originator("young.example", "8.8.14.4", days_old=60, days_seen=20),
        Originator("nameless.example", "8.8.6.4", days_old=None),
        Originator("joe.example", "8.8.7.4", innocent="innocent.example"),
        Originator("forged.example", "8.8.8.4", signed=False),
    )
}
CARRIER_DESK, REGISTRAR_DESK, AUTHORITY_DESK = f"abuse@{CARRIER}", f"abuse@{REGISTRAR}", f"reports@{AUTHORITY}"
PEER = "7.7.7.7"
"""Who hands over everybody's mail: an address of a host that answers for it."""
NEVER = ("nameless.example", "innocent.example", "joe.example", "forged.example")
"""Who must not hear from us, whatever happens."""


@dataclass
class Books:
    """All that is not in the store and survives a crash of the node: the disk, the world, and its memory."""

    fuse: Fuse = field(default_factory=Fuse)
    time: Time = field(default_factory=Time)
    dice: Dice = field(default_factory=Dice)
    keys: MemoryBook = field(default_factory=MemoryBook)
    tally: Tally = field(default_factory=Tally)
    rows: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    outcome: str = "accepted"
    mail_outcome: str = "accepted"
    retry_after: int | None = None
    took: float = 0.0
    raws: dict[str, bytes] = field(default_factory=dict)
    bounces: list[str] = field(default_factory=list)
    numbers: int = 0
    operator: int = 0
    sources: dict[bytes, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.disk = Disk(self.fuse)
        node = {("node.example", "A"): ("9.9.9.9",), ("node.example", "MX"): ("10 node.example",)}
        keys = {(name, "TXT"): (record,) for name, record in MAIL_SIGNER.records().items()}
        self.rows |= {**node, **keys, ("9.9.9.9", "PTR"): ("node.example",), ("innocent.example", "A"): ("8.8.9.4",)}
        self.rows |= {
            (PEER, "PTR"): (f"out.{CARRIER}",),
            (f"out.{CARRIER}", "A"): (PEER,),
            **{(name, "MX"): (f"10 {name}",) for name in (CARRIER, REGISTRAR, AUTHORITY)},
            (CARRIER, "A"): ("6.6.6.6",),
            (REGISTRAR, "A"): ("6.6.7.6",),
            (AUTHORITY, "A"): ("6.6.8.6",),
        }
        for o in ORIGINATORS.values():
            self.rows[f"s1._domainkey.{o.domain}", "TXT"] = (record_of(SIGNER),)
            self.rows[o.domain, "A"] = (o.address,)

    def public_size(self) -> int:
        """How many entries the published checkpoint covers."""
        return int(self.disk.files.get("checkpoint", b"\n0\n").split(b"\n")[1])

    def letter(self, o: Originator, to: str, size: int, at: Instant, *, to_signed: bool = True) -> tuple[bytes, str]:
        """A newsletter that was just signed, and where its opt-out leads."""
        self.numbers += 1
        token = sha256(f"{to}{self.numbers}".encode()).hexdigest()[:20]
        target = f"u-{token}@{o.host}" if o.by_mail else f"https://{o.host}/u/{token}"
        head = {
            **NEWSLETTER,
            "From": f"News <news@{o.domain}>",
            "To": to,
            "Date": format_datetime(to_datetime(at)),
            "Message-ID": f"<{self.numbers}@{o.domain}>",
            "List-Unsubscribe": f"<mailto:{target}>" if o.by_mail else f"<{target}>",
        }
        body = f"Offer {self.numbers}.\r\n".encode() + b"All the good things of this week.\r\n" * (size // 35)
        covers = ("From", "To", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
        signed = sign_mail(head, body, domain=o.domain, covers=tuple(c for c in covers if to_signed or c != "To"))
        return (signed if o.signed else signed.partition(b"\r\n")[2]), target


class Names:
    """DNS and the registry. A name that is `down` is not answered now."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def ask(self, name: str, kind: str, questions: Questions | None = None) -> Answer:
        if name in self._books.down or (questions is not None and not questions.take()):
            return Answer("temporary", ())
        values = self._books.rows.get((name, kind), ())
        return Answer("found" if values else "absent", values, (), 3600)

    async def registered_at(self, domain: str) -> Instant | None:
        known = ORIGINATORS.get(domain)
        return Instant(START - known.days_old * DAY) if known and known.days_old else None

    async def holder(self, address: str) -> str:
        return "Holder Ltd"

    async def abuse_contacts(self, subject: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return ((CARRIER_DESK,), ()) if subject == PEER else ((), ())

    async def registrar_contacts(self, domain: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (REGISTRAR_DESK,), (REGISTRAR_DESK,)


class Sockets:
    """Every socket of the world: judges each attempt when it opens, then answers as its host is in the mood to."""

    def __init__(self, books: Books, store: Store, clock: Clock) -> None:
        self._books, self._store, self._clock = books, store, clock

    async def post(self, permit: Permit, url: str, address: str, *, position: str) -> Exchange:
        return await self._open(permit, url, b"", self._books.outcome)

    async def answer(self, letter: Letter) -> Exchange:
        raise AssertionError("nobody here proves an address by mail")

    async def takes(self, address: str, exchanger: str, recipient: str) -> str:
        return ""

    async def send(self, permit: Permit, letter: Letter) -> Exchange:
        self._books.bounces.append(letter.mail_from.partition("+")[2].partition("@")[0])
        return await self._open(permit, letter.recipient, letter.message, self._books.mail_outcome)

    async def _open(self, permit: Permit, target: str, message: bytes, outcome: str) -> Exchange:
        books, now = self._books, self._clock.now()
        entry, paid = await self._store.read(lambda tx: _paid(tx, permit.intent))
        assert isinstance(entry, Intended)
        said = [books.tally.said[report] for report in paid if report in books.tally.said]
        originator = said[0].originator if said else ""
        host, act = target.partition("@")[2] or target.split("/")[2], _act(entry)
        people, rows = self._rows(message) if act == "notice" else (tuple(dict.fromkeys(s.person for s in said)), [])
        wrong = books.tally.judge(host, entry, said, now) + self._doubts(permit, entry, host)
        if act == "notice":
            wrong += books.tally.judge_named(people, rows, originator, now)
            wrong += ["other bytes than those approved"] if sha256(message).digest() != entry.message else []
        elif act == "complaint":
            wrong += [] if target in (CARRIER_DESK, REGISTRAR_DESK, AUTHORITY_DESK) else ["a complaint to a stranger"]
        elif target not in {each.target for each in said}:
            wrong.append("another channel than that of the mail that pays")
        if len(said) != len(paid):
            wrong.append("a leaf that nobody reported pays")
        books.fuse.tick("socket")  # a crash here: the intent is spent and nothing left
        books.tally.offences += [f"entry {permit.intent} to {host}: {sentence}" for sentence in wrong]
        cost = 5_500 if not message else len(message) + 2_000
        made = Attempt(permit.intent, host, originator or host, now, bool(message), cost, people, act, outcome)
        if outcome == "too-many":
            made.retry_until = now + (books.retry_after or 0) * SECOND
        if outcome == "refused" and not message:
            made.unread = {"host", "case"}
        books.tally.attempts.append(made)
        made.lost = True
        books.fuse.tick("sent")  # a crash here: it arrived, and nobody knows
        made.lost = False
        return answered(outcome, books.retry_after if outcome == "too-many" else None, books.took)

    def _doubts(self, permit: Permit, entry: Intended, host: str) -> list[str]:
        """What anchor, folder and DNS say against this attempt."""
        books = self._books
        stop = bool(books.rows.get((f"_antiphon.{host}", "TXT"))) or f"_antiphon.{host}" in books.down
        doubts = {
            "the anchor does not hold the intent": books.disk.held is None or books.disk.sizes[-1] <= permit.intent,
            "a leaf that is under no published checkpoint": any(s.index >= books.public_size() for s in entry.leaves),
            "the host publishes a stop, or could not be asked": stop,
            "a second socket for one intent": any(a.intent == permit.intent for a in books.tally.attempts),
        }
        return [sentence for sentence, true in doubts.items() if true]

    def _rows(self, message: bytes) -> tuple[tuple[str, ...], list[Said]]:
        """Whom a notice names: its rows, by the Message-ID that stands in each."""
        parts = email.message_from_bytes(message).walk()
        (table,) = [p.get_payload(decode=True).decode() for p in parts if p.get_filename() == "rows.csv"]  # type: ignore[union-attr]  # it is a leaf of the tree
        ids = [row["message_id"] for row in csv.DictReader(io.StringIO(table))]
        named = [self._books.tally.said[f"mail {each.strip('<').partition('@')[0]}"] for each in ids]
        return tuple(dict.fromkeys(s.person for s in named)), named


def _act(entry: Intended) -> str:
    if isinstance(entry, ComplaintIntended):
        return "complaint"
    if isinstance(entry, NoticeIntended):
        return "notice"
    assert isinstance(entry, RequestIntended)
    return "own" if entry.purpose is Purpose.OWN_OPT_OUT else "request"


def _paid(tx, intent: int):  # type: ignore[no-untyped-def]  # a transaction
    stored = tx.get(StoredEntry, intent)
    return (parse_entry(stored.body) if stored else None), [
        tx.get(Report, s.report).source
        for s in [*tx.find(Sighting, paid=intent), *tx.find(Sighting, complained=intent)]
    ]


async def sketch(raw: bytes, signers: Sequence[str]) -> Fingerprint:
    """What survives an originator's variation."""
    return fingerprint(parse_message(raw), seed=b"\x05" * 32, signers=signers)


async def _yes() -> bool:
    return True


def open_desk(books: Books, store: Store, floor: Instant) -> Desk:
    """The real desk on these books; its time does not go back behind the floor."""
    names, brittle, clock = Names(books), BrittleStore(store, books.fuse), SteadyClock(books.time, floor)
    sockets = Sockets(books, store, clock)
    return Desk(
        house=HOUSE, store=brittle, clock=clock, chance=books.dice, vault=KeyVault(b"\x03" * 32, books.keys),
        log=LogBook(brittle, books.disk, LOG, chance=books.dice), spool=books.disk, resolver=names, registrar=names,
        one_click=sockets, postman=sockets, mail_signer=MAIL_SIGNER, rules=Rulebook(PROVIDERS, TRANSACTIONAL),
        sketch=sketch, place=placer(lambda: Identifier(books.dice.draw(16))),
        stopped=lambda: books.tally.stop_file, is_public=_yes,
    )  # fmt: skip


def signature(prepared_bytes: bytes) -> bytes:
    """What the one operator of this town signs."""
    return sign(OPERATOR, prepared_bytes)


OPERATOR_KEY = public_key(OPERATOR)
