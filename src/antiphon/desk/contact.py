"""Who answers for an address or a domain: registries, two public directories, and the convention last (LAW §6)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from antiphon.complaint.authority import Authority
from antiphon.complaint.contact import Candidate, Findings, Remembered, Scope, Source, candidates
from antiphon.complaint.known import ContactState, KnownContact
from antiphon.desk.desk import Desk
from antiphon.errors import MalformedInput, Unreachable
from antiphon.formats.domain import organisational_domain, parse_domain
from antiphon.formats.publicness import is_public
from antiphon.ports import Questions, Transaction
from antiphon.terms import Domain

ABUSIX = "abuse-contacts.abusix.zone"
ABUSE_NET = "contacts.abuse.net"
MOST_NAMED = 8


async def look_up(desk: Desk, subject: str, *, about: Iterable[str] = ()) -> tuple[Findings, tuple[Candidate, ...]]:
    """All contacts for one public address (its network) or one domain (its registrar), with every reason against each.

    Asks DNS and registries only, never the subject itself. `about` are the domains of whom a complaint is about: it is
    not told of itself. Raises MalformedInput.
    """
    questions = Questions()
    found = await (_of_address if _is_address(subject) else _of_domain)(desk, subject, questions)
    return found, await _judged(desk, found, about, questions)


async def look_up_authority(desk: Desk, authority: Authority, *, about: Iterable[str] = ()) -> tuple[Candidate, ...]:
    """The address of an authority: the data file names it, the operator chose it. Asks DNS whether it takes mail."""
    named = tuple((source, authority.address) for source in (Source.DATA_FILE, Source.OPERATOR))
    return await _judged(desk, Findings(authority.name, Scope.AUTHORITY, authority.about, named), about, Questions())


async def _judged(desk: Desk, found: Findings, about: Iterable[str], questions: Questions) -> tuple[Candidate, ...]:
    takes: dict[Domain, bool] = {}
    for _, text in found.named:
        domain = Domain(text.rpartition("@")[2].lower())
        if domain not in takes:
            takes[domain] = await _takes_mail(desk, domain, questions)
    kept = await desk.store.read(lambda tx: remembered(tx, desk, about))
    return candidates(found, takes_mail=lambda domain: takes.get(domain, False), kept=kept)


def remembered(tx: Transaction, desk: Desk, about: Iterable[str] = ()) -> Remembered:
    """What this node knows of contacts by itself."""
    said = {state: frozenset(c.contact for c in tx.find(KnownContact, state=state)) for state in ContactState}
    own = frozenset((desk.house.domain, *desk.house.hosted_domains))
    return Remembered(own, frozenset(about), said[ContactState.DECLINED], said[ContactState.DEAD])


def _is_address(subject: str) -> bool:
    try:
        ip_address(subject)
    except ValueError:
        return False
    return True


async def _of_address(desk: Desk, subject: str, questions: Questions) -> Findings:
    """Its network: the registry, Abusix by address, abuse.net and `abuse@` by the domain of its name."""
    if not is_public(subject):
        raise MalformedInput(f"{subject} is no public address.", advice="Nobody answers for it in any registry.")
    literal = ip_address(subject)
    abuse, shown = await _registry(desk, subject)
    names = await _names(desk, subject, questions)
    suffix = ".ip6.arpa" if literal.version == 6 else ".in-addr.arpa"
    listed = await _directory(desk, f"{literal.reverse_pointer.removesuffix(suffix)}.{ABUSIX}", questions)
    named = [(Source.RDAP, text) for text in abuse] + [(Source.ABUSIX, text) for text in listed]
    for name in _organisations(names):
        named += [(Source.ABUSE_NET, text) for text in await _directory(desk, f"{name}.{ABUSE_NET}", questions)]
        named.append((Source.CONVENTION, f"abuse@{name}"))
    try:
        holder = await desk.registrar.holder(subject)
    except Unreachable:
        holder = ""
    return Findings(subject, Scope.NETWORK, holder, tuple(named), _organisations(names), shown)


async def _names(desk: Desk, address: str, questions: Questions) -> tuple[str, ...]:
    """What an address is called, where that name leads back to it: whoever holds a network can call its addresses by
    anybody's name, and only whoever holds the name can say that this is so."""
    answer, literal = await desk.resolver.ask(address, "PTR", questions), ip_address(address)
    names = [str(value).rstrip(".").lower() for value in answer.values[:1]]
    kind = "AAAA" if literal.version == 6 else "A"
    back = [text for name in names for text in (await desk.resolver.ask(name, kind, questions)).values]
    return tuple(names) if any(_is_address(text) and ip_address(text) == literal for text in back) else ()


async def _of_domain(desk: Desk, subject: str, questions: Questions) -> Findings:
    """Its registrar, as the registry of names says; the domain's own people too, who are for notices: nobody but a name
    ties them to it, so no complaint goes there."""
    try:
        domain = organisational_domain(parse_domain(subject))
    except MalformedInput as error:
        said = f"{subject!r} is neither an address nor a domain."
        raise MalformedInput(said, advice="Name one of both, as 192.0.2.1 or shop.example.") from error
    try:
        registry, itself = await desk.registrar.registrar_contacts(domain)
    except Unreachable:
        registry, itself = (), ()
    named = [(Source.RDAP, text) for text in registry] + [(Source.REGISTRAR, text) for text in itself]
    named.append((Source.CONVENTION, f"abuse@{domain}"))
    return Findings(domain, Scope.REGISTRAR, "", tuple(named))


async def _registry(desk: Desk, subject: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        return await desk.registrar.abuse_contacts(subject)
    except Unreachable:
        return (), ()


async def _directory(desk: Desk, name: str, questions: Questions) -> list[str]:
    """Addresses in a TXT record; several stand in one, with commas, or in several."""
    answer = await desk.resolver.ask(name, "TXT", questions)
    words = [word.strip() for value in answer.values for word in value.split(",")] if answer.status == "found" else []
    return [word for word in words if "@" in word][:MOST_NAMED]


async def _takes_mail(desk: Desk, domain: Domain, questions: Questions) -> bool:
    """Whether a domain says where its mail goes, and not that it takes none (RFC 7505 §3). Unknown is no."""
    answer = await desk.resolver.ask(domain, "MX", questions)
    if answer.status == "found":
        return any(value.partition(" ")[2].strip(". ") for value in answer.values)
    if answer.status == "temporary":
        return False
    return (await desk.resolver.ask(domain, "A", questions)).status == "found"


def _organisations(names: tuple[str, ...]) -> tuple[Domain, ...]:
    """The organisational domains of host names; what is no name is left out."""
    found: list[Domain] = []
    for name in names:
        try:
            found.append(organisational_domain(parse_domain(name)))
        except MalformedInput:
            continue
    return tuple(dict.fromkeys(found))
