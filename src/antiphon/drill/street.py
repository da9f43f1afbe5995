"""A street for one desk, in one process: members, two originators, DNS and registry, and sockets that count.

The desk on it is the real one, over a real database and a real spool; what is played is what lies behind its ports.
"""

from __future__ import annotations

import random  # noqa: TID251 - a seeded source: a drill can be had again
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from antiphon.backends.keybook import FileBook
from antiphon.backends.machine import SteadyClock
from antiphon.backends.shelf import FileAnchor
from antiphon.backends.signer import DkimSigner, new_rsa_key
from antiphon.backends.spool import FileSpool
from antiphon.backends.vault import KeyVault
from antiphon.campaign.fingerprint import Fingerprint, fingerprint
from antiphon.campaign.transactional import load_transactional
from antiphon.desk.desk import Desk, House
from antiphon.desk.log import HOUR_CLOSED, LogBook, number
from antiphon.desk.place import placer
from antiphon.drill.disk import Machine
from antiphon.drill.files import FailingFiles
from antiphon.errors import AnchorLost, StorageFailed
from antiphon.formats.message import parse_message
from antiphon.formats.note import Signer, public_key
from antiphon.formats.providers import ProviderMap
from antiphon.ledger.allowance import Permit
from antiphon.optout.evidence import Rulebook
from antiphon.ports import Answer, Exchange, Letter, Questions, Store
from antiphon.terms import DAY, HOUR, Identifier, Instant
from antiphon.world.letter import EdKey, Seal, mail_date, sign_mail

MEMBERS = tuple(f"{name}@home.example" for name in ("ann", "ben", "cai", "dot", "eve", "fay"))
DEAF, PROMPT = "deaf.example", "prompt.example"
SHOPS = {DEAF: "8.8.4.4", PROMPT: "8.8.5.4"}
NODE, ADDRESS = "node.example", "9.9.9.9"
LINE = b"All the good things of this week, and one more for whoever comes early.\r\n"
LOG = Signer("antiphon/drill", bytes(32))
OPERATOR = b"\x09" * 32
OPERATOR_KEY = public_key(OPERATOR)
HOUSE = House(
    name="Home", domain=NODE, hosted_domains=("home.example",), legal_name="Home e.V.", postal_address="Way 1",
    public_url=f"https://{NODE}", language="en", window_hours=16 * 24, community=Identifier(bytes(16)),
    operator=Identifier(b"\x01" * 16), secret=b"\x02" * 32,
)  # fmt: skip


class Dice:
    """Bytes that come again with the same seed."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)

    def draw(self, size: int) -> bytes:
        """As the port says, but that they can be guessed."""
        return self._chance.randbytes(size)


@dataclass
class Street:
    """What outlives a node: the time, who writes to its members, and what was counted at their doors."""

    now_at: Instant
    begun_at: Instant
    written: int = 0
    posts: Counter[str] = field(default_factory=Counter)
    mails: Counter[str] = field(default_factory=Counter)
    keys: dict[str, EdKey] = field(default_factory=lambda: {shop: EdKey() for shop in SHOPS})
    signer: DkimSigner = field(default_factory=lambda: DkimSigner(NODE, b"\x04" * 32, new_rsa_key()))
    power: Machine | None = None

    def now(self) -> Instant:
        """As the clock's port says."""
        return self.now_at

    def newsletter(self, shop: str, member: str) -> bytes:
        """A mail that was just signed, big enough to pay for a request."""
        self.written += 1
        token = sha256(f"{member}{self.written}".encode()).hexdigest()[:24]
        head = [
            ("From", f"News <news@{shop}>"),
            ("To", member),
            ("Subject", "The week"),
            ("Date", mail_date(self.now_at)),
            ("Message-ID", f"<{self.written}@{shop}>"),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("List-Unsubscribe", f"<https://{shop}/u/{token}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ]
        return sign_mail(head, LINE * 220, (Seal(shop, "s1", self.keys[shop]),), self.now_at)

    def attempts(self, shop: str) -> int:
        """All that came to this originator."""
        return sum(times for place, times in (self.posts + self.mails).items() if shop in place)

    # --- DNS and the registry ---------------------------------------------------------------------------------------

    async def ask(self, name: str, kind: str, questions: Questions | None = None) -> Answer:
        """As the port says."""
        if questions is not None and not questions.take():
            return Answer("temporary", ())
        values = self._rows().get((name, kind), ())
        return Answer("found" if values else "absent", values, (), 3600)

    def _rows(self) -> dict[tuple[str, str], tuple[str, ...]]:
        rows: dict[tuple[str, str], tuple[str, ...]] = {}
        rows |= {(name, "TXT"): (record,) for name, record in self.signer.records().items()}
        rows |= {(NODE, "A"): (ADDRESS,), (NODE, "MX"): (f"10 {NODE}",), (ADDRESS, "PTR"): (NODE,)}
        for shop, address in SHOPS.items():
            rows |= {(f"s1._domainkey.{shop}", "TXT"): (self.keys[shop].record,), (shop, "A"): (address,)}
        return rows

    async def registered_at(self, domain: str) -> Instant | None:
        """As the port says."""
        return Instant(self.begun_at - 3000 * DAY)

    async def holder(self, address: str) -> str:
        """As the port says."""
        return "Holder Ltd"

    async def abuse_contacts(self, subject: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """As the port says."""
        return (), ()

    async def registrar_contacts(self, domain: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """As the port says."""
        return (), ()

    # --- the doors of those who write -------------------------------------------------------------------------------

    async def post(self, permit: Permit, url: str, address: str, *, position: str) -> Exchange:
        """As the port says."""
        return self._counted(self.posts, url)

    async def answer(self, letter: Letter) -> Exchange:
        """Nobody here proves an address."""
        return Exchange("failed", "", None, 0, 0, "nobody is there", False)

    async def takes(self, address: str, exchanger: str, recipient: str) -> str:
        """Whatever is asked."""
        return ""

    async def send(self, permit: Permit, letter: Letter) -> Exchange:
        """As the port says."""
        return self._counted(self.mails, letter.recipient)

    def _counted(self, at: Counter[str], place: str) -> Exchange:
        if self.power is not None and self.power.off:
            raise StorageFailed("The drill's machine has no power.")
        at[place] += 1
        return Exchange("accepted", "200", None, 2_000, 3_500, "", True)


class FailingAnchor(FileAnchor):
    """The anchor on the drill's machine: one call that may fail before it is written, one after. Nothing is really
    synced."""

    def __init__(self, path: Path, machine: Machine) -> None:
        super().__init__(path)
        self._path, self._machine = path, machine

    def write(self, checkpoint: bytes, *, instead_of: bytes | None) -> None:
        """As the port says."""
        try:
            self._machine.look()
            if self.read() != instead_of:
                raise AnchorLost("Somebody else wrote to the anchor.")
            self._path.write_bytes(checkpoint)
            self._machine.look()
        except OSError as error:
            raise StorageFailed("The anchor can not be written.") from error


class Folder:
    """The published folder, in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, path: str, data: bytes) -> None:
        """As the port says."""
        self.files[path] = data

    def drop(self, path: str) -> None:
        """As the port says."""
        self.files.pop(path, None)


async def open_desk(street: Street, home: Path, store: Store, files: FailingFiles, *, seed: str) -> Desk:
    """The real desk over this store, and over spool and anchor beside it. Raises StorageFailed."""
    closed = await store.read(lambda tx: number(tx, HOUR_CLOSED))
    dice, anchor = Dice(seed), FailingAnchor(home / "anchor", files.machine)
    return Desk(
        house=HOUSE, store=store, clock=SteadyClock(street, Instant((closed + 1) * HOUR)), chance=dice,
        vault=KeyVault(b"\x03" * 32, FileBook(home / "members")),
        resolver=street, registrar=street, one_click=street, postman=street,
        log=LogBook(store, anchor, LOG, chance=dice), spool=FileSpool(home / "spool", files), mail_signer=street.signer,
        rules=_rules(), sketch=_sketch, place=placer(lambda: Identifier(dice.draw(16))), stopped=lambda: False,
        is_public=_yes,
    )  # fmt: skip


def _rules() -> Rulebook:
    text = files("antiphon.campaign").joinpath("transactional.toml").read_text("utf-8")
    return Rulebook(ProviderMap(()), load_transactional(text))


async def _sketch(raw: bytes, signers: Sequence[str]) -> Fingerprint:
    return fingerprint(parse_message(raw), seed=b"\x05" * 32, signers=signers)


async def _yes() -> bool:
    return True
