"""Whether an originator can be asked at all, from what this node remembers of it (LAW §4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

from antiphon.campaign.report import Delivery, Report
from antiphon.desk.desk import Desk
from antiphon.desk.judge import blocked
from antiphon.errors import Unreachable
from antiphon.formats.domain import organisational_domain
from antiphon.optout.case import Case
from antiphon.optout.destination import Pair, prefix_of
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.optout.known import KnownOriginator
from antiphon.optout.originator import SHARED_WITHIN, Signing, Standing, shared_signers, unaccountable
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import DAY, Domain, Instant

YOUNG = 90 * DAY
FAMILY = 3
FAMILY_WITHIN = 30 * DAY
ASK_AGAIN = 7 * DAY
MOST_OF_A_CAMPAIGN = 1_000
"""The newest mails of a campaign that are looked at for a rotation family."""
MOST_SIGNINGS = 1_000
PROVEN_BEFORE = 30 * DAY
"""A stranger's mailbox counts as independent once it was confirmed this long before the sighting."""


def voice_of(mandate: Mandate, received_at: Instant) -> bytes:
    """Under which voice a member counts where independent members are counted (LAW §5): a hosted mailbox for itself,
    strangers once for each registrable domain; empty when this mailbox was not confirmed in time."""
    if mandate.hosted:
        return mandate.member
    proved = mandate.proved_at
    return mandate.tenant.encode() if proved is not None and proved <= received_at - PROVEN_BEFORE else b""


def note_signers(tx: Transaction, mandate: Mandate, evidence: Evidence) -> None:
    """Keeps who signed this reported mail without being its author's organisation, one line for each signer,
    organisation and voice: what makes infrastructure known by what it does (LAW §4)."""
    voice = voice_of(mandate, evidence.received_at)
    if not voice or not evidence.from_organisation:
        return
    for domain in evidence.unaligned:
        known = tx.get(Signing, domain, evidence.from_organisation, voice)
        if known is None or known.at < evidence.received_at:
            tx.put(Signing(domain, evidence.from_organisation, voice, evidence.received_at))


def infrastructure_among(tx: Transaction, signers: Iterable[str], now: Instant) -> frozenset[Domain]:
    """Which of these d= sign for so many others that they answer for nothing by themselves."""
    since = now - SHARED_WITHIN
    rows = (tx.find(Signing, domain=d, at__ge=since, order="-at", limit=MOST_SIGNINGS) for d in sorted(set(signers)))
    return frozenset(domain for found in rows for domain in shared_signers(found, now))


def standing_of(
    tx: Transaction, originator: str, now: Instant, *, clicked: bool = False, signers: Iterable[str] = ()
) -> Standing:
    """Age and name of an originator as known now; one that was never seen has nothing. `signers` are the d= of the
    mail in question, by which it would answer."""
    known = tx.get(KnownOriginator, originator)
    if known is None:
        return Standing(None, None, False, blocked(tx, originator) is not None, False, clicked)
    return Standing(
        registered_at=known.registered_at,
        first_seen_at=known.first_seen_at,
        vouched=known.vouched is not None,
        blocklisted=blocked(tx, originator) is not None,
        rotating=_rotating(tx, known, now),
        clicked=clicked,
        shared=bool(infrastructure_among(tx, signers, now)),
    )


def is_barred(tx: Transaction, originator: str, now: Instant) -> bool:
    """Whether an originator is on the blocklist, by the rule of that name and nothing else."""
    alone = Standing(None, None, False, blocked(tx, originator) is not None, False, False)
    return "not-blocklisted" in unaccountable(alone, now)


def _is_young(known: KnownOriginator, now: Instant) -> bool:
    return known.registered_at is None or now - known.registered_at < YOUNG


def _rotating(tx: Transaction, known: KnownOriginator, now: Instant) -> bool:
    """A rotation family (LAW §4): three or more young domains within 30 days that share a campaign and, joined one to
    the next, a landing host, a key or an address prefix."""
    if not _is_young(known, now):
        return False
    cases = tx.find(Case, originator=known.originator)
    campaigns = {r.campaign for c in cases for r in tx.find(Report, case=c.case) if r.campaign is not None}
    return any(len(_family(tx, known.domain, campaign, now)) >= FAMILY for campaign in campaigns)


def _family(tx: Transaction, domain: str, campaign: bytes, now: Instant) -> set[str]:
    """The young domains of one campaign that hang together with this one."""
    recent = tx.find(
        Report, campaign=campaign, received_at__ge=now - FAMILY_WITHIN, order="-received_at", limit=MOST_OF_A_CAMPAIGN
    )
    senders = {name: tx.get(KnownOriginator, name) for name in {report.originator for report in recent}}
    young = {name: known.domain for name, known in senders.items() if known is not None and _is_young(known, now)}
    # Too few names for a family, as with nearly every campaign: nothing needs to be read.
    if len({domain, *young.values()}) < FAMILY:
        return {domain}
    mails: dict[str, list[Report]] = {}
    for report in recent:
        if report.originator in young:
            mails.setdefault(young[report.originator], []).append(report)
    marks = {name: _marks(tx, reports) for name, reports in mails.items()}
    family, shared = {domain}, set(marks.get(domain, ()))
    while joined := {other for other, own in marks.items() if other not in family and own & shared}:
        family |= joined
        shared |= {mark for other in joined for mark in marks[other]}
    return family


def _marks(tx: Transaction, reports: Iterable[Report]) -> set[str]:
    """What betrays one hand behind several names: where the opt-out lands, the keys that verified, and the networks of
    the landing host and of the host that brought the mail."""
    hosts, keys, peers = set[str](), set[str](), set[str]()
    for report in reports:
        evidence = parse_evidence(report.evidence)
        hosts.update(evidence.hosts)
        keys.update(proof.key_record for proof in evidence.proofs if proof.key_record)
        delivery = tx.get(Delivery, report.member, report.identity)
        if delivery is not None and delivery.peer_address:
            peers.add(delivery.peer_address)
    landings = {organisational_domain(Domain(host)) for host in hosts}
    prefixes = {pair.prefix for landing in landings for pair in tx.find(Pair, domain=landing)}
    prefixes |= {prefix_of(address) for address in peers}
    return {
        *(f"host {host}" for host in hosts),
        *(f"key {sha256(key.encode()).hexdigest()}" for key in keys),
        *(f"prefix {prefix}" for prefix in prefixes),
    }


async def ask_age(desk: Desk, originator: str) -> None:
    """Asks RDAP when an originator was registered, once a week until it is known. Tells the registry a domain name,
    never why."""
    now = desk.clock.now()
    known = await desk.store.read(lambda tx: tx.get(KnownOriginator, originator))
    if known is None or known.registered_at is not None:
        return
    if known.asked_rdap_at is not None and now - known.asked_rdap_at < ASK_AGAIN:
        return
    try:
        registered = await desk.registrar.registered_at(known.domain)
    except Unreachable:
        return

    def work(tx: Transaction) -> None:
        kept = tx.get(KnownOriginator, originator)
        if kept is not None:
            tx.put(replace(kept, registered_at=registered, asked_rdap_at=now))

    await desk.store.write(work)
