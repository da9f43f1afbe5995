"""The blocklist: originators that must never learn anything from us, each put there by a person with a reason (LAW §4).

Shaped like vouching: a person signs what to do, and why, with a key that lies outside the home. Nothing of it stands in
the ledger, which tells what was done and not what was left undone.
"""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, tell
from antiphon.errors import RefusedByLaw
from antiphon.formats.domain import organisational_domain, parse_domain
from antiphon.formats.note import verify
from antiphon.optout.approval import OperatorKey
from antiphon.optout.case import Case
from antiphon.optout.known import Blocked
from antiphon.ports import Transaction
from antiphon.terms import LedgerDay, ledger_day


@dataclass(frozen=True, slots=True)
class Blocking:
    """What waits for a signature: an originator is blocked, or, with `lift`, no longer."""

    day: LedgerDay
    originator: str
    why: str
    by: int
    lift: bool

    @property
    def sign(self) -> bytes:
        """The exact bytes to sign with Ed25519."""
        deed = "unblock" if self.lift else "block"
        return f"antiphon/block/1\n{self.day}\n{deed}\n{self.originator}\n{self.why}\n".encode()


def originator_named(word: str) -> str:
    """An originator as cases name it: a provider's customer as it stands, else the organisational domain. Raises
    MalformedInput."""
    return word if "/" in word else organisational_domain(parse_domain(word))


def blocked(tx: Transaction, originator: str) -> Blocked | None:
    """Why an originator is on the blocklist: itself, or the domain whose customer it is."""
    return tx.get(Blocked, originator) or tx.get(Blocked, originator.partition("/")[0])


async def prepare_blocking(desk: Desk, originator: str, why: str, *, by: int, lift: bool) -> Blocking:
    """One originator, known or not yet; `by` is the ledger entry of the person's key. Raises RefusedByLaw without a
    reason, or where there is nothing to lift; MalformedInput."""
    name = originator_named(originator)
    if not why.strip():
        raise RefusedByLaw("No reason was given.", ("reason",), advice="Give --why TEXT.")
    if lift and await desk.store.read(lambda tx: tx.get(Blocked, name)) is None:
        raise RefusedByLaw(f"{name} is not on the blocklist.", ("known",))
    return Blocking(ledger_day(desk.clock.now()), name, why.strip(), by, lift)


async def submit_blocking(desk: Desk, prepared: Blocking, signature: bytes) -> str:
    """Blocks, or lifts it, at once; returns the name of the person. Raises RefusedByLaw."""

    def work(tx: Transaction) -> str:
        now, key = desk.clock.now(), tx.get(OperatorKey, prepared.by)
        if key is None or key.revoked or not verify(key.key, signature, prepared.sign):
            raise RefusedByLaw("No operator whose key stands signed this.", ("approval-signed",))
        if prepared.day != ledger_day(now):
            raise RefusedByLaw("This was prepared on another ledger day.", ("of-today",), advice="Prepare it again.")
        if prepared.lift:
            tx.drop(Blocked, prepared.originator)
        else:
            tx.put(Blocked(prepared.originator, now, key.name, prepared.why))
        for case in _cases(tx, prepared.originator):
            tell(tx, case.case, now, who=key.name, what="unblocked" if prepared.lift else "blocked", why=prepared.why)
            look_by(tx, case.case, now)
        return key.name

    return await desk.store.write(work)


def _cases(tx: Transaction, name: str) -> list[Case]:
    """Its own, and those of its customers."""
    found = (*tx.find(Case, originator=name), *tx.find(Case, domain=name))
    return list({case.case: case for case in found}.values())
