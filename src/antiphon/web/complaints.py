"""Complaints over the control socket: those that left and what came back, drafts, and contacts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from antiphon.complaint.contact import RULES, best, failed
from antiphon.complaint.known import Complaint, ContactState, Heard, KnownContact, Matter
from antiphon.desk.arrival import node_key
from antiphon.desk.complain import draft, tell
from antiphon.desk.contact import look_up
from antiphon.desk.desk import Desk
from antiphon.desk.told import decline, reopen
from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.formats.domain import parse_address, parse_domain
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import Case
from antiphon.ports import Transaction
from antiphon.terms import Identifier, Instant, show_instant

VERBS = ("contact-lookup", "complaint-draft")
"""They ask DNS and registries and change nothing, so they do not hold the node's turn."""
SENTENCES = {rule.name: rule.sentence for rule in RULES}
View = dict[str, object]
Verb = Callable[[dict[str, object]], Awaitable[object]]


def verbs(desk: Desk) -> dict[str, Verb]:
    """The verbs by name."""
    return {
        "contact-lookup": lambda q: lookup(desk, q),
        "complaint-draft": lambda q: drafted(desk, q),
        "complaints": lambda q: desk.store.read(complaints),
        "complaint": lambda q: one(desk, q),
        "complain": lambda q: now(desk, q),
        "contacts": lambda q: desk.store.read(contacts),
        "contact-bar": lambda q: bar(desk, q, allow=False),
        "contact-allow": lambda q: bar(desk, q, allow=True),
    }


def _when(at: Instant | None) -> str | None:
    return show_instant(at) if at is not None else None


def complaints(tx: Transaction) -> list[View]:
    """Every complaint that left, the newest first."""
    return [_line(tx, told) for told in tx.find(Complaint, order="-intent")]


def _line(tx: Transaction, told: Complaint) -> View:
    case, attempt = tx.get(Case, told.case), tx.get(Attempt, told.intent)
    return {
        "complaint": told.intent,
        "at": show_instant(told.at),
        "contact": told.contact,
        "originator": case.originator if case is not None else None,
        "case": told.case.hex(),
        "object": told.object,
        "rule": told.rule,
        "incidents": told.incidents,
        "outcome": attempt.outcome.value if attempt is not None else "",
        "answers": tx.count(Heard, intent=told.intent),
    }


async def one(desk: Desk, q: Mapping[str, object]) -> object:
    """One complaint: its bytes, what became of it, and what came back."""
    key = await node_key(desk)

    def view(tx: Transaction) -> View:
        told = tx.get(Complaint, _number(q, "complaint"))
        if told is None:
            raise MalformedInput("There is no such complaint.", advice="`antiphon complaints` lists them.")
        attempt = tx.get(Attempt, told.intent)
        heard = tx.find(Heard, intent=told.intent, order="number")
        return {
            **_line(tx, told),
            "status": attempt.status if attempt is not None else "",
            "settled": attempt.settled if attempt is not None else None,
            "heard": [
                {
                    "at": show_instant(each.at),
                    "kind": each.kind,
                    "text": desk.vault.open(key, each.sealed, b"heard").decode("utf-8", "replace"),
                }
                for each in heard
            ],
            "message": told.message.decode("ascii"),
        }

    return await desk.store.read(view)


async def now(desk: Desk, q: Mapping[str, object]) -> object:
    """Sends the complaint about one case, if that is lawful now. Raises RefusedByLaw with what speaks against it."""
    case = Identifier(bytes.fromhex(str(q.get("case", ""))))
    intent, later = await tell(desk, case)
    if intent is None:
        raise RefusedByLaw(await desk.store.read(lambda tx: _why_not(tx, case, later)), ("not-now",))
    return await desk.store.read(lambda tx: _line(tx, tx.find(Complaint, intent=intent)[0]))


def _why_not(tx: Transaction, case: Identifier, later: Instant | None) -> str:
    reasons = [matter.why for matter in tx.find(Matter, case=case) if matter.why]
    reasons += [f"It is looked at again at {show_instant(later)}."] if later is not None else []
    return " ".join(reasons or ["Nothing of it may be told now: `antiphon complain CASE --dry-run` says why."])


def contacts(tx: Transaction) -> list[View]:
    """Everybody who was written to, or is not to be; those that are not, first."""
    found = sorted(tx.find(KnownContact), key=lambda c: (c.state is ContactState.OPEN, c.contact))
    return [
        {
            "contact": each.contact,
            "state": each.state.value,
            "first_at": _when(each.first_at),
            "last_at": _when(each.last_at),
            "failures": each.failures,
            "why": each.why,
        }
        for each in found
    ]


async def bar(desk: Desk, q: Mapping[str, object], *, allow: bool) -> object:
    """A person says that an address, or a domain with all below it, gets no complaints; or may get them again."""
    said, why = str(q.get("contact", "")).strip(), str(q.get("why", "")).strip()
    address = parse_address(said)
    contact = address.folded if address is not None else f"@{parse_domain(said.removeprefix('@'))}"
    if not why:
        raise MalformedInput("This needs a reason, for whoever comes later.", advice="Give --why TEXT.")
    change = reopen if allow else decline
    await desk.store.write(lambda tx: change(tx, contact, why, desk.clock.now()))
    return {"contact": contact, "state": (ContactState.OPEN if allow else ContactState.DECLINED).value}


async def lookup(desk: Desk, q: Mapping[str, object]) -> object:
    """One address or domain. Asks registries and DNS, because a person asked."""
    subject = q.get("subject")
    if not isinstance(subject, str) or not subject.strip():
        raise MalformedInput("Nothing to look up.", advice="Name an IP address or a domain.")
    found, candidates = await look_up(desk, subject.strip())
    chosen = best(candidates)
    return {
        "subject": found.subject,
        "scope": found.scope.value,
        "holder": found.holder,
        "names": list(found.names),
        "contact": str(chosen.address) if chosen is not None else None,
        "candidates": [
            {
                "address": str(each.address),
                "scope": each.scope.value,
                "sources": [source.value for source in each.sources],
                "tied_by": sorted(each.ties),
                "rules": list(failed(each)),
                "why_not": [SENTENCES[name] for name in failed(each)],
            }
            for each in candidates
        ],
    }


async def drafted(desk: Desk, q: Mapping[str, object]) -> object:
    """What would leave about one case, and to whom."""
    case = Identifier(bytes.fromhex(str(q.get("case", ""))))
    found = await draft(desk, case)
    chosen = best(found.candidates)
    return {
        "case": case.hex(),
        "originator": found.ground.case.originator,
        "state": found.ground.case.state.value,
        "route": {"rule": found.ground.route.number, "tier": found.ground.route.tier.value},
        "incidents": len(found.ground.incidents),
        "contact": str(chosen.address) if chosen is not None else None,
        "candidates": [{"address": str(c.address), "rules": list(failed(c))} for c in found.candidates],
        "why_not": list(found.why_not),
        "message": found.message.decode("ascii"),
    }


def _number(q: Mapping[str, object], name: str) -> int:
    value = q.get(name)
    if not isinstance(value, int):
        raise MalformedInput(f"This verb needs {name!r} as a number.")
    return value
