"""Who stands behind a notice: the members that count for it, and those whose rows it may hold (LAW §5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from antiphon.campaign.report import Report
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.coin import asked_of, coin
from antiphon.desk.log import PUBLISHED, number
from antiphon.desk.standing import voice_of
from antiphon.ledger.allowance import FRESH, Act, Armed, Coin, Question, unfit
from antiphon.optout.asking import OWN_TRIES
from antiphon.optout.case import Case
from antiphon.optout.channel import may_open
from antiphon.optout.click import Click, ClickState
from antiphon.optout.evidence import parse_evidence
from antiphon.ports import Transaction
from antiphon.registry.mandate import Consent, Mandate
from antiphon.terms import Identifier, Instant

NAMING = "may-identify"
"""The one rule that a member who only wants to be counted need not pass: it stands behind a notice, in no row of it."""


def bare_question(act: Act, now: Instant, published: int, coins: tuple[Coin, ...]) -> Question:
    """A question about sightings alone; everything else is given as fulfilled."""
    return Question(act, now, Armed.COMMUNITY, True, published, True, False, *(True,) * 12, 0, coins)


def faults(tx: Transaction, act: Act, sighting: Sighting, now: Instant) -> frozenset[str]:
    """The rules by which this sighting can not pay for this act, wherever it goes."""
    asked = bare_question(act, now, number(tx, PUBLISHED), (coin(tx, sighting, now, act),))
    return frozenset(rule.name for rule in unfit(asked))


def unspent(tx: Transaction, case: Case, now: Instant) -> dict[Identifier, list[Sighting]]:
    """The sightings of a case that nobody spent yet and that are fresh, newest first, by member."""
    found = tx.find(
        Sighting,
        case=case.case,
        paid=None,
        state__ne=SightingState.RETRACTED,
        received_at__ge=now - FRESH,
        order="-received_at",
    )
    by_member: dict[Identifier, list[Sighting]] = {}
    for sighting in found:
        by_member.setdefault(sighting.member, []).append(sighting)
    return by_member


@dataclass(frozen=True, slots=True)
class Quorum:
    """What stands behind a notice now. `voices` counts independent members, each with an unspent sighting; `able` are
    the sightings that may pay for it and stand in its rows, newest first."""

    voices: int
    able: tuple[Sighting, ...]


def quorum_of(
    tx: Transaction, case: Case, by_member: dict[Identifier, list[Sighting]], now: Instant, *, briefly: bool = False
) -> Quorum:
    """Members not asked for, with no own opt-out waiting or unsettled. A count is enough to stand behind a notice;
    only a member with *token* can stand in its rows and pay for it. `briefly`: of each member the newest will do."""
    counting: list[Sighting] = []
    able: list[Sighting] = []
    for member, own in by_member.items():
        if own_waits(tx, case, member, own):
            continue
        for sighting in own:
            if sighting.hold_until > now or sighting.index is None:
                continue  # what is held, or in no batch yet, stands behind nothing: nothing else is asked of it
            failed = faults(tx, Act.NOTICE, sighting, now)
            counting += [sighting] if failed <= {NAMING} else []
            able += [sighting] if not failed else []
            if briefly and not failed:
                break
    return Quorum(independent(tx, counting), tuple(able))


def independent(tx: Transaction, sightings: Iterable[Sighting]) -> int:
    """How many members count for a quorum: hosted mailboxes, and strangers' registrable domains proved in time."""
    voices: set[bytes] = set()
    for sighting in sightings:
        mandate = tx.get(Mandate, sighting.member)
        voices |= {voice_of(mandate, sighting.received_at)} if mandate is not None else set()
    return len(voices - {b""})


def own_waits(tx: Transaction, case: Case, member: Identifier, own: Iterable[Sighting]) -> bool:
    """Whether this member's own opt-out is still to come: by a click, or by a standing consent that has a way to go."""
    if tx.count(Click, member=member, state=ClickState.HELD, originator=case.originator):
        return True
    asked, mandate = asked_of(tx, member, case.originator), tx.get(Mandate, member)
    if mandate is None or asked.asked_at is not None or asked.tries >= OWN_TRIES:
        return False
    standing = mandate.allows(Consent.OPTOUT, case.originator)
    reports = [tx.get(Report, sighting.report) for sighting in own if sighting.clicked or standing]
    found = (parse_evidence(report.evidence) for report in reports if report is not None)
    return any(may_open(evidence.offers, evidence.signer) for evidence in found)
