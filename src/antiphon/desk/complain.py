"""Telling who can act on a mail: from what a case rests on to one complaint, or to every reason against it (LAW §6).

Nobody is asked about a contact, not even DNS, until all that this node knows by itself allows a complaint.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from antiphon.complaint.contact import Candidate, best
from antiphon.complaint.pacing import QUIET, worth_it
from antiphon.complaint.routing import TOLD_BY_MAIL, Tier
from antiphon.desk.attempt import attempt, opens_at
from antiphon.desk.contact import look_up, look_up_authority
from antiphon.desk.desk import Desk
from antiphon.desk.dossier import print_complaint
from antiphon.desk.ground import Ground, ground_of, may_be_due
from antiphon.desk.history import look_by
from antiphon.desk.locate import locate
from antiphon.desk.question import Destination, Telling, Wish, foreseen
from antiphon.desk.told import decline, put_off
from antiphon.errors import AlreadyTaken, RefusedByLaw
from antiphon.ledger.allowance import MAIL_OVERHEAD, Act
from antiphon.ledger.entry import ChannelKind
from antiphon.optout.case import Case
from antiphon.optout.destination import prefix_of
from antiphon.ports import Questions, Transaction
from antiphon.terms import DAY, MINUTE, Identifier, Instant

LOOK_AGAIN = 7 * DAY
"""How long a network without a usable contact is left alone."""
WAIT_AGAIN = 10 * MINUTE
"""How long we wait after DNS gave no answer."""
NOBODY = {
    **dict.fromkeys(
        Tier, "No contact of that network has two sources that tie it to the holder, and nothing against it."
    ),
    Tier.REGISTRAR: "No abuse contact of the domain's registrar is named by its registry and by itself.",
    Tier.AUTHORITY: "The authority's address takes no mail, or it asked for no more.",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A complaint as it would leave. `message` is empty where there is nobody to tell, or nothing."""

    ground: Ground
    candidates: tuple[Candidate, ...]
    message: bytes
    why_not: tuple[str, ...]


async def draft(desk: Desk, name: Identifier) -> Draft:
    """The complaint that this case would bring about now. Looks contacts up, because a person asked. Raises
    RefusedByLaw for a case that is not there."""
    ground = await desk.store.read(lambda tx: _ground(tx, desk, name))
    why_not = [ground.route.sentence] if ground.route.tier not in TOLD_BY_MAIL else []
    if not ground.incidents:
        why_not.append("No mail of it was handed over by a known public address to a member who agreed to complaints.")
        return Draft(ground, (), b"", tuple(why_not))
    candidates = await _candidates(desk, ground)
    chosen = best(candidates)
    if chosen is None:
        why_not.append(NOBODY[ground.route.tier])
        return Draft(ground, candidates, b"", tuple(why_not))
    if _quiet_until(ground, desk.clock.now()) is not None:
        why_not.append("So few more incidents are no number at which a report leaves (RFC 6650 §7.5).")
    message = print_complaint(desk, ground, str(chosen.address), desk.chance.draw(10).hex())
    return Draft(ground, candidates, message, tuple(why_not))


def _ground(tx: Transaction, desk: Desk, name: Identifier) -> Ground:
    case = tx.get(Case, name)
    if case is None:
        raise RefusedByLaw("This case is not there.", ("known",), advice="`antiphon cases` lists them.")
    return ground_of(tx, desk, case)


def _quiet_until(ground: Ground, now: Instant) -> Instant | None:
    """When these incidents are worth a report if no more come; None where they are (RFC 6650 §7.5)."""
    matter = ground.matter
    if matter is None or matter.last_at is None:
        return None
    received = [incident.sighting.received_at for incident in ground.incidents]
    return None if worth_it(matter.told, matter.last_at, received, now) else Instant(matter.last_at + QUIET)


async def complain(desk: Desk, name: Identifier) -> None:
    """Tells the one contact that the routing table names, if that is lawful now; else notes when this is looked at
    again."""
    due, later = await desk.store.read(lambda tx: may_be_due(tx, desk, name))
    if due:
        # Not lawful now, or another worker was first: nothing was spent.
        with suppress(RefusedByLaw, AlreadyTaken):
            _, later = await tell(desk, name)
    # What is past brings nothing new by itself: a look at once would be followed by another for ever.
    if later is not None and later > desk.clock.now():
        await desk.store.write(partial(_look_by, name, later))


async def tell(desk: Desk, name: Identifier) -> tuple[int | None, Instant | None]:
    """Tells whom the routing table names about this case: the intent that left, or when to come back, or neither where
    there is nothing to tell. Raises RefusedByLaw where more than time stands against it."""
    ground = await desk.store.read(lambda tx: _ground(tx, desk, name))
    return await _pursue(desk, ground) if ground.incidents else (None, None)


def _look_by(name: Identifier, at: Instant, tx: Transaction) -> None:
    look_by(tx, name, at)


async def _pursue(desk: Desk, ground: Ground) -> tuple[int | None, Instant | None]:
    """The intent that left, or when to come back. Raises RefusedByLaw where more than time stands against it."""
    if ground.matter is not None and ground.matter.next_at > desk.clock.now():
        return None, ground.matter.next_at
    wish = _wish(ground, _telling(ground), foreseen(ChannelKind.MAIL, "", 0, usable=True))
    opens = await opens_at(desk, wish) or _quiet_until(ground, desk.clock.now())
    if opens is not None:
        return None, opens
    chosen, why = await _contact(desk, ground)
    if chosen is None:
        return None, await _put_off(desk, ground, why)
    contact, token = str(chosen.address), desk.chance.draw(10).hex()
    telling = _telling(ground, contact, token=token, message=print_complaint(desk, ground, contact, token))
    message = telling.message
    seen = foreseen(ChannelKind.MAIL, chosen.address.domain, len(message) + MAIL_OVERHEAD, target=contact, usable=True)
    opens = await opens_at(desk, _wish(ground, telling, seen))
    if opens is not None:
        return None, opens
    to, stop = await locate(desk, ground.case, seen, anywhere=True)
    if stop.stopped:
        why = f"{to.host} publishes a stop"
        await desk.store.write(lambda tx: decline(tx, f"@{to.host}", why, desk.clock.now()))
        return None, await _put_off(desk, ground, why)
    if not stop.absent:
        return None, Instant(desk.clock.now() + WAIT_AGAIN)
    if to.prefix == prefix_of(ground.address):
        return None, await _put_off(desk, ground, f"{contact} takes its mail where this mail came from")
    wish = _wish(ground, telling, replace(to, token=token))
    opens = await opens_at(desk, wish)
    return (None, opens) if opens is not None else (await attempt(desk, wish, message), None)


def _telling(ground: Ground, contact: str = "", *, token: str = "", message: bytes = b"") -> Telling:
    return Telling(contact, prefix_of(ground.address), ground.rung.object, ground.route.number, token, message)


def _wish(ground: Ground, telling: Telling, to: Destination) -> Wish:
    incidents = ground.incidents
    members = tuple(sorted({incident.sighting.member for incident in incidents}))
    reports = tuple(incident.sighting.report for incident in incidents)
    return Wish(Act.COMPLAINT, ground.case.case, to, reports, members=members, telling=telling)


async def _contact(desk: Desk, ground: Ground) -> tuple[Candidate | None, str]:
    """Whom to tell, or why nobody is told."""
    if not await _is_live(desk, ground):
        return None, "The originator's domain has gone from DNS."
    chosen = best(await _candidates(desk, ground))
    return chosen, "" if chosen is not None else NOBODY[ground.route.tier]


async def _candidates(desk: Desk, ground: Ground) -> tuple[Candidate, ...]:
    """Everybody who may answer for what this is about, each with what speaks against it."""
    authority = ground.rung.authority
    if authority is not None:
        return await look_up_authority(desk, authority, about=ground.about)
    subject = ground.case.domain if ground.route.tier is Tier.REGISTRAR else ground.address
    return (await look_up(desk, subject, about=ground.about))[1]


async def _is_live(desk: Desk, ground: Ground) -> bool:
    """Whether what a complaint would be about is still there, by DNS alone (LAW §6). Unknown is yes: it was seen."""
    questions = Questions()
    answers = [await desk.resolver.ask(ground.case.domain, kind, questions) for kind in ("MX", "A", "TXT")]
    return any(answer.status != "absent" for answer in answers)


async def _put_off(desk: Desk, ground: Ground, why: str) -> Instant:
    until = Instant(desk.clock.now() + LOOK_AGAIN)
    await desk.store.write(lambda tx: put_off(tx, ground.case.case, ground.rung.object, until=until, why=why))
    return until
