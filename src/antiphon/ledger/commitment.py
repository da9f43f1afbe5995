"""The hashes that stand in entries for cases, mails, spends and hosts; what they hide only an opening shows.

Source: docs/formats/entries.md, section Hashes, and LAW §9. Pure: each salt is 32 random bytes, given by the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from hmac import digest as hmac_digest

from antiphon.terms import Digest, LedgerDay

SMALLEST_BATCH = 16


def case_tag(case_salt: bytes, originator: str, epoch: int) -> Digest:
    """The name of a case in the ledger; without the 32-byte salt a dictionary of all domains reveals nothing."""
    name = originator.encode()
    return _hash(b"antiphon/case/1", case_salt, _uint16(len(name)), name, epoch.to_bytes(4, "big"))


def commit_case(salt1: bytes, tag: Digest, received_day: LedgerDay) -> Digest:
    """C1: the half of a leaf that an intent opens."""
    return _hash(salt1, tag, received_day.to_bytes(4, "big"))


def commit_mail(salt2: bytes, hosts: Iterable[str], signature_values: Iterable[bytes], size: int) -> Digest:
    """C2: the half of a leaf that only an opening opens: host names in List-Unsubscribe (lower-case A-labels),
    decoded `b=` values, and the size of the message in bytes. Order and repetition do not matter."""
    names = sorted({host.encode() for host in hosts})
    digests = _digests(signature_values)
    listed = (_uint16(len(name)) + name for name in names)
    return _hash(salt2, _uint16(len(names)), *listed, _uint16(len(digests)), *digests, size.to_bytes(8, "big"))


def leaf(c1: Digest, c2: Digest) -> Digest:
    """What a SightingCommitted entry carries for a real sighting."""
    return _hash(b"\x01", c1, c2)


def nullifier(signature_value: bytes) -> Digest:
    """Published when the originator side is spent; unkeyed, one per passing signature's decoded `b=`."""
    return _hash(b"antiphon/n/1", b"originator", signature_value)


def network_nullifier(community_key: bytes, value: bytes) -> Digest:
    """Published when the network side is spent: for each decoded `b=`, or the message identity if unsigned."""
    return Digest(hmac_digest(community_key, b"antiphon/n/1" + b"network" + value, "sha256"))


def delivery_leaf(salt3: bytes, signature_values: Sequence[bytes], identity: Digest) -> bytes:
    """The leaf data of one delivery in its hour's tree; the message identity stands for a mail without signature."""
    return salt3 + b"".join(_digests(signature_values) or [identity])


def hide(case_salt: bytes, value: str) -> Digest:
    """How hosts, organisational domains, address prefixes and reasons stand in entries."""
    return _hash(case_salt, value.encode())


def batch_size(real: int) -> int:
    """How many leaves the daily batch of `real` sightings has: 16 x 4^k, so that the log never says how many."""
    size = SMALLEST_BATCH
    while size < real:
        size *= 4
    return size


def _digests(values: Iterable[bytes]) -> list[Digest]:
    return sorted({_hash(value) for value in values})


def _uint16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _hash(*parts: bytes) -> Digest:
    return Digest(sha256(b"".join(parts)).digest())
