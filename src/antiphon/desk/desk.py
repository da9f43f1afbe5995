"""What every use case works with: the ports, and who this node is."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from antiphon.campaign.fingerprint import Fingerprint
from antiphon.complaint.authority import Authority
from antiphon.desk.log import LogBook
from antiphon.desk.place import Place
from antiphon.formats.domain import Url
from antiphon.ledger.allowance import Armed
from antiphon.optout.asking import SHORTEST_WINDOW_HOURS
from antiphon.optout.evidence import Rulebook
from antiphon.ports import (
    Chance,
    Clock,
    MailSigner,
    OneClick,
    Postman,
    Registrar,
    Resolver,
    Setting,
    Spool,
    Store,
    Transaction,
    Vault,
)
from antiphon.terms import Identifier, Instant

ARMED = "armed"
UNSET = "antiphon.invalid"
"""The mail domain of a node that has none."""
Placer = Callable[[Transaction, Fingerprint, Instant, Identifier], Place]
"""Puts a message that a member reported into a campaign, in the caller's transaction."""
Sketcher = Callable[[bytes, Sequence[str]], Awaitable[Fingerprint]]
"""The fingerprint of one raw mail, given who signed it; without any evidence where the mail can not be read."""

Hook = Callable[[Url, str, bytes, Mapping[str, str]], Awaitable[str]]
"""POSTs bytes with these header fields to the operator's own URL at a pinned address: why it was not taken, or empty.
Never raises for what the other side does; follows no redirect, tries once."""


async def no_hook(url: Url, address: str, body: bytes, fields: Mapping[str, str]) -> str:
    """Where there is no way to POST."""
    return "This program has no way to POST."


@dataclass(frozen=True, slots=True)
class OnCall:
    """Whom of the operator's own house the node tells that something needs a person; `key` signs what is POSTed,
    `console` is where that person looks. Empty values tell nobody."""

    url: str = ""
    key: bytes = b""
    plain: bool = False
    mail: str = ""
    weekly: bool = False
    console: str = ""


@dataclass(frozen=True, slots=True)
class House:
    """Who this node is. `secret` keys everything that must not be guessed and never leaves."""

    name: str
    domain: str
    hosted_domains: tuple[str, ...]
    legal_name: str
    postal_address: str
    public_url: str
    language: str
    window_hours: int
    community: Identifier
    operator: Identifier
    secret: bytes
    two_day: tuple[str, ...] = ()
    openings_years: int = 4
    answers_enrolment: bool = False
    xarf_contacts: tuple[str, ...] = ()
    on_call: OnCall = OnCall()
    authorities: tuple[Authority, ...] = ()

    def window_for(self, originator: str) -> int:
        """How many hours this originator has after being asked: 72 where a two-day rule binds it (LAW §5)."""
        return SHORTEST_WINDOW_HOURS if originator in self.two_day else self.window_hours

    def tells_as_xarf(self, contact: str) -> bool:
        """Whether this abuse contact asked for its complaints as XARF: it, or its domain, stands in the settings."""
        return bool(
            {contact.lower(), contact.rpartition("@")[2].lower()} & {named.lower() for named in self.xarf_contacts}
        )

    def derived(self, purpose: str) -> bytes:
        """A key of its own for one purpose."""
        return _derived(self.secret, purpose)


@lru_cache(maxsize=256)
def _derived(secret: bytes, purpose: str) -> bytes:
    return hmac.digest(secret, purpose.encode(), "sha256")


@dataclass(frozen=True, slots=True)
class Desk:
    """The ports of one node. `stopped` says whether the file STOP lies in the home, looked at before each socket."""

    house: House
    store: Store
    clock: Clock
    chance: Chance
    vault: Vault
    log: LogBook
    spool: Spool
    resolver: Resolver
    registrar: Registrar
    one_click: OneClick
    postman: Postman
    mail_signer: MailSigner
    rules: Rulebook
    sketch: Sketcher
    place: Placer
    stopped: Callable[[], bool]
    is_public: Callable[[], Awaitable[bool]]
    hook: Hook = no_hook

    def identifier(self) -> Identifier:
        """A new 128-bit name."""
        return Identifier(self.chance.draw(16))


def armed(tx: Transaction) -> Armed:
    """How far this node may go; a new one observes."""
    kept = tx.get(Setting, ARMED)
    return Armed(kept.value[0]) if kept else Armed.OBSERVING
