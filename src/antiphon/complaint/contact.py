"""Whom a complaint may reach: contacts by their sources, and every reason against one (LAW §6).

One source can be wrong, stale or the abuser's own entry. A contact that no second source ties to the holder of the
address gets nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from antiphon.formats.domain import organisational_domain, parse_address
from antiphon.terms import Address, Domain


class Source(StrEnum):
    """Who named a contact, in the order in which they are believed; `registrar`: it says so itself, where the registry
    points; `data-file` and `operator` name an authority; `convention` is `abuse@` (RFC 2142 §4)."""

    RDAP = "rdap"
    REGISTRAR = "registrar"
    DATA_FILE = "data-file"
    OPERATOR = "operator"
    ABUSIX = "abusix"
    ABUSE_NET = "abuse.net"
    CONVENTION = "convention"


BY_NAME = frozenset({Source.ABUSE_NET, Source.CONVENTION})


class Scope(StrEnum):
    """What the contact answers for."""

    NETWORK = "network"
    REGISTRAR = "registrar"
    AUTHORITY = "authority"
    OPERATOR = "domain operator"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about one subject, an address or a domain. `named` holds addresses by who named them, in
    that source's order; `names` what ties a domain to the subject without naming a contact: its PTR, the domain
    itself; `shown` other mail addresses in the registry's answer."""

    subject: str
    scope: Scope
    holder: str
    named: tuple[tuple[Source, str], ...]
    names: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One contact, everybody who ties its domain to the subject, and whether its domain takes mail at all. `itself`: it
    belongs to whom the complaint is about."""

    address: Address
    sources: tuple[Source, ...]
    ties: frozenset[str]
    takes_mail: bool
    ours: bool
    listed: bool
    dead: bool
    itself: bool
    scope: Scope = Scope.NETWORK


@dataclass(frozen=True, slots=True)
class ContactRule:
    """A name, the sentence for people, and the question, true when it holds."""

    name: str
    sentence: str
    check: Callable[[Candidate], bool]


RULES: tuple[ContactRule, ...] = (
    ContactRule("wants-it", "It asked for no more of our mail.", lambda c: not c.listed),
    ContactRule("not-ours", "It is a mailbox of this node: a complaint to ourselves.", lambda c: not c.ours),
    ContactRule("not-itself", "It belongs to whom the complaint is about.", lambda c: not c.itself),
    ContactRule("alive", "Complaints to it came back.", lambda c: not c.dead),
    ContactRule("takes-mail", "Its domain takes no mail (RFC 7505).", lambda c: c.takes_mail),
    ContactRule("two-sources", "Only one source ties it to the holder.", lambda c: len(c.ties) >= 2),
)


def failed(candidate: Candidate) -> tuple[str, ...]:
    """Every rule that fails, the deciding one first; empty means that a complaint may go there."""
    return tuple(rule.name for rule in RULES if not rule.check(candidate))


@dataclass(frozen=True, slots=True)
class Remembered:
    """What this node knows of contacts by itself. `own` are its domains, `about` those of whom the complaint is about;
    `declined` and `dead` hold addresses, or `@` and a domain."""

    own: frozenset[str] = frozenset()
    about: frozenset[str] = frozenset()
    declined: frozenset[str] = frozenset()
    dead: frozenset[str] = frozenset()


def is_listed(listed: frozenset[str], address: Address) -> bool:
    """Whether an address stands in a list, by itself, by its domain or by one above it."""
    labels = address.domain.split(".")
    return address.folded in listed or any(f"@{'.'.join(labels[n:])}" in listed for n in range(len(labels)))


def candidates(
    found: Findings, *, takes_mail: Callable[[Domain], bool], kept: Remembered | None = None
) -> tuple[Candidate, ...]:
    """Every contact once, in the order of belief, with all that speaks for it and against it."""
    kept = kept or Remembered()
    about = {organisational_domain(Domain(name)) for name in kept.about}
    ties = _ties(found)
    sources: dict[Address, list[Source]] = {}
    for source, text in sorted(found.named, key=lambda pair: tuple(Source).index(pair[0])):
        address = parse_address(text)
        if address is not None:
            sources.setdefault(address, []).append(source)
    return tuple(
        Candidate(
            address,
            tuple(dict.fromkeys(named)),
            frozenset(ties.get(organisational_domain(address.domain), ())),
            takes_mail(address.domain),
            address.domain in kept.own,
            is_listed(kept.declined, address),
            is_listed(kept.dead, address),
            organisational_domain(address.domain) in about,
            Scope.OPERATOR if organisational_domain(address.domain) == found.subject else found.scope,
        )
        for address, named in sources.items()
    )


def best(found: Sequence[Candidate]) -> Candidate | None:
    """The first against which nothing speaks."""
    return next((candidate for candidate in found if not failed(candidate)), None)


def _ties(found: Findings) -> dict[Domain, set[str]]:
    """By organisational domain, who ties it to the subject. What was made from a name, or looked up by it, adds nobody:
    it says who answers for that name, and nothing of whether the name is the subject's."""
    ties: dict[Domain, set[str]] = {}
    named = [(source.value, text) for source, text in found.named if source not in BY_NAME]
    for who, text in (*named, *((Source.RDAP.value, text) for text in found.shown)):
        address = parse_address(text)
        if address is not None:
            ties.setdefault(organisational_domain(address.domain), set()).add(who)
    for name in found.names:
        ties.setdefault(organisational_domain(Domain(name)), set()).add("name")
    return ties
