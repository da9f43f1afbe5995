"""What a person judges of an originator: it must never learn anything from us (LAW §4), or its mail does harm (LAW §6).

Shaped like vouching: a person signs what to do, and why, with a key that lies outside the home. Nothing of it stands in
the ledger: a blocklist leaves things undone, and of harm the complaint tells, by the row of the routing table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from antiphon.complaint.known import Finding, Harm
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, tell
from antiphon.errors import RefusedByLaw
from antiphon.formats.domain import organisational_domain, parse_domain
from antiphon.formats.note import verify
from antiphon.optout.approval import OperatorKey
from antiphon.optout.case import Case
from antiphon.optout.known import Blocked
from antiphon.ports import Transaction
from antiphon.terms import Instant, LedgerDay, ledger_day


class Deed(StrEnum):
    """What is judged. `HARMLESS` takes a finding back."""

    BLOCK = "block"
    UNBLOCK = "unblock"
    PHISHING = "phishing"
    MALWARE = "malware"
    HARMLESS = "harmless"


HARMS = {Deed.PHISHING: Harm.PHISHING, Deed.MALWARE: Harm.MALWARE}
PAST = {Deed.BLOCK: "blocked", Deed.UNBLOCK: "unblocked", Deed.HARMLESS: "found harmless"}
MOST_TOLD = 200
"""Characters of a finding: it stands in what registrars and authorities are told."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What waits for a signature."""

    day: LedgerDay
    originator: str
    deed: Deed
    why: str
    by: int

    @property
    def sign(self) -> bytes:
        """The exact bytes to sign with Ed25519."""
        return f"antiphon/judge/1\n{self.day}\n{self.deed}\n{self.originator}\n{self.why}\n".encode()


def originator_named(word: str) -> str:
    """An originator as cases name it: a provider's customer as it stands, else the organisational domain. Raises
    MalformedInput."""
    return word if "/" in word else organisational_domain(parse_domain(word))


def blocked(tx: Transaction, originator: str) -> Blocked | None:
    """Why an originator is on the blocklist: itself, or the domain whose customer it is."""
    return tx.get(Blocked, originator) or tx.get(Blocked, originator.partition("/")[0])


async def prepare_judgement(desk: Desk, originator: str, deed: Deed, why: str, *, by: int) -> Judgement:
    """One originator, known or not yet; `by` is the ledger entry of the person's key. Raises RefusedByLaw without a
    reason, where there is nothing to take back, or for a finding that nobody could act on; MalformedInput."""
    name, why = originator_named(originator), why.strip()
    if not why:
        raise RefusedByLaw("No reason was given.", ("reason",), advice="Give --why TEXT.")
    if deed in HARMS:
        _may_be_told(name, why)
    await desk.store.read(lambda tx: _stands(tx, name, deed))
    return Judgement(ledger_day(desk.clock.now()), name, deed, why, by)


def _may_be_told(name: str, why: str) -> None:
    if "/" in name:
        raise RefusedByLaw(
            f"{name} mails by a provider's domain: its registrar could only act against all of that provider's.",
            ("own-domain",),
            advice="Its provider is its host, which complaints go to.",
        )
    if len(why) > MOST_TOLD or not why.isprintable() or "@" in why:
        raise RefusedByLaw(
            "What you found is told to strangers, so it is one line without mail addresses.",
            ("tellable",),
            advice=f"At most {MOST_TOLD} characters: what the mail pretends to be, and what it wants.",
        )


def _stands(tx: Transaction, name: str, deed: Deed) -> None:
    """Raises RefusedByLaw where the deed has nothing to rest on."""
    if deed is Deed.UNBLOCK and tx.get(Blocked, name) is None:
        raise RefusedByLaw(f"{name} is not on the blocklist.", ("known",))
    if deed is Deed.HARMLESS and tx.get(Finding, name) is None:
        raise RefusedByLaw(f"Nobody found any harm in {name}.", ("known",))
    # A case opens for mail that its domain signed itself, so that its registrar knows whose it is.
    if deed in HARMS and not tx.find(Case, originator=name):
        raise RefusedByLaw(f"No mail here was signed by {name}: who uses its name may be another.", ("verified",))


async def submit_judgement(desk: Desk, prepared: Judgement, signature: bytes) -> str:
    """Done at once; returns the name of the person. Raises RefusedByLaw."""

    def work(tx: Transaction) -> str:
        now, key = desk.clock.now(), tx.get(OperatorKey, prepared.by)
        if key is None or key.revoked or not verify(key.key, signature, prepared.sign):
            raise RefusedByLaw("No operator whose key stands signed this.", ("approval-signed",))
        if prepared.day != ledger_day(now):
            raise RefusedByLaw("This was prepared on another ledger day.", ("of-today",), advice="Prepare it again.")
        _note(tx, prepared, key.name, now)
        what = PAST.get(prepared.deed, f"found {prepared.deed}")
        for case in _cases(tx, prepared.originator):
            tell(tx, case.case, now, who=key.name, what=what, why=prepared.why)
            look_by(tx, case.case, now)
        return key.name

    return await desk.store.write(work)


def _note(tx: Transaction, judged: Judgement, who: str, now: Instant) -> None:
    match judged.deed:
        case Deed.BLOCK:
            tx.put(Blocked(judged.originator, now, who, judged.why))
        case Deed.UNBLOCK:
            tx.drop(Blocked, judged.originator)
        case Deed.HARMLESS:
            tx.drop(Finding, judged.originator)
        case deed:
            tx.put(Finding(judged.originator, HARMS[deed], now, who, judged.why))


def _cases(tx: Transaction, name: str) -> list[Case]:
    """Its own, and those of its customers."""
    found = (*tx.find(Case, originator=name), *tx.find(Case, domain=name))
    return list({case.case: case for case in found}.values())
