"""A second encoder, for tests of the audit: it writes ledgers and openings from the format pages, right or wrong."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

from tests.unit.ledger.keys import ORIGIN, Fields, public, secret, sha, signature_line, u

DAY = 20_500
KEY, OPERATOR, DELIVERIES, SIGHTING, VOUCHED, APPROVED, NOTICE, NOTICE_SETTLED = range(1, 9)
REQUEST, REQUEST_SETTLED, COMPLAINT, COMPLAINT_SETTLED, HANDED, DISPUTED, WITHDRAWN, STOPPED = range(9, 17)
MESSAGE = hashlib.sha256(b"the notice").digest()


def encode(head: bytes, fields: Fields) -> bytes:
    """Fields as they stand in the mapping, in that order."""
    return head + b"".join(bytes([t]) + u(2, len(v)) + v for t, v in fields.items() if v is not None)


def mth(leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, as it is defined there."""
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\x01", mth(leaves[:k]), mth(leaves[k:]))


def inclusion(leaves: list[bytes], index: int) -> list[bytes]:
    """RFC 9162 §2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if index < k:
        return [*inclusion(leaves[:k], index), mth(leaves[k:])]
    return [*inclusion(leaves[k:], index - k), mth(leaves[:k])]


@dataclass
class Case:
    """One originator before one community."""

    originator: bytes
    epoch: int = 1

    @property
    def salt(self) -> bytes:
        return sha(b"case salt", self.originator)

    @property
    def tag(self) -> bytes:
        size = u(2, len(self.originator))
        return sha(b"antiphon/case/1", self.salt, size, self.originator, u(4, self.epoch))

    def hide(self, value: bytes) -> bytes:
        return sha(self.salt, value)


@dataclass
class Mail:
    """One sighting and what it commits to."""

    name: str
    case: Case
    received: int
    signatures: list[Fields]
    size: int = 20_000
    hosts: tuple[bytes, ...] = (b"mail.shop.example", b"shop.example")
    leaf: int = -1
    delivery: tuple[int, int, list[bytes]] | None = None

    def salt(self, number: int) -> bytes:
        return sha(b"salt", u(1, number), self.name.encode())

    @property
    def bs(self) -> list[bytes]:
        return [s[5] or b"" for s in self.signatures]

    @property
    def c2(self) -> bytes:
        hosts = b"".join(u(2, len(host)) + host for host in sorted(self.hosts))
        digests = sorted(sha(b) for b in self.bs)
        return sha(self.salt(2), u(2, len(self.hosts)), hosts, u(2, len(digests)), *digests, u(8, self.size))

    @property
    def committed(self) -> bytes:
        return sha(b"\x01", sha(self.salt(1), self.case.tag, u(4, self.received)), self.c2)

    @property
    def delivered(self) -> bytes:
        return sha(b"\x00", self.salt(3), *sorted(sha(b) for b in self.bs))

    @property
    def item(self) -> bytes:
        return u(8, self.leaf) + self.salt(1) + u(4, self.received) + self.c2

    def nullifiers(self, side: str) -> list[bytes]:
        if side == "originator":
            return [sha(b"antiphon/n/1originator", b) for b in self.bs]
        texts = [b"antiphon/n/1network" + b for b in self.bs or [self.name.encode()]]
        return [hmac.digest(b"community key", text, "sha256") for text in texts]


@dataclass
class Place:
    """A destination."""

    host: bytes = b"shop.example"
    organisation: bytes = b"shop.example"
    prefix: bytes = b"192.0.2.0/24"


HOME = Place()


@dataclass
class Spent:
    """What an opening will show of an intent."""

    intent: int
    mails: list[Mail]
    place: Place
    started: int | None


@dataclass
class Ledger:
    """Entries, written one after the other; what a method is told in `change` overrides its fields."""

    entries: list[bytes] = field(default_factory=list)
    day: int = DAY
    hour: int = DAY * 24 + 23
    log: str = "log"
    spent: list[Spent] = field(default_factory=list)

    def copy(self) -> Ledger:
        return copy.deepcopy(self)

    @property
    def size(self) -> int:
        return len(self.entries)

    def add(self, kind: int, fields: Fields) -> int:
        self.entries.append(encode(bytes([1, kind]), {t: fields[t] for t in sorted(fields)}))
        return self.size - 1

    def dated(self, kind: int, fields: Fields, change: Fields | None = None) -> int:
        return self.add(kind, {1: u(4, self.day)} | fields | (change or {}))

    def signed(self, kind: int, fields: Fields, label: bytes, by: str, tag: int) -> int:
        fields = {1: u(4, self.day)} | fields
        text = encode(bytes([1, kind]), {t: fields[t] for t in sorted(fields)})
        return self.add(kind, fields | {tag: secret(by).sign(label + b"\x00" + text)})

    # --- keys and time

    def begin(self) -> Ledger:
        self.dated(KEY, {2: public("log"), 3: sha(b"community")[:16]})
        self.operator("first")
        return self

    def rotate(self, new: str, by: str | None = None) -> int:
        fields: Fields = {2: public(new), 3: sha(b"community")[:16]}
        old, self.log = by or self.log, new
        return self.signed(KEY, fields, b"antiphon/key-rotated/1", old, 4)

    def operator(self, name: str, by: tuple[str, int] | None = None, status: int = 1) -> int:
        fields: Fields = {2: public(name), 3: u(1, status)} | ({4: u(8, by[1])} if by else {})
        return self.signed(OPERATOR, fields, b"antiphon/operator-key/1", by[0] if by else name, 5)

    def close_hour(self, mails: tuple[Mail, ...] = ()) -> None:
        leaves = [mail.delivered for mail in mails]
        index = self.dated(DELIVERIES, {2: u(4, self.hour), 3: mth(leaves)})
        for position, mail in enumerate(mails):
            mail.delivery = (index, position, leaves)
        self.hour += 1

    def batch(self, mails: tuple[Mail, ...] = (), size: int = 16) -> None:
        for mail in mails:
            mail.leaf = self.add(SIGHTING, {2: mail.committed})
        for number in range(size - len(mails)):
            self.add(SIGHTING, {2: sha(b"dummy", u(4, self.size), u(4, number))})

    def close_day(self, *mails: Mail, proven: tuple[Mail, ...] = ()) -> None:
        """Close the hours that are left and lay down the batch; `proven` were delivered in the last hour."""
        while self.hour % 24 != 23:
            self.close_hour()
        self.close_hour(proven)
        self.batch(mails)
        self.day += 1

    # --- acts

    def vouch(self, case: Case, by: tuple[str, int] = ("first", 1)) -> int:
        fields: Fields = {2: case.tag, 3: case.hide(b"known to us"), 4: u(8, by[1])}
        return self.signed(VOUCHED, fields, b"antiphon/vouched/1", by[0], 5)

    def approve(self, fields: Fields, by: tuple[tuple[str, int], ...] = (("first", 1),)) -> int:
        fields = {1: u(4, self.day)} | fields
        text = b"antiphon/approved/1\x00" + encode(bytes([1, APPROVED]), {t: fields[t] for t in sorted(fields)})
        items = sorted(u(8, index) + secret(name).sign(text) for name, index in by)
        return self.add(APPROVED, fields | {9: b"".join(items)})

    def approve_notice(self, case: Case, by: tuple[tuple[str, int], ...] = (("first", 1),)) -> int:
        return self.approve({2: case.tag, 3: u(1, 1), 4: MESSAGE}, by)

    def approve_requests(
        self,
        case: Case,
        limit: int = 10,
        change: Fields | None = None,
        by: tuple[tuple[str, int], ...] = (("first", 1),),
    ) -> int:
        hosts = b"".join(sorted(case.hide(host) for host in (b"shop.example", b"mail.shop.example")))
        expiry = u(4, self.day + 30)
        fields: Fields = {2: case.tag, 3: u(1, 2), 5: hosts, 6: u(1, 7), 7: u(2, limit), 8: expiry}
        return self.approve(fields | (change or {}), by)

    def intend(
        self, kind: int, mails: list[Mail], fields: Fields, *, place: Place = HOME, started: int | None = None
    ) -> int:
        """An intent with leaves, nullifiers and destination filled in; the case is that of the first mail."""
        case = mails[0].case
        side = "network" if fields.get(0x10) == u(1, 2) else "originator"
        common: Fields = {
            2: case.tag,
            3: b"".join(sorted(mail.item for mail in mails)),
            4: b"".join(sorted(n for mail in mails for n in mail.nullifiers(side))),
            6: case.hide(place.host), 7: case.hide(place.organisation), 8: case.hide(place.prefix),
        }  # fmt: skip
        index = self.dated(kind, common | fields)
        self.spent.append(Spent(index, mails, place, started))
        return index

    def notice(self, approval: int, *mails: Mail, number: int = 1, change: Fields | None = None) -> int:
        fields: Fields = {
            5: u(8, approval),
            9: u(1, 2),
            0xA: u(4, 9000),
            0xB: MESSAGE,
            0xC: u(1, number),
            0xD: u(2, 72),
        }
        return self.intend(NOTICE, list(mails), fields | (change or {}))

    def request(
        self, basis: int, started: int | None, *mails: Mail, approval: int | None = None, place: Place = HOME,
        change: Fields | None = None,
    ) -> int:  # fmt: skip
        """A request; basis 1 standing approval, 2 click."""
        fields: Fields = {9: u(1, 1), 0xA: u(4, 12_288), 0xE: u(1, 1), 0xF: u(1, basis)}
        fields |= {} if approval is None else {5: u(8, approval)}
        return self.intend(REQUEST, list(mails), fields | (change or {}), started=started, place=place)

    def own_opt_out(self, *mails: Mail, basis: int = 3, place: Place = HOME, change: Fields | None = None) -> int:
        fields: Fields = {9: u(1, 1), 0xA: u(4, 12_288), 0xD: u(2, 72), 0xE: u(1, 2), 0xF: u(1, basis)}
        return self.intend(REQUEST, list(mails), fields | (change or {}), place=place)

    def complaint(self, *mails: Mail, purse: int = 2, place: Place = HOME, change: Fields | None = None) -> int:
        fields: Fields = {0xA: u(4, 9000), 0xB: MESSAGE, 0x10: u(1, purse), 0x11: u(2, 5)}
        return self.intend(COMPLAINT, list(mails), fields | (change or {}), place=place)

    def settle(self, kind: int, intent: int, outcome: int = 1) -> int:
        return self.dated(kind, {2: u(8, intent), 3: u(1, outcome)})

    def handed(self, case: Case) -> int:
        return self.dated(HANDED, {2: case.tag, 3: sha(b"rows"), 0xD: u(2, 72)})

    def dispute(self, case: Case, phase: int) -> int:
        return self.dated(DISPUTED, {2: case.tag, 3: u(1, phase)})

    def withdraw(self, case: Case) -> int:
        return self.dated(WITHDRAWN, {2: case.tag})

    def stop(self, case: Case) -> int:
        return self.dated(STOPPED, {2: case.tag, 6: case.hide(b"shop.example")})

    # --- what is published

    def checkpoint(
        self, *, root: bytes | None = None, extra: str = "", log: str | None = None, name: str = ORIGIN
    ) -> bytes:
        root = root or mth([sha(b"\x00", e) for e in self.entries])
        body = f"{ORIGIN}\n{self.size}\n{base64.b64encode(root).decode()}\n"
        return f"{body}\n{signature_line(name, log or self.log, body)}{extra}".encode()

    def files(self) -> dict[str, bytes]:
        leaves = [sha(b"\x00", e) for e in self.entries]
        found = {"checkpoint": self.checkpoint()}
        for level in range(8):
            span = 256**level
            hashes = [mth(leaves[i * span : (i + 1) * span]) for i in range(len(leaves) // span)]
            for first in range(0, len(hashes), 256):
                found[tile(str(level), first, hashes)] = b"".join(hashes[first : first + 256])
        for first in range(0, self.size, 256):
            bundle = self.entries[first : first + 256]
            found[tile("entries", first, self.entries)] = b"".join(u(2, len(e)) + e for e in bundle)
        return found

    def openings(self, change: dict[int, Fields] | None = None, erased: frozenset[int] = frozenset()) -> bytes:
        """Every spend opened but those of the intents in `erased`; `change` overrides fields by intent."""
        cases = {m.case.tag: m.case for s in self.spent for m in s.mails}
        rows = [case_record(case) for _, case in sorted(cases.items())]
        pairs = sorted((((s.intent, m.leaf), s, m) for s in self.spent for m in s.mails), key=lambda row: row[0])
        for (intent, _), spent, mail in pairs:
            if intent not in erased:
                fields = spend_fields(spent, mail) | (change or {}).get(intent, {})
                rows.append(encode(b"\x02", {t: fields[t] for t in sorted(fields)}))
        gone = [pair for pair, _, _ in pairs if pair[0] in erased]
        return openings_file(rows + [encode(b"\x03", {1: u(8, i), 2: u(8, leaf)}) for i, leaf in gone])


def openings_file(rows: list[bytes]) -> bytes:
    return b"antiphon/openings/1\n" + b"".join(u(4, len(row)) + row for row in rows)


def case_record(case: Case, change: Fields | None = None) -> bytes:
    fields: Fields = {2: case.tag, 3: case.salt, 4: case.originator, 5: u(4, case.epoch)}
    return encode(b"\x01", fields | (change or {}))


def signature_records(signatures: list[Fields]) -> bytes | None:
    rows = [encode(b"", s) for s in sorted(signatures, key=lambda s: sha(s[5] or b""))]
    return b"".join(u(2, len(row)) + row for row in rows) or None


def spend_fields(spent: Spent, mail: Mail) -> Fields:
    hosts = b"".join(u(2, len(host)) + host for host in sorted(mail.hosts)) or None
    fields: Fields = {1: u(8, spent.intent), 2: u(8, mail.leaf), 3: mail.salt(2), 4: u(8, mail.size), 5: hosts}
    fields |= {6: signature_records(mail.signatures)}
    fields |= {7: spent.place.host, 8: spent.place.organisation, 9: spent.place.prefix}
    fields[0xA] = None if spent.started is None else u(8, spent.started)
    if mail.delivery:
        index, position, leaves = mail.delivery
        path = b"".join(inclusion(leaves, position)) or None
        fields |= {0xB: u(8, index), 0xC: mail.salt(3), 0xD: u(8, position), 0xE: u(8, len(leaves)), 0xF: path}
    return fields


def tile(kind: str, first: int, items: list[bytes]) -> str:
    """C2SP tlog-tiles: name of the tile that starts at `first`; below a million of them."""
    number, width = first // 256, min(256, len(items) - first)
    name = f"{number:03d}" if number < 1000 else f"x{number // 1000:03d}/{number % 1000:03d}"
    return f"tile/{kind}/{name}" + ("" if width == 256 else f".p/{width}")


def write(files: dict[str, bytes], folder: Path) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder
