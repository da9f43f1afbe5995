"""Access tokens of watched mailboxes, while they last: changed for a member's consent when they are needed."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from antiphon.errors import AntiphonError, Unreachable
from antiphon.formats.domain import Url
from antiphon.formats.oauth import parse_grant, parse_token, with_refresh
from antiphon.ports import Clock
from antiphon.registry.watch import SecretKind, Watch
from antiphon.terms import SECOND, Identifier, Instant

EARLY = 30 * SECOND
"""So long before its end a token is not used any more."""

Change = Callable[[Url, bytes], Awaitable[tuple[int, bytes]]]
"""POSTs a form to a token endpoint: status and body. Raises Unreachable, MalformedInput."""
Keep = Callable[[Path, bytes], None]
"""Puts other bytes in the place of a secret, whole, durable, for its owner only. Raises HomeUnusable."""


async def no_change(url: Url, form: bytes) -> tuple[int, bytes]:
    """Where there is no way to ask."""
    raise Unreachable("This program has no way to change a consent for a token.")


def no_keep(path: Path, data: bytes) -> None:
    """Where nothing can be kept."""


@dataclass(frozen=True, slots=True)
class Held:
    """A token, and the consent that it was changed for: as it stands in its place, and as it is by now."""

    access: str
    until: Instant
    said: str
    grant: str


class Grants:
    """For all watched mailboxes of one node; several lines of one mailbox share a token."""

    def __init__(self, clock: Clock, change: Change, keep: Keep) -> None:
        self._clock, self._change, self._keep = clock, change, keep
        self._held: dict[Identifier, Held] = {}
        self._turns: defaultdict[Identifier, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def token(self, watch: Watch, said: str) -> str:
        """An access token for this mailbox, whose consent is `said`. Raises as the forms of `formats.oauth` do."""
        async with self._turns[watch.member]:
            held = self._held.get(watch.member)
            if held is not None and held.said != said:
                held = None  # somebody put another consent in its place
            if held is None or held.until - EARLY <= self._clock.now():
                held = self._held[watch.member] = await self._new(watch, said, held.grant if held else said)
            return held.access

    def forget(self, watch: Watch) -> bool:
        """The server did not take the token: the next one is new. Returns whether there was one."""
        held = self._held.get(watch.member)
        if held is None or held.until == 0:
            return False
        self._held[watch.member] = Held("", Instant(0), held.said, held.grant)
        return True

    async def _new(self, watch: Watch, said: str, grant: str) -> Held:
        asked = parse_grant(grant, watch.server)
        token = parse_token(*await self._change(asked.endpoint, asked.form))
        until = Instant(self._clock.now() + token.lasts_seconds * SECOND)
        if token.refresh:
            grant = with_refresh(grant, token.refresh)
            if watch.secret_kind is SecretKind.OAUTH_FILE:
                with contextlib.suppress(AntiphonError):  # it is used as long as the node runs, all the same
                    await asyncio.to_thread(self._keep, Path(watch.secret), grant.encode())
                    said = grant
        return Held(token.access, until, said, grant)
