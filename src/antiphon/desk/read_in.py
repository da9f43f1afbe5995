"""A member's own archive, many messages at a time: evidence of class C that can pay for nothing by itself (LAW §3)."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from antiphon.campaign.report import Report, ReportState, Taken
from antiphon.desk.arrival import Fetched, fetch
from antiphon.desk.desk import Desk
from antiphon.desk.receive import Statable, judge, keep_report, signers
from antiphon.errors import MalformedInput, Unreachable
from antiphon.formats.dkim import KeyStatus
from antiphon.formats.message import parse_message
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Digest

AT_ONCE = 4
"""Messages worked on at a time: one is judged here while the next is read in its own process."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of an archive. `key` is the same whenever it is found in the same place; `path` is for people."""

    key: bytes
    path: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """What became of one message; `again`: an earlier run took it. `why` is a sentence where it passed a limit."""

    taken: Taken
    again: bool = False
    why: str = ""


async def known(desk: Desk, mandate: Mandate, keys: Sequence[bytes]) -> list[Taken | None]:
    """What earlier runs did with these messages, None for one that they did not take."""
    hidden = [_hidden(desk, key) for key in keys]
    return await desk.store.read(lambda tx: [tx.get(Taken, mandate.member, key) for key in hidden])


async def look_up(desk: Desk, pieces: Sequence[Piece]) -> list[Fetched | None]:
    """The keys of these messages as DNS has them now. Raises Unreachable where not one question was answered."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def ask(piece: Piece) -> Fetched | None:
        async with turn:
            try:
                return await fetch(desk, parse_message(piece.raw), desk.clock.now())
            except MalformedInput:
                return None

    found = await asyncio.gather(*map(ask, pieces))
    answers = [answer.status for fetched in found if fetched is not None for answer in fetched.keys.values()]
    if answers and all(status is KeyStatus.TEMPORARY for status in answers):
        raise Unreachable(
            "The name server answers no question.",
            advice="Run this again later: what was taken is known. Without --online no key is looked up.",
        )
    return found


async def read_in(
    desk: Desk, mandate: Mandate, pieces: Sequence[Piece], fetched: Sequence[Fetched | None] = ()
) -> list[Read]:
    """Takes these messages in one transaction, all or none, and remembers each; one that is remembered already is
    left as it is. Nobody reported them, so no registry is asked about who signed them. Raises StorageFailed."""
    answers: Sequence[Fetched | None] = fetched or [None] * len(pieces)
    turn = asyncio.Semaphore(AT_ONCE)

    async def prepare(piece: Piece, answer: Fetched | None) -> Statable | MalformedInput:
        async with turn:
            try:
                at = desk.clock.now()
                judged = await judge(desk, mandate, piece.raw, at=at, clicked=False, imported=True, fetched=answer)
                return Statable(judged, await desk.sketch(piece.raw, signers(judged)), at, piece.path, False)
            except MalformedInput as error:
                return error

    ready = await asyncio.gather(*map(prepare, pieces, answers))
    return await desk.store.write(
        lambda tx: [_take(tx, desk, mandate, (piece, said)) for piece, said in zip(pieces, ready, strict=True)]
    )


def _take(tx: Transaction, desk: Desk, mandate: Mandate, one: tuple[Piece, Statable | MalformedInput]) -> Read:
    piece, said = one
    key = _hidden(desk, piece.key)
    earlier = tx.get(Taken, mandate.member, key)
    if earlier is not None:
        return Read(earlier, again=True)
    if isinstance(said, MalformedInput):
        taken, why = Taken(mandate.member, key, ReportState.REFUSED, "within-limits", "", False), said.what
    else:
        taken, why = _taken(keep_report(tx, desk, mandate, said), key), ""
    # What nothing but a mandate stood against is judged anew once that is live.
    if taken.state is not ReportState.REFUSED or taken.reasons != "mandate-live":
        tx.add(taken)
    return Read(taken, why=why)


def _taken(report: Report, key: Digest) -> Taken:
    spendable = report.case is not None and not report.sighting_reasons
    return Taken(report.member, key, report.state, report.reasons, report.sighting_reasons, spendable)


def _hidden(desk: Desk, key: bytes) -> Digest:
    return Digest(hmac.digest(desk.house.derived("read-in"), key, "sha256"))


def show_read(taken: Taken) -> Mapping[str, object]:
    """For programs."""
    return {
        "state": taken.state.value,
        "reasons": [word for word in taken.reasons.split(",") if word],
        "sighting_reasons": [word for word in taken.sighting_reasons.split(",") if word],
        "sighting": taken.sighting,
    }
