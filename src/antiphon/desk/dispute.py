"""A dispute by whoever holds a domain, shown by a TXT record, for those who have no notice's link (LAW §5).

Nothing is kept of who asks. What is answered is the same whether or not a case exists, and no case is touched of which
its originator has heard nothing: neither a page nor the ledger may tell somebody that its mail was reported.
"""

from __future__ import annotations

import hmac

from antiphon.desk.desk import Desk
from antiphon.desk.withdraw import dispute_case
from antiphon.formats.domain import organisational_domain, parse_domain
from antiphon.ledger.allowance import Act
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import Case
from antiphon.ports import Questions, Transaction
from antiphon.terms import Domain, Identifier, LedgerDay, ledger_day

LABEL = "_antiphon-dispute"
LASTS_DAYS = 3
"""So many ledger days a text is good for, the one on which it was shown included."""
DIGITS = 32
WHO = "the holder of the domain, by DNS"


def place_of(name: str) -> tuple[Domain, str]:
    """The organisational domain of a name, and where its record is looked for: whoever has only a subdomain, or a page
    at a provider, speaks for nobody else. Raises MalformedInput where it is no domain name."""
    domain = organisational_domain(parse_domain(name.strip()))
    return domain, f"{LABEL}.{domain}"


def text_for(desk: Desk, domain: Domain) -> str:
    """The text to publish today. It follows from the domain, the day and a secret, so that asking leaves no trace."""
    return _text(desk, domain, ledger_day(desk.clock.now()))


def _text(desk: Desk, domain: Domain, day: LedgerDay) -> str:
    drawn = hmac.digest(desk.house.derived("dispute"), f"{day} {domain}".encode(), "sha256")
    return f"v=antiphon1; dispute={drawn.hex()[:DIGITS]}"


async def dispute_by_name(desk: Desk, domain: Domain) -> bool:
    """Whether the record stands there: one question to the resolver, asked of every domain alike. Where it does, each
    case of which this domain has heard is suspended as by its notice's link. An alias shows nothing: under a wildcard
    its target may be anybody's."""
    answer = await desk.resolver.ask(place_of(domain)[1], "TXT", Questions(1))
    today = ledger_day(desk.clock.now())
    wanted = {_text(desk, domain, LedgerDay(today - back)) for back in range(LASTS_DAYS)}
    if answer.status != "found" or answer.chain or wanted.isdisjoint(answer.values):
        return False
    for case in await desk.store.read(lambda tx: _heard_of(tx, domain)):
        await dispute_case(desk, case, who=WHO, why="the holder of the domain says that this is wrong")
    return True


def _heard_of(tx: Transaction, domain: Domain) -> list[Identifier]:
    """Its cases in which something left for the originator itself; what its host was told it need not know."""
    # A provider's customer is no holder of the provider's domain, nor the other way round.
    own = [c.case for c in tx.find(Case, domain=domain) if "/" not in c.originator]
    return [case for case in own if tx.count(Attempt, case=case, act__ne=Act.COMPLAINT)]
