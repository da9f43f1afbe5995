"""Ledger entries: what each kind says, and its bytes.

Source: docs/formats/entries.md (vectors beside it) and LAW §9. The annotations of the classes are the field table;
`record` reads and prints by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar, get_args

from antiphon.errors import MalformedInput
from antiphon.ledger.record import Items, Number, Packed, Raw, Wire, itself, parse_fields, print_fields
from antiphon.terms import Digest, Identifier, LedgerDay

VERSION = 0x01
MOST_ENTRY_BYTES = 65_535


class KeyStatus(IntEnum):
    """What an OperatorKey entry says of its key."""

    ADDED = 1
    REVOKED = 2


class Scope(IntEnum):
    """What an approval covers: one notice, or requests to come."""

    NOTICE = 1
    STANDING = 2


class ChannelKind(IntEnum):
    """A way to reach an originator; a mask of kinds is the sum of its members."""

    ONE_CLICK = 1
    MAIL = 2
    CFBL = 4


class Outcome(IntEnum):
    """How an attempt ended, as far as the node knows."""

    ACCEPTED = 1
    REFUSED = 2
    FAILED = 3
    UNKNOWN = 4
    BOUNCED = 5


class Purpose(IntEnum):
    """What a request intent is: a request after the window, or a member's own opt-out."""

    REQUEST = 1
    OWN_OPT_OUT = 2


class Basis(IntEnum):
    """What a request intent rests on."""

    APPROVAL = 1
    CLICK = 2
    CONSENT = 3


class Phase(IntEnum):
    """Where a dispute stands."""

    OPENED = 1
    RESUMED = 2
    CLOSED = 3


class PurseSide(IntEnum):
    """Which of the two purses of a sighting is spent."""

    ORIGINATOR = 1
    NETWORK = 2


@dataclass(frozen=True, slots=True)
class SpentLeaf:
    """A sighting spent by an intent, opened as far as its case: anyone can recompute the leaf from it."""

    index: int
    salt1: bytes
    received_day: LedgerDay
    c2: Digest


@dataclass(frozen=True, slots=True)
class KeySignature:
    """A signature by the key that the OperatorKey entry at `index` names."""

    index: int
    signature: bytes


_D32 = Raw(32)
_SIGNATURE = Raw(64)
_INDEX = Number(8)
_SORTED_DIGESTS = Items(_D32, 32, itself)
_WINDOW = Number(2, least=72, most=8760, step=24)
_SPENT = Items(Packed(SpentLeaf, (_INDEX, _D32, Number(4), _D32)), 76, itself)
_KEY_SIGNATURES = Items(Packed(KeySignature, (_INDEX, _SIGNATURE)), 72, itself)

Day = Annotated[LedgerDay, Wire(0x01, Number(4))]
Case = Annotated[Digest, Wire(0x02, _D32)]
Leaves = Annotated[tuple[SpentLeaf, ...], Wire(0x03, _SPENT)]
Nullifiers = Annotated[tuple[Digest, ...], Wire(0x04, _SORTED_DIGESTS)]
Host = Annotated[Digest, Wire(0x06, _D32)]
Organisation = Annotated[Digest, Wire(0x07, _D32)]
Prefix = Annotated[Digest, Wire(0x08, _D32)]
Channel = Annotated[ChannelKind, Wire(0x09, Number(1, names=ChannelKind))]
ReserveBytes = Annotated[int, Wire(0x0A, Number(4))]
Intent = Annotated[int, Wire(0x02, _INDEX)]
Result = Annotated[Outcome, Wire(0x03, Number(1, names=Outcome))]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated:
    """The log signs with `key` from here on. In entry 0 there is no signature; later one by the previous key."""

    kind: ClassVar[int] = 0x01
    label: ClassVar[str] = "antiphon/key-rotated/1"
    day: Day
    key: Annotated[bytes, Wire(0x02, _D32)]
    community: Annotated[Identifier, Wire(0x03, Raw(16))]
    signature: Annotated[bytes | None, Wire(0x04, _SIGNATURE, optional=True, signs=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorKey:
    """An operator's key was added or revoked, signed by the key of entry `by`, or by itself."""

    kind: ClassVar[int] = 0x02
    label: ClassVar[str] = "antiphon/operator-key/1"
    day: Day
    key: Annotated[bytes, Wire(0x02, _D32)]
    status: Annotated[KeyStatus, Wire(0x03, Number(1, names=KeyStatus))]
    by: Annotated[int | None, Wire(0x04, _INDEX, optional=True)] = None
    signature: Annotated[bytes, Wire(0x05, _SIGNATURE, signs=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesCommitted:
    """The root over the deliveries of `hour` (whole hours since 1970, UTC), which is over."""

    kind: ClassVar[int] = 0x03
    day: Day
    hour: Annotated[int, Wire(0x02, Number(4))]
    root: Annotated[Digest, Wire(0x03, _D32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingCommitted:
    """One leaf of a daily batch: a sighting, or a dummy that nobody can tell from one."""

    kind: ClassVar[int] = 0x04
    leaf: Annotated[Digest, Wire(0x02, _D32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """A person vouched for the originator of a case, for a recorded reason."""

    kind: ClassVar[int] = 0x05
    label: ClassVar[str] = "antiphon/vouched/1"
    day: Day
    case: Case
    reason: Annotated[Digest, Wire(0x03, _D32)]
    by: Annotated[int, Wire(0x04, _INDEX)]
    signature: Annotated[bytes, Wire(0x05, _SIGNATURE, signs=True)]


_ONE_NOTICE = ("scope", Scope.NOTICE)
_STANDING = ("scope", Scope.STANDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """People approved one notice (`message`), or requests to `hosts` by `kinds`, at most `limit`, up to and with
    `expiry`."""

    kind: ClassVar[int] = 0x06
    label: ClassVar[str] = "antiphon/approved/1"
    day: Day
    case: Case
    scope: Annotated[Scope, Wire(0x03, Number(1, names=Scope))]
    message: Annotated[Digest | None, Wire(0x04, _D32, only=_ONE_NOTICE)] = None
    hosts: Annotated[tuple[Digest, ...], Wire(0x05, _SORTED_DIGESTS, only=_STANDING)] = ()
    kinds: Annotated[int | None, Wire(0x06, Number(1, least=1, most=7), only=_STANDING)] = None
    limit: Annotated[int | None, Wire(0x07, Number(2, least=1, most=1000), only=_STANDING)] = None
    expiry: Annotated[LedgerDay | None, Wire(0x08, Number(4), only=_STANDING)] = None
    signatures: Annotated[tuple[KeySignature, ...], Wire(0x09, _KEY_SIGNATURES, signs=True)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeIntended:
    """The one notice of a case is about to leave; `try_number` counts from 1."""

    kind: ClassVar[int] = 0x07
    day: Day
    case: Case
    leaves: Leaves
    nullifiers: Nullifiers
    approval: Annotated[int, Wire(0x05, _INDEX)]
    host: Host
    organisation: Organisation
    prefix: Prefix
    channel: Channel
    reserve_bytes: ReserveBytes
    message: Annotated[Digest, Wire(0x0B, _D32)]
    try_number: Annotated[int, Wire(0x0C, Number(1, least=1, most=3))]
    window_hours: Annotated[int, Wire(0x0D, _WINDOW)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSettled:
    """How the notice try of entry `intent` ended."""

    kind: ClassVar[int] = 0x08
    day: Day
    intent: Intent
    outcome: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestIntended:
    """A request, or a member's own opt-out (which then starts the member's window), is about to leave."""

    kind: ClassVar[int] = 0x09
    day: Day
    case: Case
    leaves: Leaves
    nullifiers: Nullifiers
    approval: Annotated[int | None, Wire(0x05, _INDEX, only=("basis", Basis.APPROVAL))] = None
    host: Host
    organisation: Organisation
    prefix: Prefix
    channel: Channel
    reserve_bytes: ReserveBytes
    window_hours: Annotated[int | None, Wire(0x0D, _WINDOW, only=("purpose", Purpose.OWN_OPT_OUT))] = None
    purpose: Annotated[Purpose, Wire(0x0E, Number(1, names=Purpose))]
    basis: Annotated[Basis, Wire(0x0F, Number(1, names=Basis))]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSettled:
    """How the request or own opt-out of entry `intent` ended."""

    kind: ClassVar[int] = 0x0A
    day: Day
    intent: Intent
    outcome: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintIntended:
    """A complaint by routing rule `rule` is about to leave, out of one of the purses."""

    kind: ClassVar[int] = 0x0B
    day: Day
    case: Case
    leaves: Leaves
    nullifiers: Nullifiers
    host: Host
    organisation: Organisation
    prefix: Prefix
    reserve_bytes: ReserveBytes
    message: Annotated[Digest, Wire(0x0B, _D32)]
    purse: Annotated[PurseSide, Wire(0x10, Number(1, names=PurseSide))]
    rule: Annotated[int, Wire(0x11, Number(2))]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintSettled:
    """How the complaint of entry `intent` ended."""

    kind: ClassVar[int] = 0x0C
    day: Day
    intent: Intent
    outcome: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """The originator fetched a row file with SHA-256 `rows`: its members are asked for, their window starts."""

    kind: ClassVar[int] = 0x0D
    day: Day
    case: Case
    rows: Annotated[Digest, Wire(0x03, _D32)]
    window_hours: Annotated[int, Wire(0x0D, _WINDOW)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed:
    """The originator disputes the case, or that dispute ended."""

    kind: ClassVar[int] = 0x0E
    day: Day
    case: Case
    phase: Annotated[Phase, Wire(0x03, Number(1, names=Phase))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """The case was given up: a case tag, never a member or leaf."""

    kind: ClassVar[int] = 0x0F
    day: Day
    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A host of the case says stop."""

    kind: ClassVar[int] = 0x10
    day: Day
    case: Case
    host: Host


Settled = NoticeSettled | RequestSettled | ComplaintSettled
Intended = NoticeIntended | RequestIntended | ComplaintIntended
Signed = KeyRotated | OperatorKey | Vouched | Approved
Entry = Signed | DeliveriesCommitted | SightingCommitted | Intended | Settled | Handed | Disputed | Withdrawn | Stopped

KINDS: dict[int, type[Entry]] = {shape.kind: shape for shape in get_args(Entry)}


def print_entry(entry: Entry) -> bytes:
    """The canonical bytes of an entry. Raises MalformedInput for what parse_entry would refuse."""
    return _bounded(bytes([VERSION, entry.kind]) + print_fields(entry))


def parse_entry(data: bytes) -> Entry:
    """The entry with these bytes. Raises MalformedInput unless print_entry gives the same bytes again."""
    _bounded(data)
    if len(data) < 2 or data[0] != VERSION or data[1] not in KINDS:
        raise MalformedInput("an entry of unknown version or kind")
    return parse_fields(KINDS[data[1]], data[2:])


def _bounded(data: bytes) -> bytes:
    if len(data) > MOST_ENTRY_BYTES:
        raise MalformedInput(f"an entry is longer than {MOST_ENTRY_BYTES} bytes")
    return data


def signed_part(entry: Signed) -> bytes:
    """What the signature of an entry covers: label, 0x00, and the entry without its signature field, whatever
    stands there. Raises MalformedInput if another field can not be printed."""
    return entry.label.encode() + b"\0" + bytes([VERSION, entry.kind]) + print_fields(entry, signed=False)
