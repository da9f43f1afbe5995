"""Complaints over the control socket, before anybody decides: whom one would reach, its bytes, what speaks against."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from antiphon.complaint.contact import RULES, best, failed
from antiphon.desk.complain import draft
from antiphon.desk.contact import look_up
from antiphon.desk.desk import Desk
from antiphon.errors import MalformedInput
from antiphon.terms import Identifier

VERBS = ("contact-lookup", "complaint-draft")
"""They ask DNS and registries, so they do not hold the node's turn."""


def verbs(desk: Desk) -> dict[str, Callable[[dict[str, object]], Awaitable[object]]]:
    """The verbs by name."""
    return dict(zip(VERBS, (lambda q: lookup(desk, q), lambda q: drafted(desk, q)), strict=True))


SENTENCES = {rule.name: rule.sentence for rule in RULES}


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
