"""Whom a complaint could reach, over the control socket: every contact that was found, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping

from antiphon.complaint.contact import RULES, best, failed
from antiphon.desk.contact import look_up
from antiphon.desk.desk import Desk
from antiphon.errors import MalformedInput

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
