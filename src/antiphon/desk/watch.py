"""Mailboxes elsewhere: which are looked at, what was seen in them, and what follows from it (LAW §3)."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from antiphon.desk.arrival import spool_mail
from antiphon.desk.desk import Desk
from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.formats.dkim import identities as identities_of
from antiphon.formats.dkim import verify
from antiphon.formats.handed import Event
from antiphon.formats.message import parse_message
from antiphon.ports import Transaction
from antiphon.registry.agreement import VERSION
from antiphon.registry.mandate import Agreement, Mandate, MandateState, proved
from antiphon.registry.proof import Proving, self_faults
from antiphon.registry.watch import (
    GONE_LATELY,
    REMEMBERED,
    UNSETTLED,
    Meaning,
    Sight,
    Watch,
    WatchedFolder,
    WatchState,
)
from antiphon.terms import Digest, Identifier, Instant

WATCHED = "watched"
FILED = "filed"
WATCHER = "imap"
"""The source of all that a watcher tells."""
BOXES = {Meaning.REPORTED: Event.JUNKED.value, Meaning.RETRACTED: Event.RETRACTED.value, Meaning.FILED: FILED}
MOST_WATCHES = 100


async def add_watch(desk: Desk, address: str, asked: Watch) -> Watch:
    """Looks at a member's mailbox from now on, instead of what was looked at for it before. Raises RefusedByLaw where
    the address is no member's."""

    def work(tx: Transaction) -> Watch:
        now, mandate = desk.clock.now(), _member(tx, address)
        if tx.get(Watch, mandate.member) is None and tx.count(Watch) >= MOST_WATCHES:
            raise RefusedByLaw(f"This node looks at no more than {MOST_WATCHES} mailboxes.", ("within-limits",))
        drop_watch(tx, mandate.member)
        watch = replace(asked, member=mandate.member, nonce=_nonce(desk), added_at=now, since=now)
        tx.put(watch)
        return watch

    return await desk.store.write(work)


async def remove_watch(desk: Desk, address: str) -> None:
    """Looks there no more, and forgets what was seen. Reports stand. Raises RefusedByLaw."""

    def work(tx: Transaction) -> None:
        mandate = _member(tx, address)
        if tx.get(Watch, mandate.member) is None:
            raise RefusedByLaw(f"The mailbox of {address} is not watched.", ("known",))
        drop_watch(tx, mandate.member)

    await desk.store.write(work)


def drop_watch(tx: Transaction, member: Identifier) -> None:
    """Nothing of this member's mailbox elsewhere is known any more."""
    tx.drop(Watch, member)
    for folder in tx.find(WatchedFolder, member=member):
        drop_folder(tx, member, folder.folder)


def drop_folder(tx: Transaction, member: Identifier, folder: str) -> None:
    """Nothing of one folder is known any more."""
    tx.drop(WatchedFolder, member, folder)
    for sight in tx.find(Sight, member=member, folder=folder):
        tx.drop(Sight, member, folder, sight.uid)


def _member(tx: Transaction, address: str) -> Mandate:
    found = tx.find(Mandate, address=address.strip().lower())
    if not found or found[0].state is MandateState.REVOKED or found[0].data_key is None:
        raise RefusedByLaw(f"{address} is not a member.", ("known",), advice="`antiphon member add` enrols it.")
    return found[0]


def _nonce(desk: Desk) -> str:
    return base64.b32encode(desk.chance.draw(15)).decode().lower()


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as a watcher read it, with the name under which it is recognised elsewhere; None past our limits."""

    uid: int
    raw: bytes
    arrived_at: Instant
    identity: Digest | None


def name_of(raw: bytes) -> Digest | None:
    """The same for every copy of a mail; no key is asked for."""
    try:
        message = parse_message(raw)
        return identities_of(message, verify(message, {}))[0]
    except MalformedInput:
        return None


class Watching:
    """What one member's watcher has seen so far, durable step by step: first the spool, then what was seen, so that a
    crash in between tells the same again, which changes nothing."""

    def __init__(self, desk: Desk, watch: Watch) -> None:
        self._desk, self._member = desk, watch.member

    async def say(self, state: WatchState, why: str = "") -> None:
        """How it goes; written only where that changed, and only while this mailbox is watched."""

        def work(tx: Transaction) -> None:
            kept = tx.get(Watch, self._member)
            if kept is not None and (kept.state, kept.why) != (state, why):
                tx.put(replace(kept, state=state, why=why, since=self._desk.clock.now()))

        await self._desk.store.write(work)

    async def folder(self, name: str) -> WatchedFolder | None:
        """How far a folder was seen."""
        return await self._desk.store.read(lambda tx: tx.get(WatchedFolder, self._member, name))

    async def sights(self, **where: object) -> list[Sight]:
        """Places of mail, by folder, identity or whether they are settled."""
        return await self._desk.store.read(lambda tx: tx.find(Sight, member=self._member, **where))  # type: ignore[arg-type]  # fields of Sight

    async def tell(self, meaning: Meaning | None, mail: Mail) -> None:
        """Durable when this returns: the mail was seen (None), and what that means. Raises StorageFailed."""
        mandate = await self._desk.store.read(lambda tx: tx.get(Mandate, self._member))
        if mandate is None or mandate.data_key is None or meaning is Meaning.NOTHING:
            return
        now = self._desk.clock.now()
        box, at = (WATCHED, min(mail.arrived_at, now)) if meaning is None else (BOXES[meaning], now)
        await spool_mail(self._desk, box, mandate, mail.raw, source=WATCHER, at=Instant(at))

    async def saw(self, folder: WatchedFolder, fresh: Sequence[Sight], there: Collection[int] | None) -> None:
        """A folder was looked at: what is new in it, and which of the places known before are still held; None: the
        folder is seen for the first time, or its numbers changed."""

        def work(tx: Transaction) -> None:
            if tx.get(Watch, self._member) is None:
                return
            now = self._desk.clock.now()
            if there is None:
                drop_folder(tx, self._member, folder.folder)
            for known in tx.find(Sight, member=self._member, folder=folder.folder) if there is not None else []:
                gone_at = None if known.uid in there else known.gone_at or now  # type: ignore[operator]  # not None
                if gone_at != known.gone_at:
                    tx.put(replace(known, gone_at=gone_at))
            for sight in fresh:
                tx.put(sight)
            tx.put(folder)

        await self._desk.store.write(work)

    async def settle(self, sight: Sight, came_from: Sequence[Sight]) -> None:
        """What a mail's coming means is decided; the places that it left are forgotten."""

        def work(tx: Transaction) -> None:
            if tx.get(Watch, self._member) is not None:
                tx.put(replace(sight, settled=True))
            for left in came_from:
                tx.drop(Sight, self._member, left.folder, left.uid)

        await self._desk.store.write(work)

    async def tidy(self) -> None:
        """Forgets places that say nothing any more."""

        def old(tx: Transaction) -> list[Sight]:
            now = self._desk.clock.now()
            rows = tx.find(Sight, member=self._member, gone_at__lt=now - GONE_LATELY)
            return rows + tx.find(Sight, member=self._member, seen_at__lt=now - REMEMBERED)

        def drop(tx: Transaction) -> None:
            for sight in old(tx):
                tx.drop(Sight, self._member, sight.folder, sight.uid)

        if await self._desk.store.read(old):
            await self._desk.store.write(drop)

    async def prove(self, mail: Mail) -> bool:
        """Where this is what the member was to send itself, its mandate is live, or renewed. Returns whether so."""
        kept = await self._desk.store.read(lambda tx: tx.get(Watch, self._member))
        if kept is None or kept.nonce.encode() not in mail.raw.lower():
            return False
        message = parse_message(mail.raw)

        def work(tx: Transaction) -> bool:
            now, mandate = self._desk.clock.now(), tx.get(Mandate, self._member)
            watch = tx.get(Watch, self._member)
            if mandate is None or mandate.data_key is None or watch is None:
                return False
            proving = Proving(message, (), {}, mandate.address, mandate.address, now)
            if mandate.state is MandateState.REVOKED or self_faults(proving, watch.nonce):
                return False
            tx.put(proved(mandate, now, VERSION))
            sealed = self._desk.vault.seal(mandate.data_key, mail.raw, b"agreement")
            tx.put(Agreement(mandate.member, VERSION, now, sealed))
            tx.put(replace(watch, nonce=_nonce(self._desk)))
            return True

        return await self._desk.store.write(work)

    def waits_no_more(self, sight: Sight) -> bool:
        """Whether a mail has stood in two places for so long that it was copied."""
        return self._desk.clock.now() - sight.seen_at > UNSETTLED


async def watches(desk: Desk) -> Mapping[Identifier, Watch]:
    """All mailboxes that are looked at, by member."""
    return {watch.member: watch for watch in await desk.store.read(lambda tx: tx.find(Watch))}
