"""Exact pairs of a signer and a parent or sibling host of it, that wait for a person (LAW §4)."""

from __future__ import annotations

from dataclasses import replace

from antiphon.campaign.report import Report
from antiphon.campaign.sighting import Sighting
from antiphon.desk.desk import Desk
from antiphon.desk.history import look_by, tell
from antiphon.errors import RefusedByLaw
from antiphon.optout.case import Case
from antiphon.optout.channel import waits_for_host
from antiphon.optout.destination import HostPair, Pair, PairState
from antiphon.optout.evidence import parse_evidence
from antiphon.ports import Transaction
from antiphon.terms import Identifier


def approved_hosts(tx: Transaction, signer: str) -> frozenset[str]:
    """The hosts that a person approved for exactly this d=."""
    found = tx.find(HostPair, signer=signer, state=PairState.ALLOWED) if signer else []
    return frozenset(pair.host for pair in found)


def note_hosts(tx: Transaction, desk: Desk, case: Case, sightings: tuple[Sighting, ...]) -> None:
    """Puts before a person each pair of d= and host that is all that these sightings lack; asks nobody anything."""
    now = desk.clock.now()
    for sighting in sightings:
        report = tx.get(Report, sighting.report)
        evidence = parse_evidence(report.evidence) if report is not None else None
        for offer in evidence.offers if evidence is not None else ():
            if evidence is None or not waits_for_host(offer, evidence.signer):
                continue
            if tx.get(HostPair, evidence.signer, offer.host) is None:
                tx.add(HostPair(evidence.signer, offer.host, desk.chance.draw(6).hex(), PairState.HELD, case.case,
                                "", "", now))  # fmt: skip
                what = f"{offer.host} for mail that {evidence.signer} signed waits for a person"
                tell(tx, case.case, now, who="node", what=what, why="new")


async def decide(desk: Desk, pair_id: str, *, allow: bool, who: str, why: str) -> str:
    """A person decides on what they were shown: a domain at a network by its PTR and holder, or a host of a signer's
    own organisation. A pair whose certificate failed stays barred. Returns what was decided. Raises RefusedByLaw."""
    state = PairState.ALLOWED if allow else PairState.REFUSED

    def work(tx: Transaction) -> str:
        networks, hosts = tx.find(Pair, pair=pair_id), tx.find(HostPair, pair=pair_id)
        if (not networks and not hosts) or (networks and networks[0].state is PairState.BARRED):
            raise RefusedByLaw(
                "There is no such pair, or its certificate failed and it stays barred.", ("pair-allowed",),
                advice="`antiphon held` lists those that wait.",
            )  # fmt: skip
        now = desk.clock.now()
        if networks:
            tx.put(replace(networks[0], state=state, why=why, changed_at=now))
            return _told(
                tx, desk, networks[0].case, f"{networks[0].host} at {networks[0].prefix}: {state}", by=(who, why)
            )
        tx.put(replace(hosts[0], state=state, who=who, why=why, changed_at=now))
        what = f"{hosts[0].host} for mail that {hosts[0].signer} signed: {state}"
        return _told(tx, desk, hosts[0].case, what, by=(who, why))

    return await desk.store.write(work)


def _told(tx: Transaction, desk: Desk, case: Identifier, what: str, *, by: tuple[str, str]) -> str:
    now = desk.clock.now()
    tell(tx, case, now, who=by[0], what=what, why=by[1])
    look_by(tx, case, now)
    return what
