"""All that the desk needs from the world, on one page. Each port is a promise.

Whoever implements a port passes its contract suite in `tests/contract`. Instants come in as arguments; only `Clock`
knows what time it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from antiphon.campaign.remembered import Apart, Band, Campaign
from antiphon.campaign.report import Delivery, Original, Report, Submission, Taken
from antiphon.campaign.sighting import Sighting
from antiphon.complaint.known import Complaint, Finding, Heard, KnownContact, Matter
from antiphon.ledger.allowance import Permit
from antiphon.ledger.kept import KeptOpening, Spent, StoredEntry, StoredHash
from antiphon.optout.approval import Approval, Draft, OperatorKey
from antiphon.optout.asking import Asked
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import Case
from antiphon.optout.click import Click
from antiphon.optout.destination import Halt, HostPair, Pair
from antiphon.optout.known import Blocked, Confirmation, Happening, KnownOriginator, TakenOut
from antiphon.optout.originator import Signing
from antiphon.optout.pacing import Budget
from antiphon.optout.rows import Challenge, Grant, HandedRow
from antiphon.registry.mandate import Agreement, DoomedKey, Mandate
from antiphon.registry.ticket import Ticket
from antiphon.registry.watch import Sight, Watch, WatchedFolder
from antiphon.registry.welcome import Welcome
from antiphon.terms import Instant

R = TypeVar("R")
T = TypeVar("T")
Value = int | str | bytes | bool | None


@dataclass(frozen=True, slots=True)
class Cabinet:
    """Where one kind of record is kept: its key, what else must be unique, and what is looked up often."""

    kind: type
    name: str
    key: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...] = ()
    index: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """One small fact about this home: secrets, sizes, the armed level."""

    name: str
    value: bytes


CABINETS: tuple[Cabinet, ...] = (
    Cabinet(Setting, "setting", ("name",)),
    Cabinet(Mandate, "mandate", ("member",), (("address",), ("report_token",))),
    Cabinet(Agreement, "agreement", ("member",)),
    Cabinet(Welcome, "welcome", ("member",), (), (("sent_at",),)),
    Cabinet(DoomedKey, "doomed_key", ("key",)),
    Cabinet(Delivery, "delivery", ("member", "identity"), (), (("hour", "position"), ("delivery",), ("received_at",))),
    Cabinet(
        Report, "report", ("report",), (), (("member", "identity"), ("case", "state"), ("campaign",), ("fades_at",))
    ),
    Cabinet(Taken, "taken", ("member", "key")),
    Cabinet(Submission, "submission", ("submission",)),
    Cabinet(Ticket, "ticket", ("secret",), (), (("member",),)),
    Cabinet(Watch, "watch", ("member",)),
    Cabinet(WatchedFolder, "watched_folder", ("member", "folder")),
    Cabinet(Sight, "sight", ("member", "folder", "uid"), (), (("member", "identity"), ("member", "settled"))),
    Cabinet(Original, "original", ("report",), (), (("until",),)),
    Cabinet(Click, "click", ("report",), (), (("state", "hold_until"), ("case", "state"), ("member", "state"))),
    Cabinet(Confirmation, "confirmation", ("member", "originator")),
    Cabinet(TakenOut, "taken_out", ("member", "originator"), (), (("at",),)),
    Cabinet(
        Sighting,
        "sighting",
        ("report",),
        (("leaf",),),
        (
            ("state", "day"),
            ("case", "paid", "hold_until"),
            ("member", "case", "day"),
            ("paid",),
            ("complained",),
            ("case", "complained", "received_at"),
        ),
    ),
    Cabinet(Case, "case", ("case",), (("community", "originator", "epoch"), ("reply_token",)), (("look_at",),)),
    Cabinet(Asked, "asked", ("member", "originator"), (), (("originator",),)),
    Cabinet(Challenge, "challenge", ("nonce",), (), (("case",),)),
    Cabinet(Grant, "grant", ("grant",), (), (("case",),)),
    Cabinet(HandedRow, "handed_row", ("member", "originator"), (("originator", "number"),), ()),
    Cabinet(Attempt, "attempt", ("intent",), (), (("outcome", "settles_at"), ("case",), ("token",), ("host", "at"))),
    Cabinet(Approval, "approval", ("entry",), (), (("case", "scope"),)),
    Cabinet(Draft, "draft", ("case",)),
    Cabinet(OperatorKey, "operator_key", ("entry",), (("key",),)),
    Cabinet(KnownOriginator, "originator", ("originator",)),
    Cabinet(Blocked, "blocked", ("originator",)),
    Cabinet(Finding, "finding", ("originator",)),
    Cabinet(Signing, "signing", ("domain", "from_organisation", "member"), (), (("domain", "at"),)),
    Cabinet(Happening, "happening", ("case", "number")),
    Cabinet(Pair, "pair", ("domain", "prefix"), (("pair",),)),
    Cabinet(HostPair, "host_pair", ("signer", "host"), (("pair",),)),
    Cabinet(Halt, "halt", ("scope", "value")),
    Cabinet(Budget, "budget", ("key",)),
    Cabinet(Spent, "spent", ("side", "key")),
    Cabinet(KeptOpening, "kept_opening", ("report",), (), (("until",), ("member",))),
    Cabinet(StoredEntry, "entry", ("index",)),
    Cabinet(StoredHash, "hash", ("level", "place")),
    Cabinet(KnownContact, "contact", ("contact",), (), (("state",),)),
    Cabinet(Matter, "matter", ("case", "object")),
    Cabinet(Complaint, "complaint", ("intent",), (("token",),), (("contact", "at"), ("case",))),
    Cabinet(Heard, "heard", ("intent", "number")),
    Cabinet(Campaign, "campaign", ("id",)),
    Cabinet(Apart, "apart", ("one", "other"), (), (("other",),)),
    Cabinet(Band, "band", ("token", "campaign"), (), (("token", "seen_at"),)),
)
"""Every kind of record of a node."""


class Transaction(Protocol):
    """A consistent view, and changes that happen all together or not at all.

    Records are frozen dataclasses whose fields are int, str, bytes, bool, a StrEnum, or one of these or None.
    """

    def get(self, kind: type[R], *key: Value) -> R | None:
        """The record with this key, in the order of the cabinet's key."""

    def find(self, kind: type[R], *, order: str = "", limit: int = 0, **where: Value | Sequence[Value]) -> list[R]:
        """All records that fit every condition: `field=value` (None too), `field__lt`, `__le`, `__gt`, `__ge`,
        `__ne`, or `field__in` with a sequence. `order` is a field, descending with a leading `-`; ties and no order
        follow the key. `limit=0` is no limit."""

    def count(self, kind: type[R], **where: Value | Sequence[Value]) -> int:
        """How many records `find` would give."""

    def least(self, kind: type[R], field: str, **where: Value | Sequence[Value]) -> int | None:
        """The smallest value of an integer field among the records that fit, None where there is none."""

    def add(self, record: object) -> None:
        """A new record. Raises AlreadyTaken if its key or anything unique is there; the transaction stays usable."""

    def put(self, record: object) -> None:
        """Replaces the record with this key, or adds it. Raises AlreadyTaken if anything else unique is there."""

    def drop(self, kind: type[R], *key: Value) -> None:
        """Removes the record with this key, if it is there."""


class Store(Protocol):
    """The truth of one node."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` alone, in one transaction, after all writes before it. When this returns, the change survives
        a crash of process and machine; when `work` raises, nothing has changed and the error comes out. Several
        writes may share one sync."""

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` on a snapshot that holds every write that has returned. `work` must not change anything."""

    async def backup(self, path: str) -> None:
        """Writes a consistent copy to a new file while work goes on; durable when this returns."""

    async def close(self) -> None:
        """Ends after the writes under way; nothing acknowledged is lost."""


class Clock(Protocol):
    """Policy time. In production the wall clock; in a world the world's."""

    def now(self) -> Instant:
        """The instant that the law is judged by; never decreases within a process, nor behind the last hour that this
        home's ledger closed."""


class Chance(Protocol):
    """Unpredictable bytes."""

    def draw(self, size: int) -> bytes:
        """`size` bytes that nobody can guess."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What DNS said. `status` is found, absent or temporary; `chain` the CNAMEs that were followed."""

    status: str
    values: tuple[str, ...]
    chain: tuple[str, ...] = ()
    ttl_seconds: int = 0
    dnssec: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt as the socket saw it: an outcome in words, and TCP payload both ways, TLS included. `wrote`: at
    least one byte of the request left. `took_seconds` is the other side's time to answer."""

    outcome: str
    status: str
    retry_after_seconds: int | None
    bytes_out: int
    bytes_in: int
    reason: str
    wrote: bool
    took_seconds: float = 0.0


QUESTIONS_PER_MESSAGE = 20


class Questions:
    """What one message may still ask of DNS (LAW §4): whoever handles the message hands it to every question."""

    def __init__(self, left: int = QUESTIONS_PER_MESSAGE) -> None:
        self.left = left

    def take(self) -> bool:
        """One question; False when there are none left."""
        self.left -= 1
        return self.left >= 0


class Resolver(Protocol):
    """DNS, as the system's resolver sees it."""

    async def ask(self, name: str, kind: str, questions: Questions | None = None) -> Answer:
        """TXT, A, AAAA, MX or PTR of a name; never raises for what DNS says. Time-outs, SERVFAIL and a question too
        many are temporary; an answer that was kept from earlier costs no question."""


class Registrar(Protocol):
    """RDAP: how old a domain is, and who holds a network."""

    async def registered_at(self, domain: str) -> Instant | None:
        """When the domain was registered; None when the registry does not say. Raises Unreachable for now."""

    async def holder(self, address: str) -> str:
        """Who holds the network of an address, in words for a person; empty when unknown. Raises Unreachable."""

    async def abuse_contacts(self, subject: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Mail addresses that an address's or a domain's registry names for abuse, best first; and all others that it
        shows. Raises Unreachable."""

    async def registrar_contacts(self, domain: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Mail addresses for abuse at a domain's registrar: as its registry says, and as it says itself, at the place
        that the registry names. Raises Unreachable."""


class OneClick(Protocol):
    """The one-click channel."""

    async def post(self, permit: Permit, url: str, address: str, *, position: str) -> Exchange:
        """One POST (RFC 8058 §3.2) to this pinned address, within the permit's reserve. Never raises for what the
        other side does. `position` is said in the open: where the permit stands in the ledger, and our rules."""


class Postman(Protocol):
    """The mail channel."""

    async def send(self, permit: Permit, letter: Letter) -> Exchange:
        """One delivery to one mail exchanger, within the permit's reserve; nothing is tried again after the final
        dot. Never raises for what the other side does."""

    async def answer(self, letter: Letter) -> Exchange:
        """The one answer to a member's own mail that proved its address, over the null path (RFC 3834 §3.3); no act of
        the law, so no permit. Tried once. Never raises for what the other side does."""

    async def takes(self, address: str, exchanger: str, recipient: str) -> str:
        """Whether this mail exchanger at this address would take mail for the recipient: empty, or why not, in words.
        No mail is sent. For our own mailboxes only. Never raises for what the other side does."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it leaves: envelope, the mail exchanger's name and pinned address, and the signed bytes."""

    mail_from: str
    recipient: str
    exchanger: str
    address: str
    message: bytes


class KeyState(StrEnum):
    """What became of a data key: `MISSING` is one that this home's key book never held."""

    THERE = "there"
    DESTROYED = "destroyed"
    MISSING = "missing"


class Vault(Protocol):
    """Encryption at rest: one data key a member, wrapped by the master key and kept apart from the store, which only
    has its name."""

    @property
    def away(self) -> str:
        """Why the copy of the keys can not be kept whole now; empty where nothing stands against it."""

    def new_key(self) -> bytes:
        """The name of a fresh data key: what is stored beside the mandate. Raises StorageFailed."""

    def state(self, key: bytes) -> KeyState:
        """What became of a key."""

    def destroy(self, key: bytes) -> bool:
        """Ends a key for good; the second time changes nothing. Returns whether it is gone wherever it was kept: if
        not, ask again. Raises StorageFailed where it is still here."""

    def tend(self) -> None:
        """Makes the keys and their copy one again, as far as that can be done now."""

    def seal(self, key: bytes, plain: bytes, context: bytes) -> bytes:
        """Ciphertext that opens only under the same key and context. Raises MalformedInput where the key is gone."""

    def open(self, key: bytes, sealed: bytes, context: bytes) -> bytes:
        """The plaintext. Raises MalformedInput when key, context or bytes do not fit."""


class Anchor(Protocol):
    """The newest checkpoint, outside the home."""

    def read(self) -> bytes | None:
        """The checkpoint as last written, None where there is none."""

    def write(self, checkpoint: bytes, *, instead_of: bytes | None) -> None:
        """Replaces what it holds, `instead_of` (None: nothing), in one step; durable when this returns. Raises
        AnchorLost where it holds something else, StorageFailed where it can not be written."""


class MailSigner(Protocol):
    """Signs what leaves in the node's own name (RFC 6376)."""

    def sign(self, message: bytes, now: Instant, *, expires_at: Instant | None = None) -> bytes:
        """The message with our DKIM-Signature fields before it."""

    def records(self) -> dict[str, str]:
        """The DNS TXT records that verify it, by name."""


class Spool(Protocol):
    """What was acknowledged and is not yet received: append-only, on disk before the acknowledgement."""

    async def append(self, record: bytes) -> int:
        """Durable when this returns the record's number. Raises StorageFailed; then nothing may be acknowledged."""

    def waiting(self) -> Iterable[tuple[int, bytes]]:
        """Every record that is not done, in order."""

    def done(self, number: int) -> None:
        """This record has been received: it is not given out again."""

    async def turn(self) -> None:
        """Lets go the bytes of all that has been received, as far as nothing before it still waits."""


class Shelf(Protocol):
    """A folder of static files that any web server can serve."""

    def put(self, path: str, data: bytes) -> None:
        """Writes a file whole: a reader sees the old one or the new one."""

    def drop(self, path: str) -> None:
        """Removes a file if it is there."""
