"""Where an attempt goes: the pair of domain and network that a person must have seen, and what a person halted."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from antiphon.terms import Identifier, Instant


class PairState(StrEnum):
    """A pair is held until a person decided; one certificate failure bars it."""

    HELD = "held"
    ALLOWED = "allowed"
    REFUSED = "refused"
    BARRED = "barred"


@dataclass(frozen=True, slots=True)
class Pair:
    """An organisational domain at an address prefix, and what a person is shown to decide on it."""

    domain: str
    prefix: str
    pair: str
    state: PairState
    address: str
    host: str
    ptr: str
    holder: str
    case: Identifier
    why: str
    changed_at: Instant


@dataclass(frozen=True, slots=True)
class HostPair:
    """A d= and a parent or sibling host of it, exactly as they stand in a message: usable only after a person approved
    this very pair. `pair` is its short name for people, `who` decided."""

    signer: str
    host: str
    pair: str
    state: PairState
    case: Identifier
    who: str
    why: str
    changed_at: Instant


@dataclass(frozen=True, slots=True)
class Halt:
    """A kill switch: `scope` is everything, host, case or channel; `until` None ends only by a person."""

    scope: str
    value: str
    since: Instant
    until: Instant | None
    by: str
    why: str


def prefix_of(address: str) -> str:
    """The /24 or /48 that holds an address, as the ledger writes it. Raises ValueError on anything else."""
    ip = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def halted(halts: list[Halt], now: Instant, *, hosts: tuple[str, ...], case: str, channel: str) -> bool:
    """Whether any switch stands over this attempt now."""
    targets = {("everything", ""), ("case", case), ("channel", channel), *(("host", host) for host in hosts)}
    return any((h.scope, h.value) in targets and (h.until is None or now < h.until) for h in halts)
