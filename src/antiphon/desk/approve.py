"""What people decide, signed with keys that lie outside the home: operators, vouching, approvals, address pairs.

Each decision has two steps: prepare gives the exact bytes to sign, submit takes the signatures, checks everything that
the auditor will check, and appends. What was prepared on an earlier ledger day has to be prepared again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from antiphon.campaign.sighting import Sighting
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, tell
from antiphon.errors import RefusedByLaw
from antiphon.formats.note import verify
from antiphon.ledger import entry as ledger
from antiphon.ledger.commitment import hide
from antiphon.ledger.entry import Approved, KeySignature, KeyStatus, Vouched, signed_part
from antiphon.optout.approval import LIMIT_FOR_ONE, LONGEST_DAYS, Approval, Draft, OperatorKey, Scope, room_for
from antiphon.optout.case import NOTICE_TRIES, Case, State
from antiphon.optout.known import KnownOriginator
from antiphon.ports import Transaction
from antiphon.terms import Identifier, LedgerDay, ledger_day

ALL_KINDS = 7


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decision that waits for signatures: `sign` is what each of `by` (indices of OperatorKey entries) signs."""

    entry: ledger.OperatorKey | Vouched | Approved
    by: tuple[int, ...]
    case: Identifier | None = None
    name: str = ""
    text: str = ""

    @property
    def sign(self) -> bytes:
        """The exact bytes to sign with Ed25519."""
        return signed_part(self.entry)


def _refuse(sentence: str, *rules: str, advice: str = "") -> RefusedByLaw:
    return RefusedByLaw(sentence, rules, advice=advice)


def _signed_by(tx: Transaction, prepared: Prepared, signatures: dict[int, bytes]) -> tuple[OperatorKey, ...]:
    """The keys that signed. Raises RefusedByLaw unless all of `by` did, with keys that stand."""
    keys = []
    for index in prepared.by:
        key = tx.get(OperatorKey, index)
        if key is None or key.revoked:
            raise _refuse(f"Operator key {index} is not known, or revoked.", "approval-signed")
        if not verify(key.key, signatures.get(index, b""), prepared.sign):
            raise _refuse(f"The signature of operator {key.name} does not verify.", "approval-signed")
        keys.append(key)
    return tuple(keys)


def _of_today(desk: Desk, day: LedgerDay) -> None:
    if day != ledger_day(desk.clock.now()):
        raise _refuse("This was prepared on another ledger day.", "of-today", advice="Prepare it again.")


async def prepare_operator(desk: Desk, name: str, key: bytes, *, by: int | None, revoke: bool = False) -> Prepared:
    """Adding or revoking a key; `by` None is a key that signs for itself (the first one)."""
    day = ledger_day(desk.clock.now())
    status = KeyStatus.REVOKED if revoke else KeyStatus.ADDED
    entry = ledger.OperatorKey(day=day, key=key, status=status, by=by, signature=bytes(64))
    return Prepared(entry, () if by is None else (by,), name=name)


async def submit_operator(desk: Desk, prepared: Prepared, signatures: dict[int, bytes], own: bytes = b"") -> int:
    """Appends the key; it counts seven ledger days later. Raises RefusedByLaw."""
    entry = prepared.entry
    if not isinstance(entry, ledger.OperatorKey):
        raise _refuse("This is no operator key.", "approval-signed")
    _of_today(desk, entry.day)

    def work(tx: Transaction) -> int:
        known = tx.find(OperatorKey)
        if entry.status is KeyStatus.ADDED and any(k.name == prepared.name and not k.revoked for k in known):
            raise _refuse(
                f"{prepared.name} has a key that stands.", "one-key",
                advice="Two signatures are those of two people: revoke the old key first.",
            )  # fmt: skip
        if entry.by is None:
            if known or not verify(entry.key, own, prepared.sign):
                raise _refuse("Only the first operator key signs for itself.", "approval-signed")
            signature = own
        else:
            _signed_by(tx, prepared, signatures)
            signature = signatures[entry.by]
        index = desk.log.append(tx, replace(entry, signature=signature), desk.clock.now())
        if entry.status is KeyStatus.REVOKED:
            for key in known:
                if key.key == entry.key:
                    tx.put(replace(key, revoked=True))
        else:
            tx.add(OperatorKey(index, prepared.name, entry.key, entry.day, False))
        return index

    return await desk.store.write(work)


async def prepare_vouching(desk: Desk, originator: str, why: str, *, by: int) -> Prepared:
    """A person stands in for the age of an originator, by name, with a recorded reason. Raises RefusedByLaw."""
    day = ledger_day(desk.clock.now())
    cases = await desk.store.read(lambda tx: tx.find(Case, originator=originator, order="-epoch", limit=1))
    if not cases or not why.strip():
        raise _refuse(f"No case of {originator}, or no reason given.", "vouched", advice="Give --why TEXT.")
    entry = Vouched(day=day, case=cases[0].tag, reason=hide(cases[0].salt, why), by=by, signature=bytes(64))
    return Prepared(entry, (by,), case=cases[0].case, name=originator, text=why)


async def submit_vouching(desk: Desk, prepared: Prepared, signatures: dict[int, bytes]) -> int:
    """Appends the vouching; it needs no key age (LAW §5)."""
    entry = prepared.entry
    if not isinstance(entry, Vouched) or prepared.case is None:
        raise _refuse("This is no vouching.", "vouched")
    _of_today(desk, entry.day)
    case = prepared.case

    def work(tx: Transaction) -> int:
        now = desk.clock.now()
        (key,) = _signed_by(tx, prepared, signatures)
        index = desk.log.append(tx, replace(entry, signature=signatures[entry.by]), now)
        known = tx.get(KnownOriginator, prepared.name)
        if known is not None:
            tx.put(replace(known, vouched=index, vouched_why=prepared.text))
        tell(tx, case, now, who=key.name, what="vouched", why=prepared.text)
        look_by(tx, case, now)
        return index

    return await desk.store.write(work)


async def prepare_approval(
    desk: Desk, case: Identifier, scope: Scope, *, by: tuple[int, ...], limit: int = 0, days: int = 0, kinds: int = 0
) -> Prepared:
    """The bytes of a notice, or a standing approval of at most `limit` requests for `days`. Raises RefusedByLaw."""
    day = ledger_day(desk.clock.now())
    by = tuple(sorted(set(by)))

    def work(tx: Transaction) -> tuple[Approved, str]:
        kept, draft = tx.get(Case, case), tx.get(Draft, case)
        if kept is None:
            raise _refuse("There is no such case.", "known")
        if scope is Scope.NOTICE:
            if draft is None or kept.state is not State.PROPOSED:
                raise _refuse("No notice waits for approval in this case.", "approval-scope")
            return Approved(day=day, case=kept.tag, scope=ledger.Scope.NOTICE, message=draft.digest), ""
        hosts = sorted(approvable_hosts(tx, kept))
        if not hosts:
            raise _refuse("This case has no host to approve yet.", "approval-host")
        entry = Approved(
            day=day,
            case=kept.tag,
            scope=ledger.Scope.STANDING,
            hosts=tuple(sorted(hide(kept.salt, host) for host in hosts)),
            kinds=kinds or ALL_KINDS,
            limit=limit,
            expiry=LedgerDay(day + days),
        )
        _within_limits(tx, entry, case, by)
        return entry, ",".join(hosts)

    entry, hosts = await desk.store.read(work)
    return Prepared(entry, by, case=case, text=hosts)


def approvable_hosts(tx: Transaction, case: Case) -> set[str]:
    """The hosts that this case's own mail names in List-Unsubscribe."""
    return {host for s in tx.find(Sighting, case=case.case) for host in s.hosts.split(",") if host}


def _within_limits(tx: Transaction, entry: Approved, case: Identifier, by: tuple[int, ...]) -> None:
    """The rules `approval-*` of the format page, before anything is signed."""
    limit, expiry = entry.limit or 0, entry.expiry or entry.day
    if not 1 <= limit <= 1000 or not 0 <= expiry - entry.day <= LONGEST_DAYS:
        raise _refuse("An approval is for 1 to 1000 requests and at most 30 days.", "approval-expiry")
    earlier = tuple(tx.find(Approval, case=case, scope=Scope.STANDING))
    if any(a.live(entry.day) for a in earlier):
        raise _refuse("A standing approval of this case is still live.", "approval-one-live")
    if len(by) < 2 and (not by or limit > room_for(by[0], entry.day, earlier)):
        raise _refuse(
            f"One person may approve {LIMIT_FOR_ONE} requests a case in 30 days.",
            "approval-sum",
            advice="Two people sign together for more.",
        )


async def submit_approval(desk: Desk, prepared: Prepared, signatures: dict[int, bytes]) -> int:
    """Appends the approval, once every key that signs stood for seven ledger days. Raises RefusedByLaw."""
    entry = prepared.entry
    if not isinstance(entry, Approved) or prepared.case is None:
        raise _refuse("This is no approval.", "approval-scope")
    _of_today(desk, entry.day)
    case = prepared.case

    def work(tx: Transaction) -> int:
        now = desk.clock.now()
        keys = _signed_by(tx, prepared, signatures)
        young = [key.name for key in keys if not key.counts(entry.day)]
        if young:
            raise _refuse(f"The key of {', '.join(young)} is younger than 7 ledger days.", "approval-key-age")
        standing = entry.scope is ledger.Scope.STANDING
        draft = tx.get(Draft, case)
        if standing:
            _within_limits(tx, entry, case, prepared.by)
        elif draft is None or draft.digest != entry.message:
            raise _refuse("The notice has changed since it was read.", "notice-digest", advice="Read it again.")
        signed = tuple(KeySignature(index, signatures[index]) for index in prepared.by)
        index = desk.log.append(tx, replace(entry, signatures=signed), now)
        tx.add(_approval(entry, index, prepared, case))
        if draft is not None and not standing:
            tx.put(replace(draft, approval=index))
        who = " and ".join(key.name for key in keys)
        tell(tx, case, now, who=who, what=f"approved {'requests' if standing else 'the notice'}", why=f"entry {index}")
        look_by(tx, case, now)
        return index

    return await desk.store.write(work)


def _approval(entry: Approved, index: int, prepared: Prepared, case: Identifier) -> Approval:
    standing = entry.scope is ledger.Scope.STANDING
    return Approval(
        entry=index,
        case=case,
        scope=Scope.STANDING if standing else Scope.NOTICE,
        message=entry.message,
        hosts=prepared.text,
        kinds=entry.kinds or 0,
        limit=entry.limit or NOTICE_TRIES,
        used=0,
        day=entry.day,
        expiry_day=entry.expiry or LedgerDay(entry.day + LONGEST_DAYS),
        signers=",".join(str(signer) for signer in prepared.by),
    )
