"""Mailboxes at other houses that their members let this node look at, and what it remembers of them (LAW §3).

A watcher sees no session: that a person moved a mail it concludes from a mail that is gone from where it stood and
stands elsewhere now. All of it is of class C.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from antiphon.terms import DAY, HOUR, MINUTE, Digest, Identifier, Instant

LOOK_BACK = 3 * DAY
"""When a folder is seen for the first time: older mail could pay for nothing (72 hours between signing and arrival)."""
REMEMBERED = 30 * DAY
"""How long a mail's place is remembered: an older one could pay for nothing either."""
GONE_LATELY = 2 * MINUTE
"""A mail that disappeared longer ago did not move to where it is found now: that is another copy."""
UNSETTLED = HOUR
"""A mail that stands in two places for so long was copied, not moved."""


class SecretKind(StrEnum):
    """Where the secret comes from each time that the node signs in."""

    FILE = "file"
    COMMAND = "command"
    OAUTH_FILE = "oauth-file"
    OAUTH_COMMAND = "oauth-command"
    """The secret is a consent, which is changed for an access token."""

    @property
    def is_consent(self) -> bool:
        """Whether it is not yet what the server is shown."""
        return self in (SecretKind.OAUTH_FILE, SecretKind.OAUTH_COMMAND)


class WatchState(StrEnum):
    """How it goes."""

    WAITING = "waiting"
    WATCHING = "watching"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Watch:
    """A mailbox elsewhere that is looked at for one member. `secret` says where the secret is, never what; `junk` and
    `folders`, by line, are empty where the server's own marks decide; `nonce` is what the member has to send itself."""

    member: Identifier
    server: str
    port: int
    user: str
    secret_kind: SecretKind
    secret: str
    bearer: bool
    plain: bool
    junk: str
    folders: str
    nonce: str
    added_at: Instant
    state: WatchState
    why: str
    since: Instant


@dataclass(frozen=True, slots=True)
class WatchedFolder:
    """How far one folder has been seen. Another `validity` than the server's: none of its numbers means anything."""

    member: Identifier
    folder: str
    validity: int
    next_uid: int
    messages: int


@dataclass(frozen=True, slots=True)
class Sight:
    """One mail at one place. `settled`: what its coming here means has been decided."""

    member: Identifier
    folder: str
    uid: int
    identity: Digest
    seen_at: Instant
    settled: bool
    gone_at: Instant | None


class Meaning(StrEnum):
    """What a mail's appearance in a folder says."""

    NOTHING = "nothing"
    REPORTED = "reported"
    RETRACTED = "retracted"
    FILED = "filed"


MEANINGS = {
    (False, True): Meaning.REPORTED,
    (True, False): Meaning.RETRACTED,
    (None, True): Meaning.FILED,
}
"""By whether it came out of Junk, None where it was seen nowhere before, and whether it stands in Junk now."""


def meaning(out_of_junk: bool | None, into_junk: bool) -> Meaning:
    """A person reports by moving a mail into Junk and takes it back by moving it out; what was seen nowhere before, a
    filter put there; all else says nothing."""
    return MEANINGS.get((out_of_junk, into_junk), Meaning.NOTHING)
