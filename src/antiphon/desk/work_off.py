"""Working off the spool: what doors acknowledged becomes deliveries and reports, many records a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import groupby

import msgspec

from antiphon.campaign.report import Report, Witness
from antiphon.desk.answer import take_answer, take_bounce
from antiphon.desk.arrival import Arrival, fetch, node_key
from antiphon.desk.desk import Desk
from antiphon.desk.enrol import prove_member
from antiphon.desk.hear import hear
from antiphon.desk.probe import take_probe
from antiphon.desk.receive import Work, delivery_work, keep_report, statable, take_back
from antiphon.desk.submit import SOURCE, note_submission
from antiphon.desk.watch import FILED, WATCHED, WATCHER
from antiphon.errors import MalformedInput
from antiphon.formats.handed import Event
from antiphon.formats.message import parse_message
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Instant

AT_A_TIME = 32
"""Records that are worked off together: one transaction, one sync."""
BYTES_AT_A_TIME = 8 * 2**20
AT_ONCE = 4
"""Of these worked on at a time: one is judged here while another waits for DNS or is read in its own process."""
TOGETHER = frozenset({"delivery", "report", Event.DELIVERED, Event.REPORTED, Event.JUNKED, WATCHED, FILED})
"""Records that leave nothing behind but by their transaction; the others are taken one by one."""
IN_LEDGER = frozenset({"reply", "bounce", "complaint"})
"""Records of which the ledger tells."""


async def work_off(desk: Desk) -> int:
    """Works off the spool in order. A record is done with only after its transaction has returned: a crash in between
    gives it out again, which changes nothing. What can not be read is kept apart by the spool, never served twice.
    Answers have to stand in the ledger: while that stands still they wait."""
    count, waiting = 0, iter(desk.spool.waiting())
    while records := _some(waiting):
        arrivals: list[Arrival] = []
        done: list[int] = []
        for number, record in records:
            # What no longer decodes is done with: it must not stop the rest.
            with suppress(msgspec.MsgspecError):
                arrival = msgspec.msgpack.decode(record, type=Arrival)
                if not desk.log.agrees and arrival.box in IN_LEDGER:
                    continue
                arrivals.append(arrival)
            done.append(number)
        await take_arrivals(desk, arrivals)
        for number in done:
            desk.spool.done(number)
        count += len(done)
    return count


def _some(waiting: Iterator[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """The next records, as many as may be in memory at a time."""
    records: list[tuple[int, bytes]] = []
    size = 0
    for number, record in waiting:
        records.append((number, record))
        size += len(record)
        if len(records) == AT_A_TIME or size > BYTES_AT_A_TIME:
            break
    return records


async def take_arrivals(desk: Desk, arrivals: Sequence[Arrival]) -> None:
    """Takes these records in their order; the same one twice changes nothing. What comes after another kind of record
    finds that already kept: a report its delivery."""
    for box, alike in groupby(arrivals, key=lambda arrival: arrival.box):
        turn = asyncio.Semaphore(AT_ONCE if box in TOGETHER else 1)
        prepared = await asyncio.gather(*(_prepare(desk, each, turn) for each in alike))
        works = [work for some in prepared for work in some]
        if not works:
            continue
        await desk.store.write(partial(_done, works))


def _done(works: Sequence[Work], tx: Transaction) -> list[Report | None]:
    return [work(tx) for work in works]


async def _prepare(desk: Desk, arrival: Arrival, turn: asyncio.Semaphore) -> list[Work]:
    """All that one record needs before its transaction. What no longer opens (an erased member, another key), and a
    mail past our limits, is no report: it was acknowledged and ends here."""
    async with turn:
        mandate = await desk.store.read(lambda tx: tx.get(Mandate, arrival.member)) if arrival.member else None
        wrapped = mandate.data_key if mandate is not None else await node_key(desk)
        if wrapped is None:
            return []
        with suppress(MalformedInput, msgspec.MsgspecError):
            raw = desk.vault.open(wrapped, arrival.sealed, b"spool")
            if mandate is not None:
                return await _of_member(desk, mandate, raw, arrival)
            if arrival.box == "reply":
                await take_answer(desk, arrival.token, raw)
            elif arrival.box == "complaint":
                await hear(desk, arrival.token, raw)
            elif arrival.box == "bounce":
                await take_bounce(desk, arrival.token, raw)
            elif arrival.box == "probe":
                await take_probe(desk, arrival.token)
            elif arrival.box == "prove":
                await _take_proof(desk, arrival.token, raw)
        return []


async def _of_member(desk: Desk, mandate: Mandate, raw: bytes, arrival: Arrival) -> list[Work]:
    match arrival.box:
        case "delivery":
            return [await delivery_work(desk, mandate, raw, arrival)]
        case Event.DELIVERED:
            return [await delivery_work(desk, mandate, raw, arrival, witness=Witness.STORE)]
        case "report":
            return await _forwarded(desk, mandate, raw, arrival)
        case "watched":
            return [await delivery_work(desk, mandate, raw, arrival, witness=Witness.WATCHER)]
        case Event.REPORTED | Event.JUNKED | "filed":
            return [await _stated(desk, mandate, raw, arrival)]
        case Event.RETRACTED:
            await take_back(desk, mandate, raw, at=Instant(arrival.at))
    return []


async def _forwarded(desk: Desk, mandate: Mandate, raw: bytes, arrival: Arrival) -> list[Work]:
    """A forward to a member's report address: each attached message is one report."""
    works: list[Work] = []
    for inner in parse_message(raw).attached_messages():
        with suppress(MalformedInput):
            works.append(await _stated(desk, mandate, inner, arrival, clicked=arrival.clicked))
    return works


async def _stated(desk: Desk, mandate: Mandate, raw: bytes, arrival: Arrival, *, clicked: bool = False) -> Work:
    at, source = Instant(arrival.at), arrival.source
    # Only the house's own store knows of sessions; that a mailbox elsewhere was seen to change makes nothing class B.
    moved = arrival.box == Event.JUNKED and source != WATCHER
    try:
        said = await statable(desk, mandate, raw, at=at, source=source, clicked=clicked, moved=moved)
        said = replace(said, filed=arrival.box == FILED)
    except MalformedInput:
        if source != SOURCE:
            raise
        return lambda tx: note_submission(tx, desk, mandate, arrival.token, raw=raw, report=None)

    def work(tx: Transaction) -> Report:
        report = keep_report(tx, desk, mandate, said)
        if source == SOURCE:
            note_submission(tx, desk, mandate, arrival.token, raw=raw, report=report)
        return report

    return work


async def _take_proof(desk: Desk, token: str, raw: bytes) -> None:
    message = parse_message(raw)
    if await desk.store.read(lambda tx: tx.count(Mandate, report_token=token)):
        await prove_member(desk, token, message, await fetch(desk, message, desk.clock.now()))
