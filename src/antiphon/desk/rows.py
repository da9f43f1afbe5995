"""The sender desk's inner room: prove the key, fetch the rows, say of each what became of it (LAW §5, §8 L1).

A fetch is entered as Handed before the file leaves, and starts the window of everybody in it. The file is always whole.
It is as things stood when the ledger day began, so that it does not tell at which hour a hold ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from antiphon.campaign.report import Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.arrival import node_key
from antiphon.desk.coin import asked_of, is_spared
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, tell
from antiphon.desk.log import PUBLISHED, number
from antiphon.desk.notify import row_of
from antiphon.errors import RefusedByLaw
from antiphon.formats.keyrecord import holds_key
from antiphon.ledger.entry import Handed, parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.optout.case import FINAL, Case
from antiphon.optout.evidence import Evidence, Proof, parse_evidence
from antiphon.optout.rows import (
    CHALLENGE_FOR,
    GRANT_FOR,
    MOST_CHALLENGES,
    MOST_SAID,
    ROWS,
    Challenge,
    Grant,
    HandedRow,
    Line,
    RowStatus,
    print_file,
    text_to_sign,
)
from antiphon.ports import Transaction
from antiphon.registry.mandate import Consent, Mandate
from antiphon.terms import DAY, Digest, Identifier, Instant, LedgerDay, day_end, ledger_day

WHO = "the originator, at the desk"


@dataclass(frozen=True, slots=True)
class RowFile:
    """What was handed: the Handed entry, and the rows that its digest is of."""

    entry: int
    digest: Digest
    lines: tuple[Line, ...]
    window_ends: Instant

    @property
    def data(self) -> bytes:
        """The file as CSV."""
        return print_file(self.lines)


async def challenge(desk: Desk, case: Case) -> Challenge:
    """A new nonce for whoever says that it holds the key. Asking for one proves nothing and is told nothing."""
    made = Challenge(desk.chance.draw(16).hex(), case.case, Instant(desk.clock.now() + CHALLENGE_FOR))

    def work(tx: Transaction) -> None:
        kept = tx.find(Challenge, case=case.case, order="until")
        for old in kept[: max(0, len(kept) - MOST_CHALLENGES + 1)]:
            tx.drop(Challenge, old.nonce)
        tx.put(made)

    await desk.store.write(work)
    return made


async def prove(desk: Desk, case: Case, nonce: str, signature: bytes) -> str | None:
    """The secret under which this case's rows are shown for thirty days, where the signature is by a key that signed
    reported mail of this case; None for every other answer, and the nonce is used up."""

    def take(tx: Transaction) -> tuple[bool, tuple[Proof, ...]]:
        kept = tx.get(Challenge, nonce)
        tx.drop(Challenge, nonce)
        waits = kept is not None and kept.case == case.case and kept.until > desk.clock.now()
        return waits, _keys(tx, case)

    waits, keys = await desk.store.write(take)
    text = text_to_sign(case.tag, nonce)
    found = [key for key in keys if holds_key(key.key_record, key.algorithm, signature, text)]
    if not waits or not found:
        return None
    secret, now = desk.chance.draw(32), desk.clock.now()
    grant = Grant(
        Digest(sha256(secret).digest()), case.case, found[0].domain, found[0].selector, _digest(found[0].key_record),
        now, Instant(now + GRANT_FOR), 0,
    )  # fmt: skip

    def give(tx: Transaction) -> None:
        tx.put(grant)
        for old in tx.find(Grant, case=case.case, until__le=now):
            tx.drop(Grant, old.grant)
        what = f"proved its key {grant.selector}._domainkey.{grant.domain}"
        tell(tx, case.case, now, who=WHO, what=what)

    await desk.store.write(give)
    return secret.hex()


async def granted(desk: Desk, case: Case, secret: str) -> Grant | None:
    """What this secret opens, while it lasts."""
    try:
        name = Digest(sha256(bytes.fromhex(secret)).digest())
    except ValueError:
        return None
    grant = await desk.store.read(lambda tx: tx.get(Grant, name))
    return grant if grant is not None and grant.case == case.case and grant.until > desk.clock.now() else None


async def fetch(desk: Desk, grant: Grant) -> RowFile:
    """The rows, entered as Handed and anchored first; then the clocks start of those whom nobody asked for yet. Where
    it ends in between, nobody's does, and the next fetch goes on with the same entry. A file that was handed already is
    not entered again. Raises RefusedByLaw where nothing more is asked in this case."""
    done, members = await desk.store.write(lambda tx: _enter(tx, desk, grant))
    await desk.log.anchor()
    await desk.store.write(lambda tx: _start(tx, desk, (grant.case, done.entry), members))
    return done


def _enter(tx: Transaction, desk: Desk, grant: Grant) -> tuple[RowFile, tuple[Identifier, ...]]:
    now, case = desk.clock.now(), tx.get(Case, grant.case)
    if case is None or case.state in FINAL:
        raise RefusedByLaw("Nothing more is asked in this case, so there is nobody to be handed over.", ("open",))
    found = _rows(tx, case, grant, now)
    numbers = {row.member: row.number for row in tx.find(HandedRow, originator=case.originator)}
    new = [report.member for report, _ in found if report.member not in numbers]
    for member in new:
        numbers[member] = _new_number(desk, set(numbers.values()))
    lines = tuple(sorted((_line(r, e, numbers[r.member]) for r, e in found), key=lambda line: line.row))
    digest, hours = _digest(print_file(lines)), desk.house.window_for(case.originator)
    index, entry = _entered(tx, case, digest)
    if entry is None:
        entry = Handed(day=ledger_day(now), case=case.tag, rows=digest, window_hours=hours)
        index = desk.log.append(tx, entry, now)
        tell(tx, case.case, now, who=WHO, what=f"fetched {len(lines)} rows", why=f"entry {index}")
    for member in new:
        tx.put(HandedRow(member, case.originator, case.case, numbers[member], index, RowStatus.HANDED, b"", None))
    # Of whoever else holds a key of this case the newest entry counts as well.
    for other in tx.find(Grant, case=case.case):
        tx.put(replace(other, fetched=index))
    # A window has whole days, so it ends with the same day whatever the hour in which it began.
    ends = day_end(LedgerDay(entry.day + entry.window_hours // 24))
    return RowFile(index, digest, lines, ends), tuple(report.member for report, _ in found)


def _start(tx: Transaction, desk: Desk, told: tuple[Identifier, int], members: Sequence[Identifier]) -> None:
    """Starts the clocks of whom the file of this case and entry named."""
    (name, entry), now = told, desk.clock.now()
    case = tx.get(Case, name)
    if case is None:
        return
    for member in members:
        asked = asked_of(tx, member, case.originator)
        if asked.asked_at is None and tx.get(HandedRow, member, case.originator) is not None:
            hours = desk.house.window_for(case.originator)
            tx.put(replace(asked, asked_at=now, started=entry, window_hours=hours))
    look_by(tx, case.case, now)


def _new_number(desk: Desk, taken: set[int]) -> int:
    """Drawn, so that neither the order of rows nor a number says when somebody reported."""
    while (drawn := int.from_bytes(desk.chance.draw(8)) % ROWS) in taken:
        pass
    return drawn


def _entered(tx: Transaction, case: Case, digest: Digest) -> tuple[int, Handed | None]:
    """The entry under which this very file was handed last, in this case, if it was."""
    last = max((grant.fetched for grant in tx.find(Grant, case=case.case)), default=0)
    stored = tx.get(StoredEntry, last) if last else None
    entry = parse_entry(stored.body) if stored is not None else None
    same = isinstance(entry, Handed) and (entry.case, entry.rows) == (case.tag, digest)
    return last, entry if same and isinstance(entry, Handed) else None


def _rows(tx: Transaction, case: Case, grant: Grant, now: Instant) -> list[tuple[Report, Evidence]]:
    """Of each member with *token* the newest mail that this key signed, once its hold was over and its leaf published
    when the day began; nothing that was taken back."""
    begun = Instant(now - now % DAY)
    newest: dict[Identifier, tuple[Report, Evidence]] = {}
    sightings = tx.find(
        Sighting, case=case.case, state__ne=SightingState.RETRACTED, hold_until__le=begun, order="-received_at"
    )
    for sighting in sightings:
        mandate, report = tx.get(Mandate, sighting.member), tx.get(Report, sighting.report)
        if sighting.member in newest or mandate is None or report is None or sighting.index is None:
            continue
        evidence = parse_evidence(report.evidence)
        signed = any(_digest(p.key_record) == grant.key and p.domain == grant.domain for p in evidence.proofs)
        may = mandate.live_at(now) and mandate.allows(Consent.TOKEN) and sighting.index < number(tx, PUBLISHED)
        stands = report.state is ReportState.ACCEPTED and not is_spared(tx, sighting.member, case.originator, now)
        if signed and may and stands:
            newest[sighting.member] = (report, evidence)
    return list(newest.values())


def _line(report: Report, evidence: Evidence, row: int) -> Line:
    found = row_of(report, evidence)
    return Line(row, found.message_id, found.feedback_id, found.token, found.received)


def _keys(tx: Transaction, case: Case) -> tuple[Proof, ...]:
    """The keys of the signatures that answer for this case's reported mail, as they were fetched; one of each."""
    reports = tx.find(Report, case=case.case, state=ReportState.ACCEPTED)
    found = (parse_evidence(report.evidence) for report in reports)
    keys = {p.key_record: p for e in found for p in e.proofs if p.key_record and p.domain == e.signer}
    return tuple(keys.values())


async def say(desk: Desk, grant: Grant, answers: Sequence[tuple[int, RowStatus, str]]) -> int:
    """What the originator says of rows that it was handed, by their numbers. A recorded opt-in takes that mailbox and
    its weight out of the case. Returns how many rows it was about."""
    key, now = await node_key(desk), desk.clock.now()

    def work(tx: Transaction) -> int:
        case = tx.get(Case, grant.case)
        rows = tx.find(HandedRow, originator=case.originator) if case is not None else []
        by_number = {row.number: row for row in rows}
        heard = [(by_number[n], status, text) for n, status, text in answers if n in by_number]
        for row, status, text in heard:
            if status is RowStatus.OPTED_IN and not text.strip():
                raise RefusedByLaw("A recorded opt-in says when and where it was given.", ("opt-in",))
            said = desk.vault.seal(key, text[:MOST_SAID].encode("utf-8", "replace"), b"row")
            tx.put(replace(row, status=status, said=said, said_at=now))
            what = f"said of row {row.number}: {status.value}"
            tell(tx, grant.case, now, who=WHO, what=what, why=f"handed in entry {row.entry}")
        look_by(tx, grant.case, now)
        return len(heard)

    return await desk.store.write(work)


def _digest(data: str | bytes) -> Digest:
    return Digest(sha256(data.encode() if isinstance(data, str) else data).digest())
