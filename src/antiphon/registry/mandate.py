"""A member's mandate: five separate consents for one address, dated, revocable at once (LAW §3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from antiphon.terms import DAY, Identifier, Instant


class Consent(StrEnum):
    """What a member allows; each is given, dated and taken back on its own."""

    COUNT = "count"
    TOKEN = "token"
    ADDRESS = "address"
    OPTOUT = "optout"
    COMPLAIN = "complain"


class MandateState(StrEnum):
    """Where a mandate stands: only `LIVE` lets a report be accepted."""

    PENDING = "pending"
    LIVE = "live"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


ROLES = frozenset({
    "abuse", "admin", "administrator", "all", "billing", "contact", "dmarc", "everyone", "ftp", "help", "hostmaster",
    "info", "jobs", "list", "mail", "mailer-daemon", "marketing", "members", "news", "no-reply", "noc", "noreply",
    "office", "postmaster", "privacy", "root", "sales", "security", "service", "staff", "support", "team", "usenet",
    "uucp", "webmaster", "www",
})  # fmt: skip
"""Local parts that stand for a function, not for a person (RFC 2142 §2-§5), and those that several people share."""


def is_role(address: str) -> bool:
    """Whether an address is a role or shared mailbox: only the postmaster of its domain may enrol one (LAW §3)."""
    local = address.rpartition("@")[0].partition("+")[0].lower()
    return local in ROLES or local.startswith("owner-") or local.endswith(("-request", "-owner"))


PROOF_LASTS = 365 * DAY
"""A mandate is proved again every year."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """The stored consents of one address. `consents` is a sorted comma list, `data_key` names the key of this member's
    data, which lies in the key book: destroying it erases the member. `proved_at` is since when the address is known to
    be theirs without a break, `renewed_at` when that was last shown again, `rests_why` why it is suspended."""

    member: Identifier
    community: Identifier
    operator: Identifier
    tenant: str
    address: str
    state: MandateState
    consents: str
    only: str
    text_version: str
    given_at: Instant
    proved_at: Instant | None
    revoked_at: Instant | None
    hosted: bool
    report_token: str
    data_key: bytes | None
    renewed_at: Instant | None = None
    rests_why: str = ""

    def allows(self, consent: Consent, originator: str = "") -> bool:
        """Whether this consent is given now; the standing opt-out may be limited to named originators."""
        given = consent.value in self.consents.split(",")
        if consent is Consent.OPTOUT:
            given = given and self.allows(Consent.TOKEN) and (not self.only or originator in self.only.split(","))
        return given and self.state is MandateState.LIVE

    def live_at(self, now: Instant) -> bool:
        """Proved within a year, neither revoked nor suspended."""
        return self.state is MandateState.LIVE and self.proof_stands(now)

    def proof_stands(self, now: Instant) -> bool:
        """Whether the address was shown to be theirs within a year."""
        shown = self.renewed_at if self.renewed_at is not None else self.proved_at
        return shown is not None and now - shown <= PROOF_LASTS


def proved(mandate: Mandate, now: Instant, version: str) -> Mandate:
    """The mandate after its holder was shown again: live, and known to be theirs without a break where it was so."""
    unbroken = mandate.state is MandateState.LIVE and mandate.proof_stands(now)
    shown = replace(mandate, renewed_at=now) if unbroken else replace(mandate, proved_at=now, renewed_at=None)
    return replace(shown, state=MandateState.LIVE, text_version=version, rests_why="")


@dataclass(frozen=True, slots=True)
class DoomedKey:
    """The name of an erased member's key that may still be in a book or its copy: destroyed again and again until it is
    gone everywhere."""

    key: bytes
    since: Instant


@dataclass(frozen=True, slots=True)
class Agreement:
    """The signed text: the mail by which a member agreed, sealed under its own key."""

    member: Identifier
    version: str
    agreed_at: Instant
    sealed: bytes


def consents_of(words: str) -> str:
    """From `--consent count,token` to the stored form; `count` is the least. Raises ValueError on another word."""
    chosen = {Consent(word.strip()) for word in words.split(",") if word.strip()} | {Consent.COUNT}
    if Consent.OPTOUT in chosen and Consent.TOKEN not in chosen:
        raise ValueError("optout needs token: an own opt-out identifies the member by the originator's token")
    return ",".join(sorted(c.value for c in chosen))
