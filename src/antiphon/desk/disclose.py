"""Openings: what spent leaves commit to, for whom it concerns (LAW §9; docs/formats/openings.md); two people unlock
them (LAW §7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from antiphon.campaign.report import Delivery, EvidenceClass, Report
from antiphon.campaign.sighting import Sighting
from antiphon.desk.coin import asked_of
from antiphon.desk.desk import Desk
from antiphon.desk.history import tell
from antiphon.errors import RefusedByLaw
from antiphon.formats.note import verify
from antiphon.ledger.allowance import Act
from antiphon.ledger.kept import KeptOpening
from antiphon.ledger.opening import (
    CaseOpening,
    Erased,
    Opening,
    SignatureOpening,
    SpendOpening,
    parse_openings,
    print_openings,
)
from antiphon.ledger.tree import small_proof
from antiphon.optout.approval import OperatorKey
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import Case
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Digest, Identifier, LedgerDay, ledger_day

PEOPLE = 2


@dataclass(frozen=True, slots=True)
class Unlocking:
    """Openings that wait for signatures: `sign` is what each of `by` (indices of OperatorKey entries) signs, once."""

    community: Identifier
    day: LedgerDay
    nonce: bytes
    by: tuple[int, ...]

    @property
    def sign(self) -> bytes:
        """The exact bytes to sign with Ed25519."""
        return b"antiphon/openings/1" + self.community + self.day.to_bytes(4) + self.nonce


def prepare_openings(desk: Desk, by: tuple[int, ...]) -> Unlocking:
    """What these operators sign today, to see all openings."""
    return Unlocking(desk.house.community, ledger_day(desk.clock.now()), desk.chance.draw(16), by)


async def unlock(desk: Desk, asked: Unlocking, signatures: Mapping[int, bytes]) -> bytes:
    """Every spend that this home can open, as one file; erased members' leaves are named as erased. Where nothing is
    spent there is nothing to unlock. The cases' histories keep who did it. Raises RefusedByLaw for fewer than two
    operators whose keys count."""

    def work(tx: Transaction) -> bytes:
        found = openings(tx, desk)
        if found:
            who = ", ".join(_people(tx, asked, signatures, ledger_day(desk.clock.now())))
            tags = {opening.case for opening in found if isinstance(opening, CaseOpening)}
            for case in tx.find(Case):
                if case.tag in tags:
                    tell(tx, case.case, desk.clock.now(), who=who, what="openings unlocked")
        return print_openings(found)

    return await desk.store.write(work)


def _people(tx: Transaction, asked: Unlocking, signatures: Mapping[int, bytes], today: LedgerDay) -> list[str]:
    keys = [key for index in set(asked.by) if (key := tx.get(OperatorKey, index)) is not None and key.counts(today)]
    names = {key.name for key in keys if verify(key.key, signatures.get(key.entry, b""), asked.sign)}
    if asked.day != today or len(names) < PEOPLE:
        raise RefusedByLaw(
            f"Openings are unlocked by {PEOPLE} operators whose keys count; {len(names)} of them signed today.",
            ("two-people",),
            advice="Sign with both keys: `--key FILE --key FILE`. A key counts seven ledger days after its entry.",
        )
    return sorted(names)


def openings(tx: Transaction, desk: Desk) -> list[Opening]:
    """Of every spend, and of the cases that they stand in."""
    found: list[Opening] = []
    cases = {case.case: case for case in tx.find(Case)}
    used: set[bytes] = set()
    for attempt in tx.find(Attempt, order="intent"):
        network = attempt.act == Act.COMPLAINT
        spent = tx.find(Sighting, complained=attempt.intent) if network else tx.find(Sighting, paid=attempt.intent)
        for sighting in spent:
            found.append(opening_of(tx, desk, attempt, sighting))
            used.add(attempt.case)
    opened = sorted((cases[name] for name in cases if name in used), key=lambda case: case.tag)
    spends = sorted((o for o in found if isinstance(o, SpendOpening)), key=lambda o: (o.intent, o.leaf))
    erased = sorted((o for o in found if isinstance(o, Erased)), key=lambda o: (o.intent, o.leaf))
    return [
        *(CaseOpening(case=c.tag, case_salt=c.salt, originator=c.originator, epoch=c.epoch) for c in opened),
        *spends,
        *erased,
    ]


def opening_of(tx: Transaction, desk: Desk, attempt: Attempt, sighting: Sighting) -> Opening:
    """What a spent leaf commits to, from its evidence or, once that has faded, as it was kept."""
    mandate, report = tx.get(Mandate, sighting.member), tx.get(Report, sighting.report)
    index, kept = sighting.index or 0, tx.get(KeptOpening, sighting.report)
    if kept is not None and mandate is not None and mandate.data_key is not None:
        sealed = desk.vault.open(mandate.data_key, kept.sealed, b"opening" + sighting.report)
        mine = [o for o in parse_openings(sealed) if isinstance(o, SpendOpening) and o.intent == attempt.intent]
        return mine[0] if mine else Erased(intent=attempt.intent, leaf=index)
    if mandate is None or mandate.data_key is None or report is None or not sighting.salts:
        return Erased(intent=attempt.intent, leaf=index)
    evidence = parse_evidence(report.evidence)
    salts = desk.vault.open(mandate.data_key, sighting.salts, sighting.report)
    request = attempt.act in (Act.REQUEST, Act.CLICKED_REQUEST)
    started = asked_of(tx, sighting.member, sighting.originator).started if request else None
    return SpendOpening(
        intent=attempt.intent,
        leaf=index,
        salt2=salts[32:],
        size=sighting.size,
        hosts=tuple(evidence.hosts),
        signatures=_signatures(evidence),
        host=attempt.host,
        organisation=attempt.organisation,
        prefix=attempt.prefix,
        started=started,
        **_delivery(tx, desk, mandate.data_key, report),  # type: ignore[arg-type]  # all five together or none
    )


def _signatures(evidence: Evidence) -> tuple[SignatureOpening, ...]:
    ordered = sorted(evidence.proofs, key=lambda proof: sha256(proof.value).digest())
    return tuple(
        SignatureOpening(
            domain=proof.domain,
            selector=proof.selector,
            algorithm=proof.algorithm,
            key_record=proof.key_record.encode("latin-1", "replace"),
            value=proof.value,
            header_hash=Digest(proof.data_hash),
        )
        for proof in ordered
    )


def _delivery(tx: Transaction, desk: Desk, wrapped: bytes, report: Report) -> dict[str, object]:
    row = tx.get(Delivery, report.member, report.identity)
    if report.evidence_class is not EvidenceClass.COMMITTED or row is None or row.committed is None or not row.salt:
        return {}
    leaves = {d.position: d.leaf for d in tx.find(Delivery, hour=row.hour, order="position")}
    data = list(leaves.values())
    path = small_proof(data, list(leaves).index(row.position))
    return {
        "delivery_entry": row.committed,
        "delivery_salt": desk.vault.open(wrapped, row.salt, row.delivery),
        "position": list(leaves).index(row.position),
        "tree_size": len(data),
        "path": path,
    }
