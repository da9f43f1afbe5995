"""Who is responsible for a mailing, and whether it can be asked: the originator and its accountability (LAW §4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from antiphon.campaign.gate import Gate
from antiphon.formats.dkim import Signature
from antiphon.formats.domain import aligned, organisational_domain
from antiphon.formats.message import Message
from antiphon.formats.providers import Provider, ProviderMap
from antiphon.terms import DAY, Domain, Instant

REGISTERED_FOR = 180 * DAY
SEEN_FOR = 90 * DAY
TOO_YOUNG = 30 * DAY
SHARED_WITHIN = 30 * DAY
SHARED_BY = 3


@dataclass(frozen=True, slots=True)
class Originator:
    """`name` is the key of its case: an organisational domain, or `provider-domain/account`, then with the provider's
    `domain`. `esp` names the provider whose own signature is there too."""

    name: str
    domain: Domain
    esp: str
    signature: Signature


def _provider_of(signature: Signature, providers: ProviderMap) -> Provider | None:
    return providers.signing_as(signature.domain, signature.key_chain)


def originator_of(
    message: Message,
    gate: Gate,
    providers: ProviderMap,
    records: Mapping[Domain, str | None] | None,
    *,
    infrastructure: frozenset[Domain] = frozenset(),
) -> Originator | None:
    """The signer that answers for this mail: aligned with From under both rules and no platform, else a provider's
    customer by its signed account key. Nobody without a signature that passes the gate.

    `infrastructure` are the signing domains that behave as a provider's (`shared_signers`); they open no case.
    """
    author = message.from_domain()
    if author is None:
        return None
    esp = next((p.name for s in gate.passing if (p := _provider_of(s, providers))), "")
    for signature in gate.passing if providers.platform(author) is None else ():
        own = providers.signing_as(signature.domain) is not None or signature.domain in infrastructure
        if not own and aligned(signature.domain, author, records):
            domain = organisational_domain(signature.domain)
            return Originator(domain, domain, esp, signature)
    for signature in gate.passing:
        provider = providers.signing_as(signature.domain)
        account = account_of(message, signature, provider) if provider is not None else ""
        if provider is not None and account:
            # The From domain is unaligned here, so it proves nothing: the signer's own is all that is certain.
            signer = organisational_domain(signature.domain)
            return Originator(f"{signer}/{account}", signer, provider.name, signature)
    return None


@dataclass(frozen=True, slots=True)
class Signing:
    """Reported mail whose passing signature is not aligned with its From, kept once for each signer, organisation and
    voice. `member` is a voice: a hosted mailbox, or the registrable domain of a stranger proved in time. `at` is when
    the newest such mail came."""

    domain: str
    from_organisation: str
    member: bytes
    at: Instant


def shared_signers(signings: Iterable[Signing], now: Instant) -> frozenset[Domain]:
    """The signing domains that behave as infrastructure (LAW §4): within 30 days they signed, unaligned, mail of three
    organisational From domains, reported by three independent members. The caller counts independent members once."""
    organisations: dict[Domain, set[str]] = {}
    members: dict[Domain, set[bytes]] = {}
    for signing in signings:
        if now - SHARED_WITHIN <= signing.at <= now:
            organisations.setdefault(Domain(signing.domain), set()).add(signing.from_organisation)
            members.setdefault(Domain(signing.domain), set()).add(signing.member)
    enough = (d for d in members if min(len(members[d]), len(organisations[d])) >= SHARED_BY)
    return frozenset(enough)


def account_of(message: Message, signature: Signature, provider: Provider) -> str:
    """The signed account key of a provider's customer; empty when the field is missing, doubled or not signed."""
    field = message.one(provider.account_header) if provider.account_header else None
    value = field.value if field is not None else ""
    account = provider.account({provider.account_header: value}, signature.covers)
    return account if 0 < len(account) <= 64 and account.isprintable() and "," not in account else ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an originator's age and name. None is unknown, and unknown is never old. `shared`: its d= signs
    for others as a provider's does. `clicked`: a member who was shown name and age clicks for its own opt-out."""

    registered_at: Instant | None
    first_seen_at: Instant | None
    vouched: bool
    blocklisted: bool
    rotating: bool
    clicked: bool
    shared: bool = False


@dataclass(frozen=True, slots=True)
class StandingRule:
    """A name, the sentence for people, and whether the originator passes at an instant."""

    name: str
    sentence: str
    check: Callable[[Standing, Instant], bool]


def _old(at: Instant | None, now: Instant, age: int) -> bool:
    return at is not None and now - at >= age


def _named(s: Standing) -> bool:
    """Somebody stands in for its age: a person who vouched, or the member whose click names this originator."""
    return s.vouched or s.clicked


STANDING: tuple[StandingRule, ...] = (
    StandingRule("not-blocklisted", "It is on the blocklist.", lambda s, now: not s.blocklisted),
    StandingRule("not-infrastructure", "Its signature stands under many others' mail.", lambda s, now: not s.shared),
    StandingRule(
        "not-rotating", "It belongs to a family of young domains that take turns.", lambda s, now: not s.rotating
    ),
    StandingRule(
        "age-known",
        "Nobody knows when it was registered, or it was less than 30 days ago.",
        lambda s, now: _old(s.registered_at, now, TOO_YOUNG),
    ),
    StandingRule(
        "registered-long",
        "It was registered less than 180 days ago, and no person vouched for it.",
        lambda s, now: _named(s) or _old(s.registered_at, now, REGISTERED_FOR),
    ),
    StandingRule(
        "seen-long",
        "It was first seen less than 90 days ago, and no person vouched for it.",
        lambda s, now: _named(s) or _old(s.first_seen_at, now, SEEN_FOR),
    ),
)


def unaccountable(standing: Standing, now: Instant) -> tuple[str, ...]:
    """The names of all rules that fail; empty means accountable, given that the gate passed (LAW §4)."""
    return tuple(rule.name for rule in STANDING if not rule.check(standing, now))
