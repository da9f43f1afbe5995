"""Makes docs/formats/entries.json, from which an auditor can be written in any language.

Run `python -m tests.unit.ledger.entry_vectors` after a change of the format; a test holds file and code together.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from antiphon.formats.note import public_key, sign
from antiphon.ledger import commitment as hashes
from antiphon.ledger.entry import (
    Approved,
    Basis,
    ChannelKind,
    ComplaintIntended,
    ComplaintSettled,
    DeliveriesCommitted,
    Disputed,
    Entry,
    Handed,
    KeyRotated,
    KeySignature,
    KeyStatus,
    NoticeIntended,
    NoticeSettled,
    OperatorKey,
    Outcome,
    Phase,
    Purpose,
    PurseSide,
    RequestIntended,
    RequestSettled,
    Scope,
    SightingCommitted,
    SpentLeaf,
    Stopped,
    Vouched,
    Withdrawn,
    print_entry,
    signed_part,
)
from antiphon.ledger.tree import EMPTY_ROOT, leaf_hash, small_root
from antiphon.terms import Digest, Identifier, LedgerDay

FILE = Path(__file__).resolve().parents[3] / "docs" / "formats" / "entries.json"


def secret(label: str) -> bytes:
    """32 bytes that stand for random ones: SHA-256 of a label."""
    return sha256(label.encode()).digest()


LOG, NEXT_LOG, FIRST, SECOND = (secret(f"private key {name}") for name in ("log", "next log", "first", "second"))
CASE_SALT, SALT1, SALT2, SALT3, COMMUNITY_KEY = (
    secret(name) for name in ("case salt", "salt1", "salt2", "salt3", "community key")
)
ORIGINATOR, EPOCH, DAY = "shop.example", 1, LedgerDay(20_500)
HOSTS = ("u.shop.example", "lists.shop.example")
VALUES = (b"a decoded b=", b"another decoded b=")
IDENTITY = Digest(secret("message identity"))
SIZE = 20_480

CASE = hashes.case_tag(CASE_SALT, ORIGINATOR, EPOCH)
C1 = hashes.commit_case(SALT1, CASE, DAY)
C2 = hashes.commit_mail(SALT2, HOSTS, VALUES, SIZE)
HOST, ORGANISATION, PREFIX = (hashes.hide(CASE_SALT, value) for value in (HOSTS[0], ORIGINATOR, "192.0.2.0/24"))
SPENT = (SpentLeaf(5, SALT1, DAY, C2),)
NULLIFIERS = tuple(sorted(map(hashes.nullifier, VALUES)))
NOTICE = Digest(sha256(b"From: a notice").digest())


def _sealed(entry: Any, private: bytes) -> Any:
    return replace(entry, signature=sign(private, signed_part(entry)))


def _approved(entry: Approved, keys: dict[int, bytes]) -> Approved:
    part = signed_part(entry)
    return replace(entry, signatures=tuple(KeySignature(index, sign(keys[index], part)) for index in sorted(keys)))


def entries() -> dict[str, Entry]:
    """One of each kind and shape; no history, the indices are made up."""
    day, community = DAY, Identifier(secret("community")[:16])
    to = {"host": HOST, "organisation": ORGANISATION, "prefix": PREFIX}
    paid = {"case": CASE, "leaves": SPENT, "nullifiers": NULLIFIERS}
    own = OperatorKey(day=day, key=public_key(FIRST), status=KeyStatus.ADDED, signature=b"")
    other = OperatorKey(day=day, key=public_key(SECOND), status=KeyStatus.REVOKED, by=1, signature=b"")
    reason = hashes.hide(CASE_SALT, "known for years")
    standing = Approved(
        day=day, case=CASE, scope=Scope.STANDING, hosts=(HOST,), kinds=3, limit=200, expiry=LedgerDay(day + 30)
    )
    one_click = {"channel": ChannelKind.ONE_CLICK, "reserve_bytes": 12_288}
    return {
        "first entry": KeyRotated(day=day, key=public_key(LOG), community=community),
        "key rotated": _sealed(KeyRotated(day=day, key=public_key(NEXT_LOG), community=community), LOG),
        "first operator key": _sealed(own, FIRST),
        "operator key revoked": _sealed(other, FIRST),
        "deliveries of an hour": DeliveriesCommitted(
            day=day, hour=day * 24 + 23, root=small_root([leaf_hash(hashes.delivery_leaf(SALT3, VALUES, IDENTITY))])
        ),
        "empty hour": DeliveriesCommitted(day=day, hour=day * 24, root=EMPTY_ROOT),
        "sighting": SightingCommitted(leaf=hashes.leaf(C1, C2)),
        "vouched": _sealed(Vouched(day=day, case=CASE, reason=reason, by=1, signature=b""), FIRST),
        "notice approved": _approved(Approved(day=day, case=CASE, scope=Scope.NOTICE, message=NOTICE), {1: FIRST}),
        "standing approval of two": _approved(standing, {1: FIRST, 2: SECOND}),
        "notice intended": NoticeIntended(
            day=day,
            **paid,
            approval=8,
            **to,
            channel=ChannelKind.MAIL,
            reserve_bytes=12_000,
            message=NOTICE,
            try_number=1,
            window_hours=384,
        ),
        "notice settled": NoticeSettled(day=day, intent=10, outcome=Outcome.BOUNCED),
        "request": RequestIntended(
            day=day, **paid, approval=9, **to, **one_click, purpose=Purpose.REQUEST, basis=Basis.APPROVAL
        ),
        "request on a click": RequestIntended(
            day=day, **paid, **to, **one_click, purpose=Purpose.REQUEST, basis=Basis.CLICK
        ),
        "own opt-out": RequestIntended(
            day=day, **paid, **to, **one_click, window_hours=240, purpose=Purpose.OWN_OPT_OUT, basis=Basis.CONSENT
        ),
        "request settled": RequestSettled(day=day, intent=12, outcome=Outcome.ACCEPTED),
        "complaint": ComplaintIntended(
            day=day, **paid, **to, reserve_bytes=9_000, message=NOTICE, purse=PurseSide.NETWORK, rule=3
        ),
        "complaint settled": ComplaintSettled(day=day, intent=15, outcome=Outcome.UNKNOWN),
        "handed": Handed(day=day, case=CASE, rows=Digest(sha256(b"rows").digest()), window_hours=72),
        "disputed": Disputed(day=day, case=CASE, phase=Phase.OPENED),
        "withdrawn": Withdrawn(day=day, case=CASE),
        "stopped": Stopped(day=day, case=CASE, host=HOST),
    }


def refused() -> dict[str, bytes]:
    """Bytes that are no entry, by what is wrong with them."""
    request, dispute = (print_entry(entries()[name]) for name in ("request", "disputed"))
    day, case, phase = dispute[2:9], dispute[9:44], dispute[44:]
    return {
        "empty": b"",
        "version 2": b"\x02" + dispute[1:],
        "unknown kind": dispute[:1] + b"\x11" + dispute[2:],
        "a field missing": dispute[:2] + day + case,
        "a field twice": dispute[:2] + day + day + case + phase,
        "fields out of order": dispute[:2] + case + day + phase,
        "a tag that the kind does not list": dispute + b"\x04\x00\x01\x01",
        "cut off": dispute[:-1],
        "bytes after the end": dispute + b"\x00",
        "a number too narrow": dispute[:2] + b"\x01\x00\x03" + day[4:] + case + phase,
        "a value out of range": dispute[:-1] + b"\x04",
        "an approval where the basis is a click": request[:-1] + b"\x02",
        "no window for an own opt-out": request[:-5] + b"\x02" + request[-4:],
        "a list that does not ascend": request.replace(b"".join(NULLIFIERS), b"".join(reversed(NULLIFIERS))),
        "an item twice": request.replace(b"".join(NULLIFIERS), NULLIFIERS[0] * 2),
        "an empty list": request.replace(b"\x04\x00\x40" + b"".join(NULLIFIERS), b"\x04\x00\x00"),
    }


def computed() -> list[dict[str, Any]]:
    """Each hash of the page with what goes in and what comes out."""
    given: dict[str, tuple[dict[str, Any], bytes]] = {
        "case tag": ({"case_salt": CASE_SALT, "originator": ORIGINATOR, "epoch": EPOCH}, CASE),
        "C1": ({"salt1": SALT1, "case_tag": CASE, "received_day": DAY}, C1),
        "C2": ({"salt2": SALT2, "hosts": HOSTS, "values": VALUES, "size": SIZE}, C2),
        "C2 of no hosts": (
            {"salt2": SALT2, "hosts": (), "values": VALUES, "size": SIZE},
            hashes.commit_mail(SALT2, (), VALUES, SIZE),
        ),
        "leaf": ({"c1": C1, "c2": C2}, hashes.leaf(C1, C2)),
        "nullifier, originator side": ({"value": VALUES[0]}, hashes.nullifier(VALUES[0])),
        "nullifier, network side": (
            {"community_key": COMMUNITY_KEY, "value": VALUES[0]},
            hashes.network_nullifier(COMMUNITY_KEY, VALUES[0]),
        ),
        "delivery leaf data": (
            {"salt3": SALT3, "values": VALUES},
            hashes.delivery_leaf(SALT3, VALUES, IDENTITY),
        ),
        "delivery leaf data, unsigned": (
            {"salt3": SALT3, "identity": IDENTITY},
            hashes.delivery_leaf(SALT3, (), IDENTITY),
        ),
        "host": ({"case_salt": CASE_SALT, "value": HOSTS[0]}, HOST),
    }
    return [{"name": name, "given": inputs, "gives": output} for name, (inputs, output) in given.items()]


def vectors() -> dict[str, Any]:
    """The whole file."""
    listed = []
    for name, entry in entries().items():
        row: dict[str, Any] = {"name": name, "kind": type(entry).__name__, "fields": asdict(entry)}
        if isinstance(entry, KeyRotated | OperatorKey | Vouched | Approved):
            row["signed_part"] = signed_part(entry)
        listed.append(row | {"bytes": print_entry(entry)})
    keys = {"log": LOG, "next log": NEXT_LOG, "first operator": FIRST, "second operator": SECOND}
    return {
        "note": "Bytes are in hex. Absent fields are null, absent lists empty. See entries.md.",
        "private_keys": keys,
        "entries": listed,
        "refused": [{"why": why, "bytes": data} for why, data in refused().items()],
        "hashes": computed(),
        "batch_sizes": [[real, hashes.batch_size(real)] for real in (0, 1, 16, 17, 64, 65, 256, 257, 1024, 1025)],
    }


def printed() -> str:
    """The file as text."""
    return json.dumps(vectors(), indent=1, default=bytes.hex) + "\n"


if __name__ == "__main__":
    FILE.write_text(printed(), encoding="utf-8")
